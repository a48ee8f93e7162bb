/**
 * From packet slots to buffers: order, sizes, and that every slot is given back.
 * @module
 */
import test from 'ava';
import { Events } from '../../src/stack/host/events.ts';
import { Inflow, Intake } from '../../src/stack/host/inflow.ts';
import { HEADROOM, Slots } from '../../src/stack/memory/slots.ts';

interface Bench {
  readonly slots: Slots;
  readonly inflow: Inflow;
  /** The batch ends, and all is told. */
  deliver(): void;
  /** A packet with this text came in and was handed over; its slot is released again. */
  arrive(intake: Intake, text: string): void;
}

function bench(count = 64): Bench {
  const slots = new Slots({ count, packetSize: 1500, poison: true });
  const events = new Events(() => {});
  const inflow = new Inflow(slots, events);
  const deliver = (): void => {
    inflow.deliver();
    events.tellAll((error) => {
      throw error;
    });
  };
  const arrive = (intake: Intake, text: string): void => {
    const slot = slots.acquire();
    const at = slot + HEADROOM;
    slots.bytes.set(Buffer.from(text), at);
    inflow.add(intake, slots.bytes, at, text.length);
    slots.release(slot);
  };
  return { slots, inflow, deliver, arrive };
}

function take(this: string[], chunk: Buffer): void {
  this.push(chunk.toString());
}

const collect = (): { intake: Intake; chunks: string[] } => {
  const chunks: string[] = [];
  return { intake: new Intake(chunks, take), chunks };
};

test('inflow: the segments of a batch come together when it ends', (t) => {
  const { inflow, deliver, arrive, slots } = bench();
  const { intake, chunks } = collect();
  inflow.open = true;
  for (const text of ['a', 'bc', 'def']) arrive(intake, text);
  t.deepEqual(chunks, []);
  t.is(slots.free, 61);
  deliver();
  t.deepEqual(chunks, ['abcdef']);
  t.is(slots.free, 64);
});

test('inflow: sockets that take turns each get their own, in order', (t) => {
  const { inflow, deliver, arrive } = bench();
  const [one, two] = [collect(), collect()];
  inflow.open = true;
  for (let i = 0; i < 4; i++) {
    arrive(one.intake, `${i}`);
    arrive(two.intake, `${i}${i}`);
  }
  deliver();
  t.deepEqual([one.chunks, two.chunks], [['0123'], ['00112233']]);
});

test('inflow: text outside a batch does not wait in its slot', (t) => {
  const { deliver, arrive, slots } = bench();
  const { intake, chunks } = collect();
  arrive(intake, 'now');
  t.is(slots.free, 64);
  deliver();
  t.deepEqual(chunks, ['now']);
});

test('inflow: text that is not in a slot comes after what is', (t) => {
  const { inflow, deliver, arrive, slots } = bench();
  const { intake, chunks } = collect();
  inflow.open = true;
  arrive(intake, 'first');
  inflow.add(intake, Buffer.from('xsecondx'), 1, 6);
  t.is(slots.free, 64);
  deliver();
  t.deepEqual(chunks, ['first', 'second']);
});

test('inflow: a buffer is no longer than 64 KiB', (t) => {
  const { inflow, deliver, arrive } = bench();
  const { intake, chunks } = collect();
  inflow.open = true;
  for (let i = 0; i < 60; i++) arrive(intake, 'x'.repeat(1400));
  deliver();
  t.deepEqual(
    chunks.map((chunk) => chunk.length),
    [46 * 1400, 14 * 1400],
  );
});

test('inflow: more segments than a batch has places give their slots back early', (t) => {
  const { inflow, deliver, arrive, slots } = bench(1024);
  const { intake, chunks } = collect();
  inflow.open = true;
  for (let i = 0; i < 1000; i++) arrive(intake, `${i % 10}`);
  t.true(slots.free >= 512);
  deliver();
  t.is(chunks.join(''), '0123456789'.repeat(100));
  t.is(slots.free, 1024);
});

test('inflow: what a socket no longer wants is forgotten, its slots given back', (t) => {
  const { inflow, deliver, arrive, slots } = bench();
  const { intake, chunks } = collect();
  inflow.open = true;
  arrive(intake, 'gone');
  inflow.discard(intake);
  t.is(slots.free, 64);
  deliver();
  t.deepEqual(chunks, []);
});

test('inflow: a buffer that was handed over is its owner’s', (t) => {
  const { inflow, deliver, arrive } = bench();
  const kept: Buffer[] = [];
  const keep = function keep(this: Buffer[], chunk: Buffer): void {
    this.push(chunk);
  };
  const intake = new Intake(kept, keep);
  inflow.open = true;
  for (const text of ['one', 'two']) {
    arrive(intake, text);
    deliver();
  }
  t.deepEqual(kept.map(String), ['one', 'two']);
});

const LONGEST = 64 * 1024;
/** Gives `length` bytes of `value` to `intake` as a segment that is copied at once. */
const large = ({ inflow, deliver }: Bench, intake: Intake, length: number, value: number): void => {
  inflow.add(intake, Buffer.alloc(length, value), 0, length);
  deliver();
};

function keepAll(): { intake: Intake; kept: Buffer[] } {
  const kept: Buffer[] = [];
  const keep = function keep(this: Buffer[], chunk: Buffer): void {
    this.push(chunk);
  };
  return { intake: new Intake(kept, keep), kept };
}

test('inflow: memory that is given back takes the next text of who is lent it', (t) => {
  const world = bench();
  const { intake, kept } = keepAll();
  intake.lent = true;
  large(world, intake, 20_000, 1);
  const [first] = kept;
  world.inflow.spares.give(first as Buffer);
  large(world, intake, LONGEST, 2);
  t.is(kept[1]?.buffer, first?.buffer);
  t.deepEqual(kept[1], Buffer.alloc(LONGEST, 2));
});

test('inflow: memory that is not given back is never used again', (t) => {
  const world = bench();
  const { intake, kept } = keepAll();
  intake.lent = true;
  for (let i = 0; i < 20; i++) large(world, intake, 20_000, i);
  t.is(new Set(kept.map(({ buffer }) => buffer)).size, 20);
  t.true(kept.every((chunk, i) => chunk.equals(Buffer.alloc(20_000, i))));
});

test('inflow: who keeps a buffer has one of exactly its size, whatever was given back', (t) => {
  const world = bench();
  const { intake, kept } = keepAll();
  world.inflow.spares.back(world.inflow.spares.take());
  large(world, intake, 20_000, 1);
  t.is(kept[0]?.buffer.byteLength, 20_000);
});

test('inflow: of what is given back no more is kept than a turn takes', (t) => {
  const world = bench();
  const { intake, kept } = keepAll();
  intake.lent = true;
  const given = Array.from({ length: 20 }, () => world.inflow.spares.take());
  for (const chunk of given) world.inflow.spares.lend(chunk);
  for (const chunk of given) world.inflow.spares.give(chunk);
  for (let i = 0; i < 20; i++) large(world, intake, 20_000, i);
  const known = new Set<ArrayBufferLike>(given.map(({ buffer }) => buffer));
  t.is(kept.filter(({ buffer }) => known.has(buffer)).length, 12);
});

test('inflow: memory of others is not taken, though it were as long: they cut short buffers from it', (t) => {
  const world = bench();
  const { intake, kept } = keepAll();
  intake.lent = true;
  const pools = [LONGEST, 2 * LONGEST].map((size) => Buffer.allocUnsafeSlow(size));
  for (const pool of pools) world.inflow.spares.give(pool.subarray(0, 100));
  const [lent, notLent] = [world.inflow.spares.take(), world.inflow.spares.take()];
  world.inflow.spares.lend(lent);
  world.inflow.spares.give(lent.subarray(8));
  world.inflow.spares.give(notLent);
  large(world, intake, LONGEST, 1);
  const others = [...pools, lent, notLent];
  t.false(others.some(({ buffer }) => buffer === kept[0]?.buffer));
  t.is(kept[0]?.byteOffset, 0);
});

test('inflow: text of less than 16 KiB takes no spare memory of 64', (t) => {
  const world = bench();
  const { intake, kept } = keepAll();
  intake.lent = true;
  const spare = world.inflow.spares.take();
  world.inflow.spares.back(spare);
  large(world, intake, 5000, 1);
  t.not(kept[0]?.buffer, spare.buffer);
});
