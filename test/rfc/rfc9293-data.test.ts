/**
 * RFC 9293, requirements on text, windows and acknowledgments (§3.7.4, §3.8.1, §3.8.2, §3.8.6,
 * §3.10.7.4).
 * @module
 */
import test, { type ExecutionContext } from 'ava';
import { Drop } from '../../src/stack/base/drop.ts';
import { Failure } from '../../src/stack/base/failure.ts';
import { Recovery } from '../../src/stack/tcp/tcb/phases.ts';
import * as verbs from '../../src/stack/tcp/verbs.ts';
import { MS, S } from '../support/lab.ts';
import { pattern } from '../support/packets.ts';
import type { Peer, PeerOptions } from '../support/peer.ts';
import { established } from '../support/states.ts';

/** A peer whose window is shut, with `waiting` octets written. */
function shut(t: ExecutionContext, waiting: number, options: PeerOptions = {}): Peer {
  const peer = established(t, { window: 0, ...options });
  peer.write(waiting);
  return peer;
}

/** An owner that reads nothing, with `size` octets of buffer. */
function unread(t: ExecutionContext, size: number): Peer {
  const peer = established(t, { tcp: { receiveBuffer: size, receiveBufferMax: size } });
  peer.reading(false);
  return peer;
}

test('SHLD-7 §3.7.4: a short segment waits while another is not acknowledged (Nagle)', (t) => {
  const peer = established(t);
  peer.write(10);
  peer.expect({ seq: 1, len: 10 });
  peer.write(10);
  peer.write(10);
  peer.expectNothing();
  peer.send('.', { ack: 11 });
  peer.expect({ seq: 11, len: 20 });
});

test('SHLD-7 §3.7.4: a full segment does not wait', (t) => {
  const peer = established(t);
  peer.write(10);
  peer.skip();
  peer.write(1000);
  peer.expect({ seq: 11, len: 1000 });
});

test("MUST-17 §3.7.4: Nagle's algorithm can be switched off for a connection", (t) => {
  const peer = established(t);
  verbs.setNoDelay(peer.tcb, true);
  for (let i = 0; i < 3; i++) {
    peer.write(10);
    peer.expect({ seq: 1 + 10 * i, len: 10 });
  }
  const born = established(t, { tcp: { noDelay: true } });
  born.write(10);
  born.write(10);
  born.expect({ seq: 1, len: 10 });
  born.expect({ seq: 11, len: 10 });
});

test('MUST-18 §3.8.1: what was sent twice gives no round-trip sample (Karn)', (t) => {
  const peer = established(t, { rtt: 100 * MS });
  const { srtt8 } = peer.tcb;
  peer.write(1000);
  peer.lab.advance(400 * MS);
  t.is(peer.skip().length, 2);
  peer.send('.', { ack: 1001 });
  t.is(peer.tcb.srtt8, srtt8);
  peer.write(1000);
  peer.lab.advance(100 * MS);
  peer.send('.', { ack: 2001 });
  t.is(peer.tcb.srtt8, srtt8);
  t.is(peer.tcb.backoff, 0);
});

test('MUST-19 §3.8.2: the timeout doubles each time it goes off', (t) => {
  const peer = established(t, { rtt: 100 * MS });
  peer.write(1000);
  const times: number[] = [peer.lab.now];
  for (let i = 0; i < 5; i++) {
    peer.lab.advanceToNext();
    times.push(peer.lab.now);
  }
  const waits = times.slice(1).map((time, i) => time - (times[i] as number));
  for (let i = 1; i < waits.length; i++) t.is(waits[i], 2 * (waits[i - 1] as number));
});

test('MUST-19 §3.8.2: slow start, then congestion avoidance', (t) => {
  const peer = established(t, { rtt: 100 * MS, tcp: { congestion: 'newreno' } });
  peer.tcb.ssthresh = 20_000;
  peer.write(200_000);
  const windows: number[] = [];
  for (let round = 0; round < 4; round++) {
    windows.push(peer.tcb.cwnd);
    peer.lab.advance(100 * MS);
    peer.send('.');
  }
  t.deepEqual(windows, [10_000, 20_000, 21_000, 22_000]);
});

test('MAY-4 §3.8.1: a segment is not fragmented, so needs no identification', (t) => {
  const peer = established(t);
  peer.write(1000);
  peer.lab.advance(S);
  for (const seen of peer.skip()) {
    t.true(seen.dontFragment);
    t.is(seen.id, 0);
  }
});

test('SHLD-14 §3.8.6: the right edge of the window that we offer does not move left', (t) => {
  const peer = unread(t, 20_000);
  let edge = 0;
  for (let i = 0; i < 25; i++) {
    peer.send('.', { len: 900 });
    for (const seen of peer.skip()) {
      t.true(seen.ack + seen.window >= edge);
      edge = seen.ack + seen.window;
    }
  }
  t.is(edge, 1 + 20_000);
});

test('SHLD-14 §3.8.6: with scaling the edge moves left by less than the scale only', (t) => {
  const peer = established(t, { ws: 7, tcp: { receiveBuffer: 100_000 } });
  peer.reading(false);
  let edge = 0;
  for (let i = 0; i < 300; i++) {
    peer.send('.', { len: 1 + ((i * 37) % 700) });
    for (const seen of peer.skip()) {
      const now = seen.ack + seen.window * 2 ** peer.stackScale;
      t.true(now > edge - 2 ** peer.stackScale);
      edge = Math.max(edge, now);
    }
  }
  t.true(edge <= 1 + 100_000 + 2 ** peer.stackScale, `${edge}`);
  t.true(peer.tcb.held <= 100_000 + 2 ** peer.stackScale);
});

test('SHLD-15 §3.8.6: when the peer shrinks its window nothing new is sent beyond it', (t) => {
  const peer = established(t, { window: 10_000 });
  peer.write(50_000);
  peer.skip();
  peer.send('.', { ack: 1001, window: 2000 });
  peer.expectNothing();
});

test('SHLD-16 §3.8.6: when the peer shrinks its window what lies inside is sent again', (t) => {
  const peer = established(t, { window: 10_000 });
  peer.write(50_000);
  peer.skip();
  peer.send('.', { ack: 1001, window: 2000 });
  peer.lab.advance(300 * MS);
  peer.expect({ seq: 1001, len: 1000 });
});

test('SHLD-17 §3.8.6: text beyond a window that shrank is no reason to give up', (t) => {
  const peer = established(t, { window: 10_000, tcp: { retries: 3 } });
  peer.write(5000);
  peer.skip();
  peer.send('.', { ack: 1001, window: 0 });
  for (let i = 0; i < 30; i++) {
    peer.lab.advanceToNext();
    peer.skip();
    peer.send('.', { ack: 1001, window: 0 });
  }
  t.is(peer.app.closed, undefined);
});

test('MUST-34 §3.8.6: a window that shrinks below what is in flight breaks nothing', (t) => {
  const peer = established(t, { window: 10_000 });
  peer.write(20_000);
  peer.skip();
  peer.send('.', { ack: 1, window: 500 });
  peer.send('.', { ack: 4001, window: 0 });
  peer.send('.', { ack: 10_001, window: 0 });
  peer.expectNothing();
  peer.send('.', { ack: 10_001, window: 10_000 });
  peer.expectFlight(10, 10_001);
});

test('MUST-35 §3.8.6: a window that shuts over text in flight is asked after', (t) => {
  const peer = established(t);
  peer.write(2000);
  peer.skip();
  peer.send('.', { ack: 1, window: 0 });
  peer.lab.advance(S);
  t.true(peer.skip().length > 0);
});

test('MUST-36 §3.8.6.1: a shut window is asked after when there is text to send', (t) => {
  const peer = shut(t, 500);
  peer.expectNothing();
  peer.lab.advance(S);
  peer.expect({ flags: '.', seq: 0, len: 0 });
});

test('MUST-36 §3.8.6.1: a shut window is asked after when there is a FIN to send', (t) => {
  const peer = established(t, { window: 0 });
  peer.shutdown();
  peer.lab.advance(S);
  peer.expect({ flags: '.', seq: 0, len: 0 });
  peer.send('.', { window: 1000 });
  t.is(peer.skip().at(-1)?.flags, 0x11);
});

test('SHLD-29 §3.8.6.1: the first probe of a shut window leaves after the timeout', (t) => {
  const peer = established(t, { rtt: 100 * MS, window: 0 });
  const { rto } = peer.tcb;
  const before = peer.lab.now;
  peer.write(500);
  peer.lab.advance(rto);
  peer.expect({ len: 0, at: rto }, before);
});

test('SHLD-30 §3.8.6.1: the time between probes doubles', (t) => {
  const peer = shut(t, 500, { rtt: 100 * MS });
  const times: number[] = [];
  for (let i = 0; i < 6; i++) {
    peer.lab.advanceToNext();
    times.push(peer.expect({ seq: 0, len: 0 }).time);
    peer.send('.', { window: 0, ack: 1 });
  }
  const waits = times.slice(1).map((time, i) => time - (times[i] as number));
  for (let i = 1; i < waits.length; i++) t.is(waits[i], 2 * (waits[i - 1] as number));
});

test('MUST-37 §3.8.6.1: a peer that answers the probes may keep its window shut for ever', (t) => {
  const peer = shut(t, 500, { tcp: { retries: 3 } });
  for (let i = 0; i < 100; i++) {
    peer.lab.advanceToNext();
    peer.skip();
    peer.send('.', { window: 0, ack: 1 });
  }
  t.true(peer.lab.now > 3 * 3600 * S);
  t.is(peer.app.closed, undefined);
  peer.send('.', { window: 1000, ack: 1 });
  peer.expect({ seq: 1, len: 500 });
});

test('MUST-37 §3.8.6.1: a peer that does not answer the probes is given up', (t) => {
  const peer = shut(t, 500, { tcp: { retries: 3 } });
  peer.lab.advance(3600 * S);
  t.is(peer.app.closed, Failure.TIMED_OUT);
});

test('MAY-8 §3.8.6.1: our own window may stay shut for ever', (t) => {
  const peer = unread(t, 1000);
  peer.send('.', { len: 1000 });
  peer.skip();
  for (let i = 0; i < 50; i++) {
    peer.lab.advance(60 * S);
    peer.send('.', { seq: 1001, len: 1 });
    peer.expect({ flags: '.', ack: 1001, window: 0 });
  }
  peer.reading(true);
  peer.expect({ flags: '.', ack: 1001, window: 1000 });
});

test('MAY-7 §3.8.6: text beyond a window that shrank is not sent again', (t) => {
  const peer = established(t, { window: 10_000 });
  peer.write(5000);
  peer.skip();
  peer.send('.', { ack: 1, window: 1000 });
  peer.lab.advance(S);
  t.true(peer.skip().every((seen) => seen.seq === 1));
});

test('MUST-66 §3.4: with a shut window resets and acknowledgments are processed', (t) => {
  const peer = unread(t, 1000);
  peer.send('.', { len: 1000 });
  peer.skip();
  peer.write(100);
  t.is(peer.send('.', { seq: 1001, len: 5, ack: 101 }), Drop.TCP_OUT_OF_WINDOW);
  t.is(peer.tcb.bytesAcked, 100);
  peer.send('R', { seq: 1001 });
  t.is(peer.app.closed, Failure.RESET);
});

test('MUST-38 §3.8.6.2.1: no short segment is sent into a small window', (t) => {
  const peer = established(t, { window: 10_000 });
  peer.write(50_000);
  peer.send('.', { ack: 10_001, window: 300 });
  peer.skip();
  peer.send('.', { ack: 10_001, window: 900 });
  peer.expectNothing();
  peer.send('.', { ack: 10_001, window: 1000 });
  peer.expect({ seq: 10_001, len: 1000 });
});

test('MUST-38 §3.8.6.2.1: half of the widest window is worth a segment', (t) => {
  const peer = established(t, { window: 800 });
  peer.write(5000);
  peer.expect({ seq: 1, len: 800 });
  peer.send('.', { ack: 801, window: 300 });
  peer.expectNothing();
  peer.send('.', { ack: 801, window: 400 });
  peer.expect({ seq: 801, len: 400 });
});

test('MUST-38 §3.8.6.2.1: a small window that stays is used after a while', (t) => {
  const peer = established(t, { window: 10_000 });
  peer.write(50_000);
  peer.send('.', { ack: 10_001, window: 300 });
  peer.skip();
  peer.lab.advance(S);
  peer.expect({ seq: 10_001, len: 300 });
});

test('MUST-38 §3.8.6.2.1: what the peer sends meanwhile does not put that off', (t) => {
  const peer = established(t, { rtt: 100 * MS }); // RTO 300 ms
  peer.send('.', { window: 500 });
  peer.write(600);
  peer.expectNothing();
  const before = peer.lab.now;
  for (let i = 0; i < 10; i++) {
    peer.lab.advance(100 * MS);
    peer.send('P.', { len: 10, window: 500 });
  }
  const text = peer.skip().filter((seen) => seen.len > 0);
  t.is(text[0]?.len, 500);
  t.is((text[0]?.time ?? 0) - before, 300 * MS);
});

test('MUST-38 §3.8.6.2.1: however long a shut window was asked after, a small one is used within a second', (t) => {
  const peer = shut(t, 600);
  for (let i = 0; i < 8; i++) {
    peer.lab.advanceToNext();
    peer.send('.');
  }
  peer.lab.advance(10 * S); // the next probe is two minutes off
  peer.skip();
  peer.send('.', { window: 65_535 });
  peer.send('.', { ack: 601, window: 500 });
  peer.write(600);
  peer.skip();
  const before = peer.lab.now;
  peer.lab.advance(2 * S);
  const text = peer.skip().filter((seen) => seen.len > 0);
  t.true(text.length > 0 && (text[0]?.time ?? 0) - before <= S);
});

test('MUST-39 §3.8.6.2.2: the window opens by a segment at least', (t) => {
  const peer = unread(t, 20_000);
  for (let i = 0; i < 20; i++) peer.send('.', { len: 1000 });
  t.is(peer.skip().at(-1)?.window, 0);
  let taken = 0;
  peer.app.take = (text) => {
    taken += text.length;
    if (taken < 400) return;
    verbs.setReading(peer.tcb, false);
  };
  peer.reading(true);
  for (const seen of peer.skip()) t.true(seen.window === 0 || seen.window >= 1000);
});

test('MUST-39 §3.8.6.2.2: small segments do not leave a small window behind', (t) => {
  const peer = established(t, { tcp: { receiveBuffer: 8000, receiveBufferMax: 8000 } });
  for (let i = 0; i < 200; i++) peer.send('.', { len: 50 });
  for (const seen of peer.skip()) t.true(seen.window >= 7000);
});

test('SHLD-18 §3.8.6.3: an ACK waits for text that could carry it', (t) => {
  const peer = established(t, { tcp: { quickAcks: 0 } });
  peer.send('P.', { len: 10 });
  peer.expectNothing();
  peer.write(20);
  peer.expect({ flags: '.', ack: 11, len: 20 });
  peer.lab.advance(S);
  t.true(
    peer.skip().every((seen) => seen.len > 0),
    'no ACK of its own',
  );
});

test('MUST-40 §3.8.6.3: an ACK waits less than half a second', (t) => {
  const peer = established(t, { tcp: { quickAcks: 0 } });
  peer.send('P.', { len: 10 });
  const before = peer.lab.now;
  peer.lab.advance(499 * MS);
  peer.expect({ flags: '.', ack: 11, at: 40 * MS }, before);
});

test('SHLD-19 §3.8.6.3: two full segments are acknowledged at once', (t) => {
  const peer = established(t, { tcp: { quickAcks: 0 } });
  for (let i = 1; i <= 4; i++) {
    peer.send('.', { len: 1000 });
    peer.expectNothing();
    peer.send('.', { len: 1000 });
    peer.expect({ flags: '.', ack: 1 + 2000 * i });
  }
});

test('MUST-58 §3.10.7.4: one ACK stands for all segments of a batch', (t) => {
  const peer = established(t);
  peer.lab.batch(() => {
    for (let i = 0; i < 20; i++) peer.send('.', { len: 1000 });
  });
  peer.expect({ flags: '.', ack: 20_001 });
  peer.expectNothing();
});

test('MUST-59 §3.10.7.4: what waited behind a hole is processed before the ACK', (t) => {
  const peer = established(t);
  for (let i = 1; i < 8; i++) peer.send('.', { seq: 1 + i * 1000, len: 1000 });
  peer.skip();
  peer.send('.', { seq: 1, len: 1000 });
  peer.expect({ flags: '.', ack: 8001 });
  peer.expectNothing();
});

test('SHLD-31 §3.10.7.4: text that comes early is held', (t) => {
  const peer = established(t);
  const text = pattern(300);
  peer.send('.', { seq: 101, text: text.slice(100) });
  t.is(peer.app.length, 0);
  peer.send('.', { seq: 1, text: text.slice(0, 100) });
  t.deepEqual(peer.app.text, text);
});

test('MAY-13 §3.10.7.4: text that comes early is answered at once', (t) => {
  const peer = established(t, { tcp: { quickAcks: 0 } });
  peer.send('.', { seq: 101, len: 10 });
  peer.expect({ flags: '.', ack: 1 });
});

test('MUST-18 §3.8.1: a recovery without SACK takes no sample from a resend either', (t) => {
  const peer = established(t, { rtt: 100 * MS });
  peer.write(10_000);
  peer.lab.advance(100 * MS);
  for (let i = 0; i < 3; i++) peer.send('.', { ack: 1 });
  t.is(peer.tcb.recovery, Recovery.RECOVERY);
  const { srtt8 } = peer.tcb;
  peer.lab.advance(5 * MS);
  peer.send('.', { ack: 10_001 });
  t.is(peer.tcb.srtt8, srtt8);
});
