/**
 * The octets of an IPv6 address as text, and nothing about what stands for them elsewhere. RFC 5952 §4.
 * @module
 */

/** Of 16 bits each. RFC 4291 §2.2. */
const GROUPS = 8;

/**
 * The 16 octets at `at` in RFC 5952's form: lower case, no leading zeros, the longest run of zeros (the first
 * of equals, never a single one) as `::`. Addresses that hold one of IPv4 (`::ffff:0:0/96`, RFC 4291 §2.5.5.2)
 * end in dotted decimal (§5). Allocates.
 */
export function formatOctets(octets: Uint8Array, at = 0): string {
  const groups: number[] = [];
  for (let i = 0; i < GROUPS; i++) {
    // The 16 octets are there.
    groups.push(((octets[at + 2 * i] as number) << 8) | (octets[at + 2 * i + 1] as number));
  }
  if (isMapped(groups)) return `::ffff:${octets.subarray(at + 12, at + 16).join('.')}`;
  const [from, length] = longestZeros(groups);
  const text = groups.map((group) => group.toString(16));
  if (length < 2) return text.join(':');
  return `${text.slice(0, from).join(':')}::${text.slice(from + length).join(':')}`;
}

const isMapped = (groups: readonly number[]): boolean =>
  groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);

/** Where the longest run of zeros begins, the first of equals, and how long it is. */
function longestZeros(groups: readonly number[]): readonly [from: number, length: number] {
  let from = 0;
  let length = 0;
  let run = 0;
  for (let i = 0; i < groups.length; i++) {
    run = groups[i] === 0 ? run + 1 : 0;
    if (run <= length) continue;
    length = run;
    from = i - run + 1;
  }
  return [from, length];
}
