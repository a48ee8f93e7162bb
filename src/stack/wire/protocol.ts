/**
 * Protocol numbers: what a network header of either version says of what follows it. RFC 791 §3.1,
 * "Protocol"; RFC 8200 §3, "Next Header"; one registry for both (RFC 5237).
 * @module
 */

/** The protocols that the stack speaks itself. */
export const Protocol = { ICMP: 1, IGMP: 2, TCP: 6, UDP: 17, ICMPV6: 58 } as const;
