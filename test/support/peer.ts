/**
 * A peer worked by hand against one stack: it sends the segments that a test writes, and the test
 * says what the stack must have sent. When that is not so, the failure shows the whole exchange.
 *
 * Sequence numbers count from each side's first: a SYN is 0, the first octet of text 1.
 * @module
 */
import type { ExecutionContext } from 'ava';
import type { Address } from '../../src/stack/base/address.ts';
import { Drop } from '../../src/stack/base/drop.ts';
import type { Listener } from '../../src/stack/tcp/open/listener.ts';
import { State, stateName } from '../../src/stack/tcp/tcb/state.ts';
import type { Tcb } from '../../src/stack/tcp/tcb/tcb.ts';
import * as verbs from '../../src/stack/tcp/verbs.ts';
import { App, Lab, type LabOptions } from './lab.ts';
import { icmp, PEER, packet, pattern, US } from './packets.ts';
import * as segments from './segments.ts';
import { Seen } from './segments.ts';

export const PORT = 80;
export const PEER_PORT = 40_000;

/** What the peer offers in its SYN, and how its end is set up. */
export interface PeerOptions extends LabOptions {
  readonly lab?: Lab;
  readonly address?: Address;
  readonly port?: number;
  readonly iss?: number;
  /** Of the SYN; 1000 unless set, so that segments are easily counted. 0: no option. */
  readonly mss?: number;
  readonly ws?: number;
  readonly sack?: boolean;
  readonly ts?: boolean;
  /** Both sides agree on ECN. */
  readonly ecn?: boolean;
  /** In octets; the field that carries it is scaled. */
  readonly window?: number;
  /** Between a SYN and its answer. */
  readonly rtt?: number;
  readonly backlog?: number;
  /** The stack opens the connection. */
  readonly active?: boolean;
  readonly app?: App;
}

/** A segment of the peer. What is left out continues what went before. */
export interface Send {
  readonly seq?: number;
  readonly ack?: number;
  /** Octets of text that `pattern` gives for their sequence numbers, or the text itself. */
  readonly len?: number;
  readonly text?: Uint8Array;
  /** In octets; rounded down to the scale. */
  readonly window?: number;
  readonly options?: segments.OptionFields;
  readonly sack?: readonly segments.Range[];
  readonly urgent?: number;
  readonly ecn?: number;
  readonly ipOptions?: readonly number[];
  readonly badChecksum?: boolean;
  readonly headerLen?: number;
  /** To other than the stack's address. */
  readonly destination?: Address;
  readonly source?: Address;
  /** In that many fragments. */
  readonly fragments?: number;
}

/** What a segment must be; what is left out may be anything. */
export interface Expected {
  /** Tcpdump's letters. PSH counts only if it is among them. */
  readonly flags?: string;
  readonly seq?: number;
  readonly ack?: number;
  readonly len?: number;
  /** In octets, or what must hold for them. */
  readonly window?: number | ((octets: number) => boolean);
  readonly mss?: number | undefined;
  readonly ws?: number | undefined;
  readonly sackOk?: boolean;
  readonly ts?: segments.Range | boolean;
  readonly sack?: readonly segments.Range[];
  readonly ecn?: number;
  readonly push?: boolean;
  /** How long after the time at which the test stands, or stood (`from`), it left. */
  readonly at?: number;
}

export class Peer {
  readonly t: ExecutionContext;
  readonly lab: Lab;
  readonly address: Address;
  readonly port: number;
  readonly app: App;
  readonly options: PeerOptions;
  listener: Listener | undefined;
  localPort: number = PORT;
  iss: number;
  irs = 0;
  /** The peer's SND.NXT and RCV.NXT, relative. */
  next = 0;
  got = 0;
  window: number;
  scale = 0;
  /** The stack's shift, once its SYN has shown it. */
  stackScale = 0;
  hasStamps = false;
  /** The newest TSval of the stack. */
  stamp = 0;
  /** What the stack sent and no check has looked at yet. */
  readonly seen: Seen[] = [];

  constructor(t: ExecutionContext, options: PeerOptions = {}) {
    this.t = t;
    this.options = options;
    const ecn = options.ecn ? { tcp: { ...options.tcp, ecn: true } } : {};
    this.lab = options.lab ?? new Lab(t, { ...options, ...ecn });
    this.address = options.address ?? PEER;
    this.port = options.port ?? PEER_PORT;
    this.iss = options.iss ?? 0x1000_0000;
    this.window = options.window ?? 65_535;
    this.app = options.app ?? new App();
    const { onPacket } = this.lab;
    this.lab.onPacket = (bytes) => {
      onPacket(bytes);
      this.#hear(bytes);
    };
  }

  get tcb(): Tcb {
    if (this.app.tcb === undefined) throw new Error('no connection yet');
    return this.app.tcb;
  }

  get state(): string {
    return this.app.tcb === undefined ? 'NONE' : stateName(this.tcb.state);
  }

  /** The peer's clock for timestamps, in milliseconds. */
  get clock(): number {
    return Math.floor(this.lab.now / 1000) + 5_000_000;
  }

  /** The stack listens, and gives connections to `app`. */
  listen(): this {
    const { app, options, lab } = this;
    const listener = lab.core.tcp.listen({
      address: US,
      port: PORT,
      backlog: options.backlog ?? 16,
      accept: (tcb) => {
        app.tcb = tcb;
        return app;
      },
    });
    if (typeof listener === 'number') throw new Error(`no listener: ${listener}`);
    this.listener = listener;
    return this;
  }

  /** The stack connects to the peer; its SYN is there to be looked at. */
  connect(): this {
    const { app, lab } = this;
    const tcb = lab.core.tcp.connect({ destination: this.address, port: this.port, owner: app });
    if (typeof tcb === 'number') throw new Error(`no connection: ${tcb}`);
    app.tcb = tcb;
    this.localPort = tcb.localPort;
    lab.flush();
    return this;
  }

  /** What the peer's SYN offers. */
  get synOptions(): segments.OptionFields {
    const { mss = 1000, ws, sack, ts } = this.options;
    return {
      ...(mss > 0 && { mss }),
      ...(ws !== undefined && { ws }),
      ...(sack && { sackOk: true }),
      ...(ts && { ts: [this.clock, this.stamp] }),
    };
  }

  /** Send a segment; flags in tcpdump's letters. */
  send(flags: string, o: Send = {}): Drop {
    const bytes = this.segment(flags, o);
    const at = o.seq ?? this.next;
    const bits = segments.flagBits(flags);
    const length = (o.text?.length ?? o.len ?? 0) + (bits & 1) + ((bits >> 1) & 1);
    const lost = o.badChecksum || bits & 4 || at > this.next;
    if (at + length > this.next && !lost) this.next = at + length;
    return this.#put(bytes, o.fragments ?? 1);
  }

  /** The packet that `send` would hand in. */
  segment(flags: string, o: Send = {}): Uint8Array {
    const bits = segments.flagBits(flags);
    const syn = (bits & 2) !== 0;
    const at = o.seq ?? this.next;
    const text = o.text ?? pattern(o.len ?? 0, at * 7);
    const shift = syn ? 0 : this.scale;
    const options: segments.OptionFields = {
      ...(syn && this.synOptions),
      ...(!syn && this.hasStamps && { ts: [this.clock, this.stamp] as const }),
      ...(o.sack && { sack: o.sack.map(([l, r]) => [l + this.irs, r + this.irs] as const) }),
      ...o.options,
    };
    return segments.tcpPacket({
      source: o.source ?? this.address,
      sourcePort: this.port,
      destination: o.destination ?? US,
      port: this.localPort,
      seq: (this.iss + at) | 0,
      ack: bits & 16 ? (this.irs + (o.ack ?? this.got)) | 0 : (o.ack ?? 0),
      flags: bits,
      window: Math.min(65_535, Math.floor((o.window ?? this.window) / 2 ** shift)),
      options: segments.optionBytes(options),
      text,
      tos: o.ecn ?? 0,
      ...(o.urgent !== undefined && { urgent: o.urgent }),
      ...(o.ipOptions && { ipOptions: o.ipOptions }),
      ...(o.badChecksum && { badChecksum: true }),
      ...(o.headerLen !== undefined && { headerLen: o.headerLen }),
    });
  }

  /** An ICMP error about `about`, one of the stack's packets (a segment from `seq` on). */
  icmp(type: number, code: number, about: Seen | number, rest = 0, reporter?: Address): Drop {
    const quoted = typeof about === 'number' ? this.#ours(about) : about.bytes;
    const body = icmp(type, code, rest, quoted.slice(0, 28));
    const bytes = packet({ source: reporter ?? this.address, protocol: 1, body });
    this.lab.note(`< ICMP type ${type} code ${code}`);
    return this.lab.input(bytes);
  }

  /** What the stack sent must begin with that segment; it is taken off and given back. */
  expect(expected: Expected, from: number = this.lab.now): Seen {
    const seen = this.seen.shift();
    if (seen === undefined) return this.#fail(`nothing was sent; expected ${show(expected)}`);
    const wrong = mismatches(seen, expected, this, from);
    if (wrong.length > 0) return this.#fail(wrong.join('\n'));
    this.t.pass();
    return seen;
  }

  /** The stack must have sent nothing more. */
  expectNothing(): void {
    const [seen] = this.seen;
    if (seen !== undefined) this.#fail(`${this.#line(seen.bytes)} was sent; expected nothing`);
    this.t.pass();
  }

  /** Segments of full size, `count` of them, from sequence number `seq` on. */
  expectFlight(count: number, seq: number, size: number = this.tcb.mss): Seen[] {
    return Array.from({ length: count }, (_x, i) => {
      return this.expect({ seq: seq + i * size, len: size });
    });
  }

  expectState(state: State): void {
    if (this.tcb.state === state) this.t.pass();
    else this.#fail(`in ${this.state}; expected ${stateName(state)}`);
  }

  /** Forget what was sent; gives it. */
  skip(): Seen[] {
    return this.seen.splice(0);
  }

  /** What the owner does, and what leaves when its batch ends. */
  write(length: number | Uint8Array): number {
    const text = typeof length === 'number' ? pattern(length) : length;
    const taken = verbs.writeCopy(this.tcb, text, 0, text.length);
    this.lab.flush();
    return taken;
  }
  shutdown(): void {
    verbs.shutdown(this.tcb);
    this.lab.flush();
  }
  detach(): void {
    verbs.detach(this.tcb);
    this.lab.flush();
  }
  abort(): void {
    verbs.abort(this.tcb);
    this.lab.flush();
  }
  reading(on: boolean): void {
    verbs.setReading(this.tcb, on);
    this.lab.flush();
  }

  /** The three segments of a handshake, whoever begins. */
  shake(): this {
    const { options, lab } = this;
    if (options.active) {
      this.connect();
      lab.advance(options.rtt ?? 0);
      this.send(options.ecn ? 'SE.' : 'S.');
      this.skip();
    } else {
      if (this.listener === undefined && options.lab === undefined) this.listen();
      this.send(options.ecn ? 'SEW' : 'S');
      lab.advance(options.rtt ?? 0);
      this.skip();
      this.send('.');
    }
    if (this.tcb.state !== State.ESTABLISHED) this.#fail('the handshake did not succeed');
    return this;
  }

  #put(bytes: Uint8Array, fragments: number): Drop {
    this.lab.note(`< ${this.#line(bytes)}`);
    if (fragments === 1) return this.lab.input(bytes);
    const body = bytes.subarray(20);
    const size = Math.ceil(body.length / fragments / 8) * 8;
    let drop: Drop = Drop.NONE;
    for (let offset = 0; offset < body.length; offset += size) {
      const more = offset + size < body.length;
      const piece = body.subarray(offset, offset + size);
      const source = this.address;
      drop = this.lab.input(packet({ source, protocol: 6, id: 7, offset, more, body: piece }));
    }
    return drop;
  }

  /** A packet left the stack: is it for this peer? */
  #hear(bytes: Uint8Array): void {
    const seen = new Seen(bytes, this.lab.now, this.irs, this.iss);
    if (seen.protocol !== 6 || seen.destination !== this.address) return;
    if (seen.dstPort !== this.port || seen.srcPort !== this.localPort) return;
    if (seen.flags & 2) this.#hearSyn(seen);
    if (seen.ts) this.stamp = seen.ts[0];
    const known = new Seen(bytes, this.lab.now, this.irs, this.iss);
    if (known.seq <= this.got && !(known.flags & 4)) this.got = Math.max(this.got, known.end);
    this.seen.push(known);
    this.lab.note(`  > ${this.#line(bytes)}`);
    const begun = this.lab.iface.offload.checksum; // the device would finish it
    if (!known.headerGood || !(begun || known.transportGood)) this.#fail('a bad checksum was sent');
  }

  #hearSyn(seen: Seen): void {
    this.irs = seen.absoluteSeq;
    const { options } = this;
    this.hasStamps = options.ts === true && seen.ts !== undefined;
    const scaling = options.ws !== undefined && seen.ws !== undefined;
    this.scale = scaling ? (options.ws ?? 0) : 0;
    this.stackScale = scaling ? (seen.ws ?? 0) : 0;
  }

  /** The beginning of a packet of the stack's that carries the octet `seq`. */
  #ours(seq: number): Uint8Array {
    const { localPort, address, port, irs } = this;
    return segments.tcpPacket({
      source: US,
      sourcePort: localPort,
      destination: address,
      port,
      seq: (irs + seq) | 0,
      ack: 0,
      flags: 16,
      window: 0,
      text: new Uint8Array(1000),
    });
  }

  #line(bytes: Uint8Array): string {
    const ours = new Seen(bytes, 0, 0, 0).source === US;
    const [from, other] = ours ? [this.irs, this.iss] : [this.iss, this.irs];
    return segments.describeRelative(bytes, from, other);
  }

  #fail(message: string): never {
    this.t.fail(`${message}\n\n${this.lab.story}\n`);
    throw new Error(message); // `fail` has thrown
  }
}

const show = (expected: Expected): string =>
  Object.entries(expected)
    .map(([key, value]) => `${key} ${typeof value === 'function' ? value : JSON.stringify(value)}`)
    .join(' ');

/** What is not as it should be, a line each. */
function mismatches(seen: Seen, expected: Expected, peer: Peer, from: number): string[] {
  const wrong: string[] = [];
  const check = (name: string, value: unknown, wanted: unknown): void => {
    if (JSON.stringify(value) === JSON.stringify(wanted)) return;
    wrong.push(`${name} is ${JSON.stringify(value)}; expected ${JSON.stringify(wanted)}`);
  };
  const { flags, window, ts, at, push, ...rest } = expected;
  const octets = seen.window * 2 ** (seen.flags & 2 ? 0 : peer.stackScale);
  if (flags !== undefined) {
    check(
      'flags',
      segments.flagLetters(seen.flags, flags.includes('P')),
      segments.sortedLetters(flags),
    );
  }
  if (push !== undefined) check('push', (seen.flags & 8) !== 0, push);
  if (typeof window === 'number') check('window', octets, window);
  else if (window && !window(octets)) wrong.push(`window is ${octets}; expected ${window}`);
  if (typeof ts === 'boolean') check('ts', seen.ts !== undefined, ts);
  else if (ts) check('ts', seen.ts, ts);
  if (at !== undefined) check('time', seen.time - from, at);
  for (const [key, wanted] of Object.entries(rest)) check(key, seen[key as keyof Seen], wanted);
  return wrong;
}
