/**
 * Packets that a device gives several of by one call: for how many it is asked, and whether it is asked at all.
 * @module
 */

/** For how many a device is asked at once: fewer the fewer there were the last time. */
const LEAST = 4;
export const MOST = 16;
/** Beyond so many bytes at a time they are out of the caches when their turn comes. */
const MUCH = 128 * 1024;

export class ReadBatch {
  /** Where they are to go, for those below `want`. */
  readonly places: Int32Array = new Int32Array(MOST);
  /** What `read` of the device would have given; 0: nothing. */
  readonly lengths: Int32Array = new Int32Array(MOST);
  /** For how many to ask the next time, up to `MOST`. */
  want: number = LEAST;
  /** The device had no more when it was last asked. */
  dry = false;

  /** A turn begins: what the device had none of, it may have. */
  begin(): void {
    this.dry = false;
  }

  /** The device was asked for `asked`, and `lengths` says what came; 0: it could not be asked so. */
  note(asked: number): void {
    if (asked === 0) return;
    const { lengths } = this;
    let came = 0;
    let bytes = 0;
    for (let i = 0; i < asked; i++) {
      const length = lengths[i] as number; // the device has said how many there are
      if (length > 0) came++;
      bytes += length;
    }
    this.dry = lengths[asked - 1] === 0;
    if (came <= asked >> 1 || bytes > MUCH) this.want = Math.max(this.want >> 1, LEAST);
    else if (!this.dry && bytes <= MUCH >> 1) this.want = Math.min(this.want << 1, MOST);
  }
}

/**
 * After so many turns of one packet the next ones are taken to be so too, as requests in turn bring them: a device is
 * not asked for a second packet, which costs it a system call. It tells again if there is one. One in so many asks all
 * the same, and a longer turn ends it.
 */
const LONE = 4;
const LOOK_AGAIN = 16;

/** Whether a turn, after `lone` in a row of one packet, is taken to bring one only. */
export const bringsOne = (lone: number): boolean => lone >= LONE && lone % LOOK_AGAIN !== 0;
