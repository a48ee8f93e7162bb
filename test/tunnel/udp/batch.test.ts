/**
 * Datagrams in batches, over a kernel that is played: what one call of it brings is handed on before the next is made, and
 * what is enough for a call leaves without waiting for more. recvmmsg(2), sendmmsg(2), udp(7): UDP_SEGMENT.
 * @module
 */
import type { Socket } from 'node:dgram';
import { EventEmitter } from 'node:events';
import test from 'ava';
import { Endpoint } from '../../../src/tunnel/endpoint.ts';
import type { TransportUser } from '../../../src/tunnel/tunnel.ts';
import { putAddress } from '../../../src/tunnel/udp/address.ts';
import { BatchTransport } from '../../../src/tunnel/udp/batch.ts';
import { Inbox } from '../../../src/tunnel/udp/inbox.ts';
import { Outbox, Sent } from '../../../src/tunnel/udp/outbox.ts';
import { ADDRESS_SIZE, Mmsg, type UdpCalls, Vector } from '../../../src/tunnel/udp/system.ts';

const FROM = new Endpoint('192.0.2.1', 51_820);
const LENGTH = 1452;

/** Memory by address, as a kernel sees it. */
class Kernel implements UdpCalls {
  /** Datagrams that are there to be taken. */
  waiting = 0;
  /** Datagrams of each message of each call that sent. */
  readonly sent: number[][] = [];
  /** Messages that a call takes; 0: none, with EAGAIN. */
  takes = 64;
  readonly #arrays: Uint8Array[] = [];

  addressOf(bytes: Uint8Array): number {
    this.#arrays.push(bytes);
    return this.#arrays.length * 2 ** 32;
  }

  #at(address: number): { view: DataView; at: number } {
    const { buffer } = this.#arrays[Math.floor(address / 2 ** 32) - 1] as Uint8Array; // given above
    return { view: new DataView(buffer), at: address % 2 ** 32 };
  }

  recvmmsg(_fd: number, messages: number, count: number): number {
    const { view, at } = this.#at(messages);
    const given = Math.min(count, this.waiting);
    this.waiting -= given;
    for (let i = 0; i < given; i++) {
      const message = at + i * Mmsg.size;
      view.setUint32(message + Mmsg.passed, LENGTH, true);
      const name = Number(view.getBigUint64(message + Mmsg.name, true)) % 2 ** 32;
      view.setUint32(message + Mmsg.nameLength, ADDRESS_SIZE, true);
      putAddress(view, name, FROM);
    }
    return given === 0 ? -1 : given;
  }

  sendmmsg(_fd: number, messages: number, count: number): number {
    if (this.takes === 0) return -1;
    const { view, at } = this.#at(messages);
    const taken = Math.min(count, this.takes);
    const lengths = Array.from({ length: taken }, (_, i) => {
      const vector = Number(view.getBigUint64(at + i * Mmsg.size + Mmsg.vector, true)) % 2 ** 32;
      return Number(view.getBigUint64(vector + Vector.length, true)) / LENGTH;
    });
    this.sent.push(lengths);
    return taken;
  }

  errno = (): number => 11; // EAGAIN
  socket = (): number => 3;
  bind = (): number => 0;
  close = (): number => 0;
  getsockname = (): number => 0;
  setsockopt = (): number => 0;
}

/** Counts datagrams, and how many came before it was told that a batch is over. */
class Counting implements TransportUser {
  count = 0;
  readonly batches: number[] = [];
  onBatch: () => void = () => {};
  #before = 0;

  received(): void {
    this.count++;
  }

  drained(): void {
    this.batches.push(this.count - this.#before);
    this.#before = this.count;
    this.onBatch();
  }

  writable(): void {}
  failed(): void {}
}

test('batch: what one call brought is handed on before the next is made', (t) => {
  const kernel = new Kernel();
  const user = new Counting();
  kernel.waiting = 100;
  const inbox = new Inbox(kernel, 2048);
  t.is(inbox.drain(3, user), 0);
  t.deepEqual(user.batches, [64, 36]);
  t.false(inbox.left);
});

test('batch: while datagrams come without end others have their turn after 256', (t) => {
  const kernel = new Kernel();
  const user = new Counting();
  kernel.waiting = Number.POSITIVE_INFINITY;
  const inbox = new Inbox(kernel, 2048);
  inbox.drain(3, user);
  t.is(user.count, 256);
  t.true(inbox.left);
  inbox.drain(3, user, 1, 8);
  t.is(user.count, 264);
});

test('batch: nothing is taken from a socket that its user closes in between', (t) => {
  const kernel = new Kernel();
  const user = new Counting();
  kernel.waiting = Number.POSITIVE_INFINITY;
  const inbox = new Inbox(kernel, 2048);
  user.onBatch = () => inbox.stop();
  inbox.drain(3, user);
  t.is(inbox.calls, 1);
  t.false(inbox.left);
  inbox.drain(3, user);
  t.is(inbox.calls, 1);
});

test('batch: a datagram that comes alone, as the one before, is handed on before the kernel is asked for more', (t) => {
  const kernel = new Kernel();
  const user = new Counting();
  const socket = new EventEmitter();
  const sockets = new Map([[4 as const, socket as unknown as Socket]]);
  const transport = new BatchTransport(kernel, new Map([[4, 3]]), sockets, 51_820, 2048);
  transport.start(user);
  const asked: number[] = [];
  user.onBatch = () => asked.push(transport.counters.receiveCalls);
  const come = (behind: number): number[] => {
    kernel.waiting = behind;
    asked.length = 0;
    socket.emit('message', new Uint8Array(32), { address: '192.0.2.1', port: 51_820 });
    return asked.map((calls) => calls - transport.counters.receiveCalls + 1);
  };
  // Of the first nothing is known: it may be one of many, which are better sealed and written together.
  t.deepEqual(come(0), [1]);
  t.deepEqual(come(0), [0, 1]);
  t.deepEqual(come(5), [0, 1]);
  t.deepEqual(come(5), [1]);
  t.is(user.count, 14);
});

/** Commit `count` full datagrams; the number of the one that was said to be enough, or 0. */
function commit(outbox: Outbox, count: number): number {
  for (let i = 1; i <= count; i++) {
    if (outbox.reserve(LENGTH) < 0) return 0;
    if (outbox.commit(LENGTH, FROM)) return i;
  }
  return 0;
}

test('batch: a message as long as they come is enough to be sent', (t) => {
  const kernel = new Kernel();
  const outbox = new Outbox(kernel, new Map([[4, 3]]));
  const enough = Math.ceil(64_000 / LENGTH);
  t.is(commit(outbox, 100), enough);
  t.is(outbox.flush(), Sent.ALL);
  // One message, and the datagram that did not fit into 65 000 bytes.
  t.deepEqual(kernel.sent, [[44, 1]]);
  t.is(commit(outbox, enough - 1), 0);
  t.true(outbox.flush() === Sent.ALL && outbox.empty);
});

test('batch: what the kernel could not take leaves later, in order and once', (t) => {
  const kernel = new Kernel();
  const outbox = new Outbox(kernel, new Map([[4, 3]]));
  commit(outbox, 30);
  kernel.takes = 0;
  t.is(outbox.flush(), Sent.LATER);
  for (let i = 0; i < 20; i++) commit(outbox, 1);
  kernel.takes = 1;
  t.is(outbox.flush(), Sent.ALL);
  t.deepEqual(kernel.sent, [[44], [6]]);
});
