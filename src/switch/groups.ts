/**
 * Who listens to which group: IGMP and MLD are overheard, and what is for a group goes to those ports alone
 * that have said so, and to routers. RFC 4541; the times are RFC 3376 §8's.
 *
 * Without a router that asks, nobody says twice what it listens to: then everyone gets everything, as
 * without snooping.
 *
 * Groups are told apart by their hardware address, as RFC 4541 §2.1.2 allows. A port's place in a group is an
 * entry in a table of fixed size that ages.
 * @module
 */
import * as ethernet from '../stack/wire/ethernet.ts';
import { Chain, Found, walk } from '../stack/wire/extension.ts';
import * as igmp from '../stack/wire/igmp.ts';
import * as ipv4 from '../stack/wire/ipv4.ts';
import * as mld from '../stack/wire/mld.ts';
import { Protocol } from '../stack/wire/protocol.ts';
import type { Frame } from './frame.ts';
import { Stations, UNKNOWN } from './stations.ts';

const SECOND = 1_000_000;
/** RFC 3376 §8.4: how long a membership holds, and §8.8: how soon one that is left ends. */
const MEMBERSHIP = 260 * SECOND;
const LAST_MEMBER = 2 * SECOND;
/** RFC 3376 §8.5: how long a router is taken to be there. */
const ROUTER = 255 * SECOND;
/** Entries in all, and of one port. */
const ENTRIES = 4096;
const ENTRIES_EACH = 512;
const IPV6_HEADER = 40;
/** What a frame to a group is to those who snoop. */
export const Audience = {
  /** Everyone hears it. */
  ALL: 0,
  /** Those who have joined, and routers. */
  MEMBERS: 1,
  /** Routers alone. */
  ROUTERS: 2,
} as const;
export type Audience = (typeof Audience)[keyof typeof Audience];

/** In a key beside a port's number: a group of IPv6. */
const V6 = 0x1000;

export class Groups {
  readonly #entries: Stations;
  /** Until when there is a router at each port. */
  readonly #routers: Float64Array;
  /** Until when there is one at all: of IPv4, of IPv6. */
  readonly #asked: Float64Array = new Float64Array(2);
  readonly #chain = new Chain();

  constructor(ports: number, secret: number) {
    this.#entries = new Stations(ENTRIES, ports, MEMBERSHIP, secret);
    this.#routers = new Float64Array(ports);
  }

  /** Look at a frame to a group that came from `port`, and say who is to have it. */
  audience(frame: Frame, port: number, now: number): Audience {
    const { view: v, start, vlan } = frame;
    const hi = ethernet.destinationHi(v, start);
    const type = ethernet.type(v, start);
    const ip = ethernet.payload(v, start);
    const end = frame.at + frame.length;
    if (type === ethernet.EtherType.IPV4 && hi === 0x0100) {
      if (!ipv4.valid(v, ip, end - ip)) return Audience.ALL;
      if (ipv4.protocol(v, ip) === Protocol.IGMP) return this.#igmp(v, ip, end, vlan, port, now);
      // RFC 4541 §2.1.2 (2): 224.0.0.x is everyone's.
      if (v.getInt32(ip + 16) >>> 8 === 0xe0_0000) return Audience.ALL;
      return this.#at(this.#asked, 0) > now ? Audience.MEMBERS : Audience.ALL;
    }
    if (type === ethernet.EtherType.IPV6 && hi === 0x3333) {
      if (end - ip < IPV6_HEADER) return Audience.ALL;
      const found = walk(v, ip, end, this.#chain);
      if (found === Found.UPPER && this.#chain.next === Protocol.ICMPV6) {
        const answer = this.#mld(v, ip, end, vlan, port, now);
        if (answer >= 0) return answer as Audience;
      }
      if (ethernet.destinationLo(v, start) === 1) return Audience.ALL; // ff02::1
      return this.#at(this.#asked, 1) > now ? Audience.MEMBERS : Audience.ALL;
    }
    return Audience.ALL;
  }

  /** Whether what is for `audience` and lies in `frame` leaves by `port`. */
  hears(audience: Audience, frame: Frame, port: number, now: number): boolean {
    if (audience === Audience.ALL || this.#at(this.#routers, port) > now) return true;
    if (audience === Audience.ROUTERS) return false;
    const { view, start, vlan } = frame;
    const family = ethernet.destinationHi(view, start) === 0x3333 ? V6 : 0;
    const lo = ethernet.destinationLo(view, start);
    return this.#entries.find(vlan, family | port, lo, now) !== UNKNOWN;
  }

  /** A port is gone. */
  forget(port: number): void {
    this.#routers[port] = 0;
    this.#entries.forget(port);
  }

  #igmp(v: DataView, ip: number, end: number, vlan: number, port: number, now: number): Audience {
    const at = ip + ipv4.headerLen(v, ip);
    if (end - at < igmp.MIN_LEN) return Audience.ALL;
    switch (igmp.type(v, at)) {
      case igmp.Type.QUERY:
        // RFC 4541 §2.1.1 (1): who asks for others has no address, and is no router.
        this.#router(port, 0, v.getInt32(ip + 12) !== 0, now);
        return Audience.ALL;
      case igmp.Type.REPORT_V1:
      case igmp.Type.REPORT_V2:
        this.#join(0, vlan, mac4(v.getInt32(at + 4)), port, now);
        break;
      case igmp.Type.LEAVE:
        this.#leave(0, vlan, mac4(v.getInt32(at + 4)), port, now);
        return Audience.ALL; // the router asks who is left
      case igmp.Type.REPORT_V3:
        this.#records4(v, at, end, vlan, port, now);
        break;
      default:
        return Audience.ALL;
    }
    return this.#at(this.#asked, 0) > now ? Audience.ROUTERS : Audience.ALL;
  }

  #records4(v: DataView, at: number, end: number, vlan: number, port: number, now: number): void {
    let record = at + 8;
    for (let left = v.getUint16(at + 6); left > 0 && record + igmp.RECORD_LEN <= end; left--) {
      const sources = v.getUint16(record + 2);
      const gone = isLeft(v.getUint8(record), sources);
      const lo = mac4(v.getInt32(record + 4));
      if (gone) this.#leave(0, vlan, lo, port, now);
      else this.#join(0, vlan, lo, port, now);
      record += igmp.RECORD_LEN + sources * 4 + v.getUint8(record + 1) * 4;
    }
  }

  /** -1: no message of MLD. */
  #mld(v: DataView, ip: number, end: number, vlan: number, port: number, now: number): number {
    const at = this.#chain.body;
    if (end - at < mld.REPORT_LEN) return -1;
    const type = mld.type(v, at);
    if (type === mld.Type.REPORT_V2) this.#records6(v, at, end, vlan, port, now);
    else if (end - at < mld.MIN_LEN) return -1;
    else if (type === mld.Type.QUERY) {
      this.#router(port, 1, v.getUint16(ip + 8) !== 0, now);
      return Audience.ALL;
    } else if (type === mld.Type.REPORT_V1) {
      this.#join(V6, vlan, v.getInt32(mld.groupAt(at) + 12), port, now);
    } else if (type === mld.Type.DONE) {
      this.#leave(V6, vlan, v.getInt32(mld.groupAt(at) + 12), port, now);
      return Audience.ALL;
    } else return -1;
    return this.#at(this.#asked, 1) > now ? Audience.ROUTERS : Audience.ALL;
  }

  #records6(v: DataView, at: number, end: number, vlan: number, port: number, now: number): void {
    let record = at + mld.REPORT_LEN;
    for (let left = v.getUint16(at + 6); left > 0 && record + mld.RECORD_LEN <= end; left--) {
      const sources = v.getUint16(record + 2);
      const lo = v.getInt32(record + 16);
      if (isLeft(v.getUint8(record), sources)) this.#leave(V6, vlan, lo, port, now);
      else this.#join(V6, vlan, lo, port, now);
      record += mld.RECORD_LEN + sources * 16 + v.getUint8(record + 1) * 4;
    }
  }

  #router(port: number, family: 0 | 1, named: boolean, now: number): void {
    this.#asked[family] = now + ROUTER;
    if (named) this.#routers[port] = now + ROUTER;
  }

  #join(family: number, vlan: number, lo: number, port: number, now: number): void {
    this.#entries.learn(vlan, family | port, lo, port, ENTRIES_EACH, now);
  }

  /** RFC 3376 §8.8: if nobody there says that it stays, soon. */
  #leave(family: number, vlan: number, lo: number, port: number, now: number): void {
    const entries = this.#entries;
    if (entries.find(vlan, family | port, lo, now) === UNKNOWN) return;
    entries.learn(vlan, family | port, lo, port, ENTRIES_EACH, now - MEMBERSHIP + LAST_MEMBER);
  }

  /** Ports are below the number of ports. */
  #at(column: Float64Array, index: number): number {
    return column[index] as number;
  }
}

/** A record that names no source to include: the group is left. RFC 3376 §4.2.12. */
const isLeft = (type: number, sources: number): boolean =>
  sources === 0 && (type === 1 || type === igmp.Record.TO_INCLUDE);

/** RFC 1112 §6.4: the last 32 bits of the hardware address of a group. */
const mac4 = (group: number): number => 0x5e00_0000 | (group & 0x7f_ffff);
