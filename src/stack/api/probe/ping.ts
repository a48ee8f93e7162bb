/**
 * Ping: ICMP echo requests from this stack, and how long the replies take. RFC 792, RFC 1122
 * §3.2.2.6; RFC 4443 §4.
 * @module
 */
import { type Address, ANY, drop } from '../../base/address.ts';
import { type Failure, failureCode } from '../../base/failure.ts';
import { stop, surelyAfter } from '../../host/clock.ts';
import type { Host } from '../../host/host.ts';
import { type EchoClient, NO_ID } from '../../ip/echo.ts';
import { MAX_ECHO } from '../../ip/family.ts';
import type { IcmpError } from '../../ip/ip.ts';
import type { Packet } from '../../ip/packet.ts';
import { checkInteger, checkMilliseconds, checkSignal, checkString } from '../door/checks.ts';
import { abortError, type SystemError, systemError } from '../door/errors.ts';
import { familyNumber, resolve } from '../door/names.ts';
import { readSpoken } from '../door/spoken.ts';
import { textOf } from '../door/text.ts';

/** How to ask for an echo. */
export interface PingOptions {
  /** Bytes of text in a request, 0 to 65 507; default 56. */
  readonly size?: number;
  /** How long a reply may take, in milliseconds; default 5000. */
  readonly timeout?: number;
  /** Hops, 1 to 255; default the stack's (64). */
  readonly ttl?: number;
  /** Of a name that has addresses of both: 4 or 6; default 0, the one to try first (RFC 6724 §6). */
  readonly family?: 0 | 4 | 6;
  /** Gives up. */
  readonly signal?: AbortSignal;
}

/** How to ask again and again. */
export interface PingsOptions extends PingOptions {
  /** How many, 1 to 2^53 - 1; default without end. */
  readonly count?: number;
  /** From one request to the next, in milliseconds; default 1000. A slow reply delays the next. */
  readonly interval?: number;
}

/** A reply to an echo request. */
export interface PingReply {
  /** Who replied. */
  readonly address: string;
  /** The number of the request, from 1. */
  readonly seq: number;
  /** The round trip in milliseconds, with a fraction. */
  readonly rtt: number;
  /** Hops that the reply had left, as it arrived. */
  readonly ttl: number;
  /** Bytes of text that came back. */
  readonly size: number;
}

/** What became of one request of several: a reply, or the error that says why there is none. */
export type PingResult =
  | (PingReply & { readonly error?: undefined })
  | { readonly address: string; readonly seq: number; readonly error: SystemError };

interface Settings {
  readonly bytes: Uint8Array;
  readonly timeout: number;
  readonly ttl: number;
  readonly family: 0 | 4 | 6;
  readonly signal: AbortSignal | undefined;
}

const TEXT_LENGTH = 56;
const TIMEOUT = 5000;
const INTERVAL = 1000;

function readOptions({
  size = TEXT_LENGTH,
  timeout = TIMEOUT,
  ttl = 0,
  family = 0,
  signal,
}: PingOptions): Settings {
  checkInteger(size, 'options.size', 0, MAX_ECHO);
  checkMilliseconds(timeout, 'options.timeout');
  if (ttl !== 0) checkInteger(ttl, 'options.ttl', 1, 255);
  if (signal !== undefined) checkSignal(signal, 'options.signal');
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = i;
  return { bytes, timeout, ttl, family: familyNumber(family), signal };
}

/** One series of requests under one identifier. */
class Series implements EchoClient {
  readonly #host: Host;
  readonly #target: Address;
  readonly #text: string;
  readonly #settings: Settings;
  readonly #id: number;
  /** The request that is waited for; one at a time. */
  #seq = 0;
  #sent = 0;
  #done: ((reply: PingReply) => void) | undefined;
  #fail: ((error: Error) => void) | undefined;

  constructor(host: Host, target: Address, settings: Settings) {
    this.#host = host;
    this.#target = target;
    this.#text = textOf(host.core.ip, target);
    this.#settings = settings;
    this.#id = host.core.ip.echoes.open(this);
    if (this.#id === NO_ID) throw systemError('ENOBUFS', 'ping', { address: this.#text });
    host.hold();
    host.open.add(this);
  }

  /** Who is asked, as text. */
  get target(): string {
    return this.#text;
  }

  /** No more requests; one that waits fails. May be called again. */
  close(): void {
    if (!this.#host.open.delete(this)) return;
    this.#fail?.(this.#error('ENETDOWN'));
    this.#host.core.ip.echoes.close(this.#id);
    drop(this.#target);
    this.#host.letGo();
  }

  /** Send request `seq` and wait for its reply. Rejects with what came instead. */
  async ask(seq: number): Promise<PingReply> {
    const { timeout, signal } = this.#settings;
    const late = surelyAfter(timeout, () => {
      this.#host.catchUp(); // the reply may lie in the device
      this.#fail?.(this.#error('ETIMEDOUT'));
    });
    const abort = (): void => this.#fail?.(abortError(signal?.reason));
    signal?.addEventListener('abort', abort, { once: true });
    try {
      return await new Promise((done, fail) => {
        this.#done = done;
        this.#fail = fail;
        this.#seq = seq;
        if (signal?.aborted) abort();
        else this.#send(seq);
      });
    } finally {
      stop(late);
      signal?.removeEventListener('abort', abort);
      this.#done = undefined;
      this.#fail = undefined;
    }
  }

  #send(seq: number): void {
    const { ip } = this.#host.core;
    const { bytes, ttl } = this.#settings;
    const route = ip.route(this.#target, ANY);
    if (!route) {
      this.#fail?.(this.#error('ENETUNREACH'));
      return;
    }
    this.#sent = this.#host.clock.now();
    if (ttl > 0) ip.output.next.ttl = ttl;
    const icmp = route.ipv6 ? ip.icmp6 : ip.icmp;
    const failure = icmp.sendEcho(route, this.#id, seq & 0xffff, bytes, 0, bytes.length);
    if (failure !== 0) this.#fail?.(this.#error(failureCode(failure)));
  }

  onReply(packet: Packet, seq: number, _at: number, length: number): void {
    if (seq !== (this.#seq & 0xffff)) return; // an older one, which was given up
    this.#done?.({
      address: textOf(this.#host.core.ip, packet.source),
      seq: this.#seq,
      rtt: (this.#host.clock.now() - this.#sent) / 1000,
      ttl: packet.ttl,
      size: length,
    });
  }

  onError(error: IcmpError, seq: number): void {
    if (seq !== (this.#seq & 0xffff)) return;
    this.#fail?.(this.#error(codeOf(error.failure), textOf(this.#host.core.ip, error.reporter)));
  }

  #error(code: string, reporter?: string): SystemError {
    const error = systemError(code, 'ping', { address: this.#text });
    return reporter === undefined ? error : Object.assign(error, { reporter });
  }
}

/** A hint that names no failure (time exceeded on the way) still means that it did not arrive. */
const codeOf = (failure: Failure): string => failureCode(failure) || 'EHOSTUNREACH';

/** The address of a name, held until it is dropped. */
const find = (host: Host, name: string, { family }: Settings): Promise<Address> =>
  resolve(host.lookup, (text) => readSpoken(host.core, text), name, family);

/** See `Stack.ping`. */
export async function ping(host: Host, name: string, options: PingOptions): Promise<PingReply> {
  checkString(name, 'host');
  const settings = readOptions(options);
  const series = new Series(host, await find(host, name, settings), settings);
  try {
    return await series.ask(1);
  } finally {
    series.close();
  }
}

function checkPings({ count, interval }: PingsOptions): { count: number; interval: number } {
  if (count !== undefined) checkInteger(count, 'options.count', 1, Number.MAX_SAFE_INTEGER);
  return {
    count: count ?? Number.POSITIVE_INFINITY,
    interval: checkMilliseconds(interval ?? INTERVAL, 'options.interval'),
  };
}

/** See `Stack.pings`. */
export function pings(host: Host, name: string, options: PingsOptions): AsyncGenerator<PingResult> {
  checkString(name, 'host');
  const settings = readOptions(options);
  return run(host, name, settings, checkPings(options));
}

async function* run(
  host: Host,
  name: string,
  settings: Settings,
  { count, interval }: { count: number; interval: number },
): AsyncGenerator<PingResult> {
  const series = new Series(host, await find(host, name, settings), settings);
  try {
    for (let seq = 1; seq <= count; seq++) {
      const started = host.clock.now();
      yield await series.ask(seq).catch((error: CodeCarrier) => {
        if (error.code === 'ABORT_ERR') throw error;
        return { address: series.target, seq, error: error as SystemError };
      });
      if (seq === count) return;
      await pause(interval - (host.clock.now() - started) / 1000, settings.signal);
    }
  } finally {
    series.close();
  }
}

type CodeCarrier = Error & { code?: string };

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((done, fail) => {
    const timer = surelyAfter(Math.max(0, milliseconds), () => {
      signal?.removeEventListener('abort', abort);
      done();
    });
    const abort = (): void => {
      stop(timer);
      fail(abortError(signal?.reason));
    };
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
}
