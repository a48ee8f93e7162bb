/**
 * The memory that many hold together, against limits: what Linux's `tcp_mem` is for. RFC 9293 §3.8.6 leaves
 * the buffers to the implementation, RFC 2018 §8 and RFC 6429 §3 say what may be given up.
 *
 * Who holds something says how much whenever that changes: one subtraction and one addition. Beyond
 * `pressed` all should take less; beyond `limit` somebody must give. Whom that hits is not decided
 * here: `holders` are those who held something since the last `sweep`, whose number what is held bounds.
 * @module
 */

/** Who may hold memory. Both fields are set by `Budget` only. */
export interface Holder {
  /** Bytes that it said it holds. */
  kept: number;
  /** Its place among the holders; -1 while it is none. */
  holderAt: number;
}

/** Pressure ends when this part of where it began is held, so that it does not come and go with each byte. */
const RELIEF = 7 / 8;

export class Budget<T extends Holder> {
  /** Bytes that all hold together, and the most that they did. */
  total = 0;
  most = 0;
  /** True from `pressureFrom` bytes on, until there are clearly fewer. */
  pressed = false;
  /** Where pressure begins, and what may be held at the most. */
  readonly pressureFrom: number;
  readonly limit: number;
  readonly holders: T[] = [];
  /** When its user last went through them; his own. */
  lookedAt = 0;
  readonly #relief: number;
  readonly #turned: (pressed: boolean) => void;

  /** `turned` is told when pressure begins, and when it ends. */
  constructor(pressureFrom: number, limit: number, turned: (pressed: boolean) => void) {
    this.pressureFrom = Math.min(pressureFrom, limit);
    this.limit = limit;
    this.#relief = this.pressureFrom * RELIEF;
    this.#turned = turned;
  }

  /** `holder` holds `bytes` from now on. */
  set(holder: T, bytes: number): void {
    if (bytes === holder.kept) return;
    this.total += bytes - holder.kept;
    holder.kept = bytes;
    if (holder.holderAt < 0) {
      holder.holderAt = this.holders.length;
      this.holders.push(holder);
    }
    if (this.total > this.most) this.most = this.total;
    if (this.pressed ? this.total < this.#relief : this.total >= this.pressureFrom) this.#turn();
  }

  /** True if `bytes` more stay within the limit. */
  fits(bytes: number): boolean {
    return this.total + bytes <= this.limit;
  }

  /** `holder` holds nothing any more, and is forgotten. */
  forget(holder: T): void {
    this.set(holder, 0);
    if (holder.holderAt >= 0) this.#leave(holder);
  }

  /** Forget those who hold nothing now. */
  sweep(): void {
    for (let i = this.holders.length - 1; i >= 0; i--) {
      const holder = this.holders[i] as T; // below the length: one that leaves takes the last one's place
      if (holder.kept === 0) this.#leave(holder);
    }
  }

  #leave(holder: T): void {
    const last = this.holders.pop() as T; // it holds `holder` at least
    if (last !== holder) {
      this.holders[holder.holderAt] = last;
      last.holderAt = holder.holderAt;
    }
    holder.holderAt = -1;
  }

  #turn(): void {
    this.pressed = !this.pressed;
    this.#turned(this.pressed);
  }
}
