/**
 * Switches that are joined twice: what goes to everyone comes once, and goes round never.
 * @module
 */
import test from 'ava';
import { createPipe } from '../../src/index.ts';
import { Bench, frame } from './bench.ts';

/** Two switches, joined by `cables`, on one clock. */
function joined(cables: number, persistence?: number): [Bench, Bench] {
  const left = new Bench(persistence === undefined ? {} : { persistence });
  const right = new Bench({
    clock: { now: () => left.now },
    ...(persistence !== undefined && { persistence }),
  });
  for (let i = 0; i < cables; i++) {
    const [near, far] = createPipe({ medium: 'ethernet', schedule: left.schedule });
    left.switch.plug(near, { name: `cable ${i}` });
    right.switch.plug(far, { name: `cable ${i}` });
  }
  return [left, right];
}

const looped = (...benches: Bench[]): number =>
  benches
    .flatMap((bench) => bench.switch.ports)
    .reduce((sum, port) => sum + (port.stats().drops['loop'] as number), 0);

test('switch: what goes to everyone comes once over two cables, and is not sent round', (t) => {
  const [left, right] = joined(2);
  const here = left.plug();
  const there = right.plug();
  for (const text of ['one', 'two', 'three']) {
    here.send(frame('a', '*', text));
    left.run(1000);
    right.run();
    left.run(1000);
    right.run();
  }
  t.deepEqual(there.take(), ['one', 'two', 'three']);
  t.deepEqual(here.take(), []);
  t.true(looped(left, right) >= 3);
  // And an answer finds its way.
  there.send(frame('b', 'a', 'answer'));
  right.run();
  left.run(1000);
  t.deepEqual(here.take(), ['answer']);
});

test('switch: without a look for loops the bound on storms is what holds', (t) => {
  const [left, right] = joined(2, 0);
  const here = left.plug();
  here.send(frame('a', '*', 'round and round'));
  for (let i = 0; i < 50; i++) {
    left.run(2000);
    right.run();
  }
  const storms = [left, right]
    .flatMap((bench) => bench.switch.ports)
    .map((port) => port.stats().drops['storm'] as number);
  t.true(storms.some((count) => count > 0));
  t.is(looped(left, right), 0);
});

test('switch: a station that moved is heard where it is now, at once by what it sends to one', (t) => {
  const bench = new Bench();
  const [a, b, c] = [bench.plug(), bench.plug(), bench.plug()];
  bench.send(c, frame('c', '*', 'here'));
  bench.send(a, frame('a', '*', 'here'));
  bench.now += 1000;
  bench.send(b, frame('a', 'c', 'moved'));
  t.deepEqual(c.take(), ['here', 'moved']);
  bench.send(c, frame('c', 'a', 'found'));
  t.true(b.take().includes('found'));
});

test('switch: a station that moved is heard by everyone after a tenth of a second', (t) => {
  const bench = new Bench();
  const [a, b, c] = [bench.plug(), bench.plug(), bench.plug()];
  bench.send(a, frame('a', '*', 'here'));
  bench.now += 99_000;
  bench.send(b, frame('a', '*', 'too soon'));
  bench.now += 2000;
  bench.send(b, frame('a', '*', 'moved'));
  t.deepEqual(c.take(), ['here', 'moved']);
  t.is(b.port.stats().drops['loop'], 1);
});

test('switch: what a sender says that there was no room to learn is not sent round either', (t) => {
  const [left, right] = joined(2);
  const here = left.plug({ stations: 1 });
  const there = right.plug();
  const run = (): void => {
    for (let i = 0; i < 20; i++) {
      left.run(1000);
      right.run();
    }
  };
  here.send(frame('a', '*', 'learned'));
  here.send(frame('b', '*', 'not learned'));
  run();
  t.deepEqual(there.take(), ['learned', 'not learned']);
  t.deepEqual(here.take(), []);
  // Had it gone round, it would be behind the one cable for the left switch and behind the other for the right one.
  here.send(frame('a', 'b', 'to it'));
  run();
  t.deepEqual([there.take(), here.take()], [[], []]);
  const carried = [left, right].flatMap((bench) => bench.switch.ports);
  t.true(carried.reduce((sum, port) => sum + port.stats().framesIn, 0) < 40);
});

test('switch: a frame that comes back where it came from is sent round ten times at most', (t) => {
  const bench = new Bench();
  const [a, b, c] = [bench.plug(), bench.plug(), bench.plug()];
  bench.send(a, frame('a', '*', 'round'));
  let rounds = 0;
  for (; b.take().length > 0 && rounds < 100; rounds++) bench.send(a, frame('a', '*', 'round'));
  t.is(rounds, 10);
  t.is(c.take().length, 10);
  t.is(a.port.stats().drops['loop'], 1);
  bench.send(a, frame('a', '*', 'another'));
  t.deepEqual(c.take(), ['another']);
  bench.now += 100_000;
  bench.send(a, frame('a', '*', 'round'));
  t.deepEqual(c.take(), ['round'], 'it may be said again');
});

test('switch: a frame with the tag of its VLAN and the same one without are known for one', (t) => {
  const bench = new Bench();
  const [trunk, access, far] = [
    bench.plug({ trunk: [7] }),
    bench.plug({ vlan: 7, stations: 1 }),
    bench.plug({ vlan: 7 }),
  ];
  bench.send(access, frame('b', '*', 'fills it'));
  const text = 'as long as it is without the octets that pad what is short';
  bench.send(access, frame('a', '*', text));
  bench.send(trunk, frame('a', '*', text, 7));
  t.deepEqual(far.take(), ['fills it', text]);
  t.is(trunk.port.stats().drops['loop'], 1);
});
