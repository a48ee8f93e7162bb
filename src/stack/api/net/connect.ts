/**
 * Dialling: from what `socket.connect` was given to an open connection, by way of a name's lookup and one
 * attempt an address, one after the other.
 *
 * Node documentation: "socket.connect()", events `lookup`, `connectionAttempt`,
 * `connectionAttemptFailed`, `connectionAttemptTimeout`. A name that has several addresses is tried in their
 * order, the families in turn (RFC 8305 §4), each for `autoSelectFamilyAttemptTimeout` but the last.
 * @module
 */
import { ADDRCONFIG, ALL, type LookupAddress, type LookupOptions, V4MAPPED } from 'node:dns';
import * as net from 'node:net';
import {
  type Address,
  ANY,
  ANY6,
  isIPv6,
  isSameFamily,
  isUnspecified,
  keepForever,
  thisHost,
} from '../../base/address.ts';
import { type Failure, failureCode } from '../../base/failure.ts';
import { after, stop } from '../../host/clock.ts';
import type { Host } from '../../host/host.ts';
import type { Settings } from '../../tcp/tcb/settings.ts';
import {
  checkBoolean,
  checkFunction,
  checkInteger,
  checkNumber,
  checkPort,
} from '../door/checks.ts';
import {
  argTypeError,
  argValueError,
  callError,
  connectError,
  familyError,
  ipError,
  type SystemError,
  systemError,
} from '../door/errors.ts';
import { familyNumber, isLookupReplaced } from '../door/names.ts';
import { checkSettings } from '../door/settings.ts';
import { speaksIPv6 } from '../door/spoken.ts';
import { checkText, type Interfaces, lacksZone, readText, textOf } from '../door/text.ts';
import type { Connection } from '../tcp/connection.ts';
import { openConnection } from '../tcp/open.ts';
import type { ConnectOptions } from './options.ts';

/** Node's defaults for what a socket does with a name that has several addresses. */
export const autoSelect: { family: boolean; timeout: number } = {
  family: net.getDefaultAutoSelectFamily(), // the process may have been told by a flag
  timeout: net.getDefaultAutoSelectFamilyAttemptTimeout(),
};

/** What a dial tells while it lasts. The last is `opened` or `failed`, unless it is cancelled. */
export interface DialEvents {
  /** There are several addresses: those that are tried are added to `tried`, as `address:port`. */
  several(tried: string[]): void;
  lookup(error: Error | null, address: string | undefined, family: number | undefined): void;
  attempt(address: string, family: number): void;
  attemptFailed(address: string, family: number, error: Error): void;
  attemptTimeout(address: string, family: number): void;
  opened(connection: Connection): void;
  /** Without an error: the stack was closed. */
  failed(error: Error | undefined): void;
}

/** What to dial, checked. */
export interface Target {
  readonly host: string;
  /** True if `host` is a literal address. */
  readonly literal: boolean;
  readonly port: number;
  readonly source: Address;
  readonly sourcePort: number;
  readonly family: number;
  readonly hints: number;
  readonly lookup: net.LookupFunction | undefined;
  readonly several: boolean;
  readonly settings: Partial<Settings> | undefined;
  /** In milliseconds. */
  readonly timeout: number;
}

function attemptTimeout(given: number | undefined | null): number {
  if (given === undefined || given === null) return autoSelect.timeout;
  checkInteger(given, 'options.autoSelectFamilyAttemptTimeout', 1, 2 ** 31 - 1);
  return Math.max(given, 10);
}

/** As `dns.lookup` does, which may not be asked here. */
function checkHints(hints: unknown): void {
  checkNumber(hints, 'options.hints');
  if ((hints & ~(ADDRCONFIG | ALL | V4MAPPED)) !== 0) throw argValueError('hints', hints);
}

/** Check the options of `connect`, on a stack with these devices. Throws what Node throws. */
export function readTarget(ip: Interfaces, options: ConnectOptions): Target {
  const { localAddress, localPort, port, autoSelectFamily, lookup } = options;
  // It is used when the name is found, which may be long after.
  const source = localAddress
    ? keepForever(checkText(ip, String(localAddress), 'options.localAddress'))
    : ANY;
  if (localPort) checkNumber(localPort, 'options.localPort');
  if (typeof port !== 'number' && typeof port !== 'string') {
    throw argTypeError('options.port', ['number', 'string'], port);
  }
  if (autoSelectFamily !== undefined && autoSelectFamily !== null) {
    checkBoolean(autoSelectFamily, 'options.autoSelectFamily');
  }
  const timeout = attemptTimeout(options.autoSelectFamilyAttemptTimeout);
  if (lookup !== undefined && lookup !== null) checkFunction(lookup, 'options.lookup');
  const host = options.host || 'localhost';
  if (typeof host !== 'string') throw argTypeError('options.host', 'string', host);
  if (options.hints && !lookup && net.isIP(host) === 0) checkHints(options.hints);
  const family = familyNumber(options.family);
  const several = (autoSelectFamily ?? autoSelect.family) && family === 0 && !localAddress;
  return {
    host,
    literal: net.isIP(host) !== 0,
    port: checkPort(port),
    source,
    sourcePort: localPort ?? 0,
    family,
    hints: options.hints ?? 0,
    lookup: lookup ?? undefined,
    several,
    settings: options.tcp && checkSettings(options.tcp, 'options.tcp'),
    timeout,
  };
}

export class Dial {
  readonly #tried: string[] = [];
  readonly #host: Host;
  readonly #target: Target;
  readonly #events: DialEvents;
  readonly #errors: Error[] = [];
  #addresses: LookupAddress[] = [];
  #next = 0;
  #current: Connection | undefined;
  #timer: NodeJS.Timeout | undefined;
  #over = false;

  constructor(host: Host, target: Target, events: DialEvents) {
    this.#host = host;
    this.#target = target;
    this.#events = events;
  }

  /** The connection that is being opened, if it has come to that. */
  get connection(): Connection | undefined {
    return this.#current;
  }

  /** Begin. `lookup` is asked unless the target brings its own or is a literal. */
  start(lookup: net.LookupFunction): void {
    const { host, literal, several } = this.#target;
    if (literal) {
      this.#addresses = [{ address: host, family: net.isIP(host) }];
      process.nextTick(() => this.#try());
      return;
    }
    const ask = this.#target.lookup ?? lookup;
    ask(host, this.#question(), (error, found, foundFamily) => {
      // As in Node, one address is told even to a socket that was destroyed meanwhile, several are not.
      if (!this.#over) this.#found(error, found, foundFamily);
      else if (!several) this.#events.lookup(error, found as string | undefined, foundFamily);
    });
  }

  /** What a lookup is told, as Node tells it; the stack's own asks for what it speaks, whatever the system has. */
  #question(): LookupOptions {
    const { family, hints, several, lookup } = this.#target;
    const asked = lookup !== undefined || isLookupReplaced();
    const plain = family === 0 && hints === 0 && asked;
    const options = { family: family || undefined, hints: plain ? ADDRCONFIG : hints };
    return several ? { ...options, all: true } : options;
  }

  /** Stop it: nothing is told any more. */
  cancel(): void {
    this.#over = true;
    stop(this.#timer);
    this.#current?.abort();
  }

  #found(
    error: NodeJS.ErrnoException | null,
    found: string | LookupAddress[] | undefined,
    family: number | undefined,
  ): void {
    if (error) {
      this.#events.lookup(error, undefined, undefined);
      this.#failSoon(error);
      return;
    }
    const list = Array.isArray(found) ? found : [{ address: found as string, family: family ?? 0 }];
    for (const one of list) {
      this.#events.lookup(null, one.address, one.family);
      if (this.#over) return; // destroyed by a listener
      const known = this.#addresses.some(({ address }) => address === one.address);
      if (!known && net.isIP(one.address) && (one.family === 4 || one.family === 6)) {
        this.#addresses.push(one);
      }
    }
    this.#addresses = alternate(this.#addresses);
    if (this.#addresses.length > 1) this.#events.several(this.#tried);
    if (this.#addresses.length > 0) this.#try();
    else this.#failSoon(this.#whyNone(list[0]));
  }

  #whyNone(first: LookupAddress | undefined): Error {
    const { host, port } = this.#target;
    if (!first) return systemError('ENOTFOUND', 'getaddrinfo', { address: host });
    if (!net.isIP(first.address)) return ipError(first.address);
    return familyError(first.family, host, port);
  }

  #failSoon(error: Error): void {
    // `net.connect` has not returned yet: nobody can have listened.
    process.nextTick(() => {
      if (!this.#over) this.#end(error);
    });
  }

  #try(): void {
    if (this.#over) return;
    const place = this.#addresses[this.#next++];
    if (!place) {
      this.#end(this.#allFailed());
      return;
    }
    const { address, family } = place;
    const { port } = this.#target;
    if (this.#addresses.length > 1) this.#tried.push(`${address}:${port}`);
    const { core } = this.#host;
    const text = readText(core.ip, address);
    const destination = text === undefined ? undefined : thisHost(text);
    const unbound = this.#whyUnbound(destination);
    if (unbound !== '') {
      this.#end(systemError(unbound, 'bind', this.#local(family)));
      return;
    }
    this.#events.attempt(address, family);
    if (this.#over) return; // destroyed by a listener
    if (destination === undefined || lacksZone(destination)) {
      this.#refused(place, 'EINVAL', true); // a zone that is none of ours, or none
    } else if (isIPv6(destination) && !speaksIPv6(core)) this.#refused(place, 'EAFNOSUPPORT');
    else this.#open(place, destination);
  }

  /** The code of bind(2) for where it is to come from, which is asked before it is attempted; '': nothing is wrong. */
  #whyUnbound(destination: Address | undefined): string {
    const { source, sourcePort } = this.#target;
    const { ip, tcp } = this.#host.core;
    if (source !== ANY) {
      if (destination !== undefined && !isSameFamily(source, destination)) return 'EINVAL';
      if (lacksZone(source)) return 'EINVAL';
      if (!isUnspecified(source) && !ip.isOurs(source)) return 'EADDRNOTAVAIL';
    }
    const isAny6 = source === ANY && destination !== undefined && isIPv6(destination);
    const own = isAny6 ? ANY6 : source;
    return sourcePort !== 0 && tcp.demux.isTaken(own, sourcePort) ? 'EADDRINUSE' : '';
  }

  #open(place: LookupAddress, destination: Address): void {
    const { port, source, sourcePort, timeout, settings } = this.#target;
    let opened = false;
    const result = openConnection(
      this.#host,
      { destination, port, source, sourcePort, ...(settings && { settings }) },
      {
        open: (connection) => {
          opened = true;
          if (place.family === 6) connection.seeMapped(); // ::ffff:10.0.0.2, as it was asked for
          stop(this.#timer);
          this.#over = true;
          this.#events.opened(connection);
        },
        close: (_connection, error) => {
          if (opened || this.#over) return;
          stop(this.#timer);
          this.#host.events.add(this, this.#closed, place, error);
        },
      },
    );
    if (typeof result === 'number') {
      this.#unable(place, result);
      return;
    }
    this.#current = result;
    if (this.#next < this.#addresses.length) {
      this.#timer = after(timeout, () => this.#tooSlow(place));
    }
  }

  #closed(place: LookupAddress, error: SystemError | undefined): void {
    if (error) this.#refused(place, error.code);
    else if (!this.#over) this.#end(undefined); // the stack was closed
  }

  /** It could not even begin. */
  #unable(place: LookupAddress, failure: Failure): void {
    const code = failureCode(failure);
    const bad = code === 'EADDRINUSE' || code === 'EADDRNOTAVAIL';
    const { source, sourcePort } = this.#target;
    if (bad && (source !== ANY || sourcePort !== 0)) {
      this.#end(systemError(code, 'bind', this.#local(place.family)));
    } else process.nextTick(() => this.#refused(place, code, true));
  }

  /** `atOnce`: the call itself failed. */
  #refused(place: LookupAddress, code: string, atOnce = false): void {
    stop(this.#timer);
    if (this.#over) return;
    const error = this.#errorOf(place, code, atOnce);
    this.#errors.push(error);
    // Of a call that fails Node tells only where there are other addresses to try.
    if (!atOnce || this.#addresses.length > 1) {
      this.#events.attemptFailed(place.address, place.family, error);
    }
    this.#try();
  }

  #tooSlow(place: LookupAddress): void {
    this.#host.catchUp(); // the SYN-ACK may lie in the device
    if (this.#over) return;
    this.#current?.abort();
    this.#events.attemptTimeout(place.address, place.family);
    this.#errors.push(this.#errorOf(place, 'ETIMEDOUT'));
    this.#try();
  }

  #errorOf({ address, family }: LookupAddress, code: string, atOnce = false): SystemError {
    const [remote, local] = [{ address, port: this.#target.port }, this.#local(family)];
    return atOnce ? callError(code, remote, local) : connectError(code, remote, local);
  }

  #local(family: number): { address: string; port: number } {
    const { source, sourcePort } = this.#target;
    const any = family === 6 ? '::' : '0.0.0.0';
    const address = source === ANY ? any : textOf(this.#host.core.ip, source);
    return { address, port: sourcePort };
  }

  #allFailed(): Error {
    const [first] = this.#errors;
    if (first && this.#errors.length === 1) return first;
    const { code } = first as SystemError; // there were several: each failed with one
    return Object.assign(new AggregateError(this.#errors), { code });
  }

  #end(error: Error | undefined): void {
    this.#over = true;
    this.#events.failed(error);
  }
}

/** One of each family in turn, beginning with that of the first: as RFC 8305 §4 and Node have it. */
function alternate(list: readonly LookupAddress[]): LookupAddress[] {
  const first = list.filter(({ family }) => family === list[0]?.family);
  const other = list.filter(({ family }) => family !== list[0]?.family);
  const longer = Math.max(first.length, other.length);
  return Array.from({ length: longer }, (_x, i) => [first[i], other[i]])
    .flat()
    .filter((one) => one !== undefined);
}
