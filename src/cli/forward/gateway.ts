/**
 * Every flow of a stack, carried out by a dialer: what `tunstack forward` does, without the TUN.
 *
 * A TCP flow is dialled before its SYN is answered, so who is refused there looks refused here. A UDP flow
 * has a socket of its own until it has been silent for a time.
 * @module
 */
import type { FlowPlace, FlowSocket, Stack, TcpFlow, UdpFlow } from '../../index.ts';
import type { Datagrams, Dialer } from './dial.ts';
import { relay } from './relay.ts';
import { isAllowed, type Rule } from './rules.ts';

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
  /** Text from clients and to them, in bytes. */
  bytesOut: number;
  bytesIn: number;
}

export interface GatewayOptions {
  readonly dialer: Dialer;
  readonly rules: readonly Rule[];
  /** Most flows at once, TCP and UDP each. */
  readonly flows: number;
  /** Milliseconds of silence that end a UDP flow. */
  readonly udpIdle: number;
  /** Gets what people should know, as when descriptors run out. */
  readonly complain: (text: string) => void;
}

/** How long a far end may take to answer; the kernel's own limit is about two minutes. */
const DIAL_TIMEOUT = 150_000;
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
    ...{ denied: 0, failed: 0, full: 0, bytesOut: 0, bytesIn: 0 },
  };
  readonly #options: GatewayOptions;
  /** TCP flows that are being dialled or are open. */
  #tcpFlows = 0;
  #complained = false;
  readonly #pairs: Set<Pair> = new Set();

  /** Takes all flows of `stack` from now on. */
  constructor(stack: Stack, options: GatewayOptions) {
    this.#options = options;
    const { flows, udpIdle } = options;
    stack.tcp.intercept((flow) => this.#tcp(flow), { backlog: flows, timeout: DIAL_TIMEOUT });
    stack.udp.intercept((flow) => this.#udp(flow), { idle: udpIdle, flows });
    // Nobody asked those hosts whether they are there: only our own address answers pings.
    stack.icmp.handle(
      ({ type, destination }) => type === 8 && !stack.addresses.includes(destination),
    );
  }

  #isAllowed(protocol: 'tcp' | 'udp', { localAddress, localPort }: FlowPlace): boolean {
    if (isAllowed(this.#options.rules, protocol, localAddress, localPort)) return true;
    this.counters.denied++;
    return false;
  }

  async #tcp(flow: TcpFlow): Promise<void> {
    const { counters } = this;
    if (!this.#isAllowed('tcp', flow)) return flow.refuse();
    if (this.#tcpFlows >= this.#options.flows) {
      counters.full++;
      return flow.refuse();
    }
    this.#tcpFlows++;
    try {
      await this.#carry(flow);
    } catch (error) {
      this.#tcpFlows--;
      counters.failed++;
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
      this.#tcpFlows--;
      counters.tcpOpen--;
      this.#pairs.delete(pair);
      addTo(counters, pair);
    });
  }

  async #udp(flow: UdpFlow): Promise<void> {
    const { counters } = this;
    if (!this.#isAllowed('udp', flow)) return flow.refuse();
    let client: FlowSocket | undefined;
    let upstream: Datagrams | undefined;
    try {
      upstream = await this.#options.dialer.open(flow.localAddress, flow.localPort, {
        received: (message) => {
          counters.bytesIn += message.length;
          client?.send(message);
        },
        closed: (refused) => {
          if (refused) client?.refuse();
          else client?.close();
          client = undefined;
        },
      });
    } catch (error) {
      counters.failed++;
      this.#lament(codeOf(error));
      if (!flow.decided) flow.refuse();
      return undefined;
    }
    if (flow.decided) return upstream.close(); // it took too long
    client = flow.accept();
    const { send, close } = upstream;
    client.on('message', (message) => {
      counters.bytesOut += message.length;
      send(message);
    });
    counters.udp++;
    counters.udpOpen++;
    client.on('close', () => {
      client = undefined;
      counters.udpOpen--;
      close();
    });
    return undefined;
  }

  /** What was carried, open flows included. */
  carried(): GatewayCounters {
    const counters = { ...this.counters };
    for (const pair of this.#pairs) addTo(counters, pair);
    return counters;
  }

  #lament(code: string): void {
    if (!OUT_OF_DESCRIPTORS.has(code) || this.#complained) return;
    this.#complained = true;
    this.#options.complain(
      `there are no more file descriptors (${code}): flows are refused; raise ulimit -n`,
    );
  }
}
