/**
 * Two network namespaces with a cable between them, and the programs that run at either.
 * @module
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

export const NEAR = { outside: '192.0.2.1', inside: '10.66.0.1', port: 51_820 } as const;
export const FAR = { outside: '192.0.2.2', inside: '10.66.0.2', port: 51_821 } as const;

const ip = (...words: string[]): void => {
  execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'inherit'] });
};

/** Processes that were started, by their ids: nothing else is ended. */
export class Places {
  readonly far: number;
  readonly #sleeper: ChildProcess;
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'tunstack-bench-'));
  #ends: ChildProcess[] = [];

  constructor() {
    this.#sleeper = spawn('unshare', ['-n', 'sleep', '3600'], { stdio: 'ignore' });
    this.far = this.#sleeper.pid ?? 0;
  }

  async join(): Promise<void> {
    await pause(300);
    ip('link', 'add', 'tb0', 'type', 'veth', 'peer', 'name', 'tb1');
    ip('link', 'set', 'tb1', 'netns', `${this.far}`);
    ip('addr', 'add', `${NEAR.outside}/24`, 'dev', 'tb0');
    ip('link', 'set', 'tb0', 'up');
    this.inFar('ip', 'addr', 'add', `${FAR.outside}/24`, 'dev', 'tb1');
    this.inFar('ip', 'link', 'set', 'tb1', 'up');
    this.inFar('ip', 'link', 'set', 'lo', 'up');
  }

  inFar(...words: string[]): void {
    execFileSync('nsenter', [`--net=/proc/${this.far}/ns/net`, ...words], { stdio: 'ignore' });
  }

  startInFar(...words: string[]): ChildProcess {
    const all = [`--net=/proc/${this.far}/ns/net`, ...words];
    return spawn('nsenter', all, { stdio: ['ignore', 'pipe', 'ignore'] }); // iperf3 says that it was ended
  }

  /** CPU seconds of both ends so far, user and system. */
  cpu(): number {
    let ticks = 0;
    for (const { pid } of this.#ends) {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      ticks += Number(fields[11]) + Number(fields[12]);
    }
    return ticks / 100;
  }

  async close(): Promise<void> {
    for (const end of this.#ends) {
      const ended = new Promise((resolve) => end.once('exit', resolve));
      end.kill('SIGTERM');
      await ended;
    }
    this.#ends = [];
  }

  end(): void {
    this.#sleeper.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Start an end: 0 here, 1 at the far place; a program that becomes the one named, so that its id is the tunnel's. */
  start(end: number, words: readonly string[]): ChildProcess {
    const [program = '', ...args] =
      end === 0 ? words : ['nsenter', `--net=/proc/${this.far}/ns/net`, ...words];
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#ends.push(child);
    return child;
  }

  /** Run a program at an end, to its end. */
  run(end: number, ...words: string[]): void {
    if (end === 1) this.inFar(...words);
    else execFileSync(words[0] as string, words.slice(1), { stdio: 'ignore' });
  }

  /** A file for this run. */
  write(name: string, text: string): string {
    const path = join(this.#folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }
}
