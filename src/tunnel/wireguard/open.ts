/**
 * A WireGuard interface that is open: a device of IP packets, with its peers as its file names them.
 * @module
 */
import * as dgram from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { invalid } from '../../device/errors.ts';
import { plain } from '../../stack/base/real.ts';
import { systemRandom } from '../clock.ts';
import type { AeadMaker } from '../crypto/aead.ts';
import { fastestAead } from '../crypto/fastest.ts';
import { TunnelDevice } from '../device.ts';
import { Endpoint } from '../endpoint.ts';
import { formatPrefix } from '../prefix.ts';
import type { DatagramTransport, RandomBytes, TunnelClock, TunnelOut } from '../tunnel.ts';
import { BatchTransport, openBatch } from '../udp/batch.ts';
import { openDgram } from '../udp/dgram.ts';
import { parseConfig, type WireGuardConfig, type WireGuardPeerConfig } from './config.ts';
import { formatKey } from './keys.ts';
import type { WireGuardDrops } from './shared.ts';
import { WireGuard } from './wireguard.ts';

/** What is not in the file. Everything has a default. */
export interface OpenWireGuardOptions {
  /** What the device is called; default `wg0`. */
  readonly name?: string | undefined;
  /** How datagrams travel; default sockets of this host, on the file's ListenPort. The device closes it. */
  readonly transport?: DatagramTransport | undefined;
  /** Take and give segments of up to 64 KiB, as a TUN with offload does. Default true. */
  readonly offload?: boolean | undefined;
  /** Packets that wait to be read before more are lost: 1 to 65 536. */
  readonly limit?: number | undefined;
  /** How the names of endpoints become addresses; default `dns.lookup`. Gives an address. */
  readonly resolve?: ((host: string) => Promise<string>) | undefined;
  /** For simulations: default this machine's. */
  readonly clock?: TunnelClock | undefined;
  /** For simulations: default `systemRandom`. */
  readonly random?: RandomBytes | undefined;
  /** Milliseconds since 1970; default `Date.now`. */
  readonly wall?: (() => number) | undefined;
  /** How packets are sealed; default the fastest way that works here. */
  readonly aead?: AeadMaker | undefined;
  /** Handshake messages a second beyond which strangers must show a cookie; default 256. */
  readonly handshakesPerSecond?: number | undefined;
}

/** What is known of a peer. */
export interface WireGuardPeerStatus {
  /** In base64. */
  readonly publicKey: string;
  /** Whether one is set. */
  readonly hasPresharedKey: boolean;
  /** `192.0.2.1:51820`; undefined if it has not been heard of. */
  readonly endpoint: string | undefined;
  /** `10.66.0.2/32`, `fd66::2/128`. */
  readonly allowedIps: readonly string[];
  /** Milliseconds since 1970; 0: none yet. */
  readonly lastHandshake: number;
  /** Bytes of datagrams. */
  readonly receivedBytes: number;
  /** Bytes of datagrams. */
  readonly sentBytes: number;
  /** Of packets that it sent, how many did not come or came too late: a share from 0 to 1. */
  readonly loss: number;
  /** Seconds; 0: none. */
  readonly persistentKeepalive: number;
}

/** What is known of an interface. */
export interface WireGuardStatus {
  /** Ours, in base64. */
  readonly publicKey: string;
  /** Where peers find us. */
  readonly listenPort: number;
  /** Handshakes that were completed. */
  readonly handshakes: number;
  /** In the order in which they were added. */
  readonly peers: readonly WireGuardPeerStatus[];
  /** What came to nothing, by reason; what is above 0. */
  readonly drops: Readonly<Partial<WireGuardDrops>>;
}

const MTU = 1420;

/** An open interface. */
export class WireGuardDevice extends TunnelDevice<WireGuard> {
  /** Our addresses inside, with the lengths of their prefixes. */
  readonly addresses: readonly string[];
  /** What it was opened by. */
  readonly config: WireGuardConfig;
  /** Its sockets are this host's, and it has made them. */
  readonly #isOurs: boolean;
  #fwMark: number;
  #privateKey: Uint8Array;

  constructor(
    config: WireGuardConfig,
    options: OpenWireGuardOptions,
    transport: DatagramTransport,
    aead: AeadMaker,
  ) {
    const mtu = config.mtu ?? MTU;
    const { random = systemRandom, wall = Date.now, handshakesPerSecond } = options;
    const traits = {
      ...{ name: options.name ?? 'wg0', mtu, transport },
      ...{ clock: options.clock, offload: options.offload ?? true, limit: options.limit },
    };
    super(
      traits,
      (out: TunnelOut) =>
        new WireGuard(
          { out, random, wall, aead },
          { privateKey: config.privateKey, mtu, handshakesPerSecond },
        ),
    );
    this.addresses = config.addresses;
    this.config = config;
    this.#isOurs = options.transport === undefined;
    this.#fwMark = config.fwMark ?? 0;
    this.#privateKey = config.privateKey;
  }

  /** The mark of datagrams that leave (SO_MARK); 0: none. */
  get fwMark(): number {
    return this.#fwMark;
  }

  /** The secret key in force, 32 bytes. */
  get privateKey(): Uint8Array {
    return this.#privateKey;
  }

  /** Be somebody else, with a secret key of 32 bytes: sessions that there are end. */
  setPrivateKey(key: Uint8Array): void {
    this.#privateKey = Uint8Array.from(key);
    this.protocol.setPrivateKey(key);
  }

  /** Mark datagrams from now on; false where that is not possible, or not allowed. */
  setFwMark(mark: number): boolean {
    if (mark === this.#fwMark) return true;
    if (!(this.transport instanceof BatchTransport) || !this.transport.setMark(mark)) return false;
    this.#fwMark = mark;
    return true;
  }

  /**
   * Send from another port of this host, and be found there, 0 for any that is free; sessions go on. Rejects with Node's error
   * where it cannot be bound (`EADDRINUSE`), and with `EOPNOTSUPP` where datagrams do not travel by sockets of this host.
   */
  async setListenPort(port: number): Promise<void> {
    if (port === this.transport.port) return;
    if (!this.#isOurs) {
      throw Object.assign(new Error('EOPNOTSUPP: the transport was given, and has its port'), {
        code: 'EOPNOTSUPP',
      });
    }
    await this.move(await hostTransport(port, this.#fwMark));
  }

  /** What all peers may have: the routes that lead into the tunnel. */
  get routes(): readonly string[] {
    const all = [...this.protocol.peers()].flatMap((peer) => [...this.protocol.allowedIps(peer)]);
    return all.map(formatPrefix);
  }

  /** How it stands now; a copy. */
  status(): WireGuardStatus {
    const core = this.protocol;
    const drops = Object.entries(core.drops).filter(([, count]) => count > 0);
    return {
      publicKey: formatKey(core.publicKey),
      listenPort: this.transport.port,
      handshakes: core.handshakes,
      peers: [...core.peers()].map((peer) => {
        const { received, missing } = peer.loss;
        return {
          publicKey: formatKey(peer.publicKey),
          hasPresharedKey: peer.presharedKey.some((octet) => octet !== 0),
          endpoint: peer.endpoint?.toString(),
          allowedIps: [...core.allowedIps(peer)].map(formatPrefix),
          lastHandshake: peer.lastHandshake,
          receivedBytes: plain(peer.receivedBytes),
          sentBytes: plain(peer.sentBytes),
          loss: received + missing === 0 ? 0 : missing / (received + missing),
          persistentKeepalive: peer.timers.persistent / 1e6,
        };
      }),
      drops: Object.fromEntries(drops),
    };
  }

  /** Begin a handshake with every peer whose place is known, without waiting for packets. */
  connect(): void {
    const now = this.now();
    for (const peer of this.protocol.peers()) {
      if (peer.endpoint !== undefined) this.protocol.connect(peer, now);
    }
    this.turn();
  }
}

/**
 * Open an interface as a file (its text, or what `parseConfig` made of it) says. Rejects with a `ConfigError`, with
 * Node's error where the port cannot be bound, or with the lookup's where an endpoint's name is unknown. What the file
 * wants to be run is not: `PostUp` and its like are the caller's.
 */
export async function openWireGuard(
  file: string | WireGuardConfig,
  options: OpenWireGuardOptions = {},
): Promise<WireGuardDevice> {
  const config = typeof file === 'string' ? parseConfig(file) : file;
  const { resolve = resolveName } = options;
  const endpoints = await Promise.all(config.peers.map((peer) => place(peer, resolve)));
  const aead = options.aead ?? (await fastestAead());
  const transport = options.transport ?? (await hostTransport(config.listenPort, config.fwMark));
  const device = new WireGuardDevice(config, options, transport, aead);
  config.peers.forEach((peer, i) => {
    const { publicKey, presharedKey, persistentKeepalive, allowedIps } = peer;
    const endpoint = endpoints[i];
    const change = { presharedKey, persistentKeepalive, allowedIps, endpoint };
    device.protocol.setPeer(publicKey, change, device.now());
  });
  device.turn();
  return device;
}

/** Sockets of this host as the file wants them: in batches where the system can, or by `dgram`. */
async function hostTransport(
  port: number | undefined,
  fwMark: number | undefined,
): Promise<DatagramTransport> {
  const batch = await openBatch({ port, mark: fwMark });
  if (batch !== undefined) return batch;
  if (fwMark !== undefined && fwMark !== 0) {
    throw invalid('FwMark', fwMark, 'datagrams can be marked on Linux only, with koffi installed');
  }
  return openDgram(dgram, { port });
}

async function place(
  { endpoint }: WireGuardPeerConfig,
  resolve: (host: string) => Promise<string>,
): Promise<Endpoint | undefined> {
  if (endpoint === undefined) return undefined;
  const { host, port } = endpoint;
  return new Endpoint(isIP(host.split('%')[0] ?? '') > 0 ? host : await resolve(host), port);
}

async function resolveName(host: string): Promise<string> {
  return (await lookup(host)).address;
}
