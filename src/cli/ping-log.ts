/**
 * What `ping` prints, in the words that people know from iputils, and the figures at its end.
 *
 * Makes lines, prints nothing: with `json` each line is an object.
 * @module
 */
import { plural } from './words.ts';

/** An answer, or news that there will be none. */
export interface Answer {
  readonly from: string;
  readonly seq: number;
}

export interface Reply extends Answer {
  /** ICMP header and data, in bytes. */
  readonly bytes: number;
  readonly ttl: number;
  /** Milliseconds. */
  readonly rtt: number;
}

/** Round trips, in milliseconds, as ping sums them up. */
export interface RoundTrips {
  readonly min: number;
  readonly avg: number;
  readonly max: number;
  /** The standard deviation, which ping calls so. */
  readonly mdev: number;
}

const ICMP_HEADER = 8;
const IP_AND_ICMP_HEADER = 28;
const IPV6_AND_ICMP_HEADER = 48;

/** Three digits that matter, as ping has them: 0.123, 1.23, 12.3, 123. */
export function milliseconds(ms: number): string {
  if (ms >= 99.95) return ms.toFixed(0);
  if (ms >= 9.995) return ms.toFixed(1);
  return ms.toFixed(ms >= 0.9995 ? 2 : 3);
}

export class PingLog {
  transmitted = 0;
  received = 0;
  errors = 0;
  readonly #host: string;
  readonly #address: string;
  readonly #size: number;
  readonly #json: boolean;
  #min = Number.POSITIVE_INFINITY;
  #max = 0;
  #sum = 0;
  #squares = 0;

  constructor(o: { host: string; address: string; size: number; json: boolean }) {
    this.#host = o.host;
    this.#address = o.address;
    this.#size = o.size;
    this.#json = o.json;
  }

  /** The first line. */
  opening(): string {
    if (this.#json) return this.#object('ping', { host: this.#host, size: this.#size });
    const headers = this.#address.includes(':') ? IPV6_AND_ICMP_HEADER : IP_AND_ICMP_HEADER;
    const whole = this.#size + headers;
    return `PING ${this.#host} (${this.#address}) ${this.#size}(${whole}) bytes of data.`;
  }

  /** One was sent. */
  sent(): void {
    this.transmitted++;
  }

  /** One was answered. */
  reply({ from, seq, bytes, ttl, rtt }: Reply): string {
    this.received++;
    this.#min = Math.min(this.#min, rtt);
    this.#max = Math.max(this.#max, rtt);
    this.#sum += rtt;
    this.#squares += rtt * rtt;
    if (this.#json) return this.#object('reply', { from, seq, bytes, ttl, rtt });
    return `${bytes} bytes from ${from}: icmp_seq=${seq} ttl=${ttl} time=${milliseconds(rtt)} ms`;
  }

  /** Nothing came back in time. */
  silence(seq: number): string {
    return this.#json ? this.#object('timeout', { seq }) : `no answer for icmp_seq=${seq}`;
  }

  /** It cannot be reached, or not be sent. */
  failure({ from, seq }: Answer, reason: string): string {
    this.errors++;
    if (this.#json) return this.#object('error', { from, seq, reason });
    return `From ${from} icmp_seq=${seq} ${reason}`;
  }

  /** Percent that was not answered. */
  get loss(): number {
    if (this.transmitted === 0) return 0;
    return Number((100 * (1 - this.received / this.transmitted)).toPrecision(6));
  }

  /** The round trips so far; undefined without any. */
  get rtt(): RoundTrips | undefined {
    if (this.received === 0) return undefined;
    const avg = this.#sum / this.received;
    const mdev = Math.sqrt(Math.max(0, this.#squares / this.received - avg * avg));
    return { min: this.#min, avg, max: this.#max, mdev };
  }

  /** The last lines; `elapsed` is the milliseconds from the first to the last. */
  closing(elapsed: number): string {
    const { transmitted, received, errors, loss, rtt } = this;
    const time = Math.round(elapsed);
    if (this.#json) {
      return this.#object('statistics', { transmitted, received, errors, loss, time, rtt });
    }
    const counts = [
      `${plural(transmitted, 'packet')} transmitted`,
      `${received} received`,
      ...(errors > 0 ? [`+${plural(errors, 'error')}`] : []),
      `${loss}% packet loss`,
      `time ${time}ms`,
    ];
    const lines = ['', `--- ${this.#host} ping statistics ---`, counts.join(', ')];
    if (rtt) {
      const figures = [rtt.min, rtt.avg, rtt.max, rtt.mdev].map((ms) => ms.toFixed(3));
      lines.push(`rtt min/avg/max/mdev = ${figures.join('/')} ms`);
    }
    return lines.join('\n');
  }

  #object(event: string, rest: Readonly<Record<string, unknown>>): string {
    return JSON.stringify({ event, address: this.#address, ...rest }, toMicroseconds);
  }
}

/** Of milliseconds three digits after the point: all that is known. */
const toMicroseconds = (_name: string, value: unknown): unknown =>
  typeof value === 'number' ? Math.round(value * 1000) / 1000 : value;

/** The bytes that an echo reply to `size` bytes of data counts. */
export const replyBytes = (size: number): number => size + ICMP_HEADER;
