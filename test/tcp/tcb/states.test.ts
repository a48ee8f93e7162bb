/**
 * The states of a connection, each as the makers of `support/states.ts` give it.
 * @module
 */
import test from 'ava';
import { isEdge, State, stateName } from '../../../src/stack/tcp/tcb/state.ts';
import * as states from '../../support/states.ts';

const makers = {
  SYN_SENT: states.synSent,
  ESTABLISHED: states.established,
  FIN_WAIT_1: states.finWait1,
  FIN_WAIT_2: states.finWait2,
  CLOSING: states.closing,
  TIME_WAIT: states.timeWait,
  CLOSE_WAIT: states.closeWait,
  LAST_ACK: states.lastAck,
} as const;

for (const [name, make] of Object.entries(makers)) {
  for (const active of [false, true]) {
    if (name === 'SYN_SENT' && !active) continue;
    const who = active ? 'one that we opened' : 'one that the peer opened';
    test(`state: ${name.replaceAll('_', '-')} is reached by ${who}`, (t) => {
      const peer = make(t, { active, sack: true, ts: true, ws: 7 });
      peer.expectState(State[name as keyof typeof State]);
      peer.expectNothing();
    });
  }
}

test('state: names are those of the RFC', (t) => {
  t.is(stateName(State.FIN_WAIT_1), 'FIN-WAIT-1');
  t.is(stateName(State.CLOSED), 'CLOSED');
});

test('state: every state may end in CLOSED, none leads back to LISTEN', (t) => {
  for (const state of Object.values(State)) {
    t.true(isEdge(state, State.CLOSED));
    t.false(isEdge(state, State.LISTEN));
  }
});
