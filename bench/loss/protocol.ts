/**
 * Calls between the bench and its helpers: workers and processes that answer one call with one value.
 * @module
 */
import type { ChildProcess } from 'node:child_process';
import { parentPort, type Worker } from 'node:worker_threads';

interface Call {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** Where a helper is to listen; `id` names what it opens in the calls that follow. */
export interface Receive {
  readonly id: number;
  readonly address: string;
  readonly port: number;
  /** Answer every so many bytes by one, which the sender waits for; undefined: never. */
  readonly turn?: number;
}

/** What a helper can do, by name. */
export type Handlers = Readonly<Record<string, (argument: never) => unknown>>;

/** A helper, as the bench sees it. */
export class Remote {
  readonly #post: (call: Call) => void;
  readonly #waiting: Map<number, [(value: unknown) => void, (error: Error) => void]> = new Map();
  #next = 1;
  #gone: Error | undefined;

  constructor(helper: Worker | ChildProcess, what: string) {
    this.#post =
      'postMessage' in helper
        ? (call) => helper.postMessage(call)
        : (call) => void helper.send(call);
    const emitter: NodeJS.EventEmitter = helper;
    emitter.on('message', (answer: Answer) => this.#settle(answer));
    emitter.on('error', (error: Error) => this.#end(error));
    emitter.on('exit', (code: number) => this.#end(new Error(`${what} ended (${code})`)));
  }

  /** Rejects if the helper's function threw, or the helper is gone. */
  call<T>(name: string, argument: unknown = undefined): Promise<T> {
    if (this.#gone !== undefined) return Promise.reject(this.#gone);
    const id = this.#next++;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, [(value) => resolve(value as T), reject]);
      this.#post({ id, name, argument });
    });
  }

  #settle({ id, value, error }: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.[0](value);
    else waiting?.[1](new Error(error));
  }

  #end(error: Error): void {
    this.#gone ??= error;
    for (const [, reject] of this.#waiting.values()) reject(this.#gone);
    this.#waiting.clear();
  }
}

/** Be a helper: answer calls from now on. */
export function serve(handlers: Handlers): void {
  const post = (answer: Answer): void => {
    if (parentPort === null) process.send?.(answer);
    else parentPort.postMessage(answer);
  };
  const onCall = async ({ id, name, argument }: Call): Promise<void> => {
    try {
      const handler = handlers[name] as ((argument: unknown) => unknown) | undefined;
      if (handler === undefined) throw new Error(`no such call: ${name}`);
      post({ id, value: await handler(argument) });
    } catch (error) {
      post({ id, error: (error as Error).message });
    }
  };
  if (parentPort === null) process.on('message', (call) => void onCall(call as Call));
  else parentPort.on('message', (call: Call) => void onCall(call));
}

/** Microseconds of the clock that all processes of the machine share. */
export const sharedMicros = (): number => Number(process.hrtime.bigint()) / 1000;
