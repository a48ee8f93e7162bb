/**
 * Programs that a test starts: the command itself, and what the kernel's side tries it with.
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { command, root } from './root.ts';

/** How a program ended, and what it said. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** Those that run. */
const running = new Set<ChildProcess>();

/** End every program that was started here and runs yet, at once: nothing stays behind who started it. */
export function endAll(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** A program that runs. */
export class Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  out = '';
  err = '';
  /** The lines of standard output that nobody has asked for yet. */
  readonly #lines: string[] = [];
  #news: (() => void) | undefined;

  constructor(
    program: string,
    args: readonly string[],
    env?: NodeJS.ProcessEnv,
    folder: string = root,
  ) {
    const child = spawn(program, args, {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    this.child = child;
    running.add(child);
    child.once('exit', () => running.delete(child)).once('error', () => running.delete(child));
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.out += `${line}\n`;
      this.#lines.push(line);
      this.#news?.();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.err += text;
    });
    this.ended = once(child, 'close').then(([code, signal]) => {
      this.#news?.();
      return { code, signal, out: this.out, err: this.err };
    });
  }

  /** The next line on standard output; throws if it ends without one. */
  async line(): Promise<string> {
    while (this.#lines.length === 0) {
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`it ended without a line: ${this.err}`);
      }
      await new Promise<void>((resolve) => {
        this.#news = resolve;
      });
    }
    return this.#lines.shift() as string; // there is one: the loop has ended
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.child.kill(signal);
    return this.ended;
  }
}

/** `tunstack` with these words. */
export const tunstack = (...args: string[]): Running =>
  new Running(process.execPath, [command, ...args]);

/** Run a program to its end. */
export async function run(program: string, ...args: string[]): Promise<Ended> {
  return new Running(program, args, { LC_ALL: 'C' }).ended;
}
