/**
 * What is true of every connection at every moment between two batches.
 * @module
 */
import { diff } from '../../src/stack/base/seq.ts';
import { outstanding } from '../../src/stack/tcp/tcb/flight.ts';
import { State, stateName } from '../../src/stack/tcp/tcb/state.ts';
import type { Tcb } from '../../src/stack/tcp/tcb/tcb.ts';

/** Throws if something is not. */
export function checkConnection(tcb: Tcb): void {
  if (tcb.state < State.ESTABLISHED) return;
  const out = outstanding(tcb);
  const board = tcb.scoreboard;
  must(tcb, out >= 0, 'sndNxt is not before sndUna');
  must(tcb, diff(tcb.rcvAdv, tcb.rcvNxt) >= 0, 'the window is not negative');
  must(tcb, Number.isFinite(tcb.cwnd) && tcb.cwnd >= tcb.mss * 0.999, 'cwnd is a segment or more');
  must(tcb, tcb.ssthresh >= tcb.mss, 'ssthresh is a segment or more');
  must(tcb, tcb.held >= 0, 'what is held is not negative');
  must(tcb, Number.isInteger(tcb.sendBuffer), 'sendBuffer is whole');
  if (board === null) {
    must(tcb, out === 0 || tcb.state === State.TIME_WAIT, 'what is out is in the scoreboard');
    return;
  }
  const { sackedBytes, lostBytes, resentBytes, count } = board;
  must(tcb, sackedBytes >= 0 && resentBytes >= 0, 'no sum is negative');
  must(tcb, resentBytes <= lostBytes, 'only what was lost is sent again');
  must(tcb, sackedBytes + lostBytes <= out, 'sums are of what is out');
  if (count === 0) return;
  must(tcb, board.start(0) === tcb.sndUna, 'the scoreboard begins at sndUna');
  must(tcb, board.end(count - 1) === tcb.sndNxt, 'and ends at sndNxt');
}

function must(tcb: Tcb, good: boolean, what: string): void {
  if (good) return;
  const { cwnd, ssthresh, mss } = tcb;
  throw new Error(
    `not true in ${stateName(tcb.state)}: ${what}, ${JSON.stringify({ cwnd, ssthresh, mss })}`,
  );
}
