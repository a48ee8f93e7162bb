/** Tests of src/device/impair/path.ts: what one direction of an impaired link does, by the numbers. */
import test from 'ava';
import type { Impairment } from '../../../src/device/impair/impairment.ts';
import { CHANCES, Path } from '../../../src/device/impair/path.ts';
import { SeededBits } from '../../../src/device/impair/random.ts';
import { internetChecksum, udpPacket } from '../support.ts';

const SEED = 20_260_101;

function path(impairment: Impairment, seed: number = SEED, headerLength = 0): Path {
  const random = Array.from({ length: CHANCES }, (_, i) => new SeededBits(seed, i));
  return new Path(impairment, random, { headerLength, medium: 'ip' });
}

interface Arrival {
  readonly id: number;
  readonly time: number;
}

/** `count` packets of `size` bytes, one each `gap` µs; what arrived, when and in which order. */
function send(to: Path, count: number, gap = 100, size = 100): Arrival[] {
  const arrivals: Arrival[] = [];
  const packet = new Uint8Array(size);
  const into = new Uint8Array(size);
  const collect = (now: number): void => {
    while (to.due <= now) {
      const time = to.due;
      to.take(now, into, 0, size);
      arrivals.push({ id: new DataView(into.buffer).getUint32(0), time });
    }
  };
  for (let i = 0; i < count; i++) {
    collect(i * gap);
    new DataView(packet.buffer).setUint32(0, i);
    to.offer(packet, 0, size, i * gap);
  }
  collect(Number.MAX_VALUE);
  return arrivals;
}

const ids = (arrivals: Arrival[]): number[] => arrivals.map(({ id }) => id);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

test('path: without impairment all packets arrive at once and in order', (t) => {
  const arrivals = send(path({}), 100);
  t.deepEqual(
    arrivals,
    upTo(100).map((id) => ({ id, time: id * 100 })),
  );
});

test('path: the share of loss is what was asked for', (t) => {
  for (const loss of [0.001, 0.01, 0.3, 0.9]) {
    const count = 100_000;
    const lossy = path({ loss });
    const { length } = send(lossy, count);
    const deviation = Math.sqrt(count * loss * (1 - loss));
    t.true(Math.abs(count - length - count * loss) < 4 * deviation, `seed ${SEED}, loss ${loss}`);
    t.is(lossy.counters.lost, count - length);
    t.is(lossy.counters.delivered, length);
  }
  t.is(send(path({ loss: 1 }), 100).length, 0);
});

test('path: losses are independent: as many pairs as chance makes', (t) => {
  const arrived = new Set(ids(send(path({ loss: 0.1 }), 100_000)));
  const pairs = upTo(99_999).filter((id) => !arrived.has(id) && !arrived.has(id + 1)).length;
  t.true(Math.abs(pairs - 1000) < 150, `${pairs} pairs of 1000 expected, seed ${SEED}`);
});

test('path: bursts have the mean length and the share of Gilbert and Elliott', (t) => {
  const count = 200_000;
  const arrived = new Set(ids(send(path({ burst: { enter: 0.005, leave: 0.2 } }), count)));
  const lost = upTo(count).filter((id) => !arrived.has(id));
  const bursts = lost.filter((id) => arrived.has(id - 1) || id === 0).length;
  const share = lost.length / count;
  t.true(Math.abs(share - 0.005 / 0.205) < 0.003, `share ${share}, seed ${SEED}`);
  t.true(Math.abs(lost.length / bursts - 5) < 0.4, `length ${lost.length / bursts}, seed ${SEED}`);
});

test('path: within and between bursts packets are lost by their own shares', (t) => {
  const burst = { enter: 1, leave: 0, loss: 0.25, lossBetween: 0 };
  const inside = send(path({ burst }), 40_000).length / 40_000;
  t.true(Math.abs(inside - 0.75) < 0.01);
  const between = send(path({ burst: { ...burst, enter: 0, lossBetween: 0.4 } }), 40_000).length;
  t.true(Math.abs(between / 40_000 - 0.6) < 0.01);
});

test('path: what is lost does not depend on what else is set', (t) => {
  const plain = ids(send(path({ loss: 0.1 }), 5000));
  const more = { loss: 0.1, jitter: 50, delay: 1000, rate: 1e9, mark: 0.2 };
  t.deepEqual(ids(send(path(more), 5000)), plain);
});

test('path: the same seed gives the same fate, another seed another', (t) => {
  const all: Impairment = {
    loss: 0.05,
    burst: { enter: 0.01, leave: 0.3 },
    delay: 5000,
    jitter: 900,
    distribution: 'normal',
    reorder: 0.05,
    duplicate: 0.05,
    rate: 10e6,
    queuePackets: 20,
  };
  const first = send(path(all, 7), 3000);
  t.deepEqual(send(path(all, 7), 3000), first);
  t.notDeepEqual(send(path(all, 8), 3000), first);
});

test('path: delay is exact', (t) => {
  const arrivals = send(path({ delay: 25_000 }), 50);
  t.true(arrivals.every(({ id, time }) => time === id * 100 + 25_000));
});

test('path: jitter stays within its bounds and keeps the order', (t) => {
  const arrivals = send(path({ delay: 10_000, jitter: 3000 }), 2000, 10_000);
  t.deepEqual(ids(arrivals), upTo(2000));
  const late = arrivals.map(({ id, time }) => time - id * 10_000);
  t.true(late.every((delay) => delay >= 7000 && delay <= 13_000));
  t.true(Math.min(...late) < 7100 && Math.max(...late) > 12_900);
  t.deepEqual(ids(send(path({ delay: 10_000, jitter: 3000 }), 2000, 10)), upTo(2000));
});

test('path: jitter of a normal distribution has its standard deviation', (t) => {
  const impairment: Impairment = { delay: 100_000, jitter: 1000, distribution: 'normal' };
  const late = send(path(impairment), 20_000, 100_000).map(({ id, time }) => time - id * 100_000);
  const mean = late.reduce((sum, delay) => sum + delay, 0) / late.length;
  const variance = late.reduce((sum, delay) => sum + (delay - mean) ** 2, 0) / late.length;
  t.true(Math.abs(mean - 100_000) < 30, `mean ${mean}`);
  t.true(Math.abs(Math.sqrt(variance) - 1000) < 30, `deviation ${Math.sqrt(variance)}`);
});

test('path: a rate spaces packets by their length, and an idle line saves up nothing', (t) => {
  const line = path({ rate: 8e6, delay: 500 });
  const arrivals = send(line, 10, 0, 1000);
  t.deepEqual(
    arrivals.map(({ time }) => time),
    upTo(10).map((id) => (id + 1) * 1000 + 500),
  );
  const idle = send(path({ rate: 8e6 }), 10, 5000, 1000);
  t.true(idle.every(({ id, time }) => time === id * 5000 + 1000));
});

test('path: a queue of so many packets drops what comes on top', (t) => {
  const line = path({ rate: 8e6, queuePackets: 4 });
  t.deepEqual(ids(send(line, 10, 0, 1000)), [0, 1, 2, 3]);
  t.is(line.counters.dropped, 6);
  t.is(line.counters.longestQueue, 4);
  const steady = path({ rate: 8e6, queuePackets: 4 });
  t.is(send(steady, 4000, 500, 1000).length, 2003, 'twice the rate: half of it, and the queue');
});

test('path: a queue of so many bytes drops what comes on top', (t) => {
  const line = path({ rate: 8e6, queueBytes: 3500 });
  t.deepEqual(ids(send(line, 10, 0, 1000)), [0, 1, 2]);
  t.is(line.counters.dropped, 7);
});

test('path: the reordered share comes late, the others on time', (t) => {
  const link = path({ delay: 1000, reorder: 0.05, reorderDelay: 350 });
  const arrivals = send(link, 20_000);
  const late = arrivals.filter(({ id, time }) => time === id * 100 + 1350);
  const punctual = arrivals.filter(({ id, time }) => time === id * 100 + 1000);
  t.is(late.length + punctual.length, 20_000);
  t.is(late.length, link.counters.reordered);
  t.true(Math.abs(late.length - 1000) < 130, `${late.length}, seed ${SEED}`);
  t.notDeepEqual(ids(arrivals), upTo(20_000));
});

test('path: doubled packets arrive twice, one after the other', (t) => {
  const link = path({ duplicate: 0.1 });
  const arrivals = ids(send(link, 10_000));
  const { duplicated } = link.counters;
  t.is(arrivals.length, 10_000 + duplicated);
  t.true(Math.abs(duplicated - 1000) < 130);
  t.deepEqual([...new Set(arrivals)], upTo(10_000));
  t.deepEqual(
    arrivals,
    arrivals.toSorted((a, b) => a - b),
  );
});

test('path: damage turns one bit', (t) => {
  const link = path({ corrupt: 1 });
  const packet = new Uint8Array(100);
  const into = new Uint8Array(100);
  const places = new Set<number>();
  for (let i = 0; i < 5000; i++) {
    link.offer(packet, 0, 100, 0);
    t.is(link.take(0, into, 0, 100), 100);
    const bits = into.reduce((sum, byte) => sum + (byte.toString(2).match(/1/g)?.length ?? 0), 0);
    if (bits !== 1) return t.fail(`${bits} bits, seed ${SEED}`);
    places.add(into.findIndex((byte) => byte !== 0));
  }
  t.is(places.size, 100, 'anywhere');
  t.is(link.counters.corrupted, 5000);
  t.true(
    packet.every((byte) => byte === 0),
    'the original is left alone',
  );
});

test('path: damage to a packet whose checksum is only begun is its end', (t) => {
  const link = path({ corrupt: 1 }, SEED, 10);
  const packet = new Uint8Array(100);
  packet[0] = 1;
  link.offer(packet, 0, 100, 0);
  t.is(link.count, 0);
  t.is(link.counters.corrupted, 1);
  packet[0] = 0;
  link.offer(packet, 0, 100, 0);
  const into = new Uint8Array(100);
  link.take(0, into, 0, 100);
  t.is(into.findIndex((byte) => byte !== 0) >= 10, true, 'never in the header');
});

test('path: ECN-capable packets are marked, and their header checksum is right', (t) => {
  for (const ecn of [1, 2]) {
    const link = path({ mark: 1 });
    for (let id = 0; id < 300; id++) {
      const packet = udpPacket('x'.repeat(id));
      packet[1] = 0x48 | ecn;
      packet.set([0, 0], 10);
      new DataView(packet.buffer).setUint16(10, internetChecksum(packet.subarray(0, 20)));
      link.offer(packet, 0, packet.length, 0);
      link.take(0, packet, 0, packet.length);
      if (packet[1] !== 0x4b || internetChecksum(packet.subarray(0, 20)) !== 0) {
        return t.fail(`packet ${id} of ECN ${ecn}`);
      }
    }
    t.is(link.counters.marked, 300);
  }
  const deaf = path({ mark: 1 });
  const packet = udpPacket('not capable');
  deaf.offer(packet, 0, packet.length, 0);
  t.is(deaf.counters.marked, 0);
});

test('path: IPv6 is marked in its traffic class', (t) => {
  const link = path({ mark: 1 });
  const packet = new Uint8Array(40);
  packet.set([0x60, 0x2a]);
  link.offer(packet, 0, 40, 0);
  link.take(0, packet, 0, 40);
  t.deepEqual([...packet.subarray(0, 2)], [0x60, 0x3a]);
  t.is(link.counters.marked, 1);
});

test('path: more than the limit is not under way', (t) => {
  const link = path({ delay: 1e6, underWayBytes: 10 * 2048 });
  const { length } = send(link, 25, 1);
  t.is(length, 10);
  t.is(link.counters.overflowed, 15);
});

test('path: a change counts from then on', (t) => {
  const link = path({ delay: 1000 });
  const packet = new Uint8Array(40);
  link.offer(packet, 0, 40, 0);
  link.change({ loss: 1 });
  link.offer(packet, 0, 40, 0);
  t.is(link.count, 1);
  t.is(link.due, 1000);
  t.is(link.take(999, packet, 0, 40), 0);
  t.is(link.take(1000, packet, 0, 40), 40);
  t.is(link.due, Number.POSITIVE_INFINITY);
});

test('path: what cannot be meant is refused', (t) => {
  const bad: [Impairment, RegExp][] = [
    [{ loss: 1.1 }, /loss is 1.1/],
    [{ loss: -0.1 }, /loss/],
    [{ loss: Number.NaN }, /loss/],
    [{ burst: { enter: 2, leave: 0 } }, /burst.enter/],
    [{ delay: -1 }, /delay/],
    [{ rate: 0 }, /rate/],
    [{ queuePackets: 0 }, /queuePackets/],
    [{ duplicate: 7 }, /duplicate/],
  ];
  for (const [impairment, message] of bad) {
    t.throws(() => path(impairment), { code: 'ERR_OUT_OF_RANGE', message });
  }
});
