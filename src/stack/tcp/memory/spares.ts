/**
 * Scoreboards and send buffers: lent to connections with something under way, so that one that says
 * nothing keeps neither.
 * @module
 */
import { Chunks, NO_CHUNKS } from '../../memory/chunks.ts';
import { Scoreboard } from '../tcb/scoreboard.ts';
import type { Tcb } from '../tcb/tcb.ts';

/** Of each, kept for connections that become busy again. */
const MOST = 256;

export class Spares {
  readonly #boards: Scoreboard[] = [];
  readonly #chunks: Chunks[] = [];

  takeScoreboard(): Scoreboard {
    return this.#boards.pop() ?? new Scoreboard();
  }

  /** Nothing of `tcb` is in flight. */
  putScoreboard(tcb: Tcb): void {
    const board = tcb.scoreboard;
    if (board === null) return;
    tcb.scoreboard = null;
    if (this.#boards.length < MOST && board.recycle()) this.#boards.push(board);
  }

  /** The send buffer of a connection that has something to send. */
  takeChunks(tcb: Tcb): Chunks {
    if (tcb.chunks === NO_CHUNKS) tcb.chunks = this.#chunks.pop() ?? new Chunks();
    return tcb.chunks;
  }

  /** All was acknowledged. */
  putChunks(tcb: Tcb): void {
    const { chunks } = tcb;
    if (chunks === NO_CHUNKS) return;
    tcb.chunks = NO_CHUNKS;
    if (this.#chunks.length < MOST) this.#chunks.push(chunks);
  }
}
