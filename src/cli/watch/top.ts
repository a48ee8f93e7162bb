/**
 * The screen of `tunstack top`: the whole above, its connections below, the busiest first.
 *
 * On a terminal it stands on the alternate screen, is drawn anew each time, and listens to keys; elsewhere
 * each round is printed below the last, for files and pipes.
 * @module
 */
import { performance } from 'node:perf_hooks';
import type { ReadStream, WriteStream } from 'node:tty';
import type { SocketLine, StackStats, TcpInfo } from '../../index.ts';
import type { About } from '../control/server.ts';
import { heightOf, widthOf } from '../screen.ts';
import { plural, size } from '../words.ts';
import { ORDERS, type Order, type TopOptions } from './options.ts';
import { stateOf } from './ss-lines.ts';

const ALTERNATE = '\x1b[?1049h\x1b[?25l';
const BACK = '\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const REST = '\x1b[J';
const LINE_END = '\x1b[K';
const INTERRUPT = '\x03';

interface Row {
  readonly socket: SocketLine;
  readonly info: TcpInfo;
  /** Bytes a second, both ways. */
  readonly out: number;
  readonly in: number;
}

interface Seen {
  readonly acked: number;
  readonly received: number;
}

export class Top {
  /** Settles when somebody wants no more. */
  readonly quit: Promise<void>;
  readonly #about: About;
  readonly #interval: number;
  readonly #out: WriteStream;
  readonly #in: ReadStream;
  readonly #live: boolean;
  readonly #began: number = performance.now();
  #order: Order;
  #quit: () => void = () => {};
  #wake: () => void = () => {};
  #redraw: () => void = () => {};
  #before: StackStats | undefined;
  #seen: Map<string, Seen> = new Map();
  #time = 0;

  constructor(about: About, options: TopOptions, input: ReadStream, output: WriteStream) {
    this.#about = about;
    this.#interval = options.interval * 1000;
    this.#order = options.sort;
    this.#out = output;
    this.#in = input;
    this.#live = output.isTTY === true && !options.batch;
    this.quit = new Promise((resolve) => {
      this.#quit = resolve;
    });
    if (!this.#live) return;
    output.write(ALTERNATE);
    if (input.isTTY) {
      input.setRawMode(true);
      input.on('data', this.#key).resume();
    }
  }

  /** Draw a round. */
  show(stats: StackStats, sockets: readonly SocketLine[]): void {
    const now = performance.now();
    const seconds = this.#before === undefined ? 0 : (now - this.#time) / 1000;
    const before = this.#before ?? stats;
    const uptime = this.#about.uptime + (now - this.#began) / 1000;
    const rows = this.#rows(sockets, seconds);
    this.#before = stats;
    this.#time = now;
    this.#redraw = (): void => {
      const head = summary(this.#about, uptime, stats, before, seconds, sockets);
      this.#draw([...head, '', ...this.#table(rows)]);
    };
    this.#redraw();
  }

  /** Until the next round is due, or there will be none. */
  async wait(stopped: Promise<unknown>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const due = new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, this.#interval);
    });
    await Promise.race([due, stopped, this.quit]);
    clearTimeout(timer);
  }

  close(): void {
    if (!this.#live) return;
    if (this.#in.isTTY) {
      this.#in.off('data', this.#key).setRawMode(false);
      this.#in.pause();
    }
    this.#out.write(BACK);
  }

  readonly #key = (bytes: Buffer): void => {
    const key = bytes.toString();
    if (key === 'q' || key === INTERRUPT) this.#quit();
    else if (key === ' ') this.#wake();
    for (const [order, its] of Object.entries(ORDERS)) {
      if (its !== key) continue;
      this.#order = order as Order;
      this.#redraw();
    }
  };

  #rows(sockets: readonly SocketLine[], seconds: number): Row[] {
    const seen = new Map<string, Seen>();
    const rows: Row[] = [];
    for (const socket of sockets) {
      const { info } = socket;
      if (info === undefined) continue;
      const key = `${info.localAddress} ${info.localPort} ${info.remoteAddress} ${info.remotePort}`;
      const now = { acked: info.bytesAcked, received: info.bytesReceived };
      const was = this.#seen.get(key) ?? now;
      seen.set(key, now);
      const rate = (bytes: number): number => (seconds > 0 ? Math.max(0, bytes) / seconds : 0);
      const [out, coming] = [rate(now.acked - was.acked), rate(now.received - was.received)];
      rows.push({ socket, info, out, in: coming });
    }
    this.#seen = seen;
    return rows;
  }

  #table(rows: readonly Row[]): string[] {
    const sorted = [...rows].sort((a, b) => weight(b, this.#order) - weight(a, this.#order));
    const table = [
      HEADER,
      ...sorted.slice(0, this.#live ? this.#height() : sorted.length).map(cells),
    ];
    const widths = HEADER.map((_, i) => Math.max(...table.map((row) => row[i]?.length ?? 0)));
    return table.map((row) =>
      row
        .map((cell, i) => (i < 3 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join('  '),
    );
  }

  /** Rows that find room below the head and the header. */
  #height(): number {
    return Math.max(1, heightOf(this.#out) - 7);
  }

  #draw(lines: readonly string[]): void {
    if (!this.#live) {
      this.#out.write(`${lines.join('\n')}\n\n`);
      return;
    }
    const [columns, rows] = [widthOf(this.#out), heightOf(this.#out)];
    const fitted = lines.slice(0, rows - 1).map((line) => line.slice(0, columns) + LINE_END);
    this.#out.write(`${HOME}${fitted.join('\r\n')}\r\n${REST}`);
  }
}

const HEADER = ['peer', 'port', 'state', 'in/s', 'out/s', 'rtt ms', 'cwnd', 'queue', 'resent'];

function cells({ socket, info, out, in: coming }: Row): string[] {
  return [
    `${socket.remoteAddress}:${socket.remotePort}`,
    String(socket.localPort),
    stateOf(socket),
    ...[size(coming), size(out), info.rtt.toFixed(2), String(info.cwnd)],
    ...[String(socket.sendQueue), String(info.totalRetrans)],
  ];
}

function weight({ socket, info, out, in: coming }: Row, order: Order): number {
  switch (order) {
    case 'rate':
      return out + coming;
    case 'rtt':
      return info.rtt;
    case 'cwnd':
      return info.cwnd;
    case 'retrans':
      return info.totalRetrans;
    case 'queue':
      return socket.sendQueue + socket.receiveQueue;
  }
}

/** Of both families. */
const octetsIn = (s: StackStats): number => s.IpExtInOctets + s.Ip6InOctets;
const octetsOut = (s: StackStats): number => s.IpExtOutOctets + s.Ip6OutOctets;

function summary(
  about: About,
  uptime: number,
  stats: StackStats,
  before: StackStats,
  seconds: number,
  sockets: readonly SocketLine[],
): string[] {
  const rate = (of: (stats: StackStats) => number): number =>
    seconds > 0 ? Math.round((of(stats) - of(before)) / seconds) : 0;
  const dropped = (from: StackStats): number =>
    Object.values(from.drops).reduce((sum, count) => sum + count, 0);
  const listening = sockets.filter(({ state }) => state === 'LISTEN').length;
  const udp = sockets.filter(({ protocol }) => protocol === 'udp').length;
  return [
    `tunstack ${about.command} (${about.pid}) on ${about.device} ${about.addresses.join(' ')}, ` +
      `up ${Math.round(uptime)} s`,
    `packets ${rate((s) => s.packetsIn)}/s in, ${rate((s) => s.packetsOut)}/s out; ` +
      `octets ${size(rate(octetsIn))}/s in, ${size(rate(octetsOut))}/s out; ` +
      `dropped ${rate(dropped)}/s, ${dropped(stats)} in all`,
    `${plural(stats.connections, 'connection')}, ${listening} listening, ${udp} UDP; ` +
      `resent ${rate((s) => s.TcpRetransSegs)}/s, ${stats.TcpRetransSegs} in all; ` +
      `memory ${size(stats.tcpMemory)} of ${size(stats.tcpMemoryLimit)}` +
      `${stats.tcpMemoryPressed ? ', pressed' : ''}`,
  ];
}
