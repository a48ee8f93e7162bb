/** Tests of src/stack/host/ahead.ts: packets that are read before they are taken in, several by one call. */
import test from 'ava';
import type { Device } from '../../src/device/device.ts';
import { createPipe } from '../../src/device/pipe.ts';
import { Ahead } from '../../src/stack/host/ahead.ts';
import { Spares } from '../../src/stack/host/spares.ts';
import { Slots } from '../../src/stack/memory/slots.ts';

/** So many bytes before each packet. */
const LEAD = 48;

interface Bench {
  readonly slots: Slots;
  readonly ahead: Ahead;
  /** For how many the device was asked, each time. */
  readonly asked: number[];
  /** A turn of which `waiting` packets are left with the device: the lengths of those that were read, in order. */
  turn(waiting: number, length?: number): number[];
}

function bench(count = 64, packetSize = 1500): Bench {
  const slots = new Slots({ count, packetSize });
  const ahead = new Ahead(slots, new Spares());
  const asked: number[] = [];
  let [waiting, next, longer] = [0, 0, 0];
  const readMany: Device['readMany'] = (_places, most, _room, lengths) => {
    asked.push(most);
    for (let i = 0; i < most; i++) lengths[i] = waiting-- > 0 ? longer + ++next : 0;
    return most;
  };
  const device: Device = Object.assign(Object.create(createPipe()[0]) as Device, { readMany });
  const turn = (there: number, length = 0): number[] => {
    [waiting, next, longer] = [there, 0, length];
    const lengths: number[] = [];
    ahead.begin();
    while (ahead.fill(device, LEAD, 256)) {
      lengths.push(ahead.length);
      slots.release(ahead.shift());
    }
    return lengths;
  };
  return { slots, ahead, asked, turn };
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

test('ahead: more are asked for while all places are filled, and fewer when few come', (t) => {
  const { asked, turn } = bench();
  t.deepEqual(turn(50), upTo(50), 'in order');
  t.deepEqual(asked.splice(0), [4, 8, 16, 16, 16]);
  t.deepEqual(turn(3), upTo(3));
  t.deepEqual(turn(3), upTo(3));
  t.deepEqual(turn(3), upTo(3));
  t.deepEqual(asked, [8, 4, 4]);
});

test('ahead: one call is enough to know that there are no more', (t) => {
  const { asked, turn } = bench();
  t.deepEqual(turn(1), [1]);
  t.deepEqual(turn(0), []);
  t.is(asked.length, 2);
});

test('ahead: slots to which nothing came are free again, and all of them once the packets are taken', (t) => {
  const { slots, turn } = bench();
  turn(5);
  t.is(slots.free, slots.count);
});

test('ahead: long packets are read a few at a time, or their first is out of the caches when its turn comes', (t) => {
  const { asked, turn } = bench(64, 65_535);
  turn(40, 60_000);
  t.true(Math.max(...asked) <= 4, `for ${asked}`);
});

test('ahead: where few slots are free, or the device cannot, packets are read one by one', (t) => {
  const { slots, ahead, asked } = bench();
  const [plain] = createPipe();
  ahead.begin();
  t.true(ahead.fill(plain, LEAD, 256), 'nothing is known of it');
  const cannot = Object.assign(Object.create(plain) as Device, { readMany: () => 0 });
  t.true(ahead.fill(cannot, LEAD, 256));
  t.is(ahead.count, 0);
  t.is(slots.free, slots.count);
  while (slots.ample) slots.acquire();
  const can = Object.assign(Object.create(plain) as Device, { readMany: () => t.fail() });
  t.true(ahead.fill(can, LEAD, 256));
  t.deepEqual(asked, []);
});

test('ahead: what waits when the device is gone is dropped', (t) => {
  const { slots, ahead } = bench();
  const readMany: Device['readMany'] = (_places, most, _room, lengths) => {
    lengths.fill(20);
    return most;
  };
  ahead.fill(Object.assign(Object.create(createPipe()[0]) as Device, { readMany }), LEAD, 256);
  t.is(slots.free, slots.count - ahead.count);
  ahead.drop();
  t.is(slots.free, slots.count);
});
