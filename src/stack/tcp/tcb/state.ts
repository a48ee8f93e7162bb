/**
 * The states of a connection and the edges between them. RFC 9293 §3.3.2, figure 5.
 *
 * A state is one small number; a set of states is a bit mask, so that "may it send?" is one test.
 * @module
 */

export const State = {
  CLOSED: 0,
  LISTEN: 1,
  SYN_SENT: 2,
  SYN_RECEIVED: 3,
  ESTABLISHED: 4,
  FIN_WAIT_1: 5,
  FIN_WAIT_2: 6,
  CLOSE_WAIT: 7,
  CLOSING: 8,
  LAST_ACK: 9,
  TIME_WAIT: 10,
} as const;

export type State = (typeof State)[keyof typeof State];

const NAMES: readonly string[] = Object.keys(State);

/** The RFC's name: `FIN_WAIT_1` is `FIN-WAIT-1`. */
export const stateName = (state: State): string => (NAMES[state] ?? '?').replaceAll('_', '-');

const set = (...states: State[]): number => states.reduce<number>((bits, s) => bits | (1 << s), 0);

const { CLOSED, SYN_SENT, SYN_RECEIVED, ESTABLISHED, TIME_WAIT } = State;
const { FIN_WAIT_1, FIN_WAIT_2, CLOSE_WAIT, CLOSING, LAST_ACK } = State;

/** The owner may still write. */
export const MAY_WRITE: number = set(SYN_SENT, SYN_RECEIVED, ESTABLISHED, CLOSE_WAIT);
/** There may be text or a FIN of ours to send, or to send again. */
export const SENDING: number = set(ESTABLISHED, CLOSE_WAIT, FIN_WAIT_1, CLOSING, LAST_ACK);
/** The peer may still send text. */
export const RECEIVING: number = set(ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2);
/** Both owners have closed; a FIN of ours is not acknowledged, or not sent yet. */
export const BOTH_CLOSED: number = set(CLOSING, LAST_ACK);
/** Both sides know each other's first sequence number. RFC 9293 §3.5.2, group 3. */
export const SYNCHRONIZED: number = set(
  ESTABLISHED,
  FIN_WAIT_1,
  FIN_WAIT_2,
  CLOSE_WAIT,
  CLOSING,
  LAST_ACK,
  TIME_WAIT,
);

/** True if `state` is one of `states`. */
export const isIn = (state: State, states: number): boolean => ((1 << state) & states) !== 0;

/** Where each state may lead; any may lead to CLOSED (RST, time-out, abort). */
const EDGES: readonly number[] = [
  set(SYN_SENT, SYN_RECEIVED, ESTABLISHED), // CLOSED: opened; ESTABLISHED at once by a SYN cookie
  set(SYN_RECEIVED),
  set(SYN_RECEIVED, ESTABLISHED),
  set(ESTABLISHED, FIN_WAIT_1, CLOSE_WAIT),
  set(FIN_WAIT_1, CLOSE_WAIT),
  set(FIN_WAIT_2, CLOSING, TIME_WAIT),
  set(TIME_WAIT),
  set(LAST_ACK),
  set(TIME_WAIT),
  set(),
  set(),
];

/** True if the diagram has an edge from `from` to `to`. */
export const isEdge = (from: State, to: State): boolean =>
  to === CLOSED || isIn(to, EDGES[from] ?? 0);
