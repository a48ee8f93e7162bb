/**
 * RFC 6298, the retransmission timer: what it is made from, and when it runs.
 * @module
 */
import test from 'ava';
import { Failure } from '../../src/stack/base/failure.ts';
import { MS, S } from '../support/lab.ts';
import { established, synReceived, synSent } from '../support/states.ts';

const FLOOR = 200 * MS;

test('RFC 6298 §2: (2.1) before any sample the timeout is one second', (t) => {
  for (const make of [synSent, synReceived]) {
    const peer = make(t);
    const before = peer.lab.now;
    peer.lab.advanceToNext();
    t.is(peer.lab.now - before, S);
  }
});

test('RFC 6298 §2: (2.2) the first sample R gives R + 4 * R/2', (t) => {
  const { tcb } = established(t, { rtt: 300 * MS });
  t.is(tcb.srtt8 / 8, 300 * MS);
  t.is(tcb.rttvar4 / 4, 150 * MS);
  t.is(tcb.rto, 900 * MS);
});

test('RFC 6298 §2: (2.3) further samples move SRTT by 1/8 and RTTVAR by 1/4', (t) => {
  const peer = established(t, { rtt: 300 * MS });
  let srtt = 300 * MS;
  let rttvar = 150 * MS;
  for (const rtt of [100, 500, 310, 290, 700].map((n) => n * MS)) {
    const from = peer.got;
    peer.write(1000);
    peer.lab.advance(rtt);
    peer.send('.', { ack: from + 1000 });
    rttvar = 0.75 * rttvar + 0.25 * Math.abs(srtt - rtt);
    srtt = 0.875 * srtt + 0.125 * rtt;
    t.true(Math.abs(peer.tcb.srtt8 / 8 - srtt) < 2);
    t.true(Math.abs(peer.tcb.rttvar4 / 4 - rttvar) < 2);
    t.true(Math.abs(peer.tcb.rto - srtt - Math.max(FLOOR, 4 * rttvar)) < 20);
  }
});

test('RFC 6298 §2: (2.4) the floor is 200 ms, and under the variance (see deviations)', (t) => {
  const peer = established(t, { rtt: 50 * MS });
  for (let i = 0; i < 50; i++) {
    peer.write(1000);
    peer.lab.advance(50 * MS);
    peer.send('.');
  }
  t.true(Math.abs(peer.tcb.rto - 250 * MS) < MS);
  t.is(established(t, { rtt: 50 * MS, tcp: { minRto: S } }).tcb.rto, 1050 * MS);
});

test('RFC 6298 §2: (2.5) the ceiling is two minutes, and can be set', (t) => {
  const peer = established(t);
  peer.write(1000);
  for (let i = 0; i < 14; i++) peer.lab.advanceToNext();
  const before = peer.lab.now;
  peer.lab.advanceToNext();
  t.is(peer.lab.now - before, 120 * S);
  const low = established(t, { tcp: { maxRto: S } });
  low.write(1000);
  for (let i = 0; i < 6; i++) low.lab.advanceToNext();
  const then = low.lab.now;
  low.lab.advanceToNext();
  t.is(low.lab.now - then, S);
});

test('RFC 6298 §3: no sample is taken of what was sent twice', (t) => {
  const peer = established(t, { rtt: 100 * MS });
  const { srtt8 } = peer.tcb;
  peer.write(1000);
  peer.lab.advance(350 * MS);
  peer.send('.', { ack: 1001 });
  t.is(peer.tcb.srtt8, srtt8);
});

test('RFC 6298 §3: with timestamps there is a sample even then', (t) => {
  const peer = established(t, { rtt: 100 * MS, ts: true });
  const { srtt8 } = peer.tcb;
  peer.write(1000);
  peer.lab.advanceToNext();
  peer.lab.advance(120 * MS);
  peer.send('.', { ack: 1001 });
  t.true(peer.tcb.srtt8 !== srtt8);
  t.true(Math.abs(peer.tcb.srtt8 / 8 - (0.875 * 100 + 0.125 * 120) * MS) < 2 * MS);
});

test('RFC 6298 §5: (5.1) the timer starts with the first segment that is sent', (t) => {
  const peer = established(t, { rtt: 100 * MS });
  peer.lab.advance(10 * S);
  t.false(peer.lab.armed);
  peer.write(1000);
  t.is(peer.lab.core.deadline() - peer.lab.now, peer.tcb.rto);
});

test('RFC 6298 §5: (5.2) it stops when all is acknowledged', (t) => {
  const peer = established(t, { rtt: 100 * MS });
  peer.write(5000);
  peer.send('.', { ack: 5001 });
  peer.skip();
  peer.lab.advance(60 * S);
  peer.expectNothing();
  t.false(peer.lab.armed);
});

test('RFC 6298 §5: (5.3) an ACK of new text starts it anew', (t) => {
  const peer = established(t, { rtt: 100 * MS });
  peer.write(5000);
  peer.skip();
  peer.lab.advance(150 * MS);
  peer.send('.', { ack: 1001 });
  peer.lab.advance(peer.tcb.rto - 1);
  peer.expectNothing();
  peer.lab.advance(1);
  peer.expect({ seq: 1001 });
});

test('RFC 6298 §5: an ACK of nothing new does not', (t) => {
  const peer = established(t, { rtt: 100 * MS });
  peer.write(5000);
  peer.skip();
  const due = peer.lab.core.deadline();
  peer.lab.advance(150 * MS);
  peer.send('.', { ack: 1 });
  t.is(peer.lab.core.deadline(), due);
});

test('RFC 6298 §5: (5.4) the oldest segment is sent again, and only that', (t) => {
  const peer = established(t, { rtt: 100 * MS });
  peer.write(5000);
  peer.skip();
  peer.lab.advance(peer.tcb.rto);
  peer.expect({ seq: 1, len: 1000 });
  peer.expectNothing();
});

test('RFC 6298 §5: (5.5) and (5.6) the timer runs on with twice the timeout', (t) => {
  const peer = established(t, { rtt: 100 * MS });
  const { rto } = peer.tcb;
  peer.write(1000);
  let before = peer.lab.now;
  for (const factor of [1, 2, 4, 8]) {
    peer.lab.advanceToNext();
    t.is(peer.lab.now - before, rto * factor);
    before = peer.lab.now;
  }
});

test('RFC 6298 §5: (5.7) after a lost SYN the timeout begins with three seconds', (t) => {
  for (const make of [synSent, synReceived]) {
    const peer = make(t);
    peer.lab.advance(1500 * MS);
    peer.send(make === synSent ? 'S.' : '.', { ack: 1 });
    t.is(peer.tcb.rto, 3 * S);
  }
});

test('RFC 6298 §5: (5.1) what is written meanwhile does not put the timer off', (t) => {
  const peer = established(t, { rtt: 30 * MS, sack: true, tcp: { noDelay: true } });
  const { tcb } = peer;
  t.is(tcb.rto, 230 * MS);
  const before = peer.lab.now;
  for (let i = 0; i < 12; i++) {
    peer.write(600); // sooner, each time, than a probe would be due
    peer.lab.advance(50 * MS);
  }
  const again = peer.skip().filter((seen) => seen.seq === 1)[1];
  // One RTO after the probe of the tail, which left before the first was over.
  t.true((again?.time ?? Number.POSITIVE_INFINITY) - before <= 460 * MS);
  t.is(peer.lab.stat('TcpExtTCPTimeouts'), 1);
});

test('RFC 6298 §5: (5.1) nor does it put off a user timeout', (t) => {
  const peer = established(t, {
    rtt: 30 * MS,
    sack: true,
    tcp: { noDelay: true, userTimeout: 5 * S },
  });
  peer.tcb.cwnd = 100_000;
  const before = peer.lab.now;
  for (let i = 0; i < 120 && peer.app.closed === undefined; i++) {
    peer.write(600);
    peer.lab.advance(50 * MS);
  }
  t.is(peer.app.closed, Failure.TIMED_OUT);
  const resets = peer.skip().filter((seen) => (seen.flags & 4) !== 0);
  t.deepEqual(
    resets.map((seen) => seen.time - before),
    [5 * S],
  );
});
