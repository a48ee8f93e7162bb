/**
 * Where a datagram of a tunnel comes from or goes to: an address and a port, IPv4 or IPv6.
 *
 * One is made where a place is seen for the first time, and handed on from then on: two of the same
 * place may be different objects, so compare with `isSame`, after `===`.
 * @module
 */
import ipaddr from 'ipaddr.js';

/** An address of either family and a port: where datagrams come from and go to. */
export class Endpoint {
  /** Of IP. */
  readonly family: 4 | 6;
  /** As people write it, without brackets; a link-local one with its zone, `fe80::1%eth0`. */
  readonly address: string;
  /** 0 to 65 535. */
  readonly port: number;
  /** The address in network order, 4 or 16 bytes. */
  readonly octets: Uint8Array;

  /** Throws a `TypeError` for what is no address or no port. */
  constructor(address: string, port: number) {
    const [bare = ''] = address.split('%');
    if (!Number.isInteger(port) || port < 0 || port > 65_535) {
      throw coded(
        new RangeError(`port is ${port}: it must be from 0 to 65535`),
        'ERR_OUT_OF_RANGE',
      );
    }
    this.family = ipaddr.IPv4.isValidFourPartDecimal(bare) ? 4 : 6;
    if (this.family === 6 && !ipaddr.IPv6.isValid(bare)) {
      const error = new TypeError(`address is ${JSON.stringify(address)}: it must be one of IP`);
      throw coded(error, 'ERR_INVALID_ARG_VALUE');
    }
    this.octets = Uint8Array.from(ipaddr.parse(bare).toByteArray());
    this.address = address;
    this.port = port;
  }

  /** Whether both are one address and port. */
  isSame(other: Endpoint): boolean {
    if (this === other) return true;
    return this.port === other.port && this.address === other.address;
  }

  /** `192.0.2.1:51820`, `[2001:db8::1]:51820`. */
  toString(): string {
    return this.family === 4 ? `${this.address}:${this.port}` : `[${this.address}]:${this.port}`;
  }
}

const coded = <E extends Error>(error: E, code: string): E => Object.assign(error, { code });

/**
 * `host:port` or `[address]:port` in two; undefined if it is neither. The host may be a name.
 */
export function splitEndpoint(text: string): { host: string; port: number } | undefined {
  const [, inBrackets, plain, digits = ''] =
    /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = inBrackets ?? plain;
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65_535) return undefined;
  if (inBrackets !== undefined && !ipaddr.IPv6.isValid(inBrackets.split('%')[0] ?? ''))
    return undefined;
  return { host, port };
}

/** Endpoints as they come: the same object for the same place, as long as not too many come. */
export class Endpoints {
  static readonly #MOST = 4096;
  readonly #known = new Map<string, Endpoint>();
  #last: Endpoint | undefined;

  /** Of a datagram that came, with what its socket says of the sender. */
  of(address: string, port: number): Endpoint {
    const last = this.#last;
    if (last !== undefined && last.port === port && last.address === address) return last;
    const key = `${address} ${port}`;
    let found = this.#known.get(key);
    if (found === undefined) {
      if (this.#known.size >= Endpoints.#MOST) this.#known.clear(); // a flood from everywhere
      found = new Endpoint(address, port);
      this.#known.set(key, found);
    }
    this.#last = found;
    return found;
  }
}
