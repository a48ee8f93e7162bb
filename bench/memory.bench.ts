/**
 * The memory room beside the obvious ways: slots, spans, the ring, the send buffer, deadlines.
 * Run with `node dist/bench/memory.bench.js`.
 * @module
 */
import { NEVER } from '../src/stack/base/clock.ts';
import { SeededRandom } from '../src/stack/base/random.ts';
import { add, seq } from '../src/stack/base/seq.ts';
import { Chunks } from '../src/stack/memory/chunks.ts';
import { Deadlines, type Due } from '../src/stack/memory/deadlines.ts';
import { Fifo } from '../src/stack/memory/fifo.ts';
import { Ring } from '../src/stack/memory/ring.ts';
import { Slots } from '../src/stack/memory/slots.ts';
import { Spans } from '../src/stack/memory/spans.ts';
import { announce, suite, TURNS } from './support/suite.ts';

const SEGMENT = 1460;
const text = new Uint8Array(1 << 20).fill(7);

async function slotCases(): Promise<void> {
  const slots = new Slots({ count: 1024, packetSize: 1500 });
  await suite('memory/slots › a place for a packet (1500 B)', {
    'acquire and release': () => {
      let x = 0;
      for (let i = 0; i < TURNS; i++) {
        const slot = slots.acquire();
        x += slot;
        slots.release(slot);
      }
      return x;
    },
    'Buffer.allocUnsafe': () => {
      let x = 0;
      for (let i = 0; i < TURNS; i++) x += Buffer.allocUnsafe(1500).length;
      return x;
    },
    'new Uint8Array': () => {
      let x = 0;
      for (let i = 0; i < TURNS; i++) x += new Uint8Array(1500).length;
      return x;
    },
  });
}

/** As TIME-WAIT at its limit: the oldest goes whenever one comes. */
async function fifoCases(): Promise<void> {
  const members = Array.from({ length: 65_536 }, (_x, i) => ({ i }));
  type Member = (typeof members)[number];
  const fifo = new Fifo<Member>();
  const set = new Set<Member>();
  for (const member of members) {
    fifo.push(member);
    set.add(member);
  }
  await suite('memory/fifo › the oldest of 65 536 goes, one comes', {
    Fifo: () => {
      for (let i = 0; i < TURNS; i++) fifo.push(fifo.shift() as Member);
      return fifo.length;
    },
    Set: () => {
      for (let i = 0; i < TURNS; i++) {
        for (const oldest of set) {
          set.delete(oldest);
          set.add(oldest);
          break;
        }
      }
      return set.size;
    },
  });
}

/** Ranges as objects in a list that is sorted and joined at every insertion. */
function insertSorted(list: { start: number; end: number }[], start: number, end: number): void {
  list.push({ start, end });
  list.sort((a, b) => a.start - b.start);
  let kept = 0;
  for (const range of list.slice(1)) {
    const last = list[kept] as { start: number; end: number }; // at most as many as were read
    if (range.start <= last.end) last.end = Math.max(last.end, range.end);
    else list[++kept] = range;
  }
  list.length = kept + 1;
}

async function spanCases(): Promise<void> {
  const run = new Spans(64);
  await suite('memory/spans › a segment behind a hole', {
    'insert, prolonging the last range': () => {
      run.clear();
      run.insert(seq(0), seq(1));
      for (let i = 1; i <= TURNS; i++) run.insert(seq(i * SEGMENT), seq((i + 1) * SEGMENT));
      return run.bytes;
    },
    'a sorted list of objects': () => {
      const list = [{ start: 0, end: 1 }];
      for (let i = 1; i <= TURNS; i++) insertSorted(list, i * SEGMENT, (i + 1) * SEGMENT);
      return list.length;
    },
  });
  const order = Int32Array.from({ length: 256 }, (_, i) => (i * 167) & 255); // each once
  const spans = new Spans(256);
  const turns = order.length;
  await suite(
    'memory/spans › 128 ranges, then what lies between them, in any order',
    {
      insert: () => {
        for (const even of [0, 1]) {
          for (const i of order) {
            if ((i & 1) === even) spans.insert(seq(i * SEGMENT), seq((i + 1) * SEGMENT));
          }
        }
        spans.advance(seq(0));
        return spans.count;
      },
      'a sorted list of objects': () => {
        const list: { start: number; end: number }[] = [];
        for (const even of [0, 1]) {
          for (const i of order) {
            if ((i & 1) === even) insertSorted(list, i * SEGMENT, (i + 1) * SEGMENT);
          }
        }
        return list.length;
      },
    },
    { turns },
  );
  const many = new Spans(1024);
  for (let i = 0; i < 1024; i++) many.insert(seq(2 * i), seq(2 * i + 1));
  await suite('memory/spans › look up one of 1024 ranges', {
    find: () => {
      let x = 0;
      for (let i = 0; i < TURNS; i++) x += many.find(add(seq(0), (i * 787) & 2047));
      return x;
    },
    'walk through them': () => {
      let x = 0;
      for (let i = 0; i < TURNS; i++) {
        const wanted = (i * 787) & 2047;
        for (let j = 0; j < many.count; j++) {
          if (many.start(j) <= wanted && wanted < many.end(j)) x += j;
        }
      }
      return x;
    },
  });
}

async function ringCases(): Promise<void> {
  const ring = new Ring(1 << 20);
  await suite(
    'memory/ring › a segment in and out again (1460 B)',
    {
      'put and consume': () => {
        let x = 0;
        for (let i = 0; i < TURNS; i++) {
          ring.put(0, text, (i & 255) * SEGMENT, SEGMENT);
          x += ring.bytes[ring.indexOf(9)] as number;
          ring.consume(SEGMENT);
        }
        return x;
      },
      'a list of copies': () => {
        const list: Uint8Array[] = [];
        let x = 0;
        for (let i = 0; i < TURNS; i++) {
          list.push(text.slice((i & 255) * SEGMENT, (i & 255) * SEGMENT + SEGMENT));
          x += (list.shift() as Uint8Array)[9] as number;
        }
        return x;
      },
      'Buffer.concat of 8, then slice': () => {
        let held: Uint8Array = Buffer.alloc(7 * SEGMENT);
        let x = 0;
        for (let i = 0; i < TURNS; i++) {
          const at = (i & 255) * SEGMENT;
          held = Buffer.concat([held, text.subarray(at, at + SEGMENT)]).subarray(SEGMENT);
          x += held[9] as number;
        }
        return x;
      },
    },
    { bytes: SEGMENT },
  );
}

async function chunkCases(): Promise<void> {
  const chunks = new Chunks();
  const released = (token: unknown): void => {
    last = token;
  };
  let last: unknown;
  await suite('memory/chunks › write 16 KiB, send it by 1460, release it', {
    'by reference': () => {
      let x = 0;
      for (let i = 0; i < TURNS; i++) {
        chunks.append(text, (i & 31) << 14, 16_384, text);
        for (let at = chunks.start; at < chunks.end; at += SEGMENT) {
          chunks.locate(at);
          x += chunks.at + chunks.available;
        }
        chunks.release(chunks.end, released);
      }
      return x + (last === text ? 1 : 0);
    },
    copied: () => {
      let x = 0;
      for (let i = 0; i < TURNS; i++) {
        chunks.appendCopy(text, (i & 31) << 14, 16_384);
        for (let at = chunks.start; at < chunks.end; at += SEGMENT) {
          chunks.locate(at);
          x += chunks.at + chunks.available;
        }
        chunks.release(chunks.end, null);
      }
      return x;
    },
    'one buffer, subarray and slice': () => {
      let held: Uint8Array = Buffer.alloc(0);
      let x = 0;
      for (let i = 0; i < TURNS; i++) {
        const at = (i & 31) << 14;
        held = Buffer.concat([held, text.subarray(at, at + 16_384)]);
        for (let from = 0; from < held.length; from += SEGMENT) {
          x += held.subarray(from, from + SEGMENT).length;
        }
        held = held.subarray(16_384);
      }
      return x;
    },
  });
  await suite('memory/chunks › write 32 bytes, send and release them', {
    copied: () => {
      let x = 0;
      for (let i = 0; i < TURNS; i++) {
        chunks.appendCopy(text, i, 32);
        chunks.locate(chunks.start);
        x += chunks.at;
        chunks.release(chunks.end, null);
      }
      return x;
    },
    'a list of copies': () => {
      const list: Uint8Array[] = [];
      let x = 0;
      for (let i = 0; i < TURNS; i++) {
        list.push(text.slice(i, i + 32));
        x += (list.shift() as Uint8Array).length;
      }
      return x;
    },
  });
  const filled = new Chunks();
  for (let i = 0; i < 1024; i++) filled.append(text, i * 1000, 1000, undefined);
  await suite('memory/chunks › find a position among 1024 chunks', {
    'locate, anywhere': () => {
      let x = 0;
      for (let i = 0; i < TURNS; i++) {
        filled.locate((i * 7_919_317) % 1_024_000);
        x += filled.at;
      }
      return x;
    },
    'locate, one after the other': () => {
      let x = 0;
      for (let i = 0; i < TURNS; i++) {
        filled.locate(i * 1000 + 500);
        x += filled.at;
      }
      return x;
    },
  });
}

async function deadlineCases(): Promise<void> {
  const random = new SeededRandom(1);
  const count = 10_000;
  const deadlines = new Deadlines<Due>();
  const items = Array.from({ length: count }, (): Due => ({ due: NEVER, dueAt: -1 }));
  const timers = items.map(() => setTimeout(() => {}, 1_000_000).unref());
  const which = Int32Array.from({ length: 4096 }, () => (random.int32() >>> 0) % count);
  const item = (i: number): number => which[i & 4095] as number; // the mask keeps it inside
  let now = 0;
  for (const it of items) deadlines.set(it, now + 200_000 + ((random.int32() >>> 0) % 1000));
  await suite('memory/deadlines › an acknowledgment moves a timer, 10 000 connections', {
    'set to a later time, ask for the next': () => {
      let x = 0;
      for (let i = 0; i < TURNS; i++) {
        now += 1;
        deadlines.set(items[item(i)] as Due, now + 200_000);
        x += deadlines.next();
      }
      return x;
    },
    'setTimeout, Timeout.refresh': () => {
      for (let i = 0; i < TURNS; i++) (timers[item(i)] as NodeJS.Timeout).refresh();
      return TURNS;
    },
    'clearTimeout and setTimeout': () => {
      for (let i = 0; i < TURNS; i++) {
        const n = item(i);
        clearTimeout(timers[n]);
        timers[n] = setTimeout(() => {}, 1_000_000).unref();
      }
      return TURNS;
    },
  });
  await suite('memory/deadlines › due, and set again, 10 000 connections', {
    'take and set': () => {
      let x = 0;
      for (let i = 0; i < TURNS; i++) {
        now = deadlines.next();
        const due = deadlines.take(now) as Due; // there are 10 000
        x += due.dueAt;
        deadlines.set(due, now + 200_000 + (i & 1023));
      }
      return x;
    },
  });
  for (const timer of timers) clearTimeout(timer);
}

announce();
await slotCases();
await fifoCases();
await spanCases();
await ringCases();
await chunkCases();
await deadlineCases();
