/**
 * A stack over WireGuard over a link that loses, in virtual time: TCP goes on while keys change, and a run is the same
 * packet by packet when it is repeated from its seed.
 * @module
 */
import { createHash } from 'node:crypto';
import test from 'ava';
import { SeededRandom } from '../../src/stack/base/random.ts';
import { nodeAead } from '../../src/tunnel/crypto/node.ts';
import { TunnelDevice } from '../../src/tunnel/device.ts';
import { Endpoint } from '../../src/tunnel/endpoint.ts';
import { parsePrefix } from '../../src/tunnel/prefix.ts';
import { WireGuard } from '../../src/tunnel/wireguard/wireguard.ts';
import { Flow } from '../sim/flow.ts';
import { ADDRESS_A, ADDRESS_B, SimHost, World } from '../support/world.ts';
import { Network } from './network.ts';
import { S, secretOf } from './wireguard/pair.ts';

const MTU = 1420;

/** Two hosts, 10.0.0.1 and 10.0.0.2, on a tunnel whose datagrams cross `network`. */
function world(network: Network): {
  readonly world: World;
  readonly tunnels: readonly TunnelDevice<WireGuard>[];
} {
  const { line } = network;
  const tunnels = [1, 2].map((n) => {
    const transport = network.transport(`192.0.2.${n}`, 51_820);
    return new TunnelDevice({ name: 'wg', mtu: MTU, transport, clock: line }, (out) => {
      const wall = (): number => Date.UTC(2026, 0, 1) + line.now() / 1000;
      const io = { out, random: network.randomBytes, wall, aead: nodeAead };
      return new WireGuard(io, { privateKey: secretOf(n), mtu: MTU });
    });
  });
  const [one, other] = tunnels as [TunnelDevice<WireGuard>, TunnelDevice<WireGuard>];
  for (const [i, [own, peer]] of [[one, other] as const, [other, one] as const].entries()) {
    const allowed = parsePrefix(`10.0.0.${2 - i}/32`);
    own.protocol.setPeer(
      peer.protocol.publicKey,
      {
        endpoint: new Endpoint(`192.0.2.${2 - i}`, 51_820),
        allowedIps: allowed === undefined ? [] : [allowed],
      },
      line.now(),
    );
  }
  const host = (device: TunnelDevice, seed: number, address: typeof ADDRESS_A): SimHost =>
    new SimHost(line, device, new SeededRandom(seed), address);
  const made = Object.create(World.prototype, {
    line: { value: line },
    random: { value: network.random },
    opened: { value: () => {} },
    a: { value: host(one, 5, ADDRESS_A) },
    b: { value: host(other, 6, ADDRESS_B) },
  }) as World; // its link is the network
  return { world: made, tunnels };
}

/** A run: its hash over every datagram, and how it went. */
function run(seed: number): { hash: string; time: number; handshakes: number; lost: number } {
  const network = new Network({ seed, loss: 0.02, delay: 20_000, jitter: 2000 });
  const { world: pair, tunnels } = world(network);
  const sum = createHash('sha256');
  let lost = 0;
  network.pass = ({ bytes }) => {
    sum.update(bytes);
    network.seen.length = 0;
    lost++;
    return true;
  };
  const began = network.line.now();
  new Flow(pair, 12 << 20).finish(600);
  const time = network.line.now() - began;
  return { hash: sum.digest('hex'), time, handshakes: tunnels[0]?.protocol.handshakes ?? 0, lost };
}

test('virtual: TCP carries 12 MiB over a tunnel over a link with 2 % loss, the same from the same seed', (t) => {
  const one = run(1);
  t.true(one.handshakes >= 1);
  t.true(one.time > S);
  t.deepEqual(run(1), one);
  t.not(run(2).hash, one.hash);
});
