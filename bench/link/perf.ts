/**
 * Where the time of a process goes by `perf`: the kernel's part, the engine's, and each compiled
 * function's. V8's own sampler is a thread of the process: on a machine whose cores are all busy it
 * gets its turn when the main thread makes a system call, and puts nearly all time down to that.
 * @module
 */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from './child.ts';
import { roomOf, type Share, type Summary, summed } from './cpu-profile.ts';
import { find } from './native.ts';

/** Samples a second of each thread. */
const FREQUENCY = 4000;

/** Why there is no profile by perf; undefined if there is. */
export function lacksPerf(): string | undefined {
  if (find('perf') === undefined) return 'perf is not installed (Debian: linux-perf)';
  const tried = spawnSync('perf', ['record', '-e', 'cpu-clock', '-o', '/dev/null', 'true']);
  return tried.status === 0 ? undefined : 'perf may not sample here';
}

/** What V8 must be started with for its functions to have names. */
export const PERF_ARGS: readonly string[] = ['--perf-basic-prof-only-functions'];

export class Perf {
  readonly #file = join(tmpdir(), `tunstack-perf-${process.pid}.data`);
  readonly #child: Child;

  /** Sample the process `pid` from now on. */
  constructor(pid: number) {
    const what = ['record', '-e', 'cpu-clock', '-F', `${FREQUENCY}`, '-p', `${pid}`];
    this.#child = new Child('perf', [...what, '-o', this.#file]);
  }

  /** `cpu`: seconds of CPU that the process used meanwhile; `wall`: seconds that went by. */
  async stop(cpu: number, wall: number): Promise<Summary> {
    await this.#child.stop('SIGINT');
    const words = ['report', '-i', this.#file, '--no-children', '--sort', 'dso,sym'];
    const options = ['-g', 'none', '--stdio', '--percent-limit', '0', '-t', '|'];
    const done = spawnSync('perf', [...words, ...options], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    rmSync(this.#file, { force: true });
    const idle = Math.max(0, wall - cpu);
    return { ...summed(readReport(done.stdout, cpu * 1e6)), idleMicros: idle * 1e6 };
  }
}

const ROW = /^\s*([\d.]+)%\s*\|(.*?)\s*\|\[(.)\]\s*(.*?)\s*$/;
const FUNCTION = /^JS:[*^~+]?(\S+) (\S+?):(\d+):\d+$/;

/** The rows of `perf report --sort dso,sym -t '|'`, as shares of `micros`. */
export function readReport(report: string, micros: number): Share[] {
  const shares: Share[] = [];
  for (const line of report.split('\n')) {
    const [, percent, object = '', level, symbol = ''] = ROW.exec(line) ?? [];
    if (percent === undefined) continue;
    const part = Number(percent) / 100;
    const { name, room } = placeOf(object, level === 'k', symbol.replace(/<.*>/g, ''));
    shares.push({ name, room, part, micros: part * micros });
  }
  return shares;
}

const COLLECTOR = /Scaveng|Mark|Sweep|Evacuat|Heap::|NewSpace|Worklist|Remembered/;

function placeOf(object: string, kernel: boolean, symbol: string): { name: string; room: string } {
  if (kernel) return { name: symbol, room: 'kernel' };
  const [, name, url, line] = FUNCTION.exec(symbol) ?? [];
  if (name !== undefined && url !== undefined) {
    const room = roomOf(name, url, false);
    return { name: `${name} ${url.slice(url.lastIndexOf('/') + 1)}:${line}`, room };
  }
  if (symbol.startsWith('JS:wasm')) return { name: 'the checksum kernel', room: 'wire' };
  if (object.includes('koffi')) return { name: 'koffi', room: 'calls of libc' };
  if (/napi|FunctionCallbackWrapper|CallApiCallback/.test(symbol)) {
    return { name: symbol, room: 'calls of libc' };
  }
  if (object.startsWith('libc')) return { name: symbol, room: 'calls of libc' };
  if (COLLECTOR.test(symbol)) return { name: symbol, room: 'garbage collector' };
  return { name: symbol, room: 'the engine and libuv' };
}
