/**
 * Traceroute: which routers a packet passes, found by packets whose hops run out on the way, each a
 * little later. RFC 1812 §5.3.1, RFC 1393 §1 describes the method.
 * @module
 */
import { type Address, ANY, ANY6, drop, isIPv6 } from '../../base/address.ts';
import { Drop } from '../../base/drop.ts';
import { Failure, failureCode } from '../../base/failure.ts';
import { stop, surelyAfter } from '../../host/clock.ts';
import type { Host } from '../../host/host.ts';
import { type EchoClient, NO_ID } from '../../ip/echo.ts';
import type { IcmpError } from '../../ip/ip.ts';
import type { Packet } from '../../ip/packet.ts';
import type { UdpSocket } from '../../udp/socket.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as udp from '../../wire/udp.ts';
import {
  checkInteger,
  checkMilliseconds,
  checkPort,
  checkSignal,
  checkString,
} from '../door/checks.ts';
import { abortError, argValueError, systemError } from '../door/errors.ts';
import { familyNumber, resolve } from '../door/names.ts';
import { readSpoken } from '../door/spoken.ts';
import { textOf } from '../door/text.ts';

/** How far to look, and how often to ask. */
export interface TracerouteOptions {
  /** `udp` (default): datagrams to ports that nobody listens on; `icmp`: echo requests. */
  readonly method?: 'udp' | 'icmp';
  /** Hops of the first probes, 1 to 255; default 1. */
  readonly firstHop?: number;
  /** The most hops, 1 to 255; default 30. */
  readonly maxHops?: number;
  /** Probes for each hop, 1 to 10; default 3. */
  readonly queries?: number;
  /** How long to wait for the answers of one hop, in milliseconds; default 3000. */
  readonly timeout?: number;
  /** With `udp`: the first probe's port, each further one's is one more; default 33 434. */
  readonly port?: number;
  /** Bytes of text in a probe; default 32. */
  readonly size?: number;
  /** Of a name that has addresses of both: 4 or 6; default 0, the one to try first (RFC 6724 §6). */
  readonly family?: 0 | 4 | 6;
  /** Gives up. */
  readonly signal?: AbortSignal;
}

/** What became of one probe. */
export interface TracerouteProbe {
  /** Who answered; undefined if nobody did in time. */
  readonly address: string | undefined;
  /** The round trip in milliseconds, with a fraction. */
  readonly rtt: number | undefined;
  /**
   * The ICMP type and code of the answer: 11 is a router on the way, 0 and 3 with code 3 the goal; of IPv6 3, 129,
   * and 1 with code 4.
   */
  readonly type: number | undefined;
  /** The ICMP code of the answer. */
  readonly code: number | undefined;
}

/** What is known of one hop. */
export interface TracerouteHop {
  /** Which one, from 1. */
  readonly hop: number;
  /** One for each query, in the order in which they were sent. */
  readonly probes: readonly TracerouteProbe[];
  /** True if the goal answered: it is the last hop. */
  readonly reached: boolean;
}

interface Settings {
  readonly method: 'udp' | 'icmp';
  readonly firstHop: number;
  readonly maxHops: number;
  readonly queries: number;
  readonly timeout: number;
  readonly port: number;
  readonly bytes: Uint8Array;
  readonly family: 0 | 4 | 6;
  readonly signal: AbortSignal | undefined;
}

const LONGEST = 65_000;

function readOptions(options: TracerouteOptions): Settings {
  const { method = 'udp', firstHop = 1, maxHops = 30, queries = 3, timeout = 3000 } = options;
  const { port = 33_434, size = 32, family = 0, signal } = options;
  if (method !== 'udp' && method !== 'icmp') {
    throw argValueError('options.method', method, "must be 'udp' or 'icmp'");
  }
  checkInteger(maxHops, 'options.maxHops', 1, 255);
  checkInteger(firstHop, 'options.firstHop', 1, maxHops);
  checkInteger(queries, 'options.queries', 1, 10);
  checkMilliseconds(timeout, 'options.timeout');
  checkPort(port, 'options.port', false);
  checkInteger(size, 'options.size', 0, LONGEST);
  if (signal !== undefined) checkSignal(signal, 'options.signal');
  const probe = { port, bytes: new Uint8Array(size), family: familyNumber(family) };
  return { method, firstHop, maxHops, queries, timeout, ...probe, signal };
}

/** An answer to probe number `seq`. */
type Answered = (seq: number, from: Address, type: number, code: number) => void;

/** A way to send probes. */
interface Prober {
  send(seq: number, ttl: number): Failure;
  close(): void;
}

/** Datagrams, told apart by the port that they go to. */
class UdpProber implements Prober {
  readonly #socket: UdpSocket;
  readonly #target: Address;
  readonly #settings: Settings;

  constructor(host: Host, target: Address, settings: Settings, answered: Answered) {
    const { view } = host.core.slots;
    this.#target = target;
    this.#settings = settings;
    this.#socket = host.core.udp.open({
      onMessage: (_bytes, _at, _length, source, port) => {
        // Somebody listens there after all.
        if (source === target) {
          const [type, code] = portUnreachable(target);
          answered(port - settings.port, source, type, code);
        }
        return Drop.NONE;
      },
      onError: (_failure, { body, destination, reporter, type, code }) => {
        if (destination !== target) return;
        answered(udp.dstPort(view, body) - settings.port, reporter, type, code);
      },
    });
    this.#socket.receiveErrors = true;
    this.#socket.bind(isIPv6(target) ? ANY6 : ANY, 0);
  }

  send(seq: number, ttl: number): Failure {
    const { bytes, port } = this.#settings;
    return this.#socket.send(bytes, 0, bytes.length, this.#target, port + seq, ttl);
  }

  close(): void {
    this.#socket.close();
  }
}

/** Echo requests, told apart by their sequence number. */
class EchoProber implements Prober, EchoClient {
  readonly #host: Host;
  readonly #target: Address;
  readonly #bytes: Uint8Array;
  readonly #answered: Answered;
  readonly #id: number;

  constructor(host: Host, target: Address, { bytes }: Settings, answered: Answered) {
    this.#host = host;
    this.#target = target;
    this.#bytes = bytes;
    this.#answered = answered;
    this.#id = host.core.ip.echoes.open(this);
    if (this.#id === NO_ID) throw systemError('ENOBUFS', 'traceroute');
  }

  send(seq: number, ttl: number): Failure {
    const { ip } = this.#host.core;
    const route = ip.route(this.#target, ANY);
    if (route === undefined) return Failure.NET_UNREACHABLE;
    ip.output.next.ttl = ttl;
    return (route.ipv6 ? ip.icmp6 : ip.icmp).sendEcho(
      route,
      this.#id,
      seq,
      this.#bytes,
      0,
      this.#bytes.length,
    );
  }

  onReply(packet: Packet, seq: number): void {
    const type = packet.ipv6 ? icmp6.Type.ECHO_REPLY : icmp.Type.ECHO_REPLY;
    this.#answered(seq, packet.source, type, 0);
  }

  onError({ reporter, type, code }: IcmpError, seq: number): void {
    this.#answered(seq, reporter, type, code);
  }

  close(): void {
    this.#host.core.ip.echoes.close(this.#id);
  }
}

const NOTHING: TracerouteProbe = {
  address: undefined,
  rtt: undefined,
  type: undefined,
  code: undefined,
};

/** One trace: the probes of one hop at a time. */
class Trace {
  readonly #host: Host;
  readonly #target: Address;
  readonly #text: string;
  readonly #settings: Settings;
  readonly #prober: Prober;
  /** The first probe of the hop, when they left, and what came back. */
  #first = 0;
  #sent: number[] = [];
  #probes: TracerouteProbe[] = [];
  #missing = 0;
  #done: () => void = () => {};
  #fail: (error: Error) => void = () => {};

  constructor(host: Host, target: Address, settings: Settings) {
    this.#host = host;
    this.#target = target;
    this.#text = textOf(host.core.ip, target);
    this.#settings = settings;
    const Kind = settings.method === 'icmp' ? EchoProber : UdpProber;
    this.#prober = new Kind(host, target, settings, (...answer) => this.#answered(...answer));
    host.hold();
    host.open.add(this);
  }

  /** May be called again. */
  close(): void {
    if (!this.#host.open.delete(this)) return;
    this.#fail(systemError('ENETDOWN', 'traceroute', { address: this.#text }));
    this.#prober.close();
    drop(this.#target);
    this.#host.letGo();
  }

  async hop(hop: number): Promise<TracerouteHop> {
    const { queries, timeout, signal } = this.#settings;
    this.#first = (hop - 1) * queries;
    this.#sent = [];
    this.#probes = new Array<TracerouteProbe>(queries).fill(NOTHING);
    this.#missing = queries;
    const late = surelyAfter(timeout, () => {
      this.#host.catchUp(); // answers may lie in the device
      this.#done();
    });
    const abort = (): void => this.#fail(abortError(signal?.reason));
    signal?.addEventListener('abort', abort, { once: true });
    try {
      await new Promise<void>((done, fail) => {
        this.#done = done;
        this.#fail = fail;
        if (signal?.aborted) abort();
        else this.#send(hop);
      });
    } finally {
      stop(late);
      signal?.removeEventListener('abort', abort);
      this.#missing = 0;
    }
    const probes = this.#probes;
    return { hop, probes, reached: probes.some((probe) => probe.address === this.#text) };
  }

  #send(hop: number): void {
    for (let i = 0; i < this.#settings.queries; i++) {
      this.#sent.push(this.#host.clock.now());
      const failure = this.#prober.send(this.#first + i, hop);
      if (failure === Failure.NONE) continue;
      const place = { address: this.#text };
      this.#fail(systemError(failureCode(failure), 'traceroute', place));
      return;
    }
  }

  #answered(seq: number, from: Address, type: number, code: number): void {
    const i = seq - this.#first;
    const sent = this.#sent[i];
    if (sent === undefined || this.#probes[i] !== NOTHING || this.#missing === 0) return;
    const rtt = (this.#host.clock.now() - sent) / 1000;
    this.#probes[i] = { address: textOf(this.#host.core.ip, from), rtt, type, code };
    if (--this.#missing === 0) this.#done();
  }
}

/** What says that a datagram has arrived, and that nobody listens. */
const portUnreachable = (target: Address): readonly [type: number, code: number] =>
  isIPv6(target)
    ? [icmp6.Type.UNREACHABLE, icmp6.Code.PORT]
    : [icmp.Type.UNREACHABLE, icmp.Code.PORT];

/** True if somebody said that there is no going on. Type 3 is another of IPv6, where it is a router on the way. */
const isEnd = ({ probes, reached }: TracerouteHop): boolean =>
  reached || probes.some(({ address, type }) => type === unreachableOf(address ?? ''));

const unreachableOf = (address: string): number =>
  address.includes(':') ? icmp6.Type.UNREACHABLE : icmp.Type.UNREACHABLE;

/** See `Stack.traceroute`. */
export function traceroute(
  host: Host,
  name: string,
  options: TracerouteOptions,
): AsyncGenerator<TracerouteHop, void> {
  checkString(name, 'host');
  return run(host, name, readOptions(options));
}

async function* run(
  host: Host,
  name: string,
  settings: Settings,
): AsyncGenerator<TracerouteHop, void> {
  const read = (text: string): Address | undefined => readSpoken(host.core, text);
  const target = await resolve(host.lookup, read, name, settings.family);
  const trace = new Trace(host, target, settings);
  try {
    for (let hop = settings.firstHop; hop <= settings.maxHops; hop++) {
      const found = await trace.hop(hop);
      yield found;
      if (isEnd(found)) return;
    }
  } finally {
    trace.close();
  }
}
