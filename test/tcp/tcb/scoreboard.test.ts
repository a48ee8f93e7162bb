/**
 * The scoreboard against a plain model: an array with the fate of every segment.
 * @module
 */
import test, { type ExecutionContext } from 'ava';
import { below, SeededRandom } from '../../../src/stack/base/random.ts';
import { type Seq, seq } from '../../../src/stack/base/seq.ts';
import { Delivery } from '../../../src/stack/tcp/tcb/delivery.ts';
import {
  Fate,
  MOST_BURSTS,
  MOST_EXTENTS,
  Scoreboard,
} from '../../../src/stack/tcp/tcb/scoreboard.ts';

const MSS = 100;

/** The same as a list: one entry a segment of 100 octets, from `first` on. */
class Model {
  first = 0;
  readonly fates: number[] = [];

  bytes(fate: number): number {
    return this.fates.filter((f) => (f & fate) !== 0).length * MSS;
  }
}

/** Both, and the sequence number of the model's octet 0, next to the wrap. */
class Pair {
  readonly t: ExecutionContext;
  readonly board: Scoreboard = new Scoreboard();
  readonly model: Model = new Model();
  readonly delivery: Delivery = new Delivery();
  readonly base: number;
  now = 1;
  readonly label: string;

  constructor(t: ExecutionContext, label = '', base = 0x7fff_f000) {
    this.t = t;
    this.label = label;
    this.base = base;
  }

  at(segment: number): Seq {
    return seq(this.base + segment * MSS);
  }
  get end(): number {
    return this.model.first + this.model.fates.length;
  }

  append(count: number): void {
    const { board, model } = this;
    board.append(this.at(this.end), this.at(this.end + count), this.now, MSS);
    for (let i = 0; i < count; i++) model.fates.push(0);
  }

  sack(from: number, to: number): void {
    const { board, model, delivery } = this;
    delivery.reset();
    board.sack(this.at(from), this.at(to), MSS, delivery, this.at(model.first));
    let fresh = 0;
    for (let i = Math.max(from, model.first); i < Math.min(to, this.end); i++) {
      const fate = model.fates[i - model.first] ?? 0;
      if (fate & Fate.SACKED) continue;
      fresh++;
      model.fates[i - model.first] = (fate & Fate.TWICE) | Fate.SACKED;
    }
    this.t.is(delivery.sacked, fresh * MSS, this.label);
  }

  acknowledge(to: number): void {
    const { board, model, delivery } = this;
    delivery.reset();
    board.acknowledge(this.at(to), this.at(model.first), delivery);
    const gone = model.fates.splice(0, to - model.first);
    model.first = to;
    const fresh = gone.filter((fate) => !(fate & Fate.SACKED)).length;
    this.t.is(delivery.acked, fresh * MSS, this.label);
  }

  lose(segment: number): void {
    const { board, model } = this;
    let i = board.split(board.find(this.at(segment)), this.at(segment));
    board.split(i, this.at(segment + 1));
    i = board.find(this.at(segment));
    if (board.fate(i) & Fate.SACKED) return;
    board.markLost(i);
    const at = segment - model.first;
    model.fates[at] = ((model.fates[at] ?? 0) | Fate.LOST) & ~Fate.RESENT;
  }

  resend(): void {
    const { board, model } = this;
    const i = board.nextLost();
    const at = model.fates.findIndex((f) => (f & (Fate.LOST | Fate.RESENT)) === Fate.LOST);
    this.t.is(i < 0, at < 0, this.label);
    if (i < 0) return;
    this.t.is(board.start(i), this.at(model.first + at), this.label);
    board.split(i, this.at(model.first + at + 1));
    board.resend(i, this.now);
    model.fates[at] = (model.fates[at] ?? 0) | Fate.RESENT | Fate.TWICE;
  }

  check(): void {
    const { board, model, t, label } = this;
    // What was reported is one extent, whether some of it was sent twice or not.
    const plain = (fate: number): number => (fate & Fate.SACKED ? Fate.SACKED : fate);
    const found: number[] = [];
    for (let i = 0; i < board.count; i++) {
      const size = (board.end(i) - board.start(i)) | 0;
      t.true(size > 0 && size % MSS === 0, label);
      if (i > 0) t.is(board.start(i), board.end(i - 1), label);
      for (let k = 0; k < size / MSS; k++) found.push(plain(board.fate(i)));
    }
    t.deepEqual(found, model.fates.map(plain), label);
    t.is(board.sackedBytes, model.bytes(Fate.SACKED), label);
    t.is(board.lostBytes, model.bytes(Fate.LOST), label);
    t.is(board.resentBytes, model.bytes(Fate.RESENT), label);
    const out = model.fates.length * MSS;
    const wanted = out - board.sackedBytes - board.lostBytes + board.resentBytes;
    t.is(board.pipe(out), wanted, label);
  }
}

/** How many elements of typed arrays `work` moves. */
function movedBy(work: () => void): number {
  const { copyWithin } = Int32Array.prototype;
  let moved = 0;
  Int32Array.prototype.copyWithin = function (this: Int32Array, target, start, end = this.length) {
    moved += end - start;
    return copyWithin.call(this, target, start, end);
  };
  try {
    work();
  } finally {
    Int32Array.prototype.copyWithin = copyWithin;
  }
  return moved;
}

test('scoreboard: does what a plain list does, whatever comes', (t) => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = new SeededRandom(seed);
    const pair = new Pair(t, `seed ${seed}`);
    const pick = (n: number): number => below(random, Math.max(1, n));
    for (let step = 0; step < 120; step++) {
      pair.now++;
      const { model } = pair;
      const some = (): number => model.first + pick(model.fates.length);
      const what = pick(6);
      if (what <= 1 || model.fates.length === 0) pair.append(1 + pick(12));
      else if (what === 2) {
        const from = some();
        pair.sack(from, from + 1 + pick(8));
      } else if (what === 3) pair.lose(some());
      else if (what === 4) pair.resend();
      else pair.acknowledge(some() + 1);
      pair.check();
    }
  }
});

test('scoreboard: what leaves in one batch is one entry', (t) => {
  const pair = new Pair(t);
  for (let i = 0; i < 10; i++) pair.append(1);
  t.is(pair.board.count, 1);
  pair.now++;
  pair.append(1);
  t.is(pair.board.count, 2);
});

test('scoreboard: an entry grows to 64 KiB and no further', (t) => {
  const pair = new Pair(t);
  for (let i = 0; i < 700; i++) pair.append(1);
  t.is(pair.board.count, 2);
});

test('scoreboard: nothing is put behind a short segment', (t) => {
  const board = new Scoreboard();
  board.append(seq(0), seq(50), 1, MSS);
  board.append(seq(50), seq(150), 1, MSS);
  t.is(board.count, 2);
});

test('scoreboard: edges of a SACK inside a segment count only for whole segments', (t) => {
  const pair = new Pair(t);
  pair.append(10);
  pair.delivery.reset();
  const { board, delivery } = pair;
  board.sack(seq(pair.base + 150), seq(pair.base + 450), MSS, delivery, pair.at(0));
  t.is(board.sackedBytes, 200);
  t.is(board.find(pair.at(2)), board.find(pair.at(3)));
  t.is(board.start(board.find(pair.at(2))), pair.at(2));
});

test('scoreboard: a SACK that was heard before delivers nothing', (t) => {
  const pair = new Pair(t);
  pair.append(10);
  pair.sack(3, 6);
  pair.sack(3, 6);
  pair.sack(4, 5);
  pair.sack(2, 7);
  pair.check();
});

test('scoreboard: what was retransmitted gives no time for the round trip', (t) => {
  const pair = new Pair(t);
  pair.append(3);
  pair.lose(0);
  pair.now = 5;
  pair.resend();
  pair.now = 9;
  pair.acknowledge(1);
  t.is(pair.delivery.rttTime, -1);
  t.true(pair.delivery.resent);
  t.is(pair.delivery.time, 5);
  pair.acknowledge(2);
  t.is(pair.delivery.rttTime, 1);
  t.false(pair.delivery.resent);
});

test('scoreboard: of what is delivered the newest counts', (t) => {
  const pair = new Pair(t);
  pair.append(2);
  pair.now = 4;
  pair.append(2);
  pair.acknowledge(4);
  t.is(pair.delivery.time, 4);
  t.is(pair.delivery.end, pair.at(4));
  t.is(pair.delivery.originalEnd, pair.at(4));
});

test('scoreboard: what comes below what came before was reordered, unless it was sent again', (t) => {
  const pair = new Pair(t);
  pair.append(6);
  const { board, delivery } = pair;
  delivery.reset();
  board.sack(pair.at(1), pair.at(2), MSS, delivery, pair.at(4));
  t.true(delivery.reordered);
  pair.lose(2);
  board.resend(board.find(pair.at(2)), 9);
  delivery.reset();
  board.sack(pair.at(2), pair.at(3), MSS, delivery, pair.at(4));
  t.false(delivery.reordered);
});

test('scoreboard: after a timeout all that was not reported is lost', (t) => {
  const pair = new Pair(t);
  pair.append(6);
  pair.sack(2, 4);
  pair.lose(0);
  pair.resend();
  pair.board.markAllLost();
  t.is(pair.board.lostBytes, 400);
  t.is(pair.board.resentBytes, 0);
  t.is(pair.board.owed, 400);
});

test('scoreboard: a loss that was none is put back in flight', (t) => {
  const pair = new Pair(t);
  pair.append(6);
  pair.sack(2, 4);
  pair.lose(0);
  pair.resend();
  pair.board.clearLost();
  t.is(pair.board.lostBytes, 0);
  t.is(pair.board.pipe(600), 400);
  t.is(pair.board.nextLost(), -1);
});

test('scoreboard: a peer that drops what it reported is forgotten its reports', (t) => {
  const pair = new Pair(t);
  pair.append(6);
  pair.sack(2, 4);
  pair.board.forgetSacks();
  t.is(pair.board.sackedBytes, 0);
  t.is(pair.board.fate(1), 0);
});

test('scoreboard: retransmissions are judged in the order they left', (t) => {
  const pair = new Pair(t);
  pair.append(6);
  for (const segment of [4, 1, 3]) {
    pair.lose(segment);
    pair.now++;
    const i = pair.board.find(pair.at(segment));
    pair.board.resend(i, pair.now);
  }
  const order: Seq[] = [];
  for (let i = pair.board.oldestResent(); i >= 0; i = pair.board.oldestResent()) {
    order.push(pair.board.start(i));
    pair.board.markLost(i);
  }
  t.deepEqual(order, [pair.at(4), pair.at(1), pair.at(3)]);
});

test('scoreboard: a retransmission of which a part has arrived is judged all the same', (t) => {
  // RFC 8985 §6.2, step 5: each segment that was not delivered, not only the first of a burst.
  const pair = new Pair(t);
  const { board } = pair;
  pair.append(10);
  board.markLost(0);
  board.resend(0, 5);
  pair.delivery.reset();
  board.acknowledge(pair.at(2), pair.at(0), pair.delivery);
  board.sack(pair.at(4), pair.at(6), MSS, pair.delivery, pair.at(2));
  const judged: Seq[] = [];
  for (let i = board.oldestResent(); i >= 0; i = board.oldestResent()) {
    judged.push(board.start(i));
    board.markLost(i);
  }
  t.deepEqual(judged, [pair.at(2), pair.at(6)]);
});

test('scoreboard: what was reported piece by piece is one entry in the end', (t) => {
  const pair = new Pair(t);
  pair.append(100);
  for (let i = 1; i < 98; i += 2) pair.sack(i, i + 1);
  t.is(pair.board.count, 99);
  for (let i = 2; i < 98; i += 2) pair.sack(i, i + 1);
  pair.check();
  t.is(pair.board.count, 3);
});

test('scoreboard: what is sent again in one batch is one entry', (t) => {
  const pair = new Pair(t);
  pair.append(20);
  pair.lose(0);
  pair.board.markAllLost();
  for (let i = 0; i < 20; i++) {
    const next = pair.board.nextLost();
    pair.board.split(next, seq(pair.board.start(next) + MSS));
    pair.board.resend(next, 7);
  }
  t.is(pair.board.count, 1);
  t.is(pair.board.resentBytes, 2000);
});

test('scoreboard: reports that would take more entries than there may be are ignored', (t) => {
  // RFC 2018 §5: what is not noted is sent again, and nothing else.
  const pair = new Pair(t, '', 0);
  const { board } = pair;
  pair.append(20_000);
  const moved = movedBy(() => {
    for (let i = 0; i < 9_999; i++) {
      const segment = 1 + 2 * ((i * 7919) % 9_999);
      board.sack(pair.at(segment), pair.at(segment + 1), MSS, pair.delivery, pair.at(0));
    }
  });
  t.true(board.count <= MOST_EXTENTS && board.count > MOST_EXTENTS - 3, `${board.count} entries`);
  t.is(board.sackedBytes, (MOST_EXTENTS / 2 - 1) * MSS);
  t.true(moved <= 4_095 * (MOST_EXTENTS / 2), `${moved} places moved`);
  // What needs no entry more still counts.
  board.sack(pair.at(0), pair.at(2), MSS, pair.delivery, pair.at(0));
  t.is(board.fate(board.find(pair.at(0))), Fate.SACKED);
});

test('scoreboard: retransmissions at different times grow together once there are too many', (t) => {
  const pair = new Pair(t, '', 0);
  const { board } = pair;
  pair.append(40_000);
  board.markAllLost();
  for (let now = 2; board.owed > 0; now++) {
    const next = board.nextLost();
    board.split(next, seq(board.start(next) + MSS));
    board.resend(next, now);
  }
  t.true(board.count <= MOST_BURSTS + 2, `${board.count} entries`);
  t.is(board.resentBytes, 40_000 * MSS);
  let judged = 0;
  for (let i = board.oldestResent(); i >= 0; i = board.oldestResent()) {
    judged += board.end(i) - board.start(i);
    board.markLost(i);
  }
  t.is(judged, 40_000 * MSS, 'and none of them is forgotten');
});

test('scoreboard: one that has grown large is not kept for others', (t) => {
  const pair = new Pair(t);
  for (let i = 0; i < 1000; i++) {
    pair.now++;
    pair.append(1);
  }
  t.false(pair.board.recycle());
  const small = new Pair(t);
  small.append(3);
  t.true(small.board.recycle());
  t.is(small.board.count, 0);
});
