/**
 * Asking for an address before it is used. RFC 5227 §2.1.
 * @module
 */
import test from 'ava';
import { fromOctets } from '../../src/stack/base/address.ts';
import { arpFrame, NOWHERE, OURS, S, Station } from './station.ts';

const WISH = fromOctets(10, 0, 0, 50);
const ASKED = 'who has 10.0.0.50 tell 0.0.0.0 > all';

type Holder = { readonly hi: number; readonly lo: number } | undefined | 'none yet';

function probing(): [Station, { holder: Holder }] {
  const station = new Station();
  station.pass(10 * S);
  station.take();
  const found: { holder: Holder } = { holder: 'none yet' };
  station.link.arp.probes.start(WISH, station.now, (holder) => {
    found.holder = holder;
  });
  return [station, found];
}

test('probe: three requests from nobody, a second or two apart, and two seconds to answer (§2.1.1)', (t) => {
  const [station, found] = probing();
  const times: number[] = [];
  for (let i = 0; i < 90; i++) {
    station.pass(S / 10);
    for (const said of station.take()) {
      t.is(said, ASKED);
      times.push(i / 10);
    }
  }
  t.is(times.length, 3);
  const [first = 9, second = 9, third = 9] = times;
  t.true(first <= 1 && second - first >= 0.9 && second - first <= 2.1);
  t.true(third - second >= 0.9 && third - second <= 2.1);
  t.is(found.holder, undefined);
});

test('probe: whoever says that it has the address is named (§2.1.1)', (t) => {
  for (const operation of [1, 2]) {
    const [station, found] = probing();
    station.pass(S);
    station.receive(arpFrame({ operation, from: 7, to: 2, sender: WISH, target: OURS }));
    t.deepEqual(found.holder, { hi: 0x0200, lo: 7 });
    station.take();
    station.pass(20 * S);
    t.false(station.take().includes(ASKED), 'no more is asked');
  }
});

test('probe: another one that probes for it is a conflict too (§2.1.1)', (t) => {
  const [station, found] = probing();
  station.receive(arpFrame({ operation: 1, from: 8, to: 2, sender: NOWHERE, target: WISH }));
  t.deepEqual(found.holder, { hi: 0x0200, lo: 8 });
});

test('probe: who asks for the address with one of its own is no conflict', (t) => {
  const [station, found] = probing();
  const other = fromOctets(10, 0, 0, 9);
  station.receive(arpFrame({ operation: 1, from: 9, to: 2, sender: other, target: WISH }));
  t.is(found.holder, 'none yet');
});

test('probe: what comes back of our own is no conflict', (t) => {
  const [station, found] = probing();
  station.receive(arpFrame({ operation: 1, from: 2, to: 2, sender: NOWHERE, target: WISH }));
  t.is(found.holder, 'none yet');
});

test('probe: no more than 64 addresses at once, and all end with the link', (t) => {
  const station = new Station();
  let ended = 0;
  const done = (): void => {
    ended++;
  };
  for (let i = 0; i < 64; i++)
    t.true(station.link.arp.probes.start(fromOctets(10, 0, 1, i), 0, done));
  t.false(station.link.arp.probes.start(WISH, 0, done));
  station.link.close();
  t.is(ended, 64);
});
