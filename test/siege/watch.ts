/**
 * How a stack fares, as seen from beside it: the time an echo takes, the memory of its process, its own
 * counters, and the kernel's of the device between.
 * @module
 */
import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { StackStats } from '../../src/index.ts';
import { Running } from '../support/process.ts';

/** Round trips of echoes, in milliseconds. */
export interface Echoes {
  readonly sent: number;
  readonly lost: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Milliseconds between two echoes: seldom enough to be no load. */
const EVERY = 5;

function summary(output: string): Echoes {
  const times = [...output.matchAll(/ time=([\d.]+) ms/g)].map((match) => Number(match[1]));
  const [, sent = '0', got = '0'] = /(\d+) packets? transmitted, (\d+) received/.exec(output) ?? [];
  times.sort((a, b) => a - b);
  const at = (share: number): number =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.POSITIVE_INFINITY;
  const lost = Number(sent) - Number(got);
  return { sent: Number(sent), lost, p50: at(0.5), p99: at(0.99), max: at(1) };
}

/** The system's `ping`, for as long as the thing takes that it is to watch. */
export class EchoWatch {
  readonly #ping: Running;

  constructor(address: string) {
    this.#ping = new Running('ping', ['-n', '-i', `${EVERY / 1000}`, address], { LC_ALL: 'C' });
  }

  async end(): Promise<Echoes> {
    // What is out yet has time to come back: it is late, and not lost.
    await pause(200);
    return summary((await this.#ping.stop('SIGINT')).out);
  }
}

/** The same for a number of milliseconds. */
export async function echoesFor(address: string, milliseconds: number): Promise<Echoes> {
  const watch = new EchoWatch(address);
  await pause(milliseconds);
  return watch.end();
}

/** Resident memory of a process, in bytes. */
export function residentBytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1]) * 1024;
}

/** What the kernel counts of a device. */
export interface Link {
  /** Packets that the program at the device has read. */
  readonly read: number;
  /** Packets that found the device's queue full: the program never saw them. */
  readonly lost: number;
}

export function linkOf(device: string): Link {
  // Not /sys: that shows the namespace in which it was mounted.
  const lines = readFileSync('/proc/self/net/dev', 'utf8').split('\n');
  const line = lines.find((one) => one.trimStart().startsWith(`${device}:`)) ?? '';
  const [read, , lost] = line.replace(/^.*:/, '').trim().split(/\s+/).slice(9).map(Number);
  if (read === undefined || lost === undefined) throw new Error(`there is no device ${device}`);
  return { read, lost };
}

/** `stats.json` of `tunstack serve`. */
export function readStats(address: string): Promise<StackStats> {
  return new Promise((resolve, reject) => {
    const host = address.includes(':') ? `[${address}]` : address;
    const request = get(`http://${host}/stats.json`, { agent: false, timeout: 5000 });
    request.on('timeout', () => request.destroy(new Error('the page did not answer in 5 s')));
    request.on('error', reject);
    request.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      response.on('error', reject);
      response.on('end', () => resolve(JSON.parse(text).stack)); // our own program wrote it
    });
  });
}

/** Drops of packets that came in: the others were on their way out, or to ourselves. */
export const inboundDrops = (drops: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(drops).filter(([name]) => !name.startsWith('out') && name !== 'loopbackFull'),
  );

export const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0);
