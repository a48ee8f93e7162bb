/**
 * IPv4 options: walked and ignored, but a source route is refused, for nobody uses one in good faith.
 * RFC 1122 §3.2.1.8, RFC 7126 §4.3 and §4.4.
 * @module
 */
import { Drop } from '../../base/drop.ts';
import * as ipv4 from '../../wire/ipv4.ts';

/** RFC 791 §3.1: an option with this bit goes into every fragment, others into the first only. */
const COPIED = 0x80;

/** What is wrong with the options of the header at `at`. */
export function check(v: DataView, at: number): Drop {
  let option = ipv4.firstOption(v, at);
  for (; option >= 0; option = ipv4.nextOption(v, at, option)) {
    const kind = ipv4.optionKind(v, option);
    if (kind === ipv4.Option.LOOSE_SOURCE_ROUTE || kind === ipv4.Option.STRICT_SOURCE_ROUTE) {
      return Drop.IP_SOURCE_ROUTE;
    }
  }
  return option === ipv4.BAD_OPTION ? Drop.IP_OPTIONS : Drop.NONE;
}

/** The header at `from`, with the options that belong into this fragment, at `to`: its length. */
export function copyHeader(
  b: Uint8Array,
  v: DataView,
  from: number,
  to: number,
  first: boolean,
): number {
  const all = ipv4.headerLen(v, from);
  if (first || all === ipv4.MIN_LEN) {
    b.copyWithin(to, from, from + all);
    return all;
  }
  b.copyWithin(to, from, from + ipv4.MIN_LEN);
  let end = to + ipv4.MIN_LEN;
  for (let o = ipv4.firstOption(v, from); o >= 0; o = ipv4.nextOption(v, from, o)) {
    if ((ipv4.optionKind(v, o) & COPIED) === 0) continue;
    const length = ipv4.optionLen(v, o);
    b.copyWithin(end, o, o + length);
    end += length;
  }
  while (((end - to) & 3) !== 0) v.setUint8(end++, ipv4.Option.END);
  ipv4.setHeaderLen(v, to, end - to);
  return end - to;
}
