/**
 * The connections as rows: their rates, their troubles, and the part of the table that somebody sees.
 * @module
 */
import type { ConnectionView, Stack } from '../../index.ts';
import { judge, type Look, type Memory, newMemory, type Trouble } from './trouble.ts';

/** What the table may be sorted by. */
export type Order =
  | 'peer'
  | 'port'
  | 'state'
  | 'in'
  | 'out'
  | 'rtt'
  | 'cwnd'
  | 'resent'
  | 'queue'
  | 'trouble';

export const ORDERS: Readonly<Record<Order, (row: Row) => number | string>> = {
  peer: (row: Row) => row.text,
  port: (row: Row) => row.localPort,
  state: (row: Row) => row.state,
  in: (row: Row) => row.rateIn,
  out: (row: Row) => row.rateOut,
  rtt: (row: Row) => row.rtt,
  cwnd: (row: Row) => row.cwnd,
  resent: (row: Row) => row.totalRetrans,
  queue: (row: Row) => row.queue,
  trouble: (row: Row) => (row.trouble === '' ? 0 : 1),
};

/** One connection. The fields of `Look` are those of the last look. */
export interface Row extends Look {
  /** For the page; a number that says nothing of the connection. */
  readonly id: number;
  readonly key: number;
  /** In lower case, what is searched: `10.0.0.1:1234 10.0.0.2:80`. */
  readonly text: string;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  state: string;
  isHalfOpen: boolean;
  /** Bytes a second. */
  rateIn: number;
  rateOut: number;
  /** Bytes that wait: not acknowledged, not sent, not read. */
  queue: number;
  trouble: Trouble | '';
  /** The look in which it was met last. */
  round: number;
  readonly memory: Memory;
}

/** Whether a row is meant. */
export type RowFilter = (row: Row) => boolean;

type Changing = { -readonly [Key in keyof Row]: Row[Key] };

/** All of them, kept from look to look. */
export class Rows {
  readonly #rows = new Map<number, Changing>();
  #round = 0;
  #last = 0;
  #serial = 0;
  /** Of the last look. */
  halfOpen = 0;

  get size(): number {
    return this.#rows.size;
  }

  [Symbol.iterator](): IterableIterator<Row> {
    return this.#rows.values();
  }

  /** Look at all connections; `now` in milliseconds. */
  look(stack: Stack, now: number): void {
    const ms = this.#round === 0 ? 0 : now - this.#last;
    this.#last = now;
    this.#round++;
    this.halfOpen = 0;
    const holes = new Set(
      stack.paths.filter(({ learnt }) => learnt === 'probes').map(({ destination }) => destination),
    );
    stack.survey((connection) => {
      const row = this.#rows.get(connection.key);
      if (row === undefined) this.#meet(connection, holes);
      else this.#again(row, connection, ms, holes);
      if (connection.isHalfOpen) this.halfOpen++;
    });
    for (const [key, { round }] of this.#rows) if (round !== this.#round) this.#rows.delete(key);
  }

  #meet(connection: ConnectionView, holes: Set<string>): void {
    const { key, localAddress, localPort, remoteAddress, remotePort, state } = connection;
    this.#rows.set(key, {
      ...{ key, id: ++this.#serial, localAddress, localPort, remoteAddress, remotePort, state },
      text: `${withPort(remoteAddress, remotePort)} ${withPort(localAddress, localPort)}`,
      isHalfOpen: connection.isHalfOpen,
      ...lookAt(connection),
      ...{ rateIn: 0, rateOut: 0, queue: 0, round: this.#round },
      trouble: holes.has(remoteAddress) ? 'black-hole' : '',
      memory: newMemory(),
    });
  }

  #again(row: Changing, connection: ConnectionView, ms: number, holes: Set<string>): void {
    const now = lookAt(connection);
    const seconds = ms / 1000;
    row.state = connection.state;
    row.isHalfOpen = connection.isHalfOpen;
    row.rateOut = seconds > 0 ? Math.max(0, now.bytesAcked - row.bytesAcked) / seconds : 0;
    row.rateIn = seconds > 0 ? Math.max(0, now.bytesReceived - row.bytesReceived) / seconds : 0;
    row.queue = now.unacked + now.notsent + now.receiveQueue;
    const isHole = holes.size > 0 && holes.has(row.remoteAddress);
    row.trouble = judge(row.memory, row, now, ms, isHole);
    row.round = this.#round;
    Object.assign(row, now);
  }

  /** The row of that number. */
  find(id: number): Row | undefined {
    for (const row of this.#rows.values()) if (row.id === id) return row;
    return undefined;
  }

  /** Those that fit, in their order, from the `from`th on, and how many fit. */
  view(
    fits: RowFilter,
    order: Order,
    isDescending: boolean,
    from: number,
    count: number,
  ): { readonly rows: Row[]; readonly matching: number } {
    const of = ORDERS[order];
    const all: { readonly row: Row; readonly by: number | string }[] = [];
    for (const row of this.#rows.values()) if (fits(row)) all.push({ row, by: of(row) });
    const sign = isDescending ? -1 : 1;
    all.sort((a, b) => {
      if (a.by === b.by) return a.row.id - b.row.id; // so that equal ones stay where they are
      return a.by < b.by ? -sign : sign;
    });
    const rows = all.slice(from, from + count).map(({ row }) => row);
    return { rows, matching: all.length };
  }
}

const withPort = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

const lookAt = (connection: ConnectionView): Look => ({
  rtt: connection.rtt,
  minRtt: connection.minRtt,
  cwnd: connection.cwnd,
  mss: connection.mss,
  sendWindow: connection.sendWindow,
  receiveWindow: connection.receiveWindow,
  unacked: connection.unacked,
  notsent: connection.notsent,
  receiveQueue: connection.receiveQueue,
  timeouts: connection.timeouts,
  totalRetrans: connection.totalRetrans,
  segsOut: connection.segsOut,
  bytesAcked: connection.bytesAcked,
  bytesReceived: connection.bytesReceived,
  networkLimited: connection.networkLimited,
  rwndLimited: connection.rwndLimited,
  sndbufLimited: connection.sndbufLimited,
});
