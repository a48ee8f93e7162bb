/**
 * Values as people type them: checked, and refused with words that say what would be right.
 * @module
 */
import { isIP, isIPv6 } from 'node:net';
import { InvalidArgumentError, Option } from 'commander';
import ipaddr from 'ipaddr.js';
import { type Rule, parseRule as readRule } from '../services.ts';

const LONGEST_NAME = 15; // IFNAMSIZ, less the closing zero

/** A number as people write it: no hexadecimal, no spaces, no empty text. */
export function numberFrom(text: string, least: number, most: number, whole: boolean): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most) || (whole && !Number.isInteger(value))) {
    const kind = whole ? 'a whole number' : 'a number';
    throw new InvalidArgumentError(`Give ${kind} from ${least} to ${most}.`);
  }
  return value;
}

export function parseName(text: string): string {
  if (Buffer.byteLength(text) > LONGEST_NAME) {
    throw new InvalidArgumentError(`A device's name has at most ${LONGEST_NAME} bytes.`);
  }
  if (text === '' || text === '.' || text === '..' || /[\s/:]/.test(text)) {
    throw new InvalidArgumentError('A device is named without spaces, slashes and colons.');
  }
  return text;
}

export function parseAddress(text: string): string {
  if (!ipaddr.IPv4.isValidFourPartDecimal(text)) {
    throw new InvalidArgumentError('Give an IPv4 address, such as 10.83.0.2.');
  }
  return text;
}

/** Of either family; one of this host's, and so without a zone. */
export function parseAnyAddress(text: string): string {
  if (isIP(text) !== 0 && !text.includes('%')) return text;
  throw new InvalidArgumentError('Give an address, such as 192.0.2.1 or 2001:db8::1.');
}

/** Collects `--from`: one address of each family. */
export function parseFrom(text: string, before: readonly string[] = []): readonly string[] {
  const from = parseAnyAddress(text);
  if (before.every((one) => isIP(one) !== isIP(from))) return [...before, from];
  throw new InvalidArgumentError('Give one address of each family.');
}

/** `none` is false. */
export const parseCidrOrNone = (text: string): string | false => text !== 'none' && parseCidr(text);

export function parseCidr(text: string): string {
  const [address = '', bits = ''] = text.split('/');
  const good = ipaddr.IPv4.isValidFourPartDecimal(address) && /^\d{1,2}$/.test(bits);
  if (!good || text.split('/').length !== 2 || Number(bits) < 1 || Number(bits) > 31) {
    throw new InvalidArgumentError(
      'Give an IPv4 address and a prefix of 1 to 31 bits: 10.83.0.1/24.',
    );
  }
  return text;
}

export function parseAddress6(text: string): string {
  if (!isIPv6(text) || text.includes('%')) {
    throw new InvalidArgumentError('Give an IPv6 address, such as fd83::2.');
  }
  return text;
}

/** `none` is false. */
export function parseCidr6(text: string): string | false {
  if (text === 'none') return false;
  const [address = '', bits = ''] = text.split('/');
  const good = isIPv6(address) && !address.includes('%') && /^\d{1,3}$/.test(bits);
  if (!good || text.split('/').length !== 2 || Number(bits) < 1 || Number(bits) > 126) {
    throw new InvalidArgumentError(
      'Give an IPv6 address and a prefix of 1 to 126 bits, fd83::1/64, or none.',
    );
  }
  return text;
}

/** An address as a number from 0 to 2^32 - 1, and back. */
export const asBits = (address: string): number =>
  ipaddr.IPv4.parse(address).octets.reduce((bits, octet) => bits * 256 + octet, 0);

export const asText = (bits: number): string =>
  [bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255].join('.');

/** A rule for flows. */
export function parseRule(text: string, allow: boolean, proxy: boolean = false): Rule {
  try {
    return readRule(text, allow, proxy);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

/** How many of something; all of them, until it is interrupted, where it is not given. */
export function countOption(flags: string, description: string, most: number): Option {
  return new Option(flags, description)
    .argParser((text) => numberFrom(text, 1, most, true))
    .default(Number.POSITIVE_INFINITY, 'until it is interrupted');
}
