/**
 * What was decided, as lines of JSON: who wanted where, by which name, what became of it and why, and how much
 * was carried. A guest that would fill the disk is heard only so often; what is left out is counted.
 * @module
 */
import { Buckets } from '../dns/buckets.ts';
import type { FlowLine, FlowQuestion, FlowWatcher, Verdict } from '../gateway/judge.ts';
import type { Guest } from '../gateway/rules.ts';
import type { NameRefusal } from './policy.ts';

/** What happened: `open`, `close`, `cut`, `deny`, `fail`, or `name` for one that was not answered. */
export interface AuditLine {
  readonly time: string;
  readonly event: string;
  readonly [key: string]: unknown;
}

/** Lines a second that one guest gets. */
const RATE = 200;
const THOUSAND = 1000;

export class Audit implements FlowWatcher {
  /** Lines that were left out. */
  lost = 0;
  readonly #write: (line: AuditLine) => boolean;
  readonly #now: () => number;
  readonly #epoch: number;
  readonly #buckets: Buckets = new Buckets(RATE);
  #untold = 0;

  /** `write` gives false for a line that it cannot take; `now` gives milliseconds since `epoch`, which is such since 1970. */
  constructor(write: (line: AuditLine) => boolean, now: () => number = Date.now, epoch = 0) {
    this.#write = write;
    this.#now = now;
    this.#epoch = epoch;
  }

  denied(flow: FlowQuestion, { reason, rule, name }: Verdict): void {
    this.#say('deny', flow.guest, { ...flow, name, rule, reason });
  }

  opened({ bytesIn, bytesOut, age, ...flow }: FlowLine): void {
    this.#say('open', flow.guest, flow);
  }

  failed(flow: FlowQuestion, { reason, rule, name }: Verdict, code: string): void {
    this.#say('fail', flow.guest, { ...flow, name, rule, reason, code });
  }

  closed({ age, ...flow }: FlowLine, cut: string | undefined): void {
    const ms = Math.round(age);
    if (cut === undefined) this.#say('close', flow.guest, { ...flow, ms });
    else this.#say('cut', flow.guest, { ...flow, ms, because: cut });
  }

  name({ name, type, reason }: NameRefusal, guest: Guest): void {
    this.#say('name', guest, { name, type, reason });
  }

  /** Something that no guest did: `reload`, `expose`. */
  note(event: string, what: object): void {
    this.#put({ time: this.#time(), event, ...what });
  }

  #say(event: string, { address, mac, port }: Guest, what: object): void {
    // A guest has many addresses, and as many bounds if each had its own.
    if (!this.#buckets.take(port ?? address, this.#now() * THOUSAND)) {
      this.lost++;
      this.#untold++;
      return;
    }
    const guest = {
      address,
      ...(mac !== undefined && { mac }),
      ...(port !== undefined && { port }),
    };
    this.#put({ time: this.#time(), event, ...what, guest });
  }

  #put(line: AuditLine): void {
    if (this.#untold > 0) {
      const lines = this.#untold;
      this.#untold = 0;
      if (!this.#write({ time: line.time, event: 'lost', lines })) this.lost++;
    }
    if (!this.#write(line)) this.lost++;
  }

  #time(): string {
    return new Date(this.#epoch + this.#now()).toISOString();
  }
}
