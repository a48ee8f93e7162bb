/** Packet slots: counted, found again, and loud when misused. @module */
import test from 'ava';
import { HEADROOM, NO_SLOT, Slots } from '../../src/stack/memory/slots.ts';

const make = (count = 4, poison = false): Slots => new Slots({ count, packetSize: 1500, poison });

test('slots: as many can be acquired as there are, and then none', (t) => {
  const slots = make();
  for (let i = 0; i < 4; i++) t.not(slots.acquire(), NO_SLOT);
  t.is(slots.free, 0);
  t.is(slots.acquire(), NO_SLOT);
});

test('slots: none overlaps another, or the scratch at the start', (t) => {
  const slots = make(64);
  const taken = Array.from({ length: 64 }, () => slots.acquire()).toSorted((a, b) => a - b);
  let end = slots.scratchSize;
  for (const slot of taken) {
    t.true(slot >= end);
    end = slot + slots.size;
  }
  t.true(end <= slots.bytes.length);
});

test('slots: one holds its packet behind the headroom, aligned', (t) => {
  const slots = make();
  const slot = slots.acquire();
  t.true(slots.size >= HEADROOM + 1500);
  t.is((slot + HEADROOM) % 16, 0);
});

test('slots: the one released last is acquired first', (t) => {
  const slots = make();
  const first = slots.acquire();
  slots.acquire();
  slots.release(first);
  t.is(slots.acquire(), first);
});

test('slots: a slot is free when its last holder lets go', (t) => {
  const slots = make();
  const slot = slots.acquire();
  slots.retain(slot);
  slots.retain(slot);
  slots.release(slot);
  slots.release(slot);
  t.is(slots.free, 3);
  slots.release(slot);
  t.is(slots.free, 4);
});

test('slots: releasing one that is free throws, and leaves the others alone', (t) => {
  const slots = make();
  const slot = slots.acquire();
  slots.release(slot);
  t.throws(() => slots.release(slot), { message: /released twice/ });
  t.is(slots.free, 4);
});

test('slots: any byte of a slot leads back to it', (t) => {
  const slots = make();
  for (let i = 0; i < 4; i++) {
    const slot = slots.acquire();
    t.is(slots.slotOf(slot), slot);
    t.is(slots.slotOf(slot + HEADROOM), slot);
    t.is(slots.slotOf(slot + slots.size - 1), slot);
  }
});

test('slots: with poison a slot is overwritten when its last holder lets go', (t) => {
  const slots = make(4, true);
  const slot = slots.acquire();
  const whole = slots.bytes.subarray(slot, slot + slots.size).fill(1);
  slots.retain(slot);
  slots.release(slot);
  t.true(whole.every((byte) => byte === 1));
  slots.release(slot);
  t.true(whole.every((byte) => byte === 0xdb));
});

test('slots: with poison the neighbours stay as they are', (t) => {
  const slots = make(4, true);
  const all = [slots.acquire(), slots.acquire(), slots.acquire()].toSorted((a, b) => a - b);
  slots.bytes.fill(1);
  slots.release(all[1] ?? 0);
  t.is(slots.bytes.filter((byte) => byte !== 1).length, slots.size);
});

test('slots: bytes, view and memory are one', (t) => {
  const slots = make();
  const slot = slots.acquire();
  slots.view.setUint16(slot, 0x0102);
  t.deepEqual([slots.bytes[slot], slots.bytes[slot + 1]], [1, 2]);
  t.is(slots.bytes.buffer, slots.memory.buffer);
});
