/**
 * The kernel's side: one of the C programs (or wrk) against a subject, and the figures it prints.
 * @module
 */
import { Child } from './child.ts';
import { find, type Tool, toolPath } from './native.ts';
import type { Metrics } from './results.ts';
import type { Service, Subject } from './subject.ts';

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

export const hasWrk = (): boolean => find('wrk') !== undefined;

const UNITS: Readonly<Record<string, number>> = { us: 1, ms: 1e3, s: 1e6 };

/** Requests per second under 64 connections, and the 99th percentile in µs. */
export async function wrk(subject: Subject, seconds: number): Promise<Metrics> {
  const url = `http://${subject.address}:${subject.port('http')}/`;
  const time = `${Math.max(1, Math.round(seconds))}s`;
  const text = await finish('wrk', ['-t1', '-c64', '-d', time, '--latency', url], undefined);
  const rate = /Requests\/sec:\s*([\d.]+)/.exec(text)?.[1];
  const tail = /99%\s+([\d.]+)(us|ms|s)/.exec(text);
  const wrong = /Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)/.exec(text);
  if (rate === undefined || wrong) throw new Error(`wrk: ${wrong?.[0] ?? text.trim()}`);
  return { rate: Number(rate), p99: Number(tail?.[1] ?? 0) * (UNITS[tail?.[2] ?? ''] ?? 1) };
}
