/**
 * What leaves, and how: segments for devices with and without offload, text in pieces, memory that is
 * lent. RFC 9293 §3.7, §3.8.6.2.1.
 * @module
 */
import test from 'ava';
import { Failure } from '../../src/stack/base/failure.ts';
import { SeededRandom } from '../../src/stack/base/random.ts';
import type { Offload } from '../../src/stack/ip/interface.ts';
import { info } from '../../src/stack/tcp/info.ts';
import * as verbs from '../../src/stack/tcp/verbs.ts';
import { MS, S } from '../support/lab.ts';
import { pattern } from '../support/packets.ts';
import type { Peer } from '../support/peer.ts';
import { isSmall } from '../support/small.ts';
import { established } from '../support/states.ts';

const FULL: Offload = { checksum: true, tso4: true, uso4: false };

/** All text that left, put together by its sequence numbers. */
function stream(peer: Peer, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (const seen of peer.skip()) bytes.set(seen.text, seen.seq - 1);
  return bytes;
}

test('send: text goes out as it was written, in pieces of any size', (t) => {
  for (let seed = 1; seed <= 10; seed++) {
    const random = new SeededRandom(seed);
    const peer = established(t, { ts: true, ws: 9, window: 1_000_000 });
    peer.tcb.cwnd = 1_000_000;
    verbs.setNoDelay(peer.tcb, true);
    const text = pattern(60_000, seed);
    for (let at = 0; at < text.length; ) {
      const n = Math.min(text.length - at, 1 + ((random.int32() >>> 0) % 3000));
      if (random.int32() & 1) verbs.writeCopy(peer.tcb, text, at, n);
      else verbs.write(peer.tcb, text, at, n, seed);
      if (random.int32() & 1) peer.lab.flush();
      at += n;
    }
    peer.lab.flush();
    t.deepEqual(stream(peer, text.length), text, `seed ${seed}`);
  }
});

test('send: a copy may be changed after the write, what is lent may not', (t) => {
  const peer = established(t, { window: 0 });
  const text = pattern(500);
  verbs.writeCopy(peer.tcb, text, 0, 500);
  text.fill(0);
  peer.send('.', { window: 65_535 });
  t.deepEqual(peer.skip().at(-1)?.text, pattern(500));
});

test('send: what was lent is given back when all of it is acknowledged, in order', (t) => {
  const peer = established(t);
  for (const token of ['a', 'b', 'c']) verbs.write(peer.tcb, pattern(1500), 0, 1500, token);
  peer.lab.flush();
  peer.send('.', { ack: 1500 });
  t.deepEqual(peer.app.released, []);
  peer.send('.', { ack: 3001 });
  t.deepEqual(peer.app.released, ['a', 'b']);
  peer.send('R');
  t.deepEqual(peer.app.released, ['a', 'b', 'c']);
});

test('send: memory that was lent and transferred away resets the connection, with offload or without', (t) => {
  for (const offload of [undefined, { checksum: true, tso4: true, uso4: true }]) {
    const peer = established(t, offload ? { offload, ws: 9 } : { ws: 9 });
    const { tcb, lab, app } = peer;
    tcb.cwnd = 20_000;
    const lent = pattern(30_000);
    verbs.write(tcb, lent, 0, 30_000, 'lent');
    lab.flush();
    const sent = peer.skip().reduce((sum, { len }) => sum + len, 0);
    t.true(sent > 10_000);
    structuredClone(lent, { transfer: [lent.buffer as ArrayBuffer] });
    peer.send('.', { ack: 1 + sent });
    t.is(peer.expect({ flags: 'R.' }).len, 0);
    t.is(app.closed, Failure.FAULT);
    t.deepEqual(app.released, ['lent']);
  }
});

test('send: memory that is gone when it is to be sent again resets the connection', (t) => {
  const peer = established(t);
  const lent = pattern(500);
  verbs.write(peer.tcb, lent, 0, 500, undefined);
  peer.lab.flush();
  peer.skip();
  structuredClone(lent, { transfer: [lent.buffer as ArrayBuffer] });
  peer.lab.advance(3 * S);
  peer.expect({ flags: 'R.' });
  t.is(peer.app.closed, Failure.FAULT);
});

test('send: a write takes as much as there is room for, and tells when there is more', (t) => {
  const peer = established(t, { tcp: { sendBuffer: 5000, sendBufferMax: 5000 } });
  t.is(peer.write(8000), 5000);
  t.is(verbs.writableBytes(peer.tcb), 0);
  t.is(peer.write(10), 0);
  peer.send('.', { ack: 1001 });
  t.deepEqual(peer.app.events, ['open']);
  peer.send('.', { ack: 3001 });
  t.deepEqual(peer.app.events, ['open', 'writable']);
  t.is(peer.write(8000), 3000);
});

test('send: nothing is taken after the end, and nobody is told of room', (t) => {
  const peer = established(t);
  peer.shutdown();
  t.is(peer.write(10), 0);
  t.false(verbs.isWritable(peer.tcb));
  peer.send('.');
  t.deepEqual(peer.app.events, ['open', 'finished']);
});

test('send: with offload one segment may be 64 KiB, of whole segments', (t) => {
  const peer = established(t, { offload: FULL, ws: 9, window: 1_000_000 });
  peer.tcb.cwnd = 200_000;
  peer.write(200_000);
  const sizes = peer.seen.map((seen) => seen.len);
  t.is(Math.max(...sizes), 65_000);
  t.true(sizes.slice(0, -1).every((size) => size % 1000 === 0));
  t.deepEqual(stream(peer, 200_000), pattern(200_000));
});

test('send: with offload a loss inside a large segment is repaired by what is missing', (t) => {
  const options = { offload: FULL, sack: true, rtt: 20 * MS, ws: 9, window: 1_000_000 };
  const peer = established(t, options);
  peer.write(10_000);
  t.is(peer.skip().length, 1);
  peer.lab.advance(20 * MS);
  peer.send('.', { ack: 3001, sack: [[4001, 10_001]] });
  peer.expect({ seq: 3001, len: 1000 });
});

test('send: a device without room holds text back, and none is lost', (t) => {
  const peer = established(t, { ws: 9, window: 1_000_000 });
  const { lab, tcb } = peer;
  tcb.cwnd = 1_000_000;
  lab.wire.open = false;
  peer.write(100_000);
  peer.write(100_000);
  peer.expectNothing();
  lab.wire.open = true;
  for (let i = 0; i < 50; i++) {
    lab.core.ip.writable(lab.iface);
    lab.advance(2 * MS);
    lab.flush();
  }
  const got = stream(peer, 200_000);
  t.true(pattern(100_000).every((byte, i) => got[i] === byte));
});

test('send: a FIN goes with the last text', (t) => {
  const peer = established(t);
  peer.lab.batch(() => {
    verbs.writeCopy(peer.tcb, pattern(1500), 0, 1500);
    verbs.shutdown(peer.tcb);
  });
  peer.expect({ flags: '.', seq: 1, len: 1000 });
  peer.expect({ flags: 'F.', seq: 1001, len: 500 });
  peer.expectNothing();
});

test('send: a FIN that is lost is sent again with its text', (t) => {
  const peer = established(t);
  peer.lab.batch(() => {
    verbs.writeCopy(peer.tcb, pattern(500), 0, 500);
    verbs.shutdown(peer.tcb);
  });
  peer.skip();
  peer.lab.advance(S);
  peer.expect({ flags: 'F.', seq: 1, len: 500 });
});

test("send: text that was shortened by the peer's window is sent on from there", (t) => {
  const peer = established(t, { window: 700 });
  peer.write(2000);
  peer.expect({ seq: 1, len: 700 });
  peer.send('.', { ack: 701, window: 5000 });
  peer.expect({ seq: 701, len: 1000 });
  peer.expect({ seq: 1701, len: 300 });
});

// RFC 9438 §4.4 opens the window by fractions of a segment.
test('send: in congestion avoidance too a length is a small integer to V8', (t) => {
  const peer = established(t, { offload: FULL, ws: 9, window: 1_000_000 });
  const { output } = peer.lab.core.ip;
  const send = output.send.bind(output);
  const small: boolean[] = [];
  output.send = (route, source, protocol, at, length) => {
    small.push(isSmall(length));
    return send(route, source, protocol, at, length);
  };
  peer.tcb.cwnd = 5_000.5;
  peer.write(10_000);
  t.is(peer.skip()[0]?.len, 5_000);
  t.deepEqual(small, [true]);
  t.false(isSmall(5_000.5));
});

test('send: segments are counted as the device cuts them, and those of the handshake too (Linux: segs_out, segs_in)', (t) => {
  const peer = established(t, { offload: FULL, window: 60_000 });
  const before = info(peer.tcb);
  t.is(before.segsIn, 2, 'its SYN, and the ACK of ours');
  peer.write(10 * peer.tcb.mss);
  t.true(peer.skip().length < 10, 'by fewer packets');
  t.is(info(peer.tcb).segsOut - before.segsOut, 10);
});

test('send: several segments leave at once where the device can, before anything else happens', (t) => {
  const peer = established(t, { offload: FULL, ws: 9, window: 1_000_000 });
  const { tcb, lab } = peer;
  tcb.cwnd = 1_000_000;
  const out = tcb.route?.iface.out;
  if (out === undefined) return t.fail('no route');
  const calls: string[] = [];
  const write = out.write.bind(out);
  Object.assign(out, {
    cork: () => calls.push('cork'),
    write: (at: number, length: number) => calls.push('write') > 0 && write(at, length),
    flush: () => calls.push('flush'),
  });
  peer.write(30_000);
  lab.flush();
  t.deepEqual(calls.splice(0), ['write', 'flush'], 'one');
  peer.write(150_000);
  lab.flush();
  t.deepEqual(
    calls,
    ['cork', 'write', 'write', 'write', 'flush', 'flush'],
    'and the end of the batch',
  );
});
