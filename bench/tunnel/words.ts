/**
 * What the spike and its worker share.
 * @module
 */

/** What it is given, and where words stand: the batch that is asked for, the one that is done, and whether to end. */
export interface Batch {
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  readonly packets: number;
  readonly length: number;
}
export const Word = { ASKED: 0, DONE: 1, OVER: 2 } as const;
/** Bytes from one packet to the next. */
export const STRIDE = 2048;
