/**
 * Addresses of both families from text, for tests below `api/`.
 * @module
 */

import { parseLiteral } from '../../../src/stack/api/door/literal.ts';
import { type Address, fromBytes, fromOctets } from '../../../src/stack/base/address.ts';

/** `address('fe80::1', 2)`: of the link-local ones, that on the interface 2. */
export function address(text: string, zone = 0): Address {
  const literal = parseLiteral(text);
  if (literal !== undefined) return fromBytes(literal.octets, 0, zone);
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number);
  return fromOctets(a, b, c, d);
}
