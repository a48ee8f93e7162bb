/**
 * A tunnel without any network: two stacks on a link that loses and delays from a seed, WireGuard over their datagrams, a
 * stack at each end of the tunnel, and a file for Wireshark of what passed on the link: nothing of it can be read.
 *
 *     node dist/examples/tunnel-over-link.js
 * @module
 */
import { capture, createPipe, createStack, impair, type Stack } from 'tunstack';
import {
  createTunnelStack,
  formatKey,
  makePrivateKey,
  openDgram,
  openWireGuard,
  publicKeyFrom,
  systemRandom,
} from 'tunstack/tunnel';

/** Both ends of the tunnel, 10.66.0.1 and 10.66.0.2, and what closes all of it. */
export interface Ends {
  readonly near: Stack;
  readonly far: Stack;
  close(): Promise<void>;
}

/** `loss`: the share of packets that the link loses each way; `file`: what passed on it. */
export async function tunnelOverLink(file: string, loss = 0.02, seed = 1): Promise<Ends> {
  const [one, other] = createPipe();
  const link = impair(capture(one, file), { seed, both: { loss, delay: 5_000 } });
  const outside = [
    createStack({ device: link, address: '192.0.2.1/24' }),
    createStack({ device: other, address: '192.0.2.2/24' }),
  ];
  const secrets = [makePrivateKey(systemRandom), makePrivateKey(systemRandom)];
  const inside = await Promise.all(
    outside.map(async (stack, i) => {
      const peer = secrets[1 - i] as Uint8Array; // there are two
      const config = [
        ...['[Interface]', `PrivateKey = ${formatKey(secrets[i] as Uint8Array)}`],
        ...[
          `Address = 10.66.0.${i + 1}/24`,
          '[Peer]',
          `PublicKey = ${formatKey(publicKeyFrom(peer))}`,
        ],
        ...['AllowedIPs = 10.66.0.0/24', `Endpoint = 192.0.2.${2 - i}:51820`],
      ].join('\n');
      const transport = await openDgram(stack.dgram, { port: 51_820, families: [4] });
      return createTunnelStack(await openWireGuard(config, { transport }));
    }),
  );
  const [near, far] = inside as [Stack, Stack];
  return {
    near,
    far,
    async close() {
      for (const stack of [...inside, ...outside]) await stack.close();
    },
  };
}

if (process.argv[1] === import.meta.filename) {
  const ends = await tunnelOverLink('link.pcapng');
  for (let i = 0; i < 5; i++) console.log(await ends.near.ping('10.66.0.2'));
  await ends.close();
}
