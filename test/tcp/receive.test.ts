/**
 * Text that comes in: in order, early, twice, unwanted. RFC 9293 §3.10.7.4, seventh; RFC 2883.
 * @module
 */
import test from 'ava';
import { Drop } from '../../src/stack/base/drop.ts';
import { SeededRandom } from '../../src/stack/base/random.ts';
import { MS } from '../support/lab.ts';
import { pattern } from '../support/packets.ts';
import { established } from '../support/states.ts';

test('receive: text that came early follows what was missing', (t) => {
  const peer = established(t, { sack: true });
  const text = pattern(3000);
  const part = (from: number, to: number): object => ({
    seq: 1 + from,
    text: text.slice(from, to),
  });
  peer.send('.', part(2000, 3000));
  peer.expect({ ack: 1, sack: [[2001, 3001]] });
  peer.send('.', part(1000, 2000));
  peer.expect({ ack: 1, sack: [[1001, 3001]] });
  peer.send('.', part(0, 1000));
  peer.expect({ ack: 3001, sack: [] });
  t.deepEqual(peer.app.text, text);
});

test('receive: text in any order and pieces arrives in order, once', (t) => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = new SeededRandom(seed);
    const peer = established(t, { sack: true });
    const text = pattern(8000, seed);
    for (let i = 0; i < 400; i++) {
      const from = (random.int32() >>> 0) % 8000;
      const to = Math.min(8000, from + 1 + ((random.int32() >>> 0) % 900));
      peer.send('.', { seq: 1 + from, text: text.slice(from, to) });
      if ((random.int32() & 7) === 0) peer.reading((random.int32() & 1) === 0);
    }
    peer.reading(true);
    for (let from = 0; from < 8000; from += 1000) {
      peer.send('.', { seq: 1 + from, text: text.slice(from, from + 1000) });
    }
    t.deepEqual(peer.app.text, text, `seed ${seed}`);
    t.is(peer.tcb.ring, null, `seed ${seed}`);
  }
});

test('receive: nothing is taken beyond the window, what fits is', (t) => {
  const peer = established(t, { tcp: { receiveBuffer: 1500, receiveBufferMax: 1500 } });
  peer.reading(false);
  peer.send('.', { len: 1000 });
  peer.skip();
  peer.send('.', { len: 1000 });
  peer.expect({ flags: '.', ack: 1501, window: 0 });
  t.is(peer.send('.', { seq: 1501, len: 500 }), Drop.TCP_OUT_OF_WINDOW);
  peer.reading(true);
  t.is(peer.app.length, 1500);
});

test('receive: while the owner reads nothing the buffer does not grow', (t) => {
  const peer = established(t, { ws: 7, tcp: { receiveBuffer: 64 * 1024 } });
  peer.reading(false);
  for (let i = 0; i < 300; i++) {
    peer.lab.advance(MS);
    const window = peer.skip().at(-1)?.window;
    if (window === 0) break;
    peer.send('.', { len: 1000 });
  }
  t.is(peer.tcb.receiveBuffer, 64 * 1024);
  t.true(peer.tcb.held <= 64 * 1024 + 1024);
});

test('receive: what waited for the owner is handed over by 64 KiB, and he may rest after each', (t) => {
  const peer = established(t, { ws: 7, tcp: { receiveBuffer: 256 * 1024 } });
  const { tcb, app } = peer;
  peer.reading(false);
  for (let i = 0; i < 200; i++) peer.send('.', { len: 1000 });
  t.is(tcb.held, 200_000);
  const pieces: number[] = [];
  app.take = ({ length }) => {
    pieces.push(length);
    if (pieces.length === 2) peer.reading(false);
  };
  peer.reading(true);
  t.deepEqual(pieces, [65_536, 65_536]);
  t.is(tcb.held, 200_000 - 2 * 65_536);
  peer.reading(true);
  t.deepEqual(pieces.slice(2), [65_536, 200_000 - 3 * 65_536]);
});

test('receive: an owner that reads all that comes gets a larger buffer', (t) => {
  const peer = established(t, { ws: 7, rtt: 10 * MS, tcp: { receiveBuffer: 64 * 1024 } });
  for (let i = 0; i < 60; i++) {
    for (let k = 0; k < 10; k++) peer.send('.', { len: 1000 });
    peer.lab.advance(MS);
  }
  t.true(peer.tcb.receiveBuffer > 64 * 1024);
});

test('receive: what came twice is reported once, first among the blocks', (t) => {
  const peer = established(t, { sack: true });
  peer.send('.', { len: 1000 });
  peer.skip();
  t.is(peer.send('.', { seq: 1, len: 1000 }), Drop.TCP_DUPLICATE);
  peer.expect({ ack: 1001, sack: [[1, 1001]] });
  peer.send('.', { seq: 2001, len: 1000 });
  peer.expect({ ack: 1001, sack: [[2001, 3001]] });
});

test('receive: of a segment that came early in part before that part is reported', (t) => {
  const peer = established(t, { sack: true });
  peer.send('.', { seq: 2001, len: 1000 });
  peer.skip();
  peer.send('.', { seq: 2501, len: 1000 });
  peer.expect({
    ack: 1,
    sack: [
      [2501, 3001],
      [2001, 3501],
    ],
  });
  peer.send('.', { seq: 1501, len: 1000 });
  peer.expect({
    ack: 1,
    sack: [
      [2001, 2501],
      [1501, 3501],
    ],
  });
});

test('receive: of a segment that lies partly before the window the rest is taken', (t) => {
  const peer = established(t, { sack: true });
  const text = pattern(1500);
  peer.send('.', { text: text.slice(0, 1000) });
  peer.skip();
  peer.send('.', { seq: 501, text: text.slice(500) });
  peer.expect({ ack: 1501, sack: [[501, 1001]] });
  t.deepEqual(peer.app.text, text);
});

test('receive: a segment with text and FIN in fragments is taken whole', (t) => {
  const peer = established(t);
  peer.send('F.', { text: pattern(900), fragments: 3 });
  t.deepEqual(peer.app.text, pattern(900));
  t.deepEqual(peer.app.events, ['open', 'data', 'end']);
});

test('receive: what the owner does in its callback takes effect at the end of the batch', (t) => {
  const peer = established(t);
  peer.app.take = () => peer.app.tcb && peer.tcb.tcp.dirty(peer.tcb);
  peer.lab.batch(() => {
    peer.send('.', { len: 100 });
    peer.send('.', { len: 100 });
  });
  peer.expect({ ack: 201 });
  peer.expectNothing();
});

test('receive: urgent text arrives in its place, and the pointer changes nothing', (t) => {
  // docs/deviations.md, "No urgent data": RFC 6093 §5 advises against the mechanism, and no API of Node shows it.
  const peer = established(t);
  const text = pattern(30);
  peer.send('PU.', { text: text.slice(0, 10), urgent: 4 });
  peer.send('U.', { text: text.slice(10, 20), urgent: 1000 });
  peer.send('.', { text: text.slice(20), urgent: 1 }); // without the flag it says nothing
  t.deepEqual(peer.app.text, text);
});
