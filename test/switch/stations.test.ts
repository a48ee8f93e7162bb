/**
 * The table of stations against a plain map. IEEE 802.1Q §8.8.
 * @module
 */
import test from 'ava';
import { below, SeededRandom } from '../../src/stack/base/random.ts';
import { Learned, Stations, UNKNOWN } from '../../src/switch/stations.ts';

const AGEING = 1000;
const PORTS = 4;

test('stations: it says what a map says, over moves, ageing and ports that go', (t) => {
  const random = new SeededRandom(20);
  const stations = new Stations(200, PORTS, AGEING, random.int32());
  const map = new Map<number, { port: number; heard: number }>();
  let now = 0;
  for (let i = 0; i < 20_000; i++) {
    now += below(random, 4);
    const lo = below(random, 150);
    const port = below(random, PORTS);
    const known = map.get(lo);
    const fresh = known !== undefined && now - known.heard <= AGEING;
    if (below(random, 1000) === 0) {
      stations.forget(port);
      for (const [key, value] of map) if (value.port === port) map.delete(key);
    } else if (below(random, 2) === 0) {
      stations.learn(1, 7, lo, port, 1000, now);
      map.set(lo, { port, heard: now });
    } else if (stations.find(1, 7, lo, now) !== (fresh ? known.port : UNKNOWN)) {
      t.fail(`step ${i}: station ${lo}`);
      return;
    }
  }
  const listed = [...stations.list(now)].map(({ lo, port }) => `${lo} ${port}`).sort();
  const left = [...map].filter(([, { heard }]) => now - heard <= AGEING);
  t.deepEqual(listed, left.map(([lo, { port }]) => `${lo} ${port}`).sort());
});

test('stations: a full table learns again when what is in it has grown old', (t) => {
  const stations = new Stations(100, PORTS, AGEING, 3);
  for (let lo = 0; lo < 100; lo++) t.is(stations.learn(1, 0, lo, 0, 1000, 0), Learned.NEW);
  t.is(stations.learn(1, 0, 500, 0, 1000, 1), Learned.FULL);
  let tries = 0;
  while (stations.learn(1, 0, 500, 0, 1000, AGEING + 1) === Learned.FULL) tries++;
  t.true(tries < 256, `learned after ${tries} tries`);
  t.is(stations.find(1, 0, 500, AGEING + 1), 0);
});

test('stations: the counts of the ports add up', (t) => {
  const random = new SeededRandom(21);
  const stations = new Stations(64, PORTS, AGEING, 5);
  for (let now = 0; now < 5000; now++) {
    stations.learn(1, 0, below(random, 300), below(random, PORTS), 30, now);
    stations.find(1, 0, below(random, 300), now);
  }
  const counts = [0, 1, 2, 3].map((port) => stations.countAt(port));
  t.is(
    counts.reduce((sum, count) => sum + count),
    stations.count,
  );
  t.true(counts.every((count) => count >= 0 && count <= 30));
  t.true(stations.count <= 64);
});
