/**
 * Server-sent events, bounded: so many streams, and so much that waits in each. HTML Standard §9.2.
 *
 * Who reads too slowly misses samples, and is told how many: a sample is of its moment, and what waits grows no further.
 * @module
 */
import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { COMMON, Refusal } from './server.ts';

export interface StreamsOptions {
  /** Streams at once; default 16. */
  readonly most?: number;
  /** Bytes that may wait in one; default 256 KiB. */
  readonly waiting?: number;
}

/** Milliseconds; shorter than the silence after which the server gives a connection up. */
const BEAT = 10_000;

/** One reader. */
export class Stream {
  /** Known to its reader alone. */
  readonly id: string = randomBytes(16).toString('hex');
  /** Events that were left out since its reader is slow. */
  dropped = 0;
  readonly #response: ServerResponse;
  readonly #waiting: number;

  constructor(response: ServerResponse, waiting: number) {
    this.#response = response;
    this.#waiting = waiting;
  }

  /** Say nothing, so that whoever is between sees that it lives; who does not read is not waited for. */
  beat(): void {
    if (this.#response.writableLength <= this.#waiting) this.#response.write(':\n\n');
  }

  /** Send an event, or leave it out: false. */
  send(event: string, what: unknown): boolean {
    const response = this.#response;
    if (response.writableEnded || response.destroyed) return false;
    if (response.writableLength > this.#waiting) {
      this.dropped++;
      return false;
    }
    response.write(`event: ${event}\ndata: ${JSON.stringify(what)}\n\n`);
    return true;
  }

  end(): void {
    this.#response.end();
  }
}

/** All readers of one page. */
export class Streams {
  readonly #most: number;
  readonly #waiting: number;
  readonly #open = new Map<string, Stream>();
  #timer: NodeJS.Timeout | undefined;

  constructor({ most = 16, waiting = 256 * 1024 }: StreamsOptions = {}) {
    this.#most = most;
    this.#waiting = waiting;
  }

  get count(): number {
    return this.#open.size;
  }

  [Symbol.iterator](): IterableIterator<Stream> {
    return this.#open.values();
  }

  /** The stream of that name. */
  get(id: string): Stream | undefined {
    return this.#open.get(id);
  }

  /** Begin to stream as the answer; `left` is called once when its reader has gone. Throws 503 past the most. */
  open(response: ServerResponse, left: (stream: Stream) => void): Stream {
    if (this.#open.size >= this.#most) throw new Refusal(503, `${this.#most} are looking already.`);
    const stream = new Stream(response, this.#waiting);
    this.#open.set(stream.id, stream);
    response.writeHead(200, { ...COMMON, 'content-type': 'text/event-stream; charset=utf-8' });
    response.flushHeaders();
    this.#timer ??= setInterval(() => {
      for (const each of this.#open.values()) each.beat();
    }, BEAT).unref();
    response.once('close', () => {
      this.#open.delete(stream.id);
      if (this.#open.size === 0) {
        clearInterval(this.#timer);
        this.#timer = undefined;
      }
      left(stream);
    });
    return stream;
  }

  /** End all of them. */
  close(): void {
    for (const stream of this.#open.values()) stream.end();
  }
}
