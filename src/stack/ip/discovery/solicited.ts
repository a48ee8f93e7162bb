/**
 * Solicited-node groups: where who has an address listens for those who ask for it, so that a question wakes
 * few. RFC 4291 §2.7.1.
 * @module
 */
import { type Address, fromWords, wordOf } from '../../base/address.ts';

/** ff02::1:ff00:0/104, with the last 24 bits of the address. */
export const solicitedNode = (address: Address): Address =>
  fromWords(0xff02_0000, 0, 1, 0xff00_0000 | (wordOf(address, 3) & 0xff_ffff));
