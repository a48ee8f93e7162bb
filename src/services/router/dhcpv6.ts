/**
 * Stateless DHCPv6: guests that have made their own addresses ask what else there is to know. RFC 8415 §18.3.6,
 * RFC 3646 for names. Addresses are not lent: router advertisements give those.
 * @module
 */
import type { DgramSocket, Stack } from '../../index.ts';
import { labels, octets } from './advertiser.ts';

/** What guests are told. */
export interface Dhcpv6Options {
  /** Servers of names, addresses of IPv6. */
  readonly dns?: readonly string[];
  /** Domains to look names up in. */
  readonly search?: readonly string[];
}

const SERVER_PORT = 547;
const CLIENT_PORT = 546;
/** All_DHCP_Relay_Agents_and_Servers: RFC 8415 §7.1. */
const SERVERS = 'ff02::1:2';
const Message = { REPLY: 7, INFORMATION_REQUEST: 11 } as const;
const Option = { CLIENT_ID: 1, SERVER_ID: 2, DNS: 23, SEARCH: 24 } as const;
/** RFC 8415 §11.4: a DUID that is a hardware address; of Ethernet. */
const DUID_LL = [0, 3, 0, 1];

/** Answers until `close`. */
export class Dhcpv6Server {
  /** Settles when it answers; rejects if port 547 is taken. */
  readonly ready: Promise<void>;
  /** Questions that were answered, and datagrams that were none. */
  readonly stats = { answered: 0, malformed: 0 };
  readonly #socket: DgramSocket;
  readonly #serverId: readonly number[];
  readonly #told: readonly number[];

  /** Not for use from outside: `createDhcpv6Server` makes these. */
  constructor(stack: Stack, { dns = [], search = [] }: Dhcpv6Options) {
    const mac = stack.hardwareAddress() ?? '02:00:00:00:00:00';
    this.#serverId = [...DUID_LL, ...mac.split(':').map((octet) => Number.parseInt(octet, 16))];
    const servers = dns.flatMap((server) => octets('dns', server));
    this.#told = [
      ...(servers.length > 0 ? option(Option.DNS, servers) : []),
      ...(search.length > 0 ? option(Option.SEARCH, search.flatMap(labels)) : []),
    ];
    const socket = stack.dgram.createSocket('udp6');
    this.#socket = socket;
    socket.on('message', (bytes: Uint8Array, from: { address: string; port: number }) => {
      this.#take(bytes, from.address);
    });
    this.ready = new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(SERVER_PORT, () => {
        socket.off('error', reject);
        socket.on('error', () => {}); // of an answer: the guest asks again
        socket.addMembership(SERVERS);
        resolve();
      });
    });
  }

  /** Answer no more. */
  close(): void {
    this.#socket.close();
  }

  #take(bytes: Uint8Array, from: string): void {
    const clientId = clientOf(bytes);
    if (clientId === undefined) {
      this.stats.malformed++;
      return;
    }
    const reply = Uint8Array.from([
      ...[Message.REPLY, ...bytes.subarray(1, 4)],
      ...(clientId.length > 0 ? option(Option.CLIENT_ID, clientId) : []),
      ...option(Option.SERVER_ID, this.#serverId),
      ...this.#told,
    ]);
    this.stats.answered++;
    this.#socket.send(reply, CLIENT_PORT, from);
  }
}

/**
 * Answer what guests of a stack's link ask by DHCPv6. Throws a `TypeError` with `ERR_INVALID_ARG_VALUE` for what
 * cannot be meant. RFC 8415 §18.3.6.
 */
export const createDhcpv6Server = (stack: Stack, options: Dhcpv6Options = {}): Dhcpv6Server =>
  new Dhcpv6Server(stack, options);

const option = (code: number, value: readonly number[]): number[] => [
  ...[code >> 8, code & 255, value.length >> 8, value.length & 255, ...value],
];

/** The identifier of who asks for information, or nothing if it has none; undefined: it is no such question. */
function clientOf(bytes: Uint8Array): number[] | undefined {
  if (bytes.length < 4 || bytes[0] !== Message.INFORMATION_REQUEST) return undefined;
  const v = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 4; at < bytes.length; ) {
    if (at + 4 > bytes.length) return undefined;
    const length = v.getUint16(at + 2);
    if (at + 4 + length > bytes.length) return undefined;
    // RFC 8415 §16.12: who asks one server by name, or for addresses, asks otherwise.
    if (v.getUint16(at) === Option.CLIENT_ID) {
      return length <= 130 ? [...bytes.subarray(at + 4, at + 4 + length)] : undefined;
    }
    at += 4 + length;
  }
  return [];
}
