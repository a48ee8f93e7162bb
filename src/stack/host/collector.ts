/**
 * What V8's collector is told while much text passes.
 *
 * Received text in buffers of its own, and the buffers that a file was read into, are memory outside of V8's heap that is
 * garbage at once. A scavenge frees it in less than a millisecond, but V8 marks its whole heap for it instead, again and again, on
 * both cores, for as long as text comes:
 *
 * - V8 11 and 12 (Node 20, 22) scavenge at 32 MiB of it. But above a heap of 8 MiB a mark begins once heap and such memory are 16
 *   MiB more than after the last one. How much more it may be is a setting that is read at each mark, `--heap-growing-percent`: so that
 *   the heap may be 48 MiB more.
 * - V8 13 (Node 24) scavenges for no such memory, and marks at 64 MiB. So it is asked for a scavenge where 16 have come, besides.
 *
 * Measured, one stream by a TUN with offload into a `data` listener, `npm run bench:link -- --only throughput --subjects net
 * --streams 1`: 20 to 31 Gbit/s on Node 20 and a mark in seconds, where 12 to 20 and up to 30 marks a second were; on Node 24 21
 * to 31 where 14 to 16 were, and 16 to 17 of Node’s own sockets on loopback.
 *
 * Who starts Node with `--heap-growing-percent=N`, 0 for V8's own way, has said what is to be, and all is left alone. In a
 * worker the setting is left alone, too.
 * Node documentation: `v8.setFlagsFromString`.
 * @module
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread } from 'node:worker_threads';

const MIB = 1 << 20;
/** Text between two looks: 1 ms at 30 Gbit/s, of which one takes 2 to 10 µs. */
const LOOK = 4 * MIB;

const FLAG = '--heap-growing-percent';
const V8S_OWN = 0;
/** What is to come without a mark: one scavenge's worth, and half of one whose memory is not yet given back. */
const GROWTH = 48 * MIB;
/** As much of a heap of 8 MiB. It is a setting of all of the process, so of its workers too. */
const MOST_PERCENT = 600;
/** A heap of which `GROWTH` is less than this grows by V8's own reckoning. */
const LEAST_PERCENT = 40;
/** After so many milliseconds without a look it is over. */
const OVER = 2000;

/** What is scavenged. */
const YOUNG = 16 * MIB;
/** Of a program with many young objects a scavenge takes long: so many times that passes at least before the next. */
const REST = 1;

let passing = 0;
let look: (() => void) | undefined;

/** So many bytes of text were received into memory of their own, or written out of such. */
export function passed(bytes: number): void {
  passing += bytes;
  if (passing < LOOK) return;
  passing = 0;
  look ??= waysOf(process);
  look();
}

function waysOf({ versions, execArgv, env }: NodeJS.Process): () => void {
  const major = Number.parseInt(versions.v8 ?? '', 10);
  const isV8 = versions['bun'] === undefined && versions['deno'] === undefined;
  const said = [...execArgv, ...(env['NODE_OPTIONS'] ?? '').split(/\s+/)];
  const isSaid = said.some((word) => word.replaceAll('_', '-').startsWith(FLAG));
  if (!isV8 || isSaid) return () => {};
  // What a worker sets would be all of the process's, and stay so where the worker is ended before it is over.
  const growing = isMainThread ? grow : () => {};
  if (major === 11 || major === 12) return growing;
  if (major !== 13) return () => {}; // of later ones nothing is known
  return () => {
    growing();
    scavenge();
  };
}

let percent = V8S_OWN;
let timer: NodeJS.Timeout | undefined;

function grow(): void {
  const wanted = Math.round((100 * GROWTH) / getHeapStatistics().used_heap_size);
  const most = Math.min(wanted, MOST_PERCENT);
  // A heap is never of the same size for long; this is near enough.
  if (most < LEAST_PERCENT) setPercent(V8S_OWN);
  else if (Math.abs(most - percent) > most / 4) setPercent(most);
  if (timer === undefined) timer = setTimeout(stopGrowing, OVER).unref();
  else timer.refresh();
}

function stopGrowing(): void {
  timer = undefined;
  setPercent(V8S_OWN);
}

function setPercent(to: number): void {
  if (to !== percent) setFlagsFromString(`${FLAG}=${to}`);
  percent = to;
}

type Collect = (how: { type: 'minor' }) => void;

/** The least that was seen since the last scavenge. */
let least = Number.POSITIVE_INFINITY;
let restUntil = 0;
let collect: Collect | undefined;

function scavenge(): void {
  const { arrayBuffers } = process.memoryUsage();
  least = Math.min(least, arrayBuffers);
  if (arrayBuffers - least < YOUNG) return;
  const began = performance.now();
  if (began < restUntil) return;
  collect ??= findCollect();
  collect({ type: 'minor' });
  const ended = performance.now();
  restUntil = ended + REST * (ended - began);
  least = Number.POSITIVE_INFINITY; // what the next look finds is what somebody keeps
}

/** V8's own function; what a program has by that name may be the program's. */
function findCollect(): Collect {
  const isExposed = 'gc' in globalThis;
  setFlagsFromString('--expose-gc');
  const found: unknown = runInNewContext('globalThis.gc');
  if (!isExposed) setFlagsFromString('--no-expose-gc');
  return typeof found === 'function' ? (found as Collect) : () => {};
}
