/**
 * The world outside, as it was recorded: who is dialled answers as it did then, at that time, and says what it
 * said; and resolvers likewise.
 * @module
 */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Exchange } from '../dns/exchange.ts';
import type { DatagramHandler, Datagrams, Dialer } from '../gateway/dial.ts';
import { decodeBytes, encodeBytes, type RecordedEvent } from './recording.ts';

/** A connection to what is outside, of which only what came is played. */
class PlayedSocket extends Duplex {
  bytesRead = 0;
  /** The recording tells of its end, and has not come there. */
  #lasts: boolean;
  #closing: (() => void) | undefined;

  constructor(lasts: boolean) {
    super({ allowHalfOpen: true });
    this.#lasts = lasts;
  }

  /** What has ended both ways is closed when it was: the event loop may have been busy. */
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const isDone = error === null && this.readableEnded && this.writableFinished;
    if (isDone && this.#lasts) this.#closing = () => done(null);
    else done(error);
  }

  /** The recording has come to its end. */
  close(): void {
    this.#lasts = false;
    this.#closing?.();
    this.#closing = undefined;
  }

  override _read(): void {}

  override _write(_piece: unknown, _encoding: unknown, done: () => void): void {
    done();
  }

  come(piece: Buffer | null): void {
    if (this.destroyed || this.readableEnded) return;
    this.bytesRead += piece?.length ?? 0;
    this.push(piece);
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  resetAndDestroy(): this {
    return this.destroy();
  }
}

/** What was recorded of one dial. */
interface Dial {
  readonly id: number;
  socket?: PlayedSocket;
  handler?: DatagramHandler;
  /** Told when the recording comes to its answer. */
  answer?: (error: Error | undefined) => void;
  /** What the recording has come to, if nobody has dialled yet. */
  readonly early: RecordedEvent[];
  /** Whether the recording tells of its end. */
  ends: boolean;
}

const failure = (code: string): Error => Object.assign(new Error(code), { code });

export class PlayedWorld implements Dialer {
  readonly descriptors = { tcp: 1, udp: 1 };
  /** Dials that nobody had made. */
  readonly surprises: string[] = [];
  readonly #dials: Map<number, Dial> = new Map();
  /** Dials in the order of the recording, by where they went. */
  readonly #waiting: Map<string, Dial[]> = new Map();
  /** Answers of resolvers, by question. */
  readonly #asks: Map<string, number[]> = new Map();
  readonly #answers: Map<number, (event: RecordedEvent) => void> = new Map();
  readonly #earlyAnswers: Map<number, RecordedEvent> = new Map();

  constructor(events: readonly RecordedEvent[]) {
    for (const event of events) {
      if ('dial' in event) {
        const dial: Dial = { id: event.dial, early: [], ends: false };
        this.#dials.set(event.dial, dial);
        push(this.#waiting, event.to, dial);
      } else if ('ask' in event) push(this.#asks, event.query, event.ask);
      else if ('close' in event) {
        const dial = this.#dials.get(event.close);
        if (dial !== undefined) dial.ends = true;
      }
    }
  }

  readonly exchange: Exchange = (_resolver, query) => {
    const id = this.#asks.get(encodeBytes(query.subarray(2)))?.shift();
    if (id === undefined) {
      this.surprises.push('a question that nobody had asked');
      return Promise.reject(failure('ETIMEDOUT'));
    }
    return new Promise((done, fail) => {
      const take = (event: RecordedEvent): void => {
        if (!('answer' in event)) return;
        if (event.bytes === undefined) {
          fail(failure(event.code ?? 'ERR'));
          return;
        }
        const answer = decodeBytes(event.bytes);
        answer.set(query.subarray(0, 2)); // the number is drawn anew
        done(answer);
      };
      const early = this.#earlyAnswers.get(id);
      if (early !== undefined) take(early);
      else this.#answers.set(id, take);
    });
  };

  async connect(address: string, port: number): Promise<Socket> {
    const dial = this.#take(`tcp ${address}:${port}`);
    await this.#answered(dial);
    const socket = new PlayedSocket(dial.ends);
    dial.socket = socket;
    for (const event of dial.early.splice(0)) this.#play(dial, event);
    return socket as unknown as Socket; // as much of one as a gateway uses
  }

  async open(address: string, port: number, handler: DatagramHandler): Promise<Datagrams> {
    const dial = this.#take(`udp ${address}:${port}`);
    await this.#answered(dial);
    dial.handler = handler;
    for (const event of dial.early.splice(0)) this.#play(dial, event);
    return { send: () => {}, close: () => {} };
  }

  /** The recording has come to this. */
  come(event: RecordedEvent): void {
    if ('answer' in event) {
      const take = this.#answers.get(event.answer);
      if (take) take(event);
      else this.#earlyAnswers.set(event.answer, event);
      return;
    }
    const id = idOf(event);
    const dial = id === undefined ? undefined : this.#dials.get(id);
    if (dial === undefined) return;
    const isAnswer = 'open' in event || 'fail' in event;
    if (isAnswer && dial.answer) dial.answer('fail' in event ? failure(event.code) : undefined);
    else if (!isAnswer && (dial.socket || dial.handler)) this.#play(dial, event);
    else dial.early.push(event);
  }

  #take(to: string): Dial {
    const dial = this.#waiting.get(to)?.shift();
    if (dial !== undefined) return dial;
    this.surprises.push(to);
    throw failure('ECONNREFUSED');
  }

  /** Settles as the dial did, when the recording has come there. */
  #answered(dial: Dial): Promise<void> {
    const [first] = dial.early;
    if (first !== undefined && 'fail' in first) return Promise.reject(failure(first.code));
    if (first !== undefined) {
      dial.early.shift();
      return Promise.resolve();
    }
    return new Promise((done, fail) => {
      dial.answer = (error) => (error ? fail(error) : done());
    });
  }

  #play({ socket, handler }: Dial, event: RecordedEvent): void {
    if ('data' in event) {
      const bytes = decodeBytes(event.bytes);
      socket?.come(bytes);
      handler?.received(bytes);
    } else if ('end' in event) socket?.come(null);
    else if ('close' in event) {
      handler?.closed(event.code === 'ECONNREFUSED');
      socket?.close();
      if (event.code !== undefined) socket?.destroy(failure(event.code));
    }
  }
}

function idOf(event: RecordedEvent): number | undefined {
  if ('open' in event) return event.open;
  if ('fail' in event) return event.fail;
  if ('data' in event) return event.data;
  if ('end' in event) return event.end;
  return 'close' in event ? event.close : undefined;
}

function push<V>(map: Map<string, V[]>, key: string, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
