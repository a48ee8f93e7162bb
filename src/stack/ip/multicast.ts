/**
 * Multicast groups: which of them each interface listens to. RFC 1112 §7, RFC 4291 §2.8.
 *
 * Routers are told by IGMP and MLD, which listen to `onChange`.
 * @module
 */
import {
  type Address,
  ALL_NODES,
  drop,
  fromOctets,
  hold,
  isIPv6,
  isMulticast,
} from '../base/address.ts';
import type { Interface } from './interface.ts';

/** 224.0.0.1: every host, always. RFC 1112 §4. */
export const ALL_HOSTS: Address = fromOctets(224, 0, 0, 1);

/** The most groups that one interface listens to. */
const GROUP_LIMIT = 1024;

export class Multicast {
  /** A group of IPv4 got its first listener on an interface, or lost its last. */
  onChange: ((iface: Interface, group: Address, joined: boolean) => void) | null = null;
  /** The same of IPv6. */
  onChange6: ((iface: Interface, group: Address, joined: boolean) => void) | null = null;

  readonly #interfaces: readonly Interface[];

  /** `interfaces`: all of them; shared with who adds to it. */
  constructor(interfaces: readonly Interface[]) {
    this.#interfaces = interfaces;
  }

  /**
   * True if packets to `group` are taken in from `iface`. What we send to a group comes back by the
   * loopback interface, for the members on any.
   */
  isMember(iface: Interface, group: Address): boolean {
    if (group === ALL_HOSTS || group === ALL_NODES || iface.groups.has(group)) return true;
    return iface.isLoopback && this.#interfaces.some((i) => i.groups.has(group));
  }

  /** One listener more. False if `group` is none, or if there are too many. */
  join(iface: Interface, group: Address): boolean {
    if (!isMulticast(group)) return false;
    const listeners = iface.groups.get(group) ?? 0;
    if (listeners === 0 && iface.groups.size >= GROUP_LIMIT) return false;
    iface.groups.set(group, listeners + 1);
    if (listeners === 0) hold(group);
    if (listeners === 0) this.#tell(iface, group, true);
    return true;
  }

  /** One listener less. False if there was none. */
  leave(iface: Interface, group: Address): boolean {
    const listeners = iface.groups.get(group);
    if (listeners === undefined) return false;
    if (listeners > 1) {
      iface.groups.set(group, listeners - 1);
      return true;
    }
    iface.groups.delete(group);
    this.#tell(iface, group, false);
    drop(group);
    return true;
  }

  #tell(iface: Interface, group: Address, joined: boolean): void {
    if (isIPv6(group)) this.onChange6?.(iface, group, joined);
    else this.onChange?.(iface, group, joined);
  }
}
