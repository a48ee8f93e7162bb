/**
 * Connections that could not send: the interface's queue was full, or no packet slot was free. Each waits
 * in the line of its interface, and as many are served again as may find room. With 100 000 that wait, one
 * free place costs what it costs with one.
 * @module
 */
import { type Micros, NEVER } from '../base/clock.ts';
import type { Interface } from '../ip/interface.ts';
import type { InternetLayer } from '../ip/ip.ts';
import { Fifo } from '../memory/fifo.ts';
import { Flag, has } from './tcb/flags.ts';
import type { Tcb } from './tcb/tcb.ts';

/** How many of a line are served at a time: each may send many packets, or one. */
const AT_ONCE = 64;
/** When to look again, where no device tells. */
const RETRY: Micros = 1_000;

/** What `Starved` asks of the stack. */
export interface Feeder {
  readonly ip: InternetLayer;
  readonly now: Micros;
  dirty(tcb: Tcb): void;
}

export class Starved {
  /** How many wait. */
  length = 0;
  readonly #tcp: Feeder;
  readonly #lines: Map<Interface, Fifo<Tcb>> = new Map();

  constructor(tcp: Feeder) {
    this.#tcp = tcp;
  }

  /** Nothing of `tcb` could leave by `iface`. */
  add(tcb: Tcb, iface: Interface): void {
    if (has(tcb, Flag.STARVED)) return;
    tcb.flags |= Flag.STARVED;
    let line = this.#lines.get(iface);
    if (line === undefined) {
      line = new Fifo();
      this.#lines.set(iface, line);
    }
    line.push(tcb);
    this.length++;
  }

  /** See that the first of each line are served, where there is room again. */
  feed(): void {
    const { ip } = this.#tcp;
    if (ip.slots.free === 0) return;
    for (const [iface, line] of this.#lines) {
      for (let n = 0; n < AT_ONCE && line.length > 0 && ip.output.ready(iface); n++) {
        const tcb = line.shift() as Tcb; // the line is not empty
        tcb.flags &= ~Flag.STARVED;
        this.length--;
        this.#tcp.dirty(tcb);
      }
      if (line.length === 0) this.#lines.delete(iface);
    }
  }

  /** When to flush next for those who wait. */
  deadline(): Micros {
    return this.length === 0 ? NEVER : this.#tcp.now + RETRY;
  }
}
