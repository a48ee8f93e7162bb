/**
 * Every flow of a stack, carried out by a dialer: what `tunstack forward` does, without the TUN.
 *
 * A TCP flow is dialled before its SYN is answered, so who is refused there looks refused here. A UDP flow
 * has a socket of its own until it has been silent for a time, or another one needs its place.
 * @module
 */
import type { FlowPlace, FlowSocket, Stack, TcpFlow, UdpFlow } from '../../index.ts';
import type { Descriptors } from './descriptors.ts';
import type { Dialer } from './dial.ts';
import type { OwnSockets } from './own-sockets.ts';
import { relay } from './relay.ts';
import { isAllowed, type Range, type Rule } from './rules.ts';
import { type UdpFlowEntry, UdpFlows } from './udp-flows.ts';

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
  /** Text from clients and to them, in bytes. */
  bytesOut: number;
  bytesIn: number;
}

export interface GatewayOptions {
  readonly dialer: Dialer;
  /** The sockets of the dialer. */
  readonly own: OwnSockets;
  readonly rules: readonly Rule[];
  /** What is closed besides what always is, as it is now: this host's own addresses. */
  readonly closed: () => readonly Range[];
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
/** What running out of descriptors is called. */
const OUT_OF_DESCRIPTORS: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE']);
const UNREACHABLE: ReadonlySet<string> = new Set(['EHOSTUNREACH', 'ETIMEDOUT', 'EHOSTDOWN']);

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException | null)?.code ?? '';

/** Both ends of a TCP flow that is open. */
interface Pair {
  readonly client: { readonly bytesRead: number };
  readonly upstream: { readonly bytesRead: number };
}

function addTo(counters: GatewayCounters, { client, upstream }: Pair): void {
  counters.bytesOut += client.bytesRead;
  counters.bytesIn += upstream.bytesRead;
}

export class Gateway {
  readonly counters: GatewayCounters = {
    ...{ tcp: 0, udp: 0, tcpOpen: 0, udpOpen: 0 },
    ...{ denied: 0, failed: 0, full: 0, looped: 0, displaced: 0, bytesOut: 0, bytesIn: 0 },
  };
  readonly #options: GatewayOptions;
  readonly #stack: Stack;
  /** Flows that are being dialled or are open. */
  readonly #flows = { tcp: 0, udp: 0 };
  readonly #udpFlows: UdpFlows = new UdpFlows();
  readonly #complained: Set<string> = new Set();
  readonly #pairs: Set<Pair> = new Set();

  /** Takes all flows of `stack` from now on. */
  constructor(stack: Stack, options: GatewayOptions) {
    this.#options = options;
    this.#stack = stack;
    const { flows, udpIdle } = options;
    stack.tcp.intercept((flow) => this.#tcp(flow), { backlog: flows, timeout: DIAL_TIMEOUT });
    // Room for one more than there may be, which is asked about and so refused with a word.
    stack.udp.intercept((flow) => this.#udp(flow), {
      ...{ idle: udpIdle, timeout: UDP_DIAL_TIMEOUT, flows: flows + 1 },
    });
    // Nobody asked those hosts whether they are there: only our own address answers pings.
    stack.icmp.handle(
      ({ type, destination }) => type === 8 && !stack.addresses.includes(destination),
    );
  }

  /** Whether a flow may go on; it is counted if not. */
  #isWelcome(protocol: 'tcp' | 'udp', flow: FlowPlace): boolean {
    const { counters } = this;
    const { own, rules, closed } = this.#options;
    const { localAddress, localPort, remoteAddress, remotePort } = flow;
    if (own.has(protocol, remoteAddress, remotePort)) {
      counters.looped++;
      this.#complain('loop', `what goes to ${localAddress} comes back by the TUN: see --netns`);
      return false;
    }
    // The stack's own address leads into the TUN, and so back here.
    const isOurs = this.#stack.addresses.includes(localAddress);
    if (isOurs || !isAllowed(rules, protocol, localAddress, localPort, closed())) {
      counters.denied++;
      return false;
    }
    return this.#hasRoom(protocol);
  }

  /** Take a place and the descriptors for one flow more, from a silent UDP flow if need be. */
  #hasRoom(protocol: 'tcp' | 'udp'): boolean {
    const { dialer, descriptors, flows } = this.#options;
    const need = dialer.descriptors[protocol];
    if (protocol === 'udp' && this.#flows.udp >= flows) this.#displace();
    let room = this.#flows[protocol] < flows;
    while (room && !descriptors.take(need)) room = this.#displace();
    if (room) {
      this.#flows[protocol]++;
      return true;
    }
    this.counters.full++;
    const most =
      this.#flows[protocol] < flows ? 'descriptors: raise ulimit -n' : `--flows ${flows}`;
    this.#complain('full', `there is no room for more flows, new ones are refused (${most})`);
    return false;
  }

  #displace(): boolean {
    if (!this.#udpFlows.endOne()) return false;
    this.counters.displaced++;
    return true;
  }

  /** A flow that had room is over. */
  #leave(protocol: 'tcp' | 'udp'): void {
    this.#flows[protocol]--;
    this.#options.descriptors.give(this.#options.dialer.descriptors[protocol]);
  }

  async #tcp(flow: TcpFlow): Promise<void> {
    if (!this.#isWelcome('tcp', flow)) return flow.refuse();
    try {
      await this.#carry(flow);
    } catch (error) {
      this.#leave('tcp');
      this.counters.failed++;
      if (flow.decided) return;
      const code = codeOf(error);
      this.#lament(code);
      if (UNREACHABLE.has(code)) flow.unreachable();
      else if (code === 'ENETUNREACH') flow.unreachable(0);
      else flow.refuse();
    }
    return undefined;
  }

  async #carry(flow: TcpFlow): Promise<void> {
    const { counters } = this;
    const { localAddress, localPort, signal } = flow;
    const upstream = await this.#options.dialer.connect(localAddress, localPort, signal);
    upstream.on('error', () => {}); // `relay` sees to it; until then its end is enough
    const client = flow.decided
      ? undefined
      : await flow.accept({ allowHalfOpen: true, noDelay: true });
    if (!client || upstream.destroyed) {
      upstream.resetAndDestroy();
      client?.resetAndDestroy();
      throw new Error('the client went away');
    }
    counters.tcp++;
    counters.tcpOpen++;
    for (const socket of [client, upstream]) socket.setKeepAlive(true, KEEP_ALIVE);
    const pair = { client, upstream };
    this.#pairs.add(pair);
    relay(client, upstream, () => {
      this.#leave('tcp');
      counters.tcpOpen--;
      this.#pairs.delete(pair);
      addTo(counters, pair);
    });
  }

  async #udp(flow: UdpFlow): Promise<void> {
    if (!this.#isWelcome('udp', flow)) return flow.refuse();
    try {
      await this.#carryDatagrams(flow);
    } catch (error) {
      this.#leave('udp');
      this.counters.failed++;
      this.#lament(codeOf(error));
      if (!flow.decided) flow.refuse();
    }
    return undefined;
  }

  async #carryDatagrams(flow: UdpFlow): Promise<void> {
    const { counters } = this;
    let client: FlowSocket | undefined;
    let isOver = false;
    const entry: UdpFlowEntry = { close: () => end(false) };
    const upstream = await this.#options.dialer.open(
      flow.localAddress,
      flow.localPort,
      {
        received: (message) => {
          counters.bytesIn += message.length;
          if (!client || isOver) return;
          this.#udpFlows.touch(entry);
          client.send(message);
        },
        closed: (refused) => end(refused),
      },
      UDP_DIAL_TIMEOUT,
    );
    const end = (refused: boolean): void => {
      if (isOver) return;
      isOver = true;
      upstream.close();
      if (!client) return;
      this.#udpFlows.delete(entry);
      this.#leave('udp');
      counters.udpOpen--;
      try {
        if (refused) client.refuse();
        else client.close();
      } catch {
        // It closed by itself, and has not said so yet.
      }
    };
    try {
      client = flow.accept();
    } catch (error) {
      end(false); // the flow took too long, or there are too many
      throw error;
    }
    client.on('message', (message) => {
      if (isOver) return;
      this.#udpFlows.touch(entry);
      counters.bytesOut += message.length;
      upstream.send(message);
    });
    client.on('close', () => end(false));
    counters.udp++;
    counters.udpOpen++;
    this.#udpFlows.touch(entry);
  }

  /** What was carried, open flows included. */
  carried(): GatewayCounters {
    const counters = { ...this.counters };
    for (const pair of this.#pairs) addTo(counters, pair);
    return counters;
  }

  #lament(code: string): void {
    if (!OUT_OF_DESCRIPTORS.has(code)) return;
    this.#complain('full', `there are no more file descriptors (${code}): raise ulimit -n`);
  }

  /** Say it, of each kind once. */
  #complain(kind: string, text: string): void {
    if (this.#complained.has(kind)) return;
    this.#complained.add(kind);
    this.#options.complain(text);
  }
}
