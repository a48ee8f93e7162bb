/**
 * The kernel's side: one of the C programs (or wrk) against a subject, and the figures it prints.
 * @module
 */
import { join } from 'node:path';
import { Child } from './child.ts';
import { find, type Tool, toolPath } from './native.ts';
import { root } from './paths.ts';
import type { Metrics } from './results.ts';
import type { Service, Subject } from './subject.ts';

const SECURE_CLIENT = join(root, 'dist/bench/link/tls-client.js');

/** Which core the client runs on; none: where the scheduler puts it. */
export type Core = number | undefined;

async function finish(program: string, args: readonly string[], core: Core): Promise<string> {
  const child =
    core === undefined
      ? new Child(program, args)
      : new Child('taskset', ['-c', String(core), program, ...args]);
  const code = await child.ended();
  if (code !== 0) throw new Error(`${args.join(' ')}: ${child.complaint}`);
  return child.output;
}

/** `tool HOST PORT ...args`. */
export async function client(
  tool: Tool,
  subject: Subject,
  service: Service,
  args: readonly (string | number)[],
  core?: Core,
): Promise<Metrics> {
  const words = [subject.address, String(subject.port(service)), ...args.map(String)];
  return JSON.parse(await finish(toolPath(tool), words, core)) as Metrics; // our own programs' output
}

/** The client of TLS is a program of Node's; `recv`: the subject receives. */
export async function secureClient(
  subject: Subject,
  direction: 'recv' | 'send',
  seconds: number,
): Promise<Metrics> {
  const port = subject.port(direction === 'recv' ? 'tls-discard' : 'tls-source');
  const verb = direction === 'recv' ? 'send' : 'recv';
  const words = [SECURE_CLIENT, subject.address, String(port), String(seconds), verb];
  return JSON.parse(await finish(process.execPath, words, undefined)) as Metrics; // our own again
}

export const hasWrk = (): boolean => find('wrk') !== undefined;

const UNITS: Readonly<Record<string, number>> = { us: 1, ms: 1e3, s: 1e6 };

export interface Asking {
  readonly service: Service;
  readonly connections: number;
  /** In Lua, what is asked; none: `GET /`. */
  readonly script?: string;
}

/** Requests per second on so many connections, and the 99th percentile in µs. */
export async function wrk(
  subject: Subject,
  seconds: number,
  { service, connections, script }: Asking = { service: 'http', connections: 64 },
): Promise<Metrics> {
  const host = subject.address.includes(':') ? `[${subject.address}]` : subject.address;
  const url = `http://${host}:${subject.port(service)}/`;
  const time = `${Math.max(1, Math.round(seconds))}s`;
  const words = ['-t1', `-c${connections}`, '-d', time, ...(script ? ['-s', script] : [])];
  const text = await finish('wrk', [...words, '--latency', url], undefined);
  const rate = /Requests\/sec:\s*([\d.]+)/.exec(text)?.[1];
  const tail = /99%\s+([\d.]+)(us|ms|s)/.exec(text);
  const wrong = /Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)/.exec(text);
  if (rate === undefined || wrong) throw new Error(`wrk: ${wrong?.[0] ?? text.trim()}`);
  return { rate: Number(rate), p99: Number(tail?.[1] ?? 0) * (UNITS[tail?.[2] ?? ''] ?? 1) };
}
