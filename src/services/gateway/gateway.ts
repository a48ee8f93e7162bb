/**
 * Every flow of a stack, carried out by a dialer: what `tunstack forward` and `tunstack network` share.
 *
 * A flow is judged, and a TCP flow dialled, before its SYN is answered, so who is refused there looks refused
 * here. A UDP flow has a socket of its own until it has been silent for a time, or another one needs its place.
 * @module
 */
import type { Socket } from 'node:net';
import type { FlowPlace, Stack, TcpFlow, UdpFlow } from '../../index.ts';
import { type Resettable, reset } from '../reset.ts';
import { type Crossable, Crossing, crossable } from './crossing.ts';
import { carryDatagrams } from './datagrams.ts';
import { type Descriptors, Room } from './descriptors.ts';
import { codeOf, type Dialer, dialFirst, turnAway } from './dial.ts';
import type { FlowLine, FlowQuestion, FlowWatcher, Judge, Verdict } from './judge.ts';
import { KeepAlives } from './keep-alives.ts';
import { type LiveEnds, LiveFlow } from './live.ts';
import type { OwnSockets } from './own-sockets.ts';
import { relay } from './relay.ts';
import type { Guest } from './rules.ts';
import { hear } from './said.ts';
import { UdpFlows } from './udp-flows.ts';

/** What was carried, and what was not. */
export interface GatewayCounters {
  /** Flows that were carried, TCP and UDP, and those of them that are open now. */
  tcp: number;
  udp: number;
  tcpOpen: number;
  udpOpen: number;
  /** Refused by a rule; refused, or not reached, at the far end; refused for want of room. */
  denied: number;
  failed: number;
  full: number;
  /** Flows of the gateway's own sockets, which came back by the TUN and were refused. */
  looped: number;
  /** UDP flows that were ended to make room for others. */
  displaced: number;
  /** Flows that were open and are not let through any more. */
  cut: number;
  /** Text from clients and to them, in bytes. */
  bytesOut: number;
  bytesIn: number;
}

export interface GatewayParts {
  readonly dialer: Dialer;
  /** For flows that are to go by a proxy; undefined: there is none, and they are refused. */
  readonly proxy?: Dialer | undefined;
  /** The sockets of the dialers. */
  readonly own: OwnSockets;
  readonly judge: Judge;
  readonly watcher?: FlowWatcher | undefined;
  /** Who has an address. */
  readonly guestOf?: ((address: string) => Guest) | undefined;
  /**
   * Where a flow to `address` is carried to, such as an alias of this host: to the next one where a connection to
   * the one before is refused.
   */
  readonly translate?: ((address: string) => readonly string[]) | undefined;
  /** Most flows at once, TCP and UDP each. */
  readonly flows: number;
  /** What all flows share, those that are being dialled included. */
  readonly descriptors: Descriptors;
  /** Milliseconds of silence that end a UDP flow. */
  readonly udpIdle: number;
  /** Gets what people should know, as when descriptors run out. */
  readonly complain: (text: string) => void;
}

/** How long a far end may take to answer; the kernel's own limit is about two minutes. */
const DIAL_TIMEOUT = 150_000;
/** The same for UDP, where only a proxy has to answer; the first datagrams wait for so long. */
const UDP_DIAL_TIMEOUT = 10_000;
/** A peer that is gone without a word is found out after so many milliseconds of silence. */
const KEEP_ALIVE = 60_000;
/** An answer takes the acknowledgment with it, if it is a millisecond away, and a guest waits for no longer. */
const ACKNOWLEDGING = { quickAcks: 0, delayedAck: 1000 };
const SETTINGS = { keepAlive: true, keepAliveIdle: KEEP_ALIVE * 1000, ...ACKNOWLEDGING };
/** What running out of descriptors is called. */
const OUT_OF_DESCRIPTORS: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE']);
/** Types of echo requests. RFC 792, RFC 4443 §4.1. */
const ECHO = 8;
const ECHO6 = 128;
const ignore = (): void => {};
/** Who cannot decide refuses. */
const FAILED: Verdict = { action: 'deny', reason: 'error' };

/** Flows of a stack, carried out. */
export class Gateway {
  readonly counters: GatewayCounters = {
    ...{ tcp: 0, udp: 0, tcpOpen: 0, udpOpen: 0, cut: 0 },
    ...{ denied: 0, failed: 0, full: 0, looped: 0, displaced: 0, bytesOut: 0, bytesIn: 0 },
  };
  readonly #parts: GatewayParts;
  readonly #stack: Stack;
  readonly #udpFlows: UdpFlows = new UdpFlows();
  readonly #room: Room;
  readonly #complained: Set<string> = new Set();
  readonly #live: Set<LiveFlow> = new Set();
  readonly #keepAlives: KeepAlives = new KeepAlives(KEEP_ALIVE);
  #ids = 0;

  /** Not for use from outside: `createGateway` makes these. Takes all flows of `stack` from now on. */
  constructor(stack: Stack, parts: GatewayParts) {
    this.#parts = parts;
    this.#stack = stack;
    const { flows, udpIdle } = parts;
    this.#room = new Room(
      flows,
      parts.descriptors,
      this.#udpFlows,
      () => this.counters.displaced++,
    );
    const waits = { backlog: flows, timeout: DIAL_TIMEOUT, settings: SETTINGS };
    stack.tcp.intercept((flow) => this.#tcp(flow), waits);
    // Room for one more than there may be, which is asked about and so refused with a word.
    stack.udp.intercept((flow) => this.#udp(flow), {
      ...{ idle: udpIdle, timeout: UDP_DIAL_TIMEOUT, flows: flows + 1 },
    });
    // Nobody asked those hosts whether they are there: only our own addresses answer pings.
    const isElsewhere = (address: string): boolean => !stack.addresses.includes(address);
    stack.icmp.handle(({ type, destination }) => type === ECHO && isElsewhere(destination));
    stack.icmp6.handle(({ type, destination }) => type === ECHO6 && isElsewhere(destination));
  }

  /** Flows that are open now. */
  get flows(): FlowLine[] {
    return [...this.#live].map(({ line }) => line);
  }

  /** Cut the open flows that `which` names; how many there were. */
  cut(which: (flow: FlowLine) => boolean, reason: string): number {
    const found = [...this.#live].filter(({ line }) => which(line));
    for (const flow of found) this.#cut(flow, reason);
    return found.length;
  }

  /** Cut what was opened from an address that is another guest's from now on, or nobody's. */
  cutGuest(address: string): void {
    for (const flow of [...this.#live]) {
      if (flow.question.guest.address === address) this.#cut(flow, 'guest');
    }
  }

  /** Judge all open flows again, and cut those that are not let through any more; how many. */
  async judgeAgain(): Promise<number> {
    let count = 0;
    for (const flow of [...this.#live]) {
      const verdict = await this.#judgeOpen(flow);
      if (verdict.action === flow.verdict.action || !this.#live.has(flow)) continue;
      this.#cut(flow, verdict.reason);
      count++;
    }
    return count;
  }

  /** What was carried, open flows included. */
  carried(): GatewayCounters {
    const counters = { ...this.counters };
    for (const flow of this.#live) {
      counters.bytesOut += flow.bytesOut;
      counters.bytesIn += flow.bytesIn;
    }
    return counters;
  }

  #cut(flow: LiveFlow, reason: string): void {
    this.counters.cut++;
    flow.cut(reason);
  }

  /** At once where that can be told at once: a SYN that is refused so leaves nothing behind. */
  #judge(question: FlowQuestion): Verdict | Promise<Verdict> {
    try {
      const verdict = this.#parts.judge.judge(question);
      return verdict instanceof Promise ? verdict.catch(() => FAILED) : verdict;
    } catch {
      return FAILED;
    }
  }

  /** The same of a flow that is open. */
  async #judgeOpen({ question, verdict }: LiveFlow): Promise<Verdict> {
    const { judge } = this.#parts;
    const now = { ...question, guest: this.#asItIs(question.guest) };
    try {
      return await (judge.again?.(now, verdict) ?? judge.judge(now));
    } catch {
      return FAILED;
    }
  }

  /** A guest, with all addresses that it has by now. */
  #asItIs(guest: Guest): Guest {
    const now = this.#parts.guestOf?.(guest.address);
    return now?.mac === guest.mac && now?.port === guest.port ? (now ?? guest) : guest;
  }

  /** Undefined if it may not go on, which was counted; else what it asks. */
  #ask(protocol: 'tcp' | 'udp', flow: FlowPlace): FlowQuestion | undefined {
    const { own, guestOf } = this.#parts;
    const { localAddress, localPort, remoteAddress, remotePort } = flow;
    const guest = guestOf?.(remoteAddress) ?? { address: remoteAddress };
    const question = { guest, protocol, address: localAddress, port: localPort };
    if (own.has(protocol, remoteAddress, remotePort)) {
      this.counters.looped++;
      this.#complain('loop', `what goes to ${localAddress} comes back by the TUN: see --netns`);
      return undefined;
    }
    // The stack's own address leads into the TUN, and so back here, unless it stands for another one.
    const isOurs = this.#stack.addresses.includes(localAddress);
    if (!isOurs || !this.#targets(localAddress).includes(localAddress)) return question;
    this.#deny(question, { action: 'deny', reason: 'gateway' });
    return undefined;
  }

  /** One at least. */
  #targets(address: string): readonly string[] {
    return this.#parts.translate?.(address) ?? [address];
  }

  #deny(question: FlowQuestion, verdict: Verdict): void {
    this.counters.denied++;
    this.#parts.watcher?.denied?.(question, verdict);
  }

  /** The way out of a flow that is let through and has room; undefined if it is refused. */
  #admit(question: FlowQuestion, verdict: Verdict): Dialer | undefined {
    const { dialer, proxy, watcher } = this.#parts;
    const way = verdict.action === 'proxy' ? proxy : dialer;
    if (verdict.action === 'deny' || way === undefined) {
      this.#deny(question, way ? verdict : { ...verdict, reason: 'no proxy' });
      return undefined;
    }
    if (this.#hasRoom(question, way)) return way;
    watcher?.failed?.(question, verdict, 'full');
    return undefined;
  }

  #hasRoom(question: FlowQuestion, way: Dialer): boolean {
    if (this.#room.take(question, way.descriptors[question.protocol])) return true;
    this.counters.full++;
    const most = this.#room.boundOf(question);
    this.#complain('full', `there is no room for more flows, new ones are refused (${most})`);
    return false;
  }

  /** A flow that had room is over. */
  #leave(question: FlowQuestion, way: Dialer): void {
    this.#room.give(question, way.descriptors[question.protocol]);
  }

  #open(question: FlowQuestion, verdict: Verdict, ends: LiveEnds): LiveFlow {
    const live = new LiveFlow(++this.#ids, question, verdict, ends);
    this.#live.add(live);
    this.counters[question.protocol]++;
    this.counters[question.protocol === 'tcp' ? 'tcpOpen' : 'udpOpen']++;
    this.#parts.watcher?.opened?.(live.line);
    return live;
  }

  #close(live: LiveFlow, way: Dialer, socket?: Socket): void {
    const { protocol } = live.question;
    if (socket !== undefined) this.#keepAlives.delete(socket);
    this.#live.delete(live);
    this.#leave(live.question, way);
    this.counters[protocol === 'tcp' ? 'tcpOpen' : 'udpOpen']--;
    this.counters.bytesOut += live.bytesOut;
    this.counters.bytesIn += live.bytesIn;
    this.#parts.watcher?.closed?.(live.line, live.cutFor);
  }

  #fail(question: FlowQuestion, verdict: Verdict, code: string): void {
    this.counters.failed++;
    this.#parts.watcher?.failed?.(question, verdict, code);
    if (!OUT_OF_DESCRIPTORS.has(code)) return;
    this.#complain('full', `there are no more file descriptors (${code}): raise ulimit -n`);
  }

  async #tcp(flow: TcpFlow): Promise<void> {
    const question = this.#ask('tcp', flow);
    if (question === undefined) return flow.refuse();
    const judged = this.#judge(question);
    const verdict = judged instanceof Promise ? await judged : judged;
    const way = flow.decided ? undefined : this.#admit(question, verdict);
    if (way === undefined) return flow.decided ? undefined : flow.refuse();
    try {
      await this.#carry(flow, question, verdict, way);
    } catch (error) {
      this.#leave(question, way);
      const code = codeOf(error);
      this.#fail(question, verdict, code);
      if (flow.decided) return;
      turnAway(flow, code);
    }
    return undefined;
  }

  async #carry(
    flow: TcpFlow,
    question: FlowQuestion,
    verdict: Verdict,
    way: Dialer,
  ): Promise<void> {
    const upstream: Resettable & { bytesRead: number } & Awaited<ReturnType<Dialer['connect']>> =
      await dialFirst(way, this.#targets(question.address), question.port, flow);
    upstream.on('error', ignore); // `relay` sees to it; until then its end is enough
    const pair = verdict.listen || flow.decided ? undefined : crossable(upstream);
    if (pair !== undefined) return this.#cross(flow, question, verdict, way, pair);
    const client = flow.decided
      ? undefined
      : await flow.accept({ allowHalfOpen: true, noDelay: true, zeroCopy: true });
    if (!client || upstream.destroyed) {
      reset(upstream);
      if (client !== undefined) reset(client);
      throw new Error('the client went away');
    }
    upstream.setNoDelay(true);
    this.#keepAlives.add(upstream);
    // The socket counts what its stream had, which is not all.
    const { connection } = client;
    const live = this.#open(question, verdict, {
      bytesOut: () => connection?.bytesRead ?? 0,
      bytesIn: () => upstream.bytesRead,
      cut: () => {
        reset(client);
        reset(upstream);
      },
    });
    const opening = verdict.listen ? hear(client, (said) => this.#hear(live, said)) : undefined;
    relay(client, upstream, () => this.#close(live, way, upstream), { opening });
    return undefined;
  }

  /** Past the streams of both sides. */
  #cross(
    flow: TcpFlow,
    question: FlowQuestion,
    verdict: Verdict,
    way: Dialer,
    { upstream, reads }: Crossable,
  ): void {
    let live: LiveFlow;
    const crossing = new Crossing(upstream, reads, {
      opened: () => {
        this.#keepAlives.add(upstream);
        live = this.#open(question, verdict, crossing);
      },
      lost: () => {
        this.#leave(question, way);
        this.#fail(question, verdict, '');
      },
      closed: () => this.#close(live, way, upstream),
    });
    flow.acceptConnection(crossing);
  }

  /** What a flow says of itself: false, and cut, if it is not let through for that. */
  async #hear(live: LiveFlow, said: Parameters<Judge['heard']>[1]): Promise<boolean> {
    const { judge, watcher } = this.#parts;
    let verdict: Verdict;
    try {
      verdict = await judge.heard(live.question, said, live.verdict);
    } catch {
      verdict = { action: 'deny', reason: 'error' };
    }
    if (verdict.action === live.verdict.action) {
      live.verdict = verdict;
      return true;
    }
    this.counters.denied++;
    watcher?.denied?.(live.question, verdict);
    live.cut(verdict.reason);
    return false;
  }

  async #udp(flow: UdpFlow): Promise<void> {
    const question = this.#ask('udp', flow);
    if (question === undefined) return flow.refuse();
    const judged = this.#judge(question);
    const verdict = judged instanceof Promise ? await judged : judged;
    const way = flow.decided ? undefined : this.#admit(question, verdict);
    if (way === undefined) return flow.decided ? undefined : flow.refuse();
    const [address = question.address] = this.#targets(question.address);
    let live: LiveFlow | undefined;
    try {
      await carryDatagrams({
        ...{ flow, address, way, port: question.guest.port },
        ...{ row: this.#udpFlows, patience: UDP_DIAL_TIMEOUT },
        opened: (ends) => {
          live = this.#open(question, verdict, ends);
        },
        closed: () => live && this.#close(live, way),
        hear: verdict.listen ? (said) => this.#hear(live as LiveFlow, said) : undefined,
      });
    } catch (error) {
      this.#leave(question, way);
      this.#fail(question, verdict, codeOf(error));
      if (!flow.decided) flow.refuse();
    }
    return undefined;
  }

  /** Say it, of each kind once. */
  #complain(kind: string, text: string): void {
    if (this.#complained.has(kind)) return;
    this.#complained.add(kind);
    this.#parts.complain(text);
  }
}
