/**
 * Multicast Listener Discovery: routers, and switches that listen in, are told which groups are listened to
 * here. RFC 3810 (version 2, for any source), RFC 2710 where a router of version 1 is heard.
 * @module
 */
import {
  type Address,
  ALL_NODES,
  ALL_ROUTERS,
  ANY6,
  drop,
  fromWords,
  groupScope,
  hold,
  isIPv6,
  isLinkLocal,
  isUnspecified,
  keepForever,
  readIPv6,
  writeIPv6,
} from '../../base/address.ts';
import { MILLISECOND, type Micros, NEVER, SECOND } from '../../base/clock.ts';
import { Drop } from '../../base/drop.ts';
import { unit } from '../../base/random.ts';
import * as mld from '../../wire/mld.ts';
import type { Interface } from '../interface.ts';
import type { InternetLayer } from '../ip.ts';
import type { Multicast } from '../multicast.ts';
import type { Packet } from '../packet.ts';
import { begin, linkLocalOf, NO_MESSAGE, sendReport } from './message.ts';

/** Where reports of version 2 go: ff02::16. RFC 3810 §5.2.14. */
const ALL_REPORTS: Address = keepForever(fromWords(0xff02_0000, 0, 0, 0x16));
/** RFC 3810 §9.1: how often a change is said, as the first may be lost. */
const ROBUSTNESS = 2;
/** RFC 3810 §9.11 (version 2) and RFC 2710 §7.10: the repetition comes within this time. */
const REPEAT_V2: Micros = SECOND;
const REPEAT_V1: Micros = 10 * SECOND;
/** RFC 3810 §9.12: after a query of version 1 that is spoken for this long. */
const OLDER_QUERIER: Micros = 260 * SECOND;
/** RFC 4291 §2.7: groups of a scope that no router is told of. RFC 3810 §6. */
const INTERFACE_SCOPE = 1;

/** Something to be said about a group. */
interface Report {
  readonly iface: Interface;
  readonly group: Address;
  /** One of `mld.Record`. */
  record: number;
  due: Micros;
  /** How often it is still to be said. */
  left: number;
}

/** What it needs of the internet layer. */
interface Host extends InternetLayer {
  readonly multicast: Multicast;
}

export class Mld {
  readonly #net: Host;
  readonly #reports: Report[] = [];
  /** Until when version 1 is spoken on an interface. */
  readonly #olderUntil: Map<Interface, Micros> = new Map();

  constructor(net: Host) {
    this.#net = net;
    net.multicast.onChange6 = (iface, group, joined) => this.#changed(iface, group, joined);
  }

  /** Take in an ICMPv6 message of these types whose checksum is right. RFC 3810 §6.2, §7.4. */
  input(packet: Packet): Drop {
    const { iface, body, bodyLength, source, ttl, chain } = packet;
    const v = this.#net.slots.view;
    // RFC 3810 §5.1.14, §6.2: of this link, and marked as meant for all who listen in.
    if (!isLinkLocal(source) && !isUnspecified(source)) return Drop.MLD_MALFORMED;
    if (ttl !== 1 || chain.routerAlert !== 0) return Drop.MLD_MALFORMED;
    const type = mld.type(v, body);
    if (type === mld.Type.QUERY) {
      const version = mld.queryVersion(bodyLength);
      if (version === 0 || isUnspecified(source)) return Drop.MLD_MALFORMED;
      this.#query(packet, version);
      return Drop.NONE;
    }
    if (type === mld.Type.REPORT_V1) {
      if (bodyLength < mld.MIN_LEN) return Drop.MLD_MALFORMED;
      // RFC 2710 §4: who hears another say it need not say it; version 2 does without.
      this.#heard(iface, readIPv6(v, mld.groupAt(body), iface.index));
    }
    return Drop.NONE;
  }

  /** Say what is due. */
  expire(now: Micros): void {
    for (let i = this.#reports.length - 1; i >= 0; i--) {
      const report = this.#reports[i] as Report; // `i` is below the length
      if (report.due > now) continue;
      this.#send(report, now);
      if (--report.left > 0) report.due = now + this.#delay(this.#repeat(report.iface, now));
      else this.#remove(report);
    }
  }

  /** When `expire` has something to do. */
  deadline(): Micros {
    let due = NEVER;
    for (const report of this.#reports) due = Math.min(due, report.due);
    return due;
  }

  /** The interface has another link-local address: what came from `::` is said again. RFC 3590 §4. */
  repeat(iface: Interface): void {
    for (const group of iface.groups.keys()) {
      if (!isReported(group)) continue;
      const report = this.#about(iface, group) ?? this.#add(iface, group);
      report.record = mld.Record.TO_EXCLUDE;
      report.left = Math.max(report.left, 1);
      report.due = Math.min(report.due, this.#net.now + this.#delay(REPEAT_V2));
    }
  }

  /** Forget an interface that is gone. */
  forget(iface: Interface): void {
    this.#olderUntil.delete(iface);
    for (const report of [...this.#reports]) if (report.iface === iface) this.#remove(report);
  }

  /** RFC 3810 §6.1: said at once, and once more, unless it changes again before. */
  #changed(iface: Interface, group: Address, joined: boolean): void {
    if (iface.isLoopback || !isReported(group)) return;
    const { now } = this.#net;
    const report = this.#about(iface, group) ?? this.#add(iface, group);
    report.record = joined ? mld.Record.TO_EXCLUDE : mld.Record.TO_INCLUDE;
    report.left = ROBUSTNESS;
    report.due = now + this.#delay(this.#repeat(iface, now));
    this.#send(report, now);
    if (--report.left > 0 && (joined || !this.#isOlder(iface, now))) return;
    this.#remove(report); // RFC 2710 §4: a Done is said once
  }

  /** RFC 3810 §6.2: answer for one group or for all, at a random time within what is allowed. */
  #query(packet: Packet, version: 1 | 2): void {
    const { body, iface } = packet;
    const { now, slots } = this.#net;
    const v = slots.view;
    if (version === 1) this.#olderUntil.set(iface, now + OLDER_QUERIER);
    const within = mld.maxResponseMs(v, body, version) * MILLISECOND;
    const group = readIPv6(v, mld.groupAt(body), iface.index);
    if (group !== ANY6) {
      if (iface.groups.has(group) && isReported(group)) this.#answer(iface, group, within, now);
      return;
    }
    for (const each of iface.groups.keys()) {
      if (isReported(each)) this.#answer(iface, each, within, now);
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
    report.record = mld.Record.IS_EXCLUDE;
    report.left = 1;
    report.due = due;
  }

  #heard(iface: Interface, group: Address): void {
    const report = this.#about(iface, group);
    if (report !== undefined && this.#isOlder(iface, this.#net.now)) this.#remove(report);
  }

  #about(iface: Interface, group: Address): Report | undefined {
    return this.#reports.find((r) => r.iface === iface && r.group === group);
  }

  #add(iface: Interface, group: Address): Report {
    const report = { iface, group: hold(group), record: 0, due: NEVER, left: 0 };
    this.#reports.push(report);
    return report;
  }

  #remove(report: Report): void {
    this.#reports.splice(this.#reports.indexOf(report), 1);
    drop(report.group);
  }

  #isOlder(iface: Interface, now: Micros): boolean {
    return (this.#olderUntil.get(iface) ?? 0) > now;
  }

  #repeat(iface: Interface, now: Micros): Micros {
    return this.#isOlder(iface, now) ? REPEAT_V1 : REPEAT_V2;
  }

  #delay(within: Micros): Micros {
    return Math.floor(unit(this.#net.random) * within);
  }

  #send({ iface, group, record }: Report, now: Micros): void {
    const net = this.#net;
    const at = begin(net);
    if (at === NO_MESSAGE) return;
    const v = net.slots.view;
    const source = linkLocalOf(iface); // `::` before it has one: RFC 3810 §5.2.13
    if (!this.#isOlder(iface, now)) {
      mld.writeReport(v, at, 1);
      writeIPv6(v, mld.writeRecord(v, at, 0, record), group);
      sendReport(net, iface, source, ALL_REPORTS, at, mld.REPORT_LEN + mld.RECORD_LEN);
      return;
    }
    const leaving = record === mld.Record.TO_INCLUDE;
    mld.write(v, at, leaving ? mld.Type.DONE : mld.Type.REPORT_V1);
    writeIPv6(v, mld.groupAt(at), group);
    sendReport(net, iface, source, leaving ? ALL_ROUTERS : group, at, mld.MIN_LEN);
  }
}

/** RFC 3810 §6: nobody is told of all nodes, nor of groups of the interface or a reserved scope. */
const isReported = (group: Address): boolean =>
  isIPv6(group) && group !== ALL_NODES && groupScope(group) > INTERFACE_SCOPE;
