/**
 * Scoreboards and send buffers: lent to connections with something under way, so that one that says
 * nothing keeps neither. Who has a send buffer is one of those who share what all may write.
 *
 * A thousand writers with 256 KiB each are beyond the memory of all (`limits.memoryPressure`), and then who writes
 * next is a matter of luck. Measured: 1000 streams of `net.Socket` to Linux, by a TUN with offload, had Jain's index 0.12 to
 * 0.50 without shares and 0.99 to 1.0 with them, at the same rate; 100 had 1.14 (1.13–1.16) times the text:
 * `npm run bench:link -- --only throughput --streams 100,1000`.
 * @module
 */
import { Chunks, NO_CHUNKS } from '../../memory/chunks.ts';
import { Shelf } from '../../memory/shelf.ts';
import { SMALLEST_SHARE } from '../tcb/receivers.ts';
import { Scoreboard } from '../tcb/scoreboard.ts';
import type { Lender, Tcb } from '../tcb/tcb.ts';

/** Of each, kept for connections that become busy again. */
const MOST = 256;

export class Spares implements Lender {
  readonly #boards: Shelf<Scoreboard> = new Shelf();
  readonly #chunks: Shelf<Chunks> = new Shelf();
  /** Bytes that one connection may have written and not acknowledged, now. */
  share: number;
  readonly #whole: number;
  /** Send buffers that are lent. */
  #lent = 0;

  /** `whole`: bytes that all connections together may have written. */
  constructor(whole: number) {
    this.#whole = whole;
    this.share = whole;
  }

  takeScoreboard(): Scoreboard {
    return this.#boards.take() ?? new Scoreboard();
  }

  /** Nothing of `tcb` is in flight. */
  putScoreboard(tcb: Tcb): void {
    const board = tcb.scoreboard;
    if (board === null) return;
    tcb.scoreboard = null;
    if (this.#boards.count < MOST && board.recycle()) this.#boards.put(board);
  }

  /** The send buffer of a connection that has something to send. */
  takeChunks(tcb: Tcb): Chunks {
    if (tcb.chunks === NO_CHUNKS) {
      tcb.chunks = this.#chunks.take() ?? new Chunks();
      this.#lend(1);
    }
    return tcb.chunks;
  }

  /** All was acknowledged. */
  putChunks(tcb: Tcb): void {
    const { chunks } = tcb;
    if (chunks === NO_CHUNKS) return;
    tcb.chunks = NO_CHUNKS;
    this.#lend(-1);
    if (this.#chunks.count < MOST) this.#chunks.put(chunks);
  }

  #lend(more: number): void {
    this.#lent += more;
    this.share = Math.max(SMALLEST_SHARE, Math.floor(this.#whole / Math.max(1, this.#lent)));
  }
}
