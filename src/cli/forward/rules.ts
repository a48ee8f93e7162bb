/**
 * Rules for flows: which destinations are let through. `CIDR[:PORT[-PORT]][/tcp|udp]`, such as
 * `10.0.0.0/8`, `0.0.0.0/0:80-443/tcp` or `9.9.9.9:53`.
 *
 * The first rule that fits decides. What fits none is let through, unless there is a rule that allows
 * something: then it is not.
 * @module
 */
import { InvalidArgumentError } from 'commander';
import { asBits, parseAddress } from '../values.ts';

export interface Rule {
  readonly allow: boolean;
  /** Of the destination: the first address and the last. */
  readonly first: number;
  readonly last: number;
  readonly firstPort: number;
  readonly lastPort: number;
  /** Undefined: both. */
  readonly protocol: 'tcp' | 'udp' | undefined;
}

const FORM = /^([\d.]+)(?:\/(\d{1,2}))?(?::(\d{1,5})(?:-(\d{1,5}))?)?(?:\/(tcp|udp))?$/;

/** Read a rule. Throws what commander tells people. */
export function parseRule(text: string, allow: boolean): Rule {
  const [, address = '', bits = '32', low = '0', high, protocol] = FORM.exec(text) ?? [];
  const prefix = Number(bits);
  const firstPort = Number(low);
  const lastPort = high === undefined ? (low === '0' ? 65_535 : firstPort) : Number(high);
  if (address === '' || prefix > 32 || lastPort > 65_535 || firstPort > lastPort) {
    throw new InvalidArgumentError(
      'Give CIDR[:PORT[-PORT]][/tcp|udp], such as 10.0.0.0/8 or 0.0.0.0/0:80-443/tcp.',
    );
  }
  const size = 2 ** (32 - prefix);
  const bitsOf = asBits(parseAddress(address));
  const first = bitsOf - (bitsOf % size);
  return {
    ...{ allow, first, last: first + size - 1, firstPort, lastPort },
    protocol: protocol as Rule['protocol'],
  };
}

/** True if a flow to this address and port is let through. */
export function isAllowed(
  rules: readonly Rule[],
  protocol: 'tcp' | 'udp',
  address: string,
  port: number,
): boolean {
  const bits = asBits(address);
  const fits = (rule: Rule): boolean =>
    (rule.protocol === undefined || rule.protocol === protocol) &&
    bits >= rule.first &&
    bits <= rule.last &&
    port >= rule.firstPort &&
    port <= rule.lastPort;
  return rules.find(fits)?.allow ?? !rules.some((rule) => rule.allow);
}
