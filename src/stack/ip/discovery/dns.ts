/**
 * What routers say of DNS: servers to ask, and domains to look in. RFC 8106 §5.3, §6.
 * @module
 */
import { type Address, drop, hold } from '../../base/address.ts';
import { type Micros, NEVER } from '../../base/clock.ts';
import type { Interface } from '../interface.ts';

/** RFC 8106 §5.3.1 asks for three of each at least. */
export const DNS_LIMIT = 8;

interface Entry<T> {
  readonly iface: Interface;
  readonly value: T;
  until: Micros;
}

export class DnsConfiguration {
  readonly #servers: Entry<Address>[] = [];
  readonly #domains: Entry<string>[] = [];

  /** Servers, the first heard of first. A link-local one has the zone of its interface. */
  get servers(): readonly Address[] {
    return this.#servers.map(({ value }) => value);
  }

  /** Domains, the first heard of first. */
  get domains(): readonly string[] {
    return this.#domains.map(({ value }) => value);
  }

  /** `server` is one until `until`; if that is not later than `now`, no longer. */
  server(iface: Interface, server: Address, until: Micros, now: Micros): void {
    const change = update(this.#servers, iface, server, until, now);
    if (change > 0) hold(server);
    else if (change < 0) drop(server);
  }

  /** The same of a domain. */
  domain(iface: Interface, domain: string, until: Micros, now: Micros): void {
    update(this.#domains, iface, domain, until, now);
  }

  expire(now: Micros): void {
    for (const server of remove(this.#servers, ({ until }) => until <= now)) drop(server);
    remove(this.#domains, ({ until }) => until <= now);
  }

  deadline(): Micros {
    let due = NEVER;
    for (const { until } of this.#servers) due = Math.min(due, until);
    for (const { until } of this.#domains) due = Math.min(due, until);
    return due;
  }

  /** The interface is gone. */
  forget(iface: Interface): void {
    for (const server of remove(this.#servers, (one) => one.iface === iface)) drop(server);
    remove(this.#domains, (one) => one.iface === iface);
  }
}

/** How many there are more. */
function update<T>(
  list: Entry<T>[],
  iface: Interface,
  value: T,
  until: Micros,
  now: Micros,
): -1 | 0 | 1 {
  const index = list.findIndex((one) => one.iface === iface && one.value === value);
  const known = list[index];
  if (known !== undefined) {
    known.until = until;
    if (until > now) return 0;
    list.splice(index, 1);
    return -1;
  }
  if (until <= now || list.length >= DNS_LIMIT) return 0;
  list.push({ iface, value, until });
  return 1;
}

function remove<T>(list: Entry<T>[], unwanted: (entry: Entry<T>) => boolean): T[] {
  const gone: T[] = [];
  for (let i = list.length - 1; i >= 0; i--) {
    const entry = list[i];
    if (entry === undefined || !unwanted(entry)) continue;
    gone.push(entry.value);
    list.splice(i, 1);
  }
  return gone;
}
