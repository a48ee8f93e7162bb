/**
 * The programs of bench/native: the kernel's side of each measurement, the ceiling, and peers where
 * their libraries are installed. Compiled here when they are missing or older than their sources.
 * @module
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { root } from './paths.ts';

const SOURCES = join(root, 'bench/native');
const PROGRAMS = join(root, 'dist/native');

const TOOLS = [
  'blast',
  'rtt',
  'connrate',
  'udprate',
  'hold',
  'ceiling',
  'frames',
  'sink',
  'fetch',
  'wsrate',
  'gateway',
] as const;

export type Tool = (typeof TOOLS)[number];

/** A file beside the sources. */
export const nativePath = (name: string): string => join(SOURCES, name);

export const toolPath = (name: string): string => join(PROGRAMS, name);

/** The path of a program of the system; undefined if it is not installed. */
export function find(program: string): string | undefined {
  return `${process.env['PATH'] ?? ''}${delimiter}/usr/sbin${delimiter}/sbin`
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path));
}

function isOld(output: string, sources: readonly string[]): boolean {
  if (!existsSync(output)) return true;
  const built = statSync(output).mtimeMs;
  return sources.some((source) => statSync(source).mtimeMs > built);
}

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): void {
  const done = spawnSync(program, args, { encoding: 'utf8', env: { ...process.env, ...env } });
  if (done.status === 0) return;
  throw new Error(done.error?.message ?? done.stderr.trim().split('\n').slice(0, 3).join('; '));
}

/** Why the kernel's side cannot be built; undefined if it is there. */
export function buildTools(): string | undefined {
  const compiler = process.env['CC'] ?? ['cc', 'gcc', 'clang'].find((name) => find(name));
  const header = join(SOURCES, 'common.h');
  mkdirSync(PROGRAMS, { recursive: true });
  for (const tool of TOOLS) {
    const source = join(SOURCES, `${tool}.c`);
    const output = toolPath(tool);
    if (!isOld(output, [source, header])) continue;
    if (!compiler) return 'no C compiler: install gcc, or set CC (Debian: apt-get install gcc)';
    try {
      run(compiler, ['-O2', '-Wall', '-o', output, source]);
    } catch (error) {
      return `${tool}.c does not compile: ${(error as Error).message}`;
    }
  }
  return undefined;
}

/** Why lwIP is not measured; undefined if it is. */
export function buildLwip(): string | undefined {
  const source = join(SOURCES, 'peers/lwip.c');
  const output = toolPath('lwip');
  if (!isOld(output, [source])) return undefined;
  if (!existsSync('/usr/include/lwip')) return 'lwIP is not installed (Debian: liblwip-dev)';
  try {
    run('cc', ['-O2', '-o', output, source, '-I/usr/include/lwip', '-llwip', '-lpthread']);
  } catch (error) {
    return `lwIP's peer does not compile: ${(error as Error).message}`;
  }
  return undefined;
}

/** Where Debian keeps the Go sources of gVisor. */
const GO_SOURCES = '/usr/share/gocode';

/** Why gVisor is not measured; undefined if it is. */
export function buildGvisor(): string | undefined {
  const source = join(SOURCES, 'peers/gvisor');
  const output = toolPath('gvisor');
  const files = readdirSync(source).map((name) => join(source, name));
  if (!isOld(output, files)) return undefined;
  const there = existsSync(join(GO_SOURCES, 'src/gvisor.dev/gvisor/pkg/tcpip'));
  if (!find('go') || !there) {
    return "gVisor's netstack is not installed (Debian: golang-go golang-gvisor-gvisor-dev)";
  }
  const folder = join(PROGRAMS, 'go');
  cpSync(source, join(folder, 'src/gvpeer'), { recursive: true });
  try {
    const path = `${GO_SOURCES}${delimiter}${folder}`;
    run('go', ['build', '-o', output, 'gvpeer'], { GO111MODULE: 'off', GOFLAGS: '', GOPATH: path });
  } catch (error) {
    return `gVisor's peer does not compile: ${(error as Error).message}`;
  }
  return undefined;
}
