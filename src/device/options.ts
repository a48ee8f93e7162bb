/**
 * Checks of what the openers of devices are given: names, addresses, sizes.
 * @module
 */
import ipaddr from 'ipaddr.js';
import { checkInteger, invalid } from './errors.ts';

/** An address with the length of its prefix. */
export interface Cidr {
  readonly version: 4 | 6;
  /** 4 or 16 bytes. */
  readonly octets: readonly number[];
  readonly prefix: number;
}

const NAME_LIMIT = 15; // IFNAMSIZ without the zero at the end

/** Throws unless the kernel would accept `name`; '' and `tun%d` let the kernel choose. */
export function checkName(name: unknown): asserts name is string {
  if (typeof name !== 'string') {
    throw Object.assign(new TypeError(`name is ${String(name)}: it must be a string`), {
      code: 'ERR_INVALID_ARG_TYPE',
    });
  }
  const bytes = Buffer.byteLength(name);
  if (bytes > NAME_LIMIT) {
    throw invalid(
      'name',
      name,
      `an interface's name has at most ${NAME_LIMIT} bytes, not ${bytes}`,
    );
  }
  const placeholders = name.split('%d').length - 1;
  const rest = name.replace('%d', '');
  if (!/^[\x21-\x7e]*$/.test(name) || /[/:%]/.test(rest) || name === '.' || name === '..') {
    throw invalid(
      'name',
      name,
      "an interface's name is made of letters, digits and signs other than space, '/', ':', '%'" +
        (placeholders > 1
          ? '; %d, for a number that the kernel chooses, may stand in it once'
          : ''),
    );
  }
}

/** `10.83.0.1/24` or `fd00::1/64`; throws for anything else. */
export function parseCidr(name: string, text: unknown): Cidr {
  const hint = 'write an address and the length of its prefix, such as 10.83.0.1/24 or fd00::1/64';
  if (typeof text !== 'string') throw invalid(name, text, hint);
  const [address = '', prefix = '', ...more] = text.split('/');
  if (more.length > 0 || !/^\d{1,3}$/.test(prefix)) throw invalid(name, text, hint);
  const four = ipaddr.IPv4.isValidFourPartDecimal(address);
  if (!four && !(address.includes(':') && ipaddr.IPv6.isValid(address) && !address.includes('%'))) {
    throw invalid(name, text, hint);
  }
  const parsed = ipaddr.parse(address);
  const bits = Number(prefix);
  if (bits > (four ? 32 : 128)) {
    throw invalid(name, text, `a prefix has at most ${four ? 32 : 128} bits`);
  }
  const range = parsed.range();
  if (range === 'unspecified' || range === 'multicast' || range === 'broadcast') {
    throw invalid(
      name,
      text,
      `this is the ${range} address, and an interface needs one of its own`,
    );
  }
  return { version: four ? 4 : 6, octets: parsed.toByteArray(), prefix: bits };
}

/** The six octets of a station's hardware address, `02:00:5e:00:53:01`; throws for anything else. */
export function parseMac(name: string, text: unknown): Uint8Array {
  const octets = typeof text === 'string' ? text.split(/[:-]/) : [];
  const good = octets.length === 6 && octets.every((octet) => /^[0-9a-f]{1,2}$/i.test(octet));
  const parsed = Uint8Array.from(octets, (octet) => Number.parseInt(octet, 16));
  // IEEE 802 §8.2: the lowest bit of the first octet says that it is a group's.
  if (good && ((parsed[0] as number) & 1) === 0 && parsed.some((octet) => octet !== 0))
    return parsed;
  throw invalid(name, text, 'write the address of one station, such as 02:00:5e:00:53:01');
}

/** Throws unless `mtu` is one that IPv4 can work with: RFC 791 §3.1, at least 68. */
export function checkMtu(mtu: unknown): asserts mtu is number {
  checkInteger('mtu', mtu, 68, 65_535);
}
