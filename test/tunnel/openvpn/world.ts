/**
 * A client and a server of OpenVPN in virtual time: datagrams travel with a delay and may be lost, TLS is a toy that
 * answers at once, or a real one that is given turns of the event loop.
 */
import { createHash } from 'node:crypto';
import { nodeAead } from '../../../src/tunnel/crypto/node.ts';
import { Endpoint } from '../../../src/tunnel/endpoint.ts';
import { OpenVpnClient } from '../../../src/tunnel/openvpn/client.ts';
import type { Pushed } from '../../../src/tunnel/openvpn/push.ts';
import type { Instance } from '../../../src/tunnel/openvpn/server/instance.ts';
import { OpenVpnServer } from '../../../src/tunnel/openvpn/server/server.ts';
import type { TlsBox, TlsMaker, TlsUser } from '../../../src/tunnel/openvpn/session/tls.ts';
import type { ClientSettings, ServerSettings } from '../../../src/tunnel/openvpn/settings.ts';
import { PLAIN } from '../../../src/tunnel/openvpn/wrap/wrap.ts';
import type { TunnelOut, TunnelProtocol } from '../../../src/tunnel/tunnel.ts';

export const SECOND = 1_000_000;
export const CIPHERS: readonly string[] = ['AES-256-GCM', 'AES-128-GCM', 'CHACHA20-POLY1305'];

/** Chance that comes again with the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** TLS as a toy: each end says 32 bytes of chance, then records; keys are a hash of both. Nothing is secret. */
export function toyTls(role: 'client' | 'server', chance: () => number, name = 'toy'): TlsMaker {
  return (user) => new ToyBox(user, role, chance, name);
}

class ToyBox implements TlsBox {
  readonly #user: TlsUser;
  readonly #role: string;
  readonly #name: string;
  readonly #ours: Uint8Array;
  #theirs: Uint8Array | undefined;
  #held: Uint8Array = new Uint8Array(0);

  constructor(user: TlsUser, role: 'client' | 'server', chance: () => number, name: string) {
    this.#user = user;
    this.#role = role;
    this.#name = name;
    this.#ours = Uint8Array.from({ length: 32 }, () => Math.floor(chance() * 256));
    if (role === 'client') user.ciphertext(record(1, this.#ours));
  }

  receive(bytes: Uint8Array): void {
    this.#held = Buffer.concat([this.#held, bytes]);
    while (this.#held.length >= 3) {
      const length = ((this.#held[1] ?? 0) << 8) | (this.#held[2] ?? 0);
      if (this.#held.length < 3 + length) return;
      const kind = this.#held[0];
      const content = this.#held.slice(3, 3 + length);
      this.#held = this.#held.slice(3 + length);
      if (kind === 1 && length === 32 && this.#theirs === undefined) this.#hello(content);
      else if (kind === 2 && this.#theirs !== undefined) this.#user.plaintext(content);
      else {
        this.#user.failed('bad record');
        return;
      }
    }
  }

  write(bytes: Uint8Array): void {
    this.#user.ciphertext(record(2, bytes));
  }

  exportKeys(label: string, length: number): Uint8Array {
    const both = this.#role === 'client' ? [this.#ours, this.#theirs] : [this.#theirs, this.#ours];
    const out: Buffer[] = [];
    for (let i = 0; i * 32 < length; i++) {
      const hash = createHash('sha256').update(label).update(String(i));
      for (const part of both) hash.update(part ?? '');
      out.push(hash.digest());
    }
    return Uint8Array.from(Buffer.concat(out).subarray(0, length));
  }

  close(): void {}

  #hello(content: Uint8Array): void {
    this.#theirs = content;
    if (this.#role === 'server') this.#user.ciphertext(record(1, this.#ours));
    this.#user.ready({ name: this.#role === 'server' ? this.#name : 'server', suite: 'TOY' });
  }
}

const record = (kind: number, bytes: Uint8Array): Uint8Array =>
  Buffer.concat([Uint8Array.of(kind, bytes.length >> 8, bytes.length & 0xff), bytes]);

/** Something that speaks, at a place. */
export interface Node {
  readonly at: Endpoint;
  readonly protocol: TunnelProtocol;
  readonly delivered: Uint8Array[];
}

interface Flight {
  readonly due: number;
  readonly bytes: Uint8Array;
  readonly from: Endpoint;
  readonly to: Endpoint;
}

export class World {
  now: number = 1_000 * SECOND;
  /** Part of the datagrams that is lost. */
  loss = 0;
  delay = 10_000;
  /** All that was sent, for who wants to look. */
  sent: { readonly bytes: Uint8Array; readonly from: Endpoint; readonly to: Endpoint }[] = [];
  /** False: the datagram is lost. */
  gate: (bytes: Uint8Array, from: Endpoint, to: Endpoint) => boolean = () => true;
  readonly chance: () => number;
  readonly nodes: Node[] = [];
  readonly #flights: Flight[] = [];
  #woken = false;

  constructor(seed = 1) {
    this.chance = seeded(seed);
  }

  readonly random: (into: Uint8Array) => void = (into) => {
    for (let i = 0; i < into.length; i++) into[i] = Math.floor(this.chance() * 256);
  };

  readonly wake: () => void = () => {
    this.#woken = true;
  };

  /** Put a protocol at a place. */
  add<P extends TunnelProtocol>(
    at: Endpoint,
    make: (out: TunnelOut) => P,
  ): { protocol: P; delivered: Uint8Array[] } {
    const room = new Uint8Array(70_000);
    const delivered: Uint8Array[] = [];
    const out: TunnelOut = {
      datagrams: {
        bytes: room,
        reserve: () => 0,
        commit: (length, to) => this.#launch(room.slice(0, length), at, to),
      },
      deliver: (bytes, from, length) => delivered.push(bytes.slice(from, from + length)),
    };
    const protocol = make(out);
    this.nodes.push({ at, protocol, delivered });
    return { protocol, delivered };
  }

  /** Take who is there away; what is on its way to it is lost. */
  remove(protocol: TunnelProtocol): void {
    const place = this.nodes.findIndex((node) => node.protocol === protocol);
    if (place >= 0) this.nodes.splice(place, 1);
  }

  /** A datagram from anywhere, now. */
  inject(bytes: Uint8Array, from: Endpoint, to: Endpoint): void {
    this.#arrive({ due: this.now, bytes, from, to });
  }

  /** Let `time` microseconds pass. */
  run(time: number): void {
    const end = this.now + time;
    while (this.step(end));
    this.now = end;
  }

  /** The same with a real TLS, which needs turns of the event loop: as many as it has work for. */
  async live(time: number): Promise<void> {
    const end = this.now + time;
    for (;;) {
      for (let i = 0; i < 12; i++) await new Promise(setImmediate);
      if (!this.step(end)) break;
    }
    this.now = end;
  }

  /** The next event up to `end`; false if there is none. */
  step(end: number): boolean {
    if (this.#woken) {
      this.#woken = false;
      for (const { protocol } of this.nodes) protocol.expire(this.now);
      return true;
    }
    this.#flights.sort((a, b) => a.due - b.due);
    const flight = this.#flights[0];
    let due = flight?.due ?? Number.POSITIVE_INFINITY;
    let first: Node | undefined;
    for (const node of this.nodes) {
      const deadline = node.protocol.deadline();
      if (deadline < due) {
        due = deadline;
        first = node;
      }
    }
    if (due > end) return false;
    this.now = Math.max(this.now, due);
    if (first !== undefined) first.protocol.expire(this.now);
    else if (flight !== undefined) {
      this.#flights.shift();
      this.#arrive(flight);
    }
    return true;
  }

  #launch(bytes: Uint8Array, from: Endpoint, to: Endpoint): void {
    this.sent.push({ bytes, from, to });
    if (this.sent.length > 100_000) this.sent.shift();
    if (this.chance() < this.loss || !this.gate(bytes, from, to)) return;
    this.#flights.push({ due: this.now + this.delay, bytes, from, to });
  }

  #arrive({ bytes, from, to }: Flight): void {
    const node = this.nodes.find(({ at }) => at.isSame(to));
    const copy = bytes.slice();
    node?.protocol.datagram(copy, 0, copy.length, from, this.now);
  }
}

export const SERVER_AT: Endpoint = new Endpoint('192.0.2.1', 1194);
export const CLIENT_AT: Endpoint = new Endpoint('198.51.100.7', 40_000);

/** What all settings of both ends have in common. */
export const common = (world: World, tls: TlsMaker): ClientSettings['control'] => ({
  wrapping: PLAIN,
  wrappingKey: undefined,
  isV2: false,
  tls,
  aead: nodeAead,
  random: world.random,
  handWindow: 60 * SECOND,
  tranWindow: 3600 * SECOND,
  renegAfter: 3600 * SECOND,
  renegBytes: 0,
  renegPackets: 0,
});

export const serverSettings = (
  world: World,
  more: Partial<ServerSettings> = {},
): ServerSettings => ({
  control: common(world, toyTls('server', world.chance)),
  pool: { network: '10.8.0.0/24', network6: 'fd00:8::/64' },
  push: [],
  ciphers: CIPHERS,
  mtu: 1500,
  mssfix: 1492,
  isStream: false,
  ping: 10,
  pingRestart: 120,
  clientToClient: false,
  duplicates: false,
  maxClients: 100,
  maxHandshakes: 50,
  maxAnswers: 100,
  userIsName: false,
  time: () => 1_700_000_000,
  ...more,
});

export const clientSettings = (
  world: World,
  more: Partial<ClientSettings> = {},
): ClientSettings => ({
  control: common(world, toyTls('client', world.chance)),
  remotes: [SERVER_AT],
  float: false,
  isStream: false,
  user: undefined,
  password: undefined,
  ciphers: CIPHERS,
  info: [],
  mtu: 1500,
  mssfix: 1492,
  ping: 0,
  pingRestart: 0,
  pingExit: 0,
  exitNotify: false,
  retryWait: 1,
  retryMostWait: 300,
  retryMost: 0,
  retryAuth: false,
  ignoreRoutes: false,
  pulls: true,
  time: () => 1_700_000_000,
  ...more,
});

/** A server with what it has told. */
export interface ServerNode {
  readonly protocol: OpenVpnServer;
  readonly delivered: Uint8Array[];
  readonly log: string[];
  readonly joined: Instance[];
}

export function addServer(world: World, more: Partial<ServerSettings> = {}): ServerNode {
  const log: string[] = [];
  const joined: Instance[] = [];
  const user = {
    joined: (client: Instance) => {
      joined.push(client);
      log.push(`joined ${client.name}`);
    },
    left: (client: Instance, reason: string) => log.push(`left ${client.name}: ${reason}`),
    refused: (_: Endpoint, reason: string) => log.push(`refused: ${reason}`),
    wake: world.wake,
    hangUp: () => {},
  };
  const made = world.add(
    SERVER_AT,
    (out) => new OpenVpnServer(serverSettings(world, more), user, out),
  );
  return { ...made, log, joined };
}

/** A client with what it has told. */
export interface ClientNode {
  readonly protocol: OpenVpnClient;
  readonly delivered: Uint8Array[];
  readonly log: string[];
  readonly networks: Pushed[];
}

export function addClient(
  world: World,
  more: Partial<ClientSettings> = {},
  at: Endpoint = CLIENT_AT,
): ClientNode {
  const log: string[] = [];
  const networks: Pushed[] = [];
  const user = {
    up: (network: Pushed) => {
      networks.push(network);
      log.push('up');
    },
    down: (reason: string) => log.push(`down: ${reason}`),
    ended: (reason: string) => log.push(`ended: ${reason}`),
    note: (text: string) => log.push(`note: ${text}`),
    connecting: () => {},
    wake: world.wake,
  };
  const made = world.add(at, (out) => new OpenVpnClient(clientSettings(world, more), user, out));
  return { ...made, log, networks };
}

/** An IPv4 packet of UDP with some bytes; no checksum, which a tunnel does not look at. */
export function packet4(from: string, to: string, text: string | Uint8Array = 'hello'): Uint8Array {
  const content = Buffer.from(text);
  const bytes = new Uint8Array(28 + content.length);
  bytes[0] = 0x45;
  bytes[2] = bytes.length >> 8;
  bytes[3] = bytes.length;
  bytes[8] = 64;
  bytes[9] = 17;
  bytes.set(from.split('.').map(Number), 12);
  bytes.set(to.split('.').map(Number), 16);
  bytes.set(content, 28);
  return bytes;
}

export const put = (
  world: World,
  node: { readonly protocol: TunnelProtocol },
  packet: Uint8Array,
): void => node.protocol.packet(packet, 0, packet.length, world.now);
