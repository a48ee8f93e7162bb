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

/** Who waits for an interface. An empty line stays for the next; one of an interface that is gone, until another begins. */
interface Line {
  readonly iface: Interface;
  readonly waiting: Fifo<Tcb>;
}

export class Starved {
  /** How many wait. */
  length = 0;
  readonly #tcp: Feeder;
  /** Few, and gone through with every flush while a way out is full: a `Map` would make an iterator each time. */
  readonly #lines: Line[] = [];

  constructor(tcp: Feeder) {
    this.#tcp = tcp;
  }

  /** Nothing of `tcb` could leave by `iface`. */
  add(tcb: Tcb, iface: Interface): void {
    if (has(tcb, Flag.STARVED)) return;
    tcb.flags |= Flag.STARVED;
    this.#lineOf(iface).push(tcb);
    this.length++;
  }

  #lineOf(iface: Interface): Fifo<Tcb> {
    for (const line of this.#lines) if (line.iface === iface) return line.waiting;
    for (let i = this.#lines.length - 1; i >= 0; i--) {
      const line = this.#lines[i] as Line; // below the length
      if (!line.iface.up && line.waiting.length === 0) this.#lines.splice(i, 1);
    }
    const waiting = new Fifo<Tcb>();
    this.#lines.push({ iface, waiting });
    return waiting;
  }

  /** See that the first of each line are served, where there is room again. */
  feed(): void {
    const { ip } = this.#tcp;
    if (ip.slots.free === 0) return;
    for (const { iface, waiting } of this.#lines) {
      for (let n = 0; n < AT_ONCE && waiting.length > 0 && ip.output.ready(iface); n++) {
        const tcb = waiting.shift() as Tcb; // the line is not empty
        tcb.flags &= ~Flag.STARVED;
        this.length--;
        this.#tcp.dirty(tcb);
      }
    }
  }

  /** When to flush next for those who wait. */
  deadline(): Micros {
    return this.length === 0 ? NEVER : this.#tcp.now + RETRY;
  }
}
