/**
 * IGMP: routers are told which groups are listened to here. RFC 3376 (version 3, for any source),
 * RFC 2236 (version 2) and RFC 1112 appendix I (version 1) where an older router is heard.
 * @module
 */
import { type Address, ANY, fromOctets, isIPv6 } from '../../base/address.ts';
import { MILLISECOND, type Micros, NEVER, SECOND } from '../../base/clock.ts';
import { Drop } from '../../base/drop.ts';
import { unit } from '../../base/random.ts';
import { NO_SLOT } from '../../memory/slots.ts';
import * as checksums from '../../wire/checksum.ts';
import * as igmp from '../../wire/igmp.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as numbers from '../../wire/protocol.ts';
import type { Interface } from '../interface.ts';
import type { InternetLayer, Protocol } from '../ip.ts';
import { ALL_HOSTS, type Multicast } from '../multicast.ts';
import { Check, type Packet } from '../packet.ts';
import type { Routes } from '../routes.ts';
import * as header from './header.ts';

const ALL_ROUTERS: Address = fromOctets(224, 0, 0, 2);
/** Where reports of version 3 go. RFC 3376 §4.2.14. */
const ALL_REPORTS: Address = fromOctets(224, 0, 0, 22);

/** RFC 3376 §8.1: how often a change is said, as the first may be lost. */
const ROBUSTNESS = 2;
/** RFC 3376 §8.11 (version 3) and RFC 2236 §8.10: the repetition comes within this time. */
const REPEAT_V3: Micros = SECOND;
const REPEAT_V2: Micros = 10 * SECOND;
/** RFC 3376 §8.12: after a query of an older version it is spoken for this long. */
const OLDER_QUERIER: Micros = 260 * SECOND;
/** RFC 2113: routers look into the packet. The option fills one word of the header. */
const ROUTER_ALERT = (ipv4.Option.ROUTER_ALERT << 24) | (4 << 16);
const HEADER_LEN = ipv4.MIN_LEN + 4;
const CONTROL_TOS = 0xc0;

/** Something to be said about a group. */
interface Report {
  readonly iface: Interface;
  readonly group: Address;
  /** One of `igmp.Record`. */
  record: number;
  due: Micros;
  /** How often it is still to be said. */
  left: number;
}

/** Which version an interface's router speaks, and until when we believe so. */
interface Querier {
  v1Until: Micros;
  v2Until: Micros;
}

/** What it needs of the internet layer. */
interface Host extends InternetLayer {
  readonly multicast: Multicast;
  readonly routes: Routes;
}

export class Igmp implements Protocol {
  readonly #net: Host;
  readonly #reports: Report[] = [];
  readonly #queriers: Map<Interface, Querier> = new Map();

  constructor(net: Host) {
    this.#net = net;
    net.multicast.onChange = (iface, group, joined) => this.#changed(iface, group, joined);
  }

  input(packet: Packet): Drop {
    const { slots, checksum, now } = this.#net;
    const v = slots.view;
    const { body, bodyLength, iface } = packet;
    if (bodyLength < igmp.MIN_LEN) return Drop.IGMP_MALFORMED;
    if (packet.check === Check.NEEDED && !checksums.good(checksum.sum(body, bodyLength))) {
      return Drop.IGMP_MALFORMED;
    }
    const type = igmp.type(v, body);
    const group = igmp.group(v, body);
    if (type === igmp.Type.QUERY) {
      this.#query(packet, group, this.#versionOf(packet), now);
      return Drop.NONE;
    }
    // RFC 2236 §3: who hears another say it need not say it; version 3 does without.
    if (type === igmp.Type.REPORT_V1 || type === igmp.Type.REPORT_V2) this.#heard(iface, group);
    return Drop.NONE;
  }

  error(): Drop {
    return Drop.ICMP_NO_MATCH;
  }

  /** Say what is due. */
  expire(now: Micros): void {
    for (let i = this.#reports.length - 1; i >= 0; i--) {
      const report = this.#reports[i] as Report; // `i` is below the length
      if (report.due > now) continue;
      this.#send(report, now);
      if (--report.left > 0) report.due = now + this.#delay(this.#repeat(report.iface, now));
      else this.#reports.splice(i, 1);
    }
  }

  /** When `expire` has something to do. */
  deadline(): Micros {
    let due = NEVER;
    for (const report of this.#reports) due = Math.min(due, report.due);
    return due;
  }

  /** Forget an interface that is gone. */
  forget(iface: Interface): void {
    this.#queriers.delete(iface);
    for (let i = this.#reports.length - 1; i >= 0; i--) {
      if (this.#reports[i]?.iface === iface) this.#reports.splice(i, 1);
    }
  }

  /** RFC 3376 §5.1: said at once, and once more, unless it changes again before. */
  #changed(iface: Interface, group: Address, joined: boolean): void {
    if (iface.isLoopback || group === ALL_HOSTS) return;
    const { now } = this.#net;
    const record = joined ? igmp.Record.TO_EXCLUDE : igmp.Record.TO_INCLUDE;
    const report = this.#about(iface, group) ?? this.#add(iface, group);
    report.record = record;
    report.left = ROBUSTNESS;
    report.due = now + this.#delay(this.#repeat(iface, now));
    this.#send(report, now);
    if (--report.left > 0 && (joined || this.#version(iface, now) === 3)) return;
    this.#reports.splice(this.#reports.indexOf(report), 1); // RFC 2236: a leave is said once
  }

  /** RFC 3376 §5.2: answer for one group or for all, at a random time within what is allowed. */
  #query(packet: Packet, group: Address, version: number, now: Micros): void {
    const v = this.#net.slots.view;
    const { body, iface } = packet;
    if (version < 3) {
      const querier = this.#queriers.get(iface) ?? { v1Until: 0, v2Until: 0 };
      if (version === 1) querier.v1Until = now + OLDER_QUERIER;
      else querier.v2Until = now + OLDER_QUERIER;
      this.#queriers.set(iface, querier);
    }
    // RFC 2236 §4: version 1 says nothing, and means ten seconds.
    const tenths = igmp.maxResponseTenths(v, body, version);
    const within = version === 1 ? 10 * SECOND : tenths * 100 * MILLISECOND;
    if (group !== ANY) {
      if (iface.groups.has(group)) this.#answer(iface, group, within, now);
      return;
    }
    for (const each of iface.groups.keys()) {
      if (!isIPv6(each)) this.#answer(iface, each, within, now);
    }
  }

  #answer(iface: Interface, group: Address, within: Micros, now: Micros): void {
    const due = now + this.#delay(within);
    const known = this.#about(iface, group);
    if (known !== undefined) {
      known.due = Math.min(known.due, due); // the sooner of the two answers both
      return;
    }
    const report = this.#add(iface, group);
    report.record = igmp.Record.IS_EXCLUDE;
    report.left = 1;
    report.due = due;
  }

  #heard(iface: Interface, group: Address): void {
    const report = this.#about(iface, group);
    if (report === undefined || this.#version(iface, this.#net.now) === 3) return;
    this.#reports.splice(this.#reports.indexOf(report), 1);
  }

  #about(iface: Interface, group: Address): Report | undefined {
    return this.#reports.find((r) => r.iface === iface && r.group === group);
  }

  #add(iface: Interface, group: Address): Report {
    const report = { iface, group, record: 0, due: NEVER, left: 0 };
    this.#reports.push(report);
    return report;
  }

  /** RFC 3376 §7.1: which version of query it is, by length and code. */
  #versionOf(packet: Packet): number {
    if (packet.bodyLength >= igmp.QUERY_V3_LEN) return 3;
    return igmp.maxResponseCode(this.#net.slots.view, packet.body) === 0 ? 1 : 2;
  }

  #version(iface: Interface, now: Micros): number {
    const querier = this.#queriers.get(iface);
    if (querier === undefined) return 3;
    if (querier.v1Until > now) return 1;
    return querier.v2Until > now ? 2 : 3;
  }

  #repeat(iface: Interface, now: Micros): Micros {
    return this.#version(iface, now) === 3 ? REPEAT_V3 : REPEAT_V2;
  }

  #delay(within: Micros): Micros {
    return Math.floor(unit(this.#net.random) * within);
  }

  #send(report: Report, now: Micros): void {
    const { iface, group, record } = report;
    const version = this.#version(iface, now);
    const leaving = record === igmp.Record.TO_INCLUDE;
    if (version === 1 && leaving) return; // RFC 1112: one just falls silent
    const to = version === 3 ? ALL_REPORTS : leaving ? ALL_ROUTERS : group;
    const net = this.#net;
    const route = net.routes.via(iface, to, iface.primary);
    const at = net.output.reserve(route);
    if (at === NO_SLOT) return;
    const v = net.slots.view;
    let length = igmp.MIN_LEN;
    if (version === 3) {
      igmp.writeReport(v, at, 1);
      igmp.writeRecord(v, at, 0, record, group);
      length += igmp.RECORD_LEN;
    } else {
      const joined = version === 2 ? igmp.Type.REPORT_V2 : igmp.Type.REPORT_V1;
      igmp.write(v, at, leaving ? igmp.Type.LEAVE : joined, group);
    }
    igmp.setChecksum(v, at, checksums.finish(net.checksum.sum(at, length)));
    this.#transmit(iface, at, length, to);
  }

  /** RFC 3376 §4: with a TTL of 1 and a router alert, which `send` does not write. */
  #transmit(iface: Interface, at: number, length: number, to: Address): void {
    const net = this.#net;
    const v = net.slots.view;
    const ip = at - HEADER_LEN;
    const total = HEADER_LEN + length;
    const { IGMP } = numbers.Protocol;
    ipv4.write(v, ip, CONTROL_TOS, total, 0, ipv4.Flag.DF, 1, IGMP, iface.primary, to);
    ipv4.setHeaderLen(v, ip, HEADER_LEN);
    v.setInt32(ip + ipv4.MIN_LEN, ROUTER_ALERT);
    header.seal(v, ip, HEADER_LEN);
    iface.clearHeader(v, ip);
    net.output.transmit(iface, to, ip, total);
  }
}
