/**
 * Interfaces of WireGuard in a network of datagrams and in virtual time, with the packets that come out of them.
 * @module
 */
import { nodeAead } from '../../../src/tunnel/crypto/node.ts';
import { TunnelDevice } from '../../../src/tunnel/device.ts';
import { Endpoint } from '../../../src/tunnel/endpoint.ts';
import { parsePrefix } from '../../../src/tunnel/prefix.ts';
import type { PeerChange } from '../../../src/tunnel/wireguard/options.ts';
import type { Peer } from '../../../src/tunnel/wireguard/peer.ts';
import { WireGuard } from '../../../src/tunnel/wireguard/wireguard.ts';
import { Network, type NetworkOptions, type SimTransport } from '../network.ts';

export const S = 1e6;
/** Virtual time begins on this day. */
const EPOCH = Date.UTC(2026, 0, 1);

/** An IPv4 packet with a datagram's bytes behind its header; only what a tunnel looks at is right. */
export function packet4(
  source: string,
  destination: string,
  payload: Uint8Array | string,
): Uint8Array {
  const text = typeof payload === 'string' ? Buffer.from(payload) : payload;
  const bytes = new Uint8Array(20 + text.length);
  bytes[0] = 0x45;
  new DataView(bytes.buffer).setUint16(2, bytes.length);
  bytes[8] = 64;
  bytes[9] = 253;
  bytes.set(source.split('.').map(Number), 12);
  bytes.set(destination.split('.').map(Number), 16);
  bytes.set(text, 20);
  return bytes;
}

export function packet6(source: string, destination: string, payload: string): Uint8Array {
  const text = Buffer.from(payload);
  const bytes = new Uint8Array(40 + text.length);
  bytes[0] = 0x60;
  new DataView(bytes.buffer).setUint16(4, text.length);
  bytes[6] = 59;
  bytes[7] = 64;
  bytes.set(new Endpoint(source, 0).octets, 8);
  bytes.set(new Endpoint(destination, 0).octets, 24);
  bytes.set(text, 40);
  return bytes;
}

/** One interface, its device and what came out of it. */
export class End {
  readonly network: Network;
  readonly transport: SimTransport;
  readonly device: TunnelDevice<WireGuard>;
  readonly memory: Uint8Array = new Uint8Array(8192);
  readonly out: Uint8Array[] = [];

  constructor(
    network: Network,
    address: string,
    port: number,
    secret: Uint8Array,
    handshakes?: number,
  ) {
    this.network = network;
    this.transport = network.transport(address, port);
    const { line } = network;
    this.device = new TunnelDevice(
      { name: 'wg', mtu: 1420, transport: this.transport, clock: line },
      (out) =>
        new WireGuard(
          {
            out,
            random: network.randomBytes,
            wall: () => EPOCH + line.now() / 1000,
            aead: nodeAead,
          },
          { privateKey: secret, mtu: 1420, handshakesPerSecond: handshakes },
        ),
    );
    this.device.start({
      memory: this.memory,
      readable: () => {
        for (;;) {
          const length = this.device.read(0, 4096);
          if (length === 0) return;
          this.out.push(this.memory.slice(0, length));
        }
      },
      writable: () => {},
      closed: () => {},
    });
  }

  get core(): WireGuard {
    return this.device.protocol;
  }

  /** The texts of the IPv4 packets that came out. */
  get texts(): string[] {
    return this.out.map((bytes) => Buffer.from(bytes.subarray(20)).toString());
  }

  add(publicKey: Uint8Array, change: PeerChange & { readonly ips?: readonly string[] }): Peer {
    const { ips = [], ...rest } = change;
    const allowedIps = ips.map(
      (text) => parsePrefix(text) as NonNullable<ReturnType<typeof parsePrefix>>,
    );
    const peer = this.core.setPeer(publicKey, { ...rest, allowedIps }, this.network.line.now());
    this.device.turn();
    return peer;
  }

  send(bytes: Uint8Array): void {
    this.memory.set(bytes, 4096);
    this.device.write(4096, bytes.length);
    this.device.flush();
  }
}

export const secretOf = (n: number): Uint8Array =>
  Uint8Array.from({ length: 32 }, (_, i) => (i * 7 + n * 31 + 1) & 255);

export interface Pair {
  readonly network: Network;
  /** 10.0.0.1 inside, at 192.0.2.1:51820; knows where b is. */
  readonly a: End;
  /** 10.0.0.2 inside, at 192.0.2.2:51820; does not know where a is. */
  readonly b: End;
  /** b as a knows it, and a as b does. */
  readonly toB: Peer;
  readonly toA: Peer;
}

export function pair(
  options: NetworkOptions & { readonly change?: PeerChange; readonly handshakes?: number } = {},
): Pair {
  const network = new Network(options);
  const a = new End(network, '192.0.2.1', 51_820, secretOf(1), options.handshakes);
  const b = new End(network, '192.0.2.2', 51_820, secretOf(2), options.handshakes);
  const toB = a.add(b.core.publicKey, {
    ...options.change,
    endpoint: new Endpoint('192.0.2.2', 51_820),
    ips: ['10.0.0.2/32', 'fd00::2/128'],
  });
  const toA = b.add(a.core.publicKey, { ...options.change, ips: ['10.0.0.1/32', 'fd00::1/128'] });
  return { network, a, b, toB, toA };
}

/** `n` packets a to b, numbered from `from`. */
export function sendNumbers(
  end: End,
  source: string,
  destination: string,
  from: number,
  n: number,
): void {
  for (let i = from; i < from + n; i++) end.send(packet4(source, destination, `packet ${i}`));
}
