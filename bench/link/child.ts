/**
 * Programs that the bench starts: until ready, what they said, what CPU they used, and their end by
 * process id.
 * @module
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** How long a program may take to be ready, in ms. */
const PATIENCE = 30_000;
const LAST_LINES = 5;

export interface StartOptions {
  /** A channel for messages, and what may come before the program. */
  readonly ipc?: boolean;
  readonly env?: NodeJS.ProcessEnv;
}

export class Child {
  readonly process: ChildProcess;
  readonly pid: number;
  /** All that it wrote to standard output. */
  output = '';
  readonly #errors: string[] = [];
  readonly #ended: Promise<number | null>;
  #isOver = false;

  constructor(program: string, args: readonly string[], { ipc = false, env }: StartOptions = {}) {
    this.process = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe', ...(ipc ? (['ipc'] as const) : [])],
      env: { ...process.env, ...env },
    });
    this.pid = this.process.pid ?? -1;
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
    });
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors.push(...text.trim().split('\n'));
      this.#errors.splice(0, this.#errors.length - LAST_LINES);
    });
    this.process.stdin?.on('error', () => {}); // it ended before it was told
    this.#ended = new Promise((resolve) => {
      this.process.on('error', (error) => this.#errors.push(error.message));
      this.process.on('close', (code) => {
        this.#isOver = true;
        resolve(code);
      });
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** The last it said to standard error. */
  get complaint(): string {
    return this.#errors.join('; ') || 'it said nothing';
  }

  /** The next line of standard output, counted from `from` characters on. */
  async line(from = 0, patience: number = PATIENCE): Promise<string> {
    const until = Date.now() + patience;
    while (!this.output.slice(from).includes('\n')) {
      if (this.isOver) throw new Error(`ended early: ${this.complaint}`);
      if (Date.now() > until) throw new Error(`no answer in ${patience} ms: ${this.complaint}`);
      await pause(2);
    }
    return this.output.slice(from).split('\n')[0] ?? '';
  }

  /** A message to the program, and the next one from it. */
  ask<T>(message: object): Promise<T> {
    return new Promise((resolve, reject) => {
      const over = (): void => reject(new Error(`ended: ${this.complaint}`));
      const answer = (value: unknown): void => {
        this.process.off('close', over);
        resolve(value as T);
      };
      if (this.isOver) over();
      this.process.once('close', over);
      this.process.once('message', answer);
      this.process.send?.(message, (error) => error && over());
    });
  }

  /** Seconds of CPU of all its threads, the kernel's work for them included. */
  cpu(): number {
    let nanoseconds = 0;
    try {
      for (const thread of readdirSync(`/proc/${this.pid}/task`)) {
        const text = readFileSync(`/proc/${this.pid}/task/${thread}/schedstat`, 'utf8');
        nanoseconds += Number(text.split(' ')[0]);
      }
    } catch {
      // it is over, or the kernel counts no such thing
    }
    return nanoseconds / 1e9;
  }

  /** How often its threads went to sleep of their own will, and how often they were made to wait. */
  switches(): { slept: number; preempted: number } {
    const sum = { slept: 0, preempted: 0 };
    try {
      for (const thread of readdirSync(`/proc/${this.pid}/task`)) {
        const text = readFileSync(`/proc/${this.pid}/task/${thread}/status`, 'utf8');
        const count = (name: string): number =>
          Number(new RegExp(`^${name}_ctxt_switches:\\s*(\\d+)`, 'm').exec(text)?.[1] ?? 0);
        sum.slept += count('voluntary');
        sum.preempted += count('nonvoluntary');
      }
    } catch {
      // it is over
    }
    return sum;
  }

  ended(): Promise<number | null> {
    return this.#ended;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.isOver) return;
    this.process.kill(signal);
    const hard = setTimeout(() => this.process.kill('SIGKILL'), 5000);
    await this.#ended;
    clearTimeout(hard);
  }
}

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Run a program of the system to its end; what it printed. Throws if it failed. */
export function run(program: string, ...args: string[]): string {
  const done = spawnSync(program, args, { encoding: 'utf8' });
  if (done.status === 0) return done.stdout;
  const reason = done.error?.message ?? done.stderr.trim();
  throw new Error(`${program} ${args.join(' ')}: ${reason}`);
}
