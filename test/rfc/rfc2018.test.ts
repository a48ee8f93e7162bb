/**
 * RFC 2018 and RFC 2883: selective acknowledgments and reports of duplicates, sent and received.
 * @module
 */
import test from 'ava';
import { MS, S } from '../support/lab.ts';
import { established, listening, synSent } from '../support/states.ts';

test('RFC 2018 §2: SACK-permitted is offered in a SYN, and answered only where it was', (t) => {
  const active = synSent(t);
  active.lab.advance(S);
  active.expect({ flags: 'S', sackOk: true });
  for (const sack of [true, false]) {
    const peer = listening(t, { sack });
    peer.send('S');
    peer.expect({ flags: 'S.', sackOk: sack });
  }
});

test('RFC 2018 §2: SACK can be switched off', (t) => {
  const peer = listening(t, { sack: true, tcp: { sack: false } });
  peer.send('S');
  peer.expect({ flags: 'S.', sackOk: false });
  peer.send('.');
  peer.send('.', { seq: 1001, len: 1000 });
  peer.expect({ flags: '.', sack: [] });
});

test('RFC 2018 §3: no SACK is sent where it was not agreed on', (t) => {
  const peer = established(t);
  peer.send('.', { seq: 1001, len: 1000 });
  peer.expect({ flags: '.', ack: 1, sack: [] });
});

test('RFC 2018 §4: the first block holds the segment that just came', (t) => {
  const peer = established(t, { sack: true });
  peer.send('.', { seq: 1001, len: 1000 });
  peer.expect({ ack: 1, sack: [[1001, 2001]] });
  peer.send('.', { seq: 5001, len: 1000 });
  t.deepEqual(peer.expect({ ack: 1 }).sack[0], [5001, 6001]);
  peer.send('.', { seq: 3001, len: 1000 });
  t.deepEqual(peer.expect({ ack: 1 }).sack[0], [3001, 4001]);
  peer.send('.', { seq: 2001, len: 1000 });
  t.deepEqual(peer.expect({ ack: 1 }).sack[0], [1001, 4001]);
});

test('RFC 2018 §4: as many blocks as fit are sent: four, or three beside timestamps', (t) => {
  for (const ts of [false, true]) {
    const peer = established(t, { sack: true, ts });
    for (let i = 1; i <= 6; i++) peer.send('.', { seq: 1 + i * 2000, len: 1000 });
    const { sack } = peer.skip().at(-1) ?? { sack: [] };
    t.is(sack.length, ts ? 3 : 4);
    t.is(new Set(sack.map(([left]) => left)).size, sack.length);
  }
});

test('RFC 2018 §4: the blocks reported last are repeated, the newest first', (t) => {
  const peer = established(t, { sack: true });
  for (const seq of [1001, 3001, 5001, 7001, 9001]) peer.send('.', { seq, len: 1000 });
  t.deepEqual(peer.skip().at(-1)?.sack, [
    [9001, 10_001],
    [7001, 8001],
    [5001, 6001],
    [3001, 4001],
  ]);
});

test('RFC 2018 §4: no block repeats what is inside another, and those that fill in follow', (t) => {
  const peer = established(t, { sack: true });
  for (const seq of [1001, 3001, 5001, 7001, 9001]) peer.send('.', { seq, len: 1000 });
  peer.skip();
  peer.send('.', { seq: 8001, len: 1000 }); // 7001 to 10001 are one now
  t.deepEqual(peer.expect({ ack: 1 }).sack, [
    [7001, 10_001],
    [5001, 6001],
    [3001, 4001],
    [1001, 2001],
  ]);
  peer.send('.', { seq: 5001, len: 1000 }); // again
  t.deepEqual(peer.expect({ ack: 1 }).sack, [
    [5001, 6001],
    [5001, 6001],
    [7001, 10_001],
    [3001, 4001],
  ]);
  peer.send('.', { seq: 1, len: 3000 });
  t.deepEqual(peer.expect({ ack: 4001 }).sack, [
    [1001, 2001],
    [5001, 6001],
    [7001, 10_001],
  ]);
});

test('RFC 2018 §4: every block of a long line of holes is told as often as there are blocks', (t) => {
  const peer = established(t, { sack: true, ts: true });
  const told = new Map<number, number>();
  for (let i = 1; i <= 20; i++) {
    peer.send('.', { seq: 1 + ((i * 7) % 20) * 2000 + 1000, len: 1000 });
    for (const [left] of peer.expect({ ack: 1 }).sack) told.set(left, (told.get(left) ?? 0) + 1);
  }
  const often = [...told.values()].filter((times) => times >= 3);
  t.is(often.length, 18); // the last two have had no time for it
});

test('RFC 2018 §4: what is reported is held until the text before it came', (t) => {
  const peer = established(t, { sack: true });
  peer.send('.', { seq: 1001, len: 1000 });
  peer.lab.advance(3600 * S);
  peer.send('.', { seq: 1, len: 1000 });
  t.is(peer.app.length, 2000);
});

test('RFC 2018 §4: blocks go with text, too, where there is room for them', (t) => {
  const peer = established(t, { sack: true });
  peer.send('.', { seq: 1001, len: 1000 });
  peer.skip();
  peer.write(500);
  peer.expect({ len: 500, sack: [[1001, 2001]] });
});

test('RFC 2018 §5: what was reported is not sent again', (t) => {
  const peer = established(t, { sack: true, rtt: 20 * MS });
  peer.write(10_000);
  peer.skip();
  peer.lab.advance(20 * MS);
  peer.send('.', { ack: 1, sack: [[1001, 4001]] });
  peer.lab.advance(MS);
  const sack = [
    [5001, 10_001],
    [1001, 4001],
  ] as const;
  peer.send('.', { ack: 1, sack });
  peer.lab.advance(10 * MS);
  const again = peer.skip().map((seen) => seen.seq);
  t.deepEqual(again, [1, 4001]);
});

test('RFC 2018 §8: what was reported and is then dropped by the peer is sent again', (t) => {
  const peer = established(t, { sack: true, rtt: 20 * MS });
  peer.write(3000);
  peer.skip();
  peer.send('.', { ack: 1, sack: [[1001, 3001]] });
  peer.send('.', { ack: 1001 }); // and says no more of the rest
  peer.skip();
  peer.lab.advance(5 * S);
  t.true(peer.skip().some((seen) => seen.seq === 1001));
  t.is(peer.lab.stat('TcpExtTCPSACKReneging'), 1);
  peer.send('.', { ack: 3001 });
  t.is(peer.tcb.scoreboard, null);
});

test('RFC 2883 §4: what came twice is reported as the first block', (t) => {
  const peer = established(t, { sack: true });
  peer.send('.', { len: 1000 });
  peer.send('.', { seq: 3001, len: 1000 });
  peer.skip();
  peer.send('.', { seq: 1, len: 1000 });
  peer.expect({
    ack: 1001,
    sack: [
      [1, 1001],
      [3001, 4001],
    ],
  });
});

test('RFC 2883 §4: it is reported once', (t) => {
  const peer = established(t, { sack: true });
  peer.send('.', { len: 1000 });
  peer.skip();
  peer.send('.', { seq: 1, len: 1000 });
  peer.expect({ ack: 1001, sack: [[1, 1001]] });
  peer.send('.', { len: 1000 });
  peer.expect({ ack: 2001, sack: [] });
});

test('RFC 2883 §4: a duplicate of text that came early is reported with what holds it', (t) => {
  const peer = established(t, { sack: true });
  peer.send('.', { seq: 1001, len: 3000, text: new Uint8Array(1400) });
  peer.send('.', { seq: 2401, text: new Uint8Array(1400) });
  peer.skip();
  peer.send('.', { seq: 1501, len: 500 });
  peer.expect({
    ack: 1,
    sack: [
      [1501, 2001],
      [1001, 3801],
    ],
  });
});

test('RFC 2883 §4.2: of a segment that came in part before that part is reported', (t) => {
  const peer = established(t, { sack: true });
  peer.send('.', { len: 1000 });
  peer.skip();
  peer.send('.', { seq: 501, len: 1000 });
  peer.expect({ ack: 1501, sack: [[501, 1001]] });
});

test('RFC 2883 §5: a report below the ACK is taken for a duplicate, not for text received', (t) => {
  const peer = established(t, { sack: true });
  peer.write(5000);
  peer.send('.', { ack: 2001 });
  peer.send('.', { ack: 2001, sack: [[1, 1001]] });
  t.is(peer.lab.stat('TcpExtTCPDSACKRecv'), 1);
  t.is(peer.tcb.scoreboard?.sackedBytes, 0);
});

test('RFC 2883 §5: a first block inside the second is taken for a duplicate', (t) => {
  const peer = established(t, { sack: true });
  peer.write(5000);
  const sack = [
    [2001, 3001],
    [1001, 4001],
  ] as const;
  peer.send('.', { ack: 1, sack });
  t.is(peer.lab.stat('TcpExtTCPDSACKRecv'), 1);
  t.is(peer.tcb.scoreboard?.sackedBytes, 3000);
});

test('RFC 2883 §4: text in order that covers text that came early is reported at once', (t) => {
  const peer = established(t, { sack: true, tcp: { quickAcks: 0 } });
  peer.send('.', { seq: 1001, len: 1000 });
  peer.skip();
  peer.send('.', { seq: 1, len: 2000 });
  peer.expect({ ack: 2001, sack: [[1001, 2001]] });
  t.is(peer.lab.stat('TcpExtTCPDSACKOfoSent'), 1);
});

test('RFC 2883 §4.2: of several parts that came twice the first is reported', (t) => {
  const peer = established(t, { sack: true });
  peer.send('.', { seq: 1, len: 500 });
  peer.send('.', { seq: 2501, len: 500 });
  peer.send('.', { seq: 1001, len: 500 });
  peer.skip();
  peer.send('.', { seq: 1, len: 2000 });
  peer.expect({
    ack: 2001,
    sack: [
      [1, 501],
      [2501, 3001],
    ],
  });
});
