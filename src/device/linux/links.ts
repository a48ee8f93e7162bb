/**
 * What the routing socket does for the interfaces of this network namespace: notice of their changes
 * (group RTNLGRP_LINK), and what the ioctls refuse to those who are root only of their user namespace.
 * rtnetlink(7), `linux/if_link.h`.
 *
 * One socket serves all devices of an environment. What has changed is not read from the message: who
 * listens asks the kernel what it wants to know, so a notice that was lost does no harm.
 * @module
 */
import { endianness } from 'node:os';
import { AF, type Libc, O, Pinned, SOCK } from './libc.ts';
import { attributes, BODY_AT, dump, number, ROUTE, request } from './netlink.ts';
import { Watch } from './readiness.ts';

const LITTLE = endianness() === 'LE';
/** struct ifinfomsg, and behind it one struct rtattr. */
const LINK = { index: BODY_AT + 4 } as const;
const ATTRIBUTE = { length: BODY_AT + 16, type: BODY_AT + 18, value: BODY_AT + 20 } as const;
/** struct ifaddrmsg, and behind it one struct rtattr. */
const IFADDR = {
  family: BODY_AT,
  prefix: BODY_AT + 1,
  flags: BODY_AT + 2,
  index: BODY_AT + 4,
} as const;
const ADDRESS_OF = { length: BODY_AT + 8, type: BODY_AT + 10, value: BODY_AT + 12 } as const;
const IFA_LOCAL = 2;
const IFA_F_NODAD = 2;
const RTM_NEWADDR = 20;
const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const IFINFOMSG_SIZE = 16;
const IFLA_MASTER = 10;
const IFLA_TXQLEN = 13;
/** struct sockaddr_nl, and the bit of the group. */
const ADDRESS = { family: 0, groups: 8, size: 12 } as const;
const RTMGRP_LINK = 1;
/** How often it is asked where there is no such socket, in ms. */
const PERIOD = 1000;

const listeners = new Set<() => void>();
let end: (() => void) | undefined;

/** Set the queue of the interface with this index; 0, or the number of the error. */
export const setTxQueueLength = (libc: Libc, index: number, packets: number): number =>
  setNumber(libc, index, IFLA_TXQLEN, packets);

/** Make the interface a port of the bridge with the index `bridge`; 0, or the number of the error. */
export const setMaster = (libc: Libc, index: number, bridge: number): number =>
  setNumber(libc, index, IFLA_MASTER, bridge);

/**
 * Give the interface with this index an address of IPv6, which is good at once: on a link whose other end is this
 * process there is nobody whom the kernel would have to ask first, for a second or two. Who comes there asks the kernel
 * (RFC 4862 §5.4). 0, or the number of the error.
 */
export function addAddress6(
  libc: Libc,
  index: number,
  octets: readonly number[],
  prefix: number,
): number {
  return request(libc, RTM_NEWADDR, (view) => {
    view.setUint8(IFADDR.family, AF.INET6);
    view.setUint8(IFADDR.prefix, prefix);
    view.setUint8(IFADDR.flags, IFA_F_NODAD);
    view.setInt32(IFADDR.index, index, LITTLE);
    view.setUint16(ADDRESS_OF.length, 4 + octets.length, LITTLE);
    view.setUint16(ADDRESS_OF.type, IFA_LOCAL, LITTLE);
    octets.forEach((octet, i) => {
      view.setUint8(ADDRESS_OF.value + i, octet);
    });
    return ADDRESS_OF.value + octets.length;
  });
}

/** The index of the bridge that the interface with this index is a port of; 0: of none. */
export function masterOf(libc: Libc, index: number): number {
  let master = 0;
  dump(libc, RTM_GETLINK, IFINFOMSG_SIZE, (view, at, end) => {
    if (view.getInt32(at + 4, LITTLE) !== index) return;
    for (const attribute of attributes(view, at + IFINFOMSG_SIZE, end)) {
      if (attribute.type === IFLA_MASTER) master = number(view, attribute);
    }
  });
  return master;
}

function setNumber(libc: Libc, index: number, attribute: number, value: number): number {
  return request(libc, RTM_NEWLINK, (view) => {
    view.setInt32(LINK.index, index, LITTLE);
    view.setUint16(ATTRIBUTE.length, 8, LITTLE);
    view.setUint16(ATTRIBUTE.type, attribute, LITTLE);
    view.setUint32(ATTRIBUTE.value, value, LITTLE);
    return ATTRIBUTE.value + 4;
  });
}

/**
 * Call `changed` when an interface may have changed, until what this gives is called. It keeps no
 * process alive. `inLoop`: the event loop can be given a descriptor.
 */
export function onLinkChange(libc: Libc, inLoop: boolean, changed: () => void): () => void {
  listeners.add(changed);
  end ??= (inLoop ? watchSocket(libc) : undefined) ?? askOften();
  return () => {
    listeners.delete(changed);
    if (listeners.size > 0) return;
    end?.();
    end = undefined;
  };
}

function tellAll(): void {
  for (const changed of listeners) changed();
}

function askOften(): () => void {
  const timer = setInterval(tellAll, PERIOD).unref();
  return () => clearInterval(timer);
}

/** Undefined where the socket is refused, as by a sandbox. */
function watchSocket(libc: Libc): (() => void) | undefined {
  const fd = libc.socket(AF.NETLINK, SOCK.RAW | SOCK.CLOEXEC | O.NONBLOCK, ROUTE);
  if (fd < 0) return undefined;
  try {
    const { view, address } = new Pinned(libc, new Uint8Array(128));
    view.setUint16(ADDRESS.family, AF.NETLINK, LITTLE);
    view.setUint32(ADDRESS.groups, RTMGRP_LINK, LITTLE);
    if (libc.bind(fd, address, ADDRESS.size) < 0) return undefined;
    const watch = new Watch(libc, fd, {});
    watch.reference(false);
    watch.start(
      () => {
        watch.take();
        tellAll();
      },
      () => {
        // More notices than the socket holds (ENOBUFS): begin anew.
        end = listeners.size > 0 ? (watchSocket(libc) ?? askOften()) : undefined;
        tellAll();
      },
    );
    return () => void watch.stop();
  } finally {
    libc.close(fd); // the event loop has its own, which ends with a worker
  }
}
