/**
 * Applications of the stack under fire: they read or stop reading, write text that can be recognised,
 * close, abort and are rude, and they check that what they are given is what the peer's sequence numbers
 * say, in order and once.
 * @module
 */
import { type Failure, failureCode } from '../../../src/stack/base/failure.ts';
import { below, type Random } from '../../../src/stack/base/random.ts';
import type { Owner } from '../../../src/stack/tcp/tcb/owner.ts';
import { State } from '../../../src/stack/tcp/tcb/state.ts';
import type { Tcb } from '../../../src/stack/tcp/tcb/tcb.ts';
import * as verbs from '../../../src/stack/tcp/verbs.ts';
import { textAt, wrongOctet } from './text.ts';

/** What all applications of one episode have come to. */
export interface Tally {
  opened: number;
  received: number;
  written: number;
  ended: number;
  closed: number;
}

export const newTally = (): Tally => ({ opened: 0, received: 0, written: 0, ended: 0, closed: 0 });

export class App implements Owner {
  tcb: Tcb | undefined;
  /** Of text that was handed over, and of text that was taken for sending. */
  received = 0;
  written = 0;
  /** Chunks written by reference that have not come back. */
  lent = 0;
  closed = false;
  readonly #random: Random;
  readonly #tally: Tally;
  #ended = false;

  constructor(random: Random, tally: Tally) {
    this.#random = random;
    this.#tally = tally;
  }

  onOpen(): void {
    this.#must(!this.closed, 'onOpen after onClose');
    this.#tally.opened++;
    this.#whim();
  }

  onData(bytes: Uint8Array, at: number, length: number): void {
    const { tcb } = this;
    this.#must(!this.closed && !this.#ended, 'onData after the end');
    this.#must(length > 0, 'onData of nothing');
    if (tcb !== undefined) {
      const wrong = wrongOctet(bytes, at, length, tcb.irs + 1 + this.received);
      this.#must(wrong < 0, `text is wrong ${this.received + wrong} octets in`);
    }
    this.received += length;
    this.#tally.received += length;
    this.#whim();
  }

  onEnd(): void {
    this.#must(!this.closed && !this.#ended, 'onEnd twice');
    this.#ended = true;
    this.#tally.ended++;
    this.#whim();
  }

  onWritable(): void {
    this.#must(!this.closed, 'onWritable after onClose');
    this.#whim();
  }

  onRelease(token: unknown): void {
    this.#must(token === this, 'a token comes back that is another one');
    this.lent--;
    this.#must(this.lent >= 0, 'a chunk comes back twice');
  }

  onFinished(): void {
    this.#must(!this.closed, 'onFinished after onClose');
    this.#whim();
  }

  onClose(failure: Failure): void {
    this.#must(!this.closed, 'onClose twice');
    this.#must(failure === 0 || failureCode(failure) !== '', 'onClose of no known failure');
    this.closed = true;
    this.#tally.closed++;
    this.#must(this.lent === 0, `${this.lent} chunks never came back`);
  }

  /** Text that says where it belongs, with a copy or by reference. */
  write(length: number): void {
    const { tcb } = this;
    if (tcb === undefined || this.closed) return;
    const text = textAt((tcb.iss + 1 + this.written) | 0, length);
    const lend = below(this.#random, 2) === 0;
    const taken = lend
      ? verbs.write(tcb, text, 0, length, this)
      : verbs.writeCopy(tcb, text, 0, length);
    if (lend && taken > 0) this.lent++;
    this.written += taken;
    this.#tally.written += taken;
  }

  /** One of what an owner may do at any time. */
  act(): void {
    const { tcb } = this;
    if (tcb === undefined || this.closed) return;
    const random = this.#random;
    switch (below(random, 12)) {
      case 0:
        verbs.shutdown(tcb);
        return;
      case 1:
        if (below(random, 4) === 0) verbs.abort(tcb);
        return;
      case 2:
        if (below(random, 3) === 0) verbs.detach(tcb);
        return;
      case 3:
      case 4:
        verbs.setReading(tcb, below(random, 2) === 0);
        return;
      case 5:
        verbs.setNoDelay(tcb, below(random, 2) === 0);
        return;
      case 6:
        verbs.setKeepAlive(tcb, true, 1e6 * below(random, 10), 1e6 * below(random, 5), 3);
        return;
      case 7:
        verbs.setUserTimeout(tcb, 1e6 * below(random, 30));
        return;
      default:
        this.write(1 + below(random, below(random, 4) === 0 ? 100_000 : 3000));
    }
  }

  /** From within a callback, now and then. */
  #whim(): void {
    if (below(this.#random, 6) === 0) this.act();
  }

  #must(good: boolean, what: string): void {
    if (good) return;
    const state = this.tcb === undefined ? 'no state' : Object.keys(State)[this.tcb.state];
    throw new Error(`an owner sees what may not be, in ${state}: ${what}`);
  }
}
