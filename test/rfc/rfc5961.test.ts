/**
 * RFC 5961, robustness against somebody who cannot see the connection but guesses: resets, SYNs and
 * text are played against it, and how often it answers is counted.
 * @module
 */
import test from 'ava';
import { Drop } from '../../src/stack/base/drop.ts';
import { Failure } from '../../src/stack/base/failure.ts';
import { State } from '../../src/stack/tcp/tcb/state.ts';
import { MS, S } from '../support/lab.ts';
import { Peer } from '../support/peer.ts';
import { established, finWait2, synReceived, synSent, timeWait } from '../support/states.ts';

test('RFC 5961 §3.2: a reset outside the window is dropped silently', (t) => {
  const peer = established(t);
  for (const seq of [-1, 0, 65_536, 1_000_000, -1_000_000]) {
    t.is(peer.send('R', { seq }), Drop.TCP_BAD_RST);
  }
  peer.expectNothing();
  peer.expectState(State.ESTABLISHED);
});

test('RFC 5961 §3.2: a reset with exactly the next sequence number resets', (t) => {
  const peer = established(t);
  t.is(peer.send('R', { seq: 1 }), Drop.NONE);
  t.is(peer.app.closed, Failure.RESET);
  peer.expectNothing();
});

test('RFC 5961 §3.2: a reset elsewhere in the window is challenged', (t) => {
  const peer = established(t);
  for (const seq of [2, 1000, 65_535]) {
    t.is(peer.send('R', { seq }), Drop.TCP_BAD_RST);
    peer.expect({ flags: '.', seq: 1, ack: 1, len: 0 });
  }
  peer.expectState(State.ESTABLISHED);
  t.is(peer.lab.stat('TcpExtTCPChallengeACK'), 3);
});

test('RFC 5961 §3.2: an honest peer that has forgotten the connection gets it reset', (t) => {
  const peer = established(t);
  peer.send('R', { seq: 500 }); // it has lost its place
  const challenge = peer.expect({ flags: '.' });
  peer.send('R', { seq: challenge.ack });
  t.is(peer.app.closed, Failure.RESET);
});

test('RFC 5961 §3.2: in SYN-SENT a reset counts only with the right ACK', (t) => {
  const peer = synSent(t);
  t.is(peer.send('R'), Drop.TCP_BAD_RST);
  t.is(peer.send('R.', { ack: 0 }), Drop.TCP_BAD_ACK);
  t.is(peer.send('R.', { ack: 77 }), Drop.TCP_BAD_ACK);
  peer.expectNothing();
  peer.expectState(State.SYN_SENT);
  t.is(peer.send('R.', { ack: 1 }), Drop.NONE);
  t.is(peer.app.closed, Failure.REFUSED);
});

test('RFC 5961 §3.2: a flood of guessed resets neither ends a connection nor is answered much', (t) => {
  const peer = established(t, { ws: 7 });
  for (let i = 0; i < 20_000; i++) peer.send('R', { seq: 2 + ((i * 7919) % 4_000_000) });
  peer.expectState(State.ESTABLISHED);
  t.true(peer.skip().length <= 10);
  t.true(peer.lab.drops(Drop.TCP_BAD_RST) === 20_000);
});

for (const seq of [0, 1, 2, 1000, 65_535, 1_000_000]) {
  test(`RFC 5961 §4.2: a SYN at ${seq} is challenged, and changes nothing`, (t) => {
    for (const flags of ['S', 'S.']) {
      const peer = established(t);
      t.is(peer.send(flags, { seq, ack: 1 }), Drop.TCP_BAD_SYN);
      peer.expect({ flags: '.', seq: 1, ack: 1 });
      peer.expectState(State.ESTABLISHED);
    }
  });
}

test('RFC 5961 §4.2: a peer that began again gets its new connection', (t) => {
  const peer = established(t);
  peer.send('S', { seq: 500_000 });
  const challenge = peer.expect({ flags: '.', seq: 1, ack: 1 });
  peer.send('R', { seq: challenge.ack });
  t.is(peer.app.closed, Failure.RESET);
  const again = new Peer(t, { lab: peer.lab });
  again.send('S', { seq: 500_000 });
  again.expect({ flags: 'S.', ack: 500_001 });
});

test('RFC 5961 §4.2: a SYN in FIN-WAIT-2 is challenged, too', (t) => {
  const peer = finWait2(t);
  peer.send('S', { seq: 900 });
  peer.expect({ flags: '.', seq: 2, ack: 1 });
  peer.expectState(State.FIN_WAIT_2);
});

test('RFC 5961 §5.2: text whose ACK is too old or too new is not taken, and challenged', (t) => {
  const peer = established(t, { window: 5000 });
  peer.write(3000);
  peer.send('.');
  peer.skip();
  for (const ack of [3002, 100_000, 3001 - 5001, -100_000]) {
    t.is(peer.send('P.', { seq: 1, len: 10, ack }), Drop.TCP_BAD_ACK);
    peer.expect({ flags: '.', seq: 3001, ack: 1 });
  }
  t.is(peer.app.length, 0);
});

test('RFC 5961 §5.2: an ACK as old as the widest window is taken', (t) => {
  const peer = established(t, { window: 5000 });
  peer.write(6000);
  peer.send('.', { ack: 5001 });
  peer.send('.', { ack: 6001 });
  t.is(peer.send('P.', { seq: 1, len: 10, ack: 1001 }), Drop.NONE);
  t.is(peer.app.length, 10);
});

test('RFC 5961 §5.2: a flood of guessed text puts nothing into the stream', (t) => {
  const peer = established(t, { ws: 7 });
  peer.write(1000);
  peer.send('.');
  peer.skip();
  let taken = 0;
  for (let i = 0; i < 20_000; i++) {
    const ack = (i * 1_000_003) | 0;
    if (peer.send('.', { seq: 1, len: 20, ack }) === Drop.NONE) taken++;
  }
  t.is(peer.app.length, taken > 0 ? 20 : 0);
  t.true(taken <= 2, `${taken} of 20 000 were taken`);
});

test('RFC 5961 §7: challenges are ten a second for each connection', (t) => {
  const peer = established(t);
  for (let second = 0; second < 3; second++) {
    for (let i = 0; i < 100; i++) peer.send('S', { seq: 50_000 + i });
    t.is(peer.skip().length, 10);
    peer.lab.advance(S);
  }
  t.is(peer.lab.stat('TcpExtTCPACKSkippedChallenge'), 270);
});

test('RFC 5961 §7: what one connection was asked tells nothing of another', (t) => {
  const one = established(t);
  const other = new Peer(t, { lab: one.lab, port: 41_000, app: one.app });
  other.send('S');
  other.send('.');
  one.skip();
  other.skip();
  for (let i = 0; i < 100; i++) one.send('S', { seq: 50_000 + i });
  for (let i = 0; i < 100; i++) other.send('S', { seq: 50_000 + i });
  t.is(one.skip().length, 10);
  t.is(other.skip().length, 10);
});

test('RFC 5961 §7: the limit can be set', (t) => {
  const peer = established(t, { limits: { challengeAcks: 3 } });
  for (let i = 0; i < 100; i++) peer.send('S', { seq: 50_000 + i });
  t.is(peer.skip().length, 3);
});

test('RFC 5961 §7: two sides that disagree do not answer each other for ever', (t) => {
  const peer = established(t);
  let answers = 0;
  for (let i = 0; i < 1000; i++) {
    peer.send('.', { seq: 1_000_000, ack: 1 }); // as a peer would that sees things otherwise
    answers += peer.skip().length;
    peer.lab.advance(MS);
  }
  t.true(answers <= 20, `${answers} answers in a second`);
});

test('RFC 5961 §3.2: resets do not end TIME-WAIT, or what is half-open elsewhere', (t) => {
  const waiting = timeWait(t);
  waiting.send('R', { seq: 2 });
  waiting.expectState(State.TIME_WAIT);
  const half = synReceived(t);
  half.send('R', { seq: 5000 });
  half.expect({ flags: '.', seq: 1, ack: 1 });
  t.is(half.listener?.halfOpen, 1);
});
