/**
 * Two network namespaces with a cable between them, and a tunnel over it by one of those that are compared.
 * @module
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { formatKey, makePrivateKey, publicKeyFrom, systemRandom } from '../../src/tunnel.ts';

/** What makes the tunnel. */
export type Subject = 'tunstack' | 'tunstack --no-offload' | 'wireguard-go';

const NEAR = { outside: '192.0.2.1', inside: '10.66.0.1', port: 51_820 } as const;
const FAR = { outside: '192.0.2.2', inside: '10.66.0.2', port: 51_821 } as const;
/** The far end inside, which is measured against. */
export const TARGET: string = FAR.inside;

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
    return spawn('nsenter', all, { stdio: ['ignore', 'pipe', 'inherit'] });
  }

  /** Bring a tunnel up. */
  async open(subject: Subject): Promise<void> {
    const keys = [makePrivateKey(systemRandom), makePrivateKey(systemRandom)] as const;
    for (const [i, [own, other]] of [[NEAR, FAR] as const, [FAR, NEAR] as const].entries()) {
      const [secret, peer] = i === 0 ? keys : [keys[1], keys[0]];
      const wg = [
        ...['[Interface]', `PrivateKey = ${formatKey(secret)}`, `ListenPort = ${own.port}`],
      ];
      const peers = [
        ...['[Peer]', `PublicKey = ${formatKey(publicKeyFrom(peer))}`],
        ...[`AllowedIPs = ${other.inside}/32`, `Endpoint = ${other.outside}:${other.port}`, ''],
      ];
      const name = `tb${process.pid % 100_000}e${i}`;
      const file = join(this.#folder, `${name}.conf`);
      const quick = subject === 'wireguard-go' ? [] : [`Address = ${own.inside}/32`];
      writeFileSync(file, [...wg, ...quick, ...peers].join('\n'));
      if (subject === 'wireguard-go') await this.#go(name, file, own.inside, other.inside, i);
      else await this.#ours(file, subject, i);
    }
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

  /** A program that becomes the one named, so that its id is that of the tunnel. */
  #start(i: number, words: readonly string[]): ChildProcess {
    const [program = '', ...args] =
      i === 0 ? words : ['nsenter', `--net=/proc/${this.far}/ns/net`, ...words];
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#ends.push(child);
    return child;
  }

  async #ours(file: string, subject: Subject, i: number): Promise<void> {
    const command = new URL('../../src/cli/main.js', import.meta.url).pathname;
    const more = subject === 'tunstack' ? [] : ['--no-offload'];
    const child = this.#start(i, [process.execPath, command, 'tunnel', 'up', ...more, file]);
    await new Promise((resolve) => child.stdout?.once('data', resolve));
  }

  async #go(name: string, file: string, own: string, other: string, i: number): Promise<void> {
    this.#start(i, ['wireguard-go', '-f', name]);
    const run = (...words: string[]): void => {
      if (i === 0) execFileSync(words[0] as string, words.slice(1), { stdio: 'ignore' });
      else this.inFar(...words);
    };
    for (let tries = 0; ; tries++) {
      try {
        run('wg', 'setconf', name, file);
        break;
      } catch (error) {
        if (tries === 50) throw error;
        await pause(100);
      }
    }
    run('ip', 'addr', 'add', `${own}/32`, 'dev', name);
    run('ip', 'link', 'set', name, 'mtu', '1420', 'up');
    run('ip', 'route', 'add', `${other}/32`, 'dev', name);
  }
}
