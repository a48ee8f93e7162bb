/**
 * A `.cpuprofile` of V8's, summed up: who had the CPU, by function and by room of the house.
 * @module
 */

/** As V8 writes it; times in µs of the monotonic clock. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
    };
  }[];
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface Share {
  readonly name: string;
  readonly room: string;
  /** Of the time that was not idle, 0 to 1. */
  readonly part: number;
  readonly micros: number;
}

export interface Summary {
  readonly busyMicros: number;
  readonly idleMicros: number;
  /** In descending order. */
  readonly rooms: readonly Share[];
  readonly functions: readonly Share[];
}

/** What V8 names no function for is put down to the caller: these do little else than call libc. */
const CALLERS = /\/device\/linux\/descriptor\.js$/;
const CALLING = new Set(['read', 'write', '#readCounting', '#readFirst', '#writeAll']);

/**
 * `device`, `tcp`, `ip`, `api`, ... or what else it is. `calling`: the time of what a function of the device
 * calls is in its own.
 */
export function roomOf(functionName: string, url: string, calling = true): string {
  if (functionName === '(garbage collector)') return 'garbage collector';
  if (functionName === '(idle)') return 'idle';
  if (functionName === '(program)') return 'the engine and libuv';
  if (calling && CALLERS.test(url) && CALLING.has(functionName)) return 'system calls';
  const room = /\/dist\/src\/(?:stack\/)?(\w+)[/.]/.exec(url)?.[1];
  if (room !== undefined) return room;
  if (url.startsWith('node:')) return 'node';
  if (url.includes('/bench/')) return 'the application';
  if (url.startsWith('wasm:')) return 'wire';
  return url === '' ? 'the engine and libuv' : 'other';
}

function place(url: string, line: number): string {
  const file = url.slice(url.lastIndexOf('/') + 1);
  return file === '' ? '' : ` ${file}:${line + 1}`;
}

/** What happened from `from` to `to`, in µs of the monotonic clock. */
export function summarize(profile: CpuProfile, from: number, to: number): Summary {
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const functions = new Map<string, { room: string; micros: number }>();
  let idle = 0;
  let busy = 0;
  let time = profile.startTime;
  profile.samples.forEach((id, i) => {
    const took = profile.timeDeltas[i + 1] ?? 0; // until the next sample
    time += profile.timeDeltas[i] ?? 0;
    const frame = frames.get(id);
    if (frame === undefined || time < from || time > to) return;
    const { functionName, url, lineNumber } = frame;
    const room = roomOf(functionName, url);
    if (room === 'idle') {
      idle += took;
      return;
    }
    busy += took;
    const name = `${functionName || '(anonymous)'}${place(url, lineNumber)}`;
    functions.set(name, { room, micros: (functions.get(name)?.micros ?? 0) + took });
  });
  const shares = [...functions].map(([name, { room, micros }]) => ({
    name,
    room,
    micros,
    part: micros / busy,
  }));
  return { ...summed(shares), idleMicros: idle };
}

/** Functions by rooms, both in descending order. */
export function summed(shares: readonly Share[]): Omit<Summary, 'idleMicros'> {
  const rooms = new Map<string, Share>();
  let busyMicros = 0;
  for (const { room, part, micros } of shares) {
    const before = rooms.get(room) ?? { part: 0, micros: 0 };
    const both = { part: before.part + part, micros: before.micros + micros };
    rooms.set(room, { name: room, room, ...both });
    busyMicros += micros;
  }
  const descending = (a: Share, b: Share): number => b.micros - a.micros;
  const sorted = (list: Iterable<Share>): Share[] => [...list].sort(descending);
  return { busyMicros, rooms: sorted(rooms.values()), functions: sorted(shares) };
}
