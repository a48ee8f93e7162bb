/**
 * What everyone above must know of an address's family, and what differs between them: IPv4, RFC 791.
 * @module
 */
import type { Address } from '../base/address.ts';
import * as icmp from '../wire/icmp.ts';
import * as ipv4 from '../wire/ipv4.ts';

/** Bytes of the network header of packets to `_destination` that we make ourselves. */
export const headerLength = (_destination: Address): number => ipv4.MIN_LEN;

/** The most bytes that can follow the network header of a packet to `_destination`, fragments included. */
export const bodyLimit = (_destination: Address): number => ipv4.MAX_TOTAL_LEN - ipv4.MIN_LEN;

/** The longest text of an echo. */
export const MAX_ECHO: number = ipv4.MAX_TOTAL_LEN - ipv4.MIN_LEN - icmp.MIN_LEN;
