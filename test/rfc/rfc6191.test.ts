/**
 * RFC 6191, which SYNs may end TIME-WAIT.
 * @module
 */
import test, { type ExecutionContext } from 'ava';
import type { Address } from '../../src/stack/base/address.ts';
import { admit, Verdict } from '../../src/stack/tcp/open/intercept.ts';
import { State } from '../../src/stack/tcp/tcb/state.ts';
import type { Peer } from '../support/peer.ts';
import { timeWait } from '../support/states.ts';

/** Timestamps in the old connection and the SYN; how the SYN's compare; and whether it is let in. */
const cases: [boolean, boolean, number, number, boolean, string][] = [
  [true, true, 1, -1000, true, 'a later timestamp, whatever its sequence number'],
  [true, true, 0, 1000, true, 'the same timestamp and a higher sequence number'],
  [true, true, 0, -1000, false, 'the same timestamp and a lower sequence number'],
  [true, true, -1, 1000, false, 'an older timestamp, though its sequence number is higher'],
  [true, false, 0, 1000, true, 'no timestamp and a higher sequence number'],
  [true, false, 0, -1000, false, 'no timestamp and a lower sequence number'],
  [false, true, 1, 1000, true, 'a timestamp that is new, and a higher sequence number'],
  [false, true, 1, -1000, false, 'a timestamp that is new, and a lower sequence number'],
  [false, false, 0, 1000, true, 'no timestamps at all, and a higher sequence number'],
  [false, false, 0, -1000, false, 'no timestamps at all, and a lower sequence number'],
];

function knock(t: ExecutionContext, old: boolean, now: boolean, age: number, seq: number): Peer {
  const peer = timeWait(t, { ts: old });
  const stamp = (old ? peer.tcb.tsRecent : 1000) + age;
  peer.send('S', { seq, options: { ts: now ? [stamp, 0] : false } });
  return peer;
}

for (const [old, now, age, seq, lets, what] of cases) {
  const verb = lets ? 'is let in' : 'is answered by an ACK';
  test(`RFC 6191 §2: a SYN with ${what} ${verb}`, (t) => {
    const peer = knock(t, old, now, age, seq);
    if (lets) {
      peer.expect({ flags: 'S.' });
      t.is(peer.lab.stat('TcpExtTWRecycled'), 1);
    } else {
      peer.expect({ flags: '.', seq: 2, ack: 2 });
      peer.expectState(State.TIME_WAIT);
    }
  });
}

test('RFC 6191 §2: the new connection begins above all numbers of the old one', (t) => {
  const peer = timeWait(t);
  const last = peer.tcb.sndNxt;
  peer.send('S', { seq: 1000 });
  const answer = peer.expect({ flags: 'S.' });
  t.true(((answer.absoluteSeq - last) | 0) > 0);
});

for (const verdict of [Verdict.ACCEPT, Verdict.LATER, Verdict.PASS]) {
  test(`RFC 6191 §2: so does one behind a gate (RFC 1122 §4.2.2.13): verdict ${verdict}`, (t) => {
    const peer = timeWait(t);
    const { tcp } = peer.lab.core;
    const last = peer.tcb.sndNxt;
    const accept = (): undefined => undefined;
    tcp.gate = {
      listener: tcp.makeGateListener({ address: 0 as Address, port: 0, backlog: 1, accept }),
      decide: () => verdict,
      wait: (tcb) => tcb !== null && admit(tcb),
    };
    if (verdict !== Verdict.PASS) peer.listener?.close();
    peer.send('S', { seq: 1000 });
    const answer = peer.expect({ flags: 'S.' });
    t.true(((answer.absoluteSeq - last) | 0) > 0);
  });
}

test('RFC 6191 §2: nobody listens: a SYN does not end TIME-WAIT', (t) => {
  const peer = timeWait(t, { active: true });
  peer.send('S', { seq: 1000 });
  peer.expect({ flags: '.', seq: 2, ack: 2 });
  peer.expectState(State.TIME_WAIT);
});
