/**
 * Ethernet header and VLAN tag, read and written in place. IEEE 802.3 §3.2; IEEE 802.1Q §9.6; RFC 894.
 *
 * A hardware address of 48 bits is two numbers: its first 16 bits, `hi`, and its last 32 bits, `lo`,
 * signed. So one is compared, kept and hashed without an object. The frame check sequence is the
 * hardware's and never seen here.
 *
 * Ask `valid` first; after a yes no accessor of the header can reach outside the frame, and `isTagged`
 * says whether those of the tag may be used.
 * @module
 */

const AT = { destination: 0, source: 6, type: 12, tag: 14, taggedType: 16 } as const;

/** Destination, source and type. */
export const HEADER_LEN = 14;
/** What a VLAN tag adds. */
export const TAG_LEN = 4;
/** The least that a frame has without its check sequence; what is shorter is padded. IEEE 802.3 §3.2.8. */
export const MIN_FRAME = 60;

/** What stands behind the header; IEEE 802 Numbers of the IANA. */
export const EtherType = {
  IPV4: 0x0800,
  ARP: 0x0806,
  /** IEEE 802.1Q: a tag follows. */
  VLAN: 0x8100,
  IPV6: 0x86dd,
  /** IEEE 802.1ad: a provider's tag follows. */
  PROVIDER_VLAN: 0x88a8,
} as const;

/** Of the 12 bits of a tag: 1 to 4094 are VLANs, 0 is priority alone, 4095 is reserved. */
export const MAX_VLAN = 4094;

/** All ones: everyone on the link. */
export const BROADCAST_HI = 0xffff;
/** Of the address of all stations: the last 32 bits, signed. */
export const BROADCAST_LO = -1;

/** True if `len` bytes hold the header, and the tag that it announces with the type behind it. */
export function valid(v: DataView, at: number, len: number): boolean {
  if (len < HEADER_LEN) return false;
  return v.getUint16(at + AT.type) !== EtherType.VLAN || len >= HEADER_LEN + TAG_LEN;
}

/** The first 16 bits of the destination. */
export const destinationHi = (v: DataView, at: number): number => v.getUint16(at);
/** The other 32 bits, signed. */
export const destinationLo = (v: DataView, at: number): number => v.getInt32(at + 2);
/** The first 16 bits of the source. */
export const sourceHi = (v: DataView, at: number): number => v.getUint16(at + AT.source);
/** The other 32 bits, signed. */
export const sourceLo = (v: DataView, at: number): number => v.getInt32(at + AT.source + 2);

/** The type as it stands there, `EtherType.VLAN` if there is a tag; below 1536 it is a length. */
export const outerType = (v: DataView, at: number): number => v.getUint16(at + AT.type);
/** Whether a VLAN’s tag follows the addresses. IEEE 802.1Q §9. */
export const isTagged = (v: DataView, at: number): boolean => outerType(v, at) === EtherType.VLAN;
/** The VLAN of a tagged frame, 0 to 4095. */
export const vlan = (v: DataView, at: number): number => v.getUint16(at + AT.tag) & 0xfff;
/** Priority (three bits) and drop eligibility of a tagged frame. */
export const priority = (v: DataView, at: number): number => v.getUint16(at + AT.tag) >>> 12;

/** The type behind a tag, if there is one. */
export const type = (v: DataView, at: number): number =>
  v.getUint16(at + (isTagged(v, at) ? AT.taggedType : AT.type));
/** Where the payload begins. */
export const payload = (v: DataView, at: number): number =>
  at + (isTagged(v, at) ? HEADER_LEN + TAG_LEN : HEADER_LEN);

/** True for what is meant for several: the lowest bit of the first octet. IEEE 802 §8.2. */
export const isGroup = (hi: number): boolean => (hi & 0x0100) !== 0;
/** Whether the address is that of all stations. */
export const isBroadcast = (hi: number, lo: number): boolean =>
  hi === BROADCAST_HI && lo === BROADCAST_LO;
/** 01-80-C2-00-00-00 to -0F: between neighbours, never through a bridge. IEEE 802.1Q §8.6.3. */
export const isReserved = (hi: number, lo: number): boolean =>
  hi === 0x0180 && (lo & ~0xf) === (0xc200_0000 | 0);

/** The header without a tag. */
export function write(
  v: DataView,
  at: number,
  destinationHi: number,
  destinationLo: number,
  sourceHi: number,
  sourceLo: number,
  type: number,
): void {
  v.setUint16(at, destinationHi);
  v.setInt32(at + 2, destinationLo);
  v.setUint16(at + AT.source, sourceHi);
  v.setInt32(at + AT.source + 2, sourceLo);
  v.setUint16(at + AT.type, type);
}

/** Put a tag behind addresses that stand at `at`, four bytes further to the front than they did. */
export function writeTag(v: DataView, at: number, vlan: number, priority: number): void {
  v.setUint16(at + AT.type, EtherType.VLAN);
  v.setUint16(at + AT.tag, (priority << 12) | vlan);
}

/** The type behind the tag of a frame that begins at `at`. */
export const writeTaggedType = (v: DataView, at: number, type: number): void =>
  v.setUint16(at + AT.taggedType, type);

const FORM = /^([0-9a-f]{1,2})([:-][0-9a-f]{1,2}){5}$/i;

/** `02:00:5e:00:53:01`. */
export function format(hi: number, lo: number): string {
  const octets = [hi >>> 8, hi, lo >>> 24, lo >>> 16, lo >>> 8, lo];
  return octets.map((octet) => (octet & 0xff).toString(16).padStart(2, '0')).join(':');
}

/** The two numbers of an address in colons or hyphens; undefined if it is none. */
export function parse(text: string): { readonly hi: number; readonly lo: number } | undefined {
  if (!FORM.test(text)) return undefined;
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = text
    .split(/[:-]/)
    .map((octet) => Number.parseInt(octet, 16));
  return { hi: (a << 8) | b, lo: (c << 24) | (d << 16) | (e << 8) | f };
}
