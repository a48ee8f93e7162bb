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
