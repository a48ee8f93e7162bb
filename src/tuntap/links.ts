/**
 * The TUN and TAP interfaces of this network namespace, as the kernel describes them: RTM_GETLINK of
 * rtnetlink(7), and IFLA_TUN_* of `linux/if_link.h`.
 *
 * sysfs has the same and one thing more, but it shows the namespace that it was mounted in.
 * @module
 */
import { readFileSync } from 'node:fs';
import { endianness } from 'node:os';
import { Iff } from '../device/linux/ioctl.ts';
import type { Libc } from '../device/linux/libc.ts';
import { type Attribute, attributes, dump, number, text } from '../device/linux/netlink.ts';

const RTM_GETLINK = 18;
/** `struct ifinfomsg`; the interface's index is at 4. */
const IFINFOMSG = { index: 4, size: 16 } as const;
const Ifla = { IFNAME: 3, LINKINFO: 18 } as const;
const IflaInfo = { KIND: 1, DATA: 2 } as const;
const IflaTun = {
  OWNER: 1,
  GROUP: 2,
  TYPE: 3,
  PI: 4,
  VNET_HDR: 5,
  PERSIST: 6,
  MULTI_QUEUE: 7,
} as const;
const LITTLE = endianness() === 'LE';

/** A TUN or TAP interface. */
export interface TuntapLink {
  /** Up to 15 bytes. */
  readonly name: string;
  /** The kernel's number for it, 1 or more. */
  readonly index: number;
  /** Flags of `linux/if_tun.h`, as sysfs has them in `tun_flags`. */
  readonly flags: number;
  /** The user who may attach to it; undefined: only who has CAP_NET_ADMIN. */
  readonly user: number | undefined;
  /** The group whose members may. */
  readonly group: number | undefined;
}

/** All of them, in the kernel's order. Throws a `DeviceError`. */
export function readLinks(libc: Libc): TuntapLink[] {
  const links: TuntapLink[] = [];
  dump(libc, RTM_GETLINK, IFINFOMSG.size, (view, at, end) => {
    const link = readLink(view, at, end);
    if (link !== undefined) links.push(withUnlisted(link));
  });
  return links;
}

/** The interface that one RTM_NEWLINK message describes; undefined if it is of another kind. */
export function readLink(view: DataView, at: number, end: number): TuntapLink | undefined {
  let name = '';
  let kind = '';
  let data: Attribute | undefined;
  for (const attribute of attributes(view, at + IFINFOMSG.size, end)) {
    if (attribute.type === Ifla.IFNAME) name = text(view, attribute);
    if (attribute.type !== Ifla.LINKINFO) continue;
    for (const info of attributes(view, attribute.at, attribute.at + attribute.length)) {
      if (info.type === IflaInfo.KIND) kind = text(view, info);
      if (info.type === IflaInfo.DATA) data = info;
    }
  }
  if (kind !== 'tun' || data === undefined) return undefined;
  let flags = Iff.NO_PI;
  let user: number | undefined;
  let group: number | undefined;
  for (const fact of attributes(view, data.at, data.at + data.length)) {
    const value = number(view, fact);
    if (fact.type === IflaTun.OWNER) user = value;
    else if (fact.type === IflaTun.GROUP) group = value;
    else if (fact.type === IflaTun.TYPE) flags |= value;
    else if (fact.type === IflaTun.PI && value !== 0) flags &= ~Iff.NO_PI;
    else if (fact.type === IflaTun.VNET_HDR && value !== 0) flags |= Iff.VNET_HDR;
    else if (fact.type === IflaTun.PERSIST && value !== 0) flags |= Iff.PERSIST;
    else if (fact.type === IflaTun.MULTI_QUEUE && value !== 0) flags |= Iff.MULTI_QUEUE;
  }
  return { name, index: view.getInt32(at + IFINFOMSG.index, LITTLE), flags, user, group };
}

/** What netlink does not say (`one_queue`, NAPI), where sysfs is that of this namespace. */
function withUnlisted(link: TuntapLink): TuntapLink {
  try {
    const folder = `/sys/class/net/${link.name}`;
    const index = Number(readFileSync(`${folder}/ifindex`, 'utf8'));
    const flags = Number(readFileSync(`${folder}/tun_flags`, 'utf8'));
    const listed = Iff.TUN | Iff.TAP | Iff.NO_PI | Iff.VNET_HDR | Iff.PERSIST | Iff.MULTI_QUEUE;
    return index === link.index && (flags & listed) === link.flags ? { ...link, flags } : link;
  } catch {
    return link; // another namespace's sysfs, or none: netlink has said what there is to say
  }
}
