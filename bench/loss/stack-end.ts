/**
 * tunstack's side of a link: a stack in a thread of its own, on a socket that the emulator holds the
 * other end of.
 * @module
 */
import { workerData } from 'node:worker_threads';
import { loadLibc } from '../../src/device/linux/libc.ts';
import type { Connection, TcpSettings } from '../../src/index.ts';
import { createStack, openFd } from '../../src/index.ts';
import type { Send } from './kernel-end.ts';
import { type Receive, serve, sharedMicros } from './protocol.ts';
import { ANSWER, type Points, Series, Turns } from './series.ts';
import { Priority, runFirst } from './system.ts';
import { warmUp } from './warm.ts';

/** What the thread is started with. */
export interface StackData {
  readonly fd: number;
  /** With its prefix. */
  readonly address: string;
  readonly tcp?: Partial<TcpSettings>;
}

const PIECE = new Uint8Array(128 * 1024);
const { fd, address, tcp } = workerData as StackData;
await warmUp();
const device = await openFd(fd, { mtu: 1500, medium: 'ip', headerLength: 0 });
const stack = createStack({ device, address, ...(tcp && { tcp }) });
const receivers = new Map<number, Series>();
const senders = new Map<number, Connection>();

function receive({ id, address: own, port, turn }: Receive): void {
  const series = new Series();
  receivers.set(id, series);
  const counts = new Turns(turn);
  stack.tcp.createListener({ address: own, port }, (accepted) => {
    if (turn !== undefined) accepted.setNoDelay();
    return {
      data: (connection, _bytes, _at, length) => {
        series.add(length);
        for (let over = counts.add(length); over > 0; over--) connection.write(ANSWER);
      },
    };
  });
}

function received(id: number): Points {
  return receivers.get(id)?.points ?? [];
}

/** By reference, always the same zeros: as much as is taken. */
function fill(connection: Connection): void {
  while (connection.write(PIECE) === PIECE.length) {
    // until the stack takes no more
  }
}

function send({ id, address: to, port, turn }: Send): number {
  const began = sharedMicros();
  const piece = PIECE.subarray(0, turn);
  const next = (connection: Connection): void => {
    connection.setNoDelay();
    connection.write(piece);
  };
  const handler = turn === undefined ? { open: fill, writable: fill } : { open: next, data: next };
  senders.set(id, stack.tcp.createConnection({ address: to, port }, handler));
  return began;
}

function stop(id: number): string {
  const connection = senders.get(id);
  const told = JSON.stringify(connection?.info());
  connection?.abort();
  return told;
}

async function end(): Promise<object> {
  const stats = stack.stats();
  await stack.close({ linger: 0 });
  setImmediate(() => process.exit()); // ends this thread
  return stats;
}

runFirst(await loadLibc(), Priority.END);
serve({ receive, received, send, stop, end });
