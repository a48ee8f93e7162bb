/**
 * What stands before the packets of a capture, by its link type: draft-ietf-opsawg-pcaplinktype §2.
 * @module
 */

const LinkType = {
  NULL: 0,
  ETHERNET: 1,
  LOOP: 108,
  LINUX_SLL: 113,
  LINUX_SLL2: 276,
} as const;

/** Octets before the IP header, where they are no Ethernet header. */
const SKIPPED: Readonly<Record<number, number>> = {
  [LinkType.NULL]: 4,
  [LinkType.LOOP]: 4,
  [LinkType.LINUX_SLL]: 16,
  [LinkType.LINUX_SLL2]: 20,
};

/** Whether packets begin with an Ethernet header, and how many octets of another one are to be left out. */
export const linkOf = (type: number): { readonly isFrame: boolean; readonly skip: number } => ({
  isFrame: type === LinkType.ETHERNET,
  skip: SKIPPED[type] ?? 0,
});
