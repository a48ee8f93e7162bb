/**
 * Pacing: segments spread over the round trip. Linux's rates: two windows a round trip in slow start,
 * 1.2 after it.
 * @module
 */
import test, { type ExecutionContext } from 'ava';
import { NO_OFFLOAD } from '../../../src/stack/ip/interface.ts';
import { isPaced, pacingRate } from '../../../src/stack/tcp/congestion/pacing.ts';
import { dueTime, Timer } from '../../../src/stack/tcp/timing/timers.ts';
import { MS } from '../../support/lab.ts';
import type { Peer, PeerOptions } from '../../support/peer.ts';
import { established } from '../../support/states.ts';

/** A window of forty segments over 100 ms, paced. */
function paced(t: ExecutionContext, options: PeerOptions = {}): Peer {
  const tcp = { pacing: true };
  const peer = established(t, { rtt: 100 * MS, ws: 7, window: 1_000_000, tcp, ...options });
  peer.tcb.cwnd = 40_000;
  return peer;
}

test('pacing: a burst of ten segments goes at once, the rest by the rate', (t) => {
  const peer = paced(t);
  const from = peer.lab.now;
  peer.write(40_000);
  t.true(peer.seen.length <= 11, `${peer.seen.length} at once`);
  peer.lab.advance(60 * MS);
  const times = peer.skip().map((seen) => seen.time - from);
  t.is(times.length, 40);
  t.true((times.at(-1) ?? 0) > 30 * MS && (times.at(-1) ?? 0) <= 50 * MS);
});

test('pacing: the rate is two windows a round trip in slow start, 1.2 after it', (t) => {
  const peer = paced(t);
  t.is(pacingRate(peer.tcb), 0.8); // octets a microsecond
  peer.tcb.ssthresh = 20_000;
  t.true(Math.abs(pacingRate(peer.tcb) - 0.48) < 1e-9);
});

test('pacing: a path of less than 4 ms is not paced', (t) => {
  t.false(isPaced(paced(t, { rtt: 3 * MS }).tcb));
  t.true(isPaced(paced(t, { rtt: 4 * MS }).tcb));
});

test('pacing: a device that cuts segments itself is not paced', (t) => {
  const offload = { ...NO_OFFLOAD, checksum: true, tso4: true };
  t.false(isPaced(paced(t, { offload }).tcb));
});

test('pacing: it can be switched off', (t) => {
  const peer = paced(t, { tcp: { pacing: false } });
  peer.write(40_000);
  t.is(peer.seen.length, 40);
});

test('pacing: a segment waits for whole microseconds: a number with a fraction is an object to V8', (t) => {
  const peer = paced(t);
  peer.tcb.cwnd = 39_000; // 1000 octets by 0.78 a microsecond
  peer.write(39_000);
  const waits: number[] = [];
  for (let n = 0; n < 10; n++) {
    const due = dueTime(peer.tcb, Timer.PACE);
    waits.push(due - peer.lab.now);
    peer.lab.advance(due - peer.lab.now);
  }
  t.deepEqual(waits, waits.map(Math.ceil));
});

test('pacing: what was not used of the time before is worth one burst', (t) => {
  const peer = paced(t);
  peer.lab.advance(90 * MS);
  peer.write(40_000);
  t.true(peer.seen.length <= 11);
});
