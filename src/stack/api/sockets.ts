/**
 * What stands open in a stack, a line each: the columns of Linux's `ss`.
 * @module
 */
import { type Address, ANY } from '../base/address.ts';
import { NEVER } from '../base/clock.ts';
import type { Core } from '../stack.ts';
import type { TcpInfo } from '../tcp/info.ts';
import type { Listener } from '../tcp/open/listener.ts';
import { outstanding, unsent } from '../tcp/tcb/flight.ts';
import { State, stateName } from '../tcp/tcb/state.ts';
import type { Tcb } from '../tcp/tcb/tcb.ts';
import { dueTime, Timer } from '../tcp/timing/timers.ts';
import type { UdpSocket } from '../udp/socket.ts';
import { type Interfaces, textOf } from './door/text.ts';
import { infoOf } from './tcp/info.ts';

/** A timer that runs, as `ss -o` names it. */
export interface SocketTimer {
  /** `on`: a retransmission or a tail probe; `persist`: of a shut window. */
  readonly name: 'on' | 'keepalive' | 'timewait' | 'persist';
  /** Milliseconds until it is due. */
  readonly left: number;
  /** How often it has run without an answer. */
  readonly retries: number;
}

/** One socket: a listener, a connection or a UDP socket. */
export interface SocketLine {
  /** What it speaks. */
  readonly protocol: 'tcp' | 'udp';
  /** The RFC's name, as in `TcpInfo.state`; of UDP `UNCONNECTED`, or `ESTABLISHED` where it is connected. */
  readonly state: string;
  /** Bytes that its program has not read; of a listener: connections that are half-open. */
  readonly receiveQueue: number;
  /** Bytes that are not acknowledged; of a listener: its backlog. */
  readonly sendQueue: number;
  /** `*` where it is bound to all addresses. */
  readonly localAddress: string;
  /** 0 to 65535. */
  readonly localPort: number;
  /** `*` and 0 where there is no peer. */
  readonly remoteAddress: string;
  /** 0 to 65535. */
  readonly remotePort: number;
  /** Of connections: the timer that runs, if any does. */
  readonly timer?: SocketTimer;
  /** Of connections, where it was asked for. */
  readonly info?: TcpInfo;
}

/** What to tell of each. */
export interface SocketsOptions {
  /** `TcpInfo` of connections as well; default false. */
  readonly info?: boolean;
  /** So many of each kind (listeners, connections, UDP) at most; default all. */
  readonly most?: number;
}

/** Listeners, connections and UDP sockets, in this order; allocates. */
export function readSockets(core: Core, options: SocketsOptions): SocketLine[] {
  const { most = Number.POSITIVE_INFINITY } = options;
  return [
    ...[...first(core.tcp.demux.listeners(), most)].map((one) => listenerLine(core.ip, one)),
    ...core.tcp.table
      .slice(0, most)
      .map((tcb) => connectionLine(core.ip, tcb, options.info === true)),
    ...[...first(core.udp.ports.all(), most)].map((one) => udpLine(core.ip, one)),
  ];
}

function* first<T>(all: Iterable<T>, most: number): Generator<T> {
  let left = most;
  for (const one of all) {
    if (left-- <= 0) return;
    yield one;
  }
}

const shown = (ip: Interfaces, address: Address): string =>
  address === ANY ? '*' : textOf(ip, address);

const listenerLine = (
  ip: Interfaces,
  { address, port, halfOpen, backlog }: Listener,
): SocketLine => ({
  protocol: 'tcp',
  state: stateName(State.LISTEN),
  receiveQueue: halfOpen,
  sendQueue: backlog,
  localAddress: shown(ip, address),
  localPort: port,
  remoteAddress: '*',
  remotePort: 0,
});

function connectionLine(ip: Interfaces, tcb: Tcb, withInfo: boolean): SocketLine {
  const timer = timerOf(tcb);
  return {
    protocol: 'tcp',
    state: stateName(tcb.state),
    receiveQueue: tcb.held,
    sendQueue: outstanding(tcb) + Math.max(0, unsent(tcb)),
    localAddress: textOf(ip, tcb.localAddress),
    localPort: tcb.localPort,
    remoteAddress: textOf(ip, tcb.remoteAddress),
    remotePort: tcb.remotePort,
    ...(timer && { timer }),
    ...(withInfo && { info: infoOf(ip, tcb) }),
  };
}

/** The one that `ss` would show: of those that run, the first of these. */
function timerOf(tcb: Tcb): SocketTimer | undefined {
  const close = tcb.state === State.TIME_WAIT ? dueTime(tcb, Timer.CLOSE) : NEVER;
  const again = Math.min(dueTime(tcb, Timer.RETRANSMIT), dueTime(tcb, Timer.PROBE));
  return (
    running(tcb, 'timewait', close) ??
    running(tcb, 'on', again) ??
    running(tcb, 'persist', dueTime(tcb, Timer.PERSIST)) ??
    running(tcb, 'keepalive', dueTime(tcb, Timer.KEEP_ALIVE))
  );
}

function running(tcb: Tcb, name: SocketTimer['name'], due: number): SocketTimer | undefined {
  if (due === NEVER) return undefined;
  return { name, left: Math.max(0, due - tcb.tcp.now) / 1000, retries: tcb.retries };
}

const udpLine = (ip: Interfaces, socket: UdpSocket): SocketLine => {
  const isConnected = socket.remotePort !== 0;
  return {
    protocol: 'udp',
    state: isConnected ? 'ESTABLISHED' : 'UNCONNECTED',
    receiveQueue: 0, // what comes is given to its owner at once
    sendQueue: 0,
    localAddress: shown(ip, isConnected ? socket.localAddress : socket.address),
    localPort: socket.port,
    remoteAddress: isConnected ? textOf(ip, socket.remoteAddress) : '*',
    remotePort: socket.remotePort,
  };
};
