/**
 * The wire room beside the obvious ways: checksums, reading a header, writing one, TCP options.
 * Run with `node dist/bench/wire.bench.js`.
 * @module
 */
import { seq } from '../src/stack/base/seq.ts';
import { HEADROOM, Slots } from '../src/stack/memory/slots.ts';
import { Checksum, finish, sumBytes } from '../src/stack/wire/checksum.ts';
import * as tcp from '../src/stack/wire/tcp.ts';
import * as options from '../src/stack/wire/tcp-options.ts';
import { announce, suite, TURNS } from './support/suite.ts';

const COUNT = 16; // packets that the cases go round over, in slots as far apart as real ones
const slots = new Slots({ count: 2 * COUNT, packetSize: 65_535 });
const { bytes, view } = slots;
const buffer = Buffer.from(slots.memory.buffer);
const halves = new Uint16Array(slots.memory.buffer);
const packets = Int32Array.from({ length: COUNT }, () => slots.acquire() + HEADROOM);
const others = Int32Array.from({ length: COUNT }, () => slots.acquire() + HEADROOM);
for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 2_654_435_761) >>> 13;

/** Where the packet of turn `i` lies. */
const place = (i: number): number => packets[i & (COUNT - 1)] as number; // the mask keeps it inside

const simd = new Checksum(slots.memory);
const scalar = new Checksum(slots.memory, false);

/** RFC 1071 §4.1 as most code has it. */
function bytePairs(at: number, length: number): number {
  let sum = 0;
  for (let i = at; i < at + length - 1; i += 2) {
    sum += ((bytes[i] as number) << 8) | (bytes[i + 1] as number);
  }
  if (length & 1) sum += (bytes[at + length - 1] as number) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function viewPairs(at: number, length: number): number {
  let sum = 0;
  for (let i = at; i < at + length - 1; i += 2) sum += view.getUint16(i);
  if (length & 1) sum += (bytes[at + length - 1] as number) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function nativeHalves(at: number, length: number): number {
  let sum = 0;
  for (let i = at >> 1; i < (at + length) >> 1; i++) sum += halves[i] as number;
  return finish(sum);
}

async function checksums(): Promise<void> {
  const sizes: [label: string, offset: number, length: number, turns: number][] = [
    ['20 B', 0, 20, TURNS],
    ['1460 B', 20, 1460, TURNS],
    ['odd offset, 1459 B', 21, 1459, TURNS],
    ['65000 B', 20, 65_000, 20],
  ];
  for (const [label, offset, length, turns] of sizes) {
    const sums = (sum: (at: number, length: number) => number) => (): number => {
      let x = 0;
      for (let i = 0; i < turns; i++) x += sum(place(i) + offset, length);
      return x;
    };
    await suite(
      `wire/checksum › sum (${label})`,
      {
        'SIMD on the slots’ memory': sums((at, n) => finish(simd.sum(at, n))),
        'Uint32Array in a double, unrolled by 4': sums((at, n) => finish(scalar.sum(at, n))),
        ...(offset % 2 === 0 && { Uint16Array: sums(nativeHalves) }),
        'DataView.getUint16': sums(viewPairs),
        'pairs of bytes': sums(bytePairs),
        'sumBytes (not for the hot path)': sums((at, n) => finish(sumBytes(bytes, at, n))),
      },
      { turns, bytes: length },
    );
  }
}

async function copies(): Promise<void> {
  const outside = new Uint8Array(COUNT * 65_536).fill(7);
  for (const [length, turns] of [
    [16, TURNS],
    [1460, TURNS],
    [65_000, 20],
  ] as const) {
    const to = (i: number): number => others[i & (COUNT - 1)] as number;
    const copying = (copy: (i: number) => number) => (): number => {
      let x = 0;
      for (let i = 0; i < turns; i++) x += copy(i);
      return x;
    };
    await suite(
      `wire/checksum › copy and sum (${length} B)`,
      {
        'within the memory, in one pass': copying((i) => simd.copyWithin(place(i), to(i), length)),
        'within the memory, copyWithin and sum': copying((i) => {
          bytes.copyWithin(to(i), place(i), place(i) + length);
          return simd.sum(to(i), length);
        }),
        'from outside': copying((i) => simd.copy(outside, (i & 15) << 16, to(i), length)),
        'from outside, byte by byte while summing': copying((i) => {
          const from = (i & 15) << 16;
          const at = to(i);
          let sum = 0;
          for (let j = 0; j < length; j += 2) {
            const high = outside[from + j] as number;
            const low = outside[from + j + 1] as number;
            bytes[at + j] = high;
            bytes[at + j + 1] = low;
            sum += (high << 8) | low;
          }
          return sum;
        }),
      },
      { turns, bytes: length },
    );
  }
}

const joined16 = (at: number): number => ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
const joined32 = (at: number): number =>
  ((bytes[at] as number) << 24) |
  ((bytes[at + 1] as number) << 16) |
  ((bytes[at + 2] as number) << 8) |
  (bytes[at + 3] as number);

/** A header as an object, with the flags apart: the shape that parsers like. */
interface Parsed {
  sourcePort: number;
  destinationPort: number;
  sequence: number;
  acknowledgment: number;
  flags: { fin: boolean; syn: boolean; rst: boolean; psh: boolean; ack: boolean; urg: boolean };
  window: number;
  payload: Uint8Array;
}

function parse(at: number, length: number): Parsed {
  const v = new DataView(bytes.buffer, at, length);
  const flags = v.getUint8(13);
  return {
    sourcePort: v.getUint16(0),
    destinationPort: v.getUint16(2),
    sequence: v.getUint32(4),
    acknowledgment: v.getUint32(8),
    flags: {
      fin: (flags & 1) !== 0,
      syn: (flags & 2) !== 0,
      rst: (flags & 4) !== 0,
      psh: (flags & 8) !== 0,
      ack: (flags & 16) !== 0,
      urg: (flags & 32) !== 0,
    },
    window: v.getUint16(14),
    payload: bytes.subarray(at + (v.getUint8(12) >> 4) * 4, at + length),
  };
}

async function reading(): Promise<void> {
  await suite('wire/tcp › read 6 header fields (20 B)', {
    'accessors over the shared DataView': () => {
      let x = 0;
      for (let i = 0; i < TURNS; i++) {
        const at = place(i);
        x +=
          tcp.srcPort(view, at) +
          tcp.dstPort(view, at) +
          tcp.seq(view, at) +
          tcp.ack(view, at) +
          tcp.flags(view, at) +
          tcp.window(view, at);
      }
      return x;
    },
    'bytes, shifted and joined': () => {
      let x = 0;
      for (let i = 0; i < TURNS; i++) {
        const at = place(i);
        x += joined16(at) + joined16(at + 2) + joined32(at + 4) + joined32(at + 8);
        x += (bytes[at + 13] as number) + joined16(at + 14);
      }
      return x;
    },
    'Buffer.readUInt16BE and its like': () => {
      let x = 0;
      for (let i = 0; i < TURNS; i++) {
        const at = place(i);
        x +=
          buffer.readUInt16BE(at) +
          buffer.readUInt16BE(at + 2) +
          buffer.readInt32BE(at + 4) +
          buffer.readInt32BE(at + 8) +
          buffer.readUInt8(at + 13) +
          buffer.readUInt16BE(at + 14);
      }
      return x;
    },
    'a subarray a packet, reading nothing': () => {
      let x = 0;
      for (let i = 0; i < TURNS; i++) {
        const at = place(i);
        x += bytes.subarray(at, at + 1500).length;
      }
      return x;
    },
    'parsed into an object': () => {
      let x = 0;
      for (let i = 0; i < TURNS; i++) {
        const p = parse(place(i), 1500);
        x += p.sourcePort + p.destinationPort + p.sequence + p.acknowledgment + p.window;
        x += p.flags.ack ? 1 : 0;
      }
      return x;
    },
  });
}

async function writing(): Promise<void> {
  await suite('wire/tcp › write a header (20 B)', {
    'write over the shared DataView': () => {
      for (let i = 0; i < TURNS; i++) {
        tcp.write(view, place(i), 80, 50_000, seq(i), seq(-i), 20, tcp.Flag.ACK, 65_535);
      }
      return bytes[place(7)] as number;
    },
    'Buffer.writeUInt16BE and its like': () => {
      for (let i = 0; i < TURNS; i++) {
        const at = place(i);
        buffer.writeUInt16BE(80, at);
        buffer.writeUInt16BE(50_000, at + 2);
        buffer.writeInt32BE(i, at + 4);
        buffer.writeInt32BE(-i, at + 8);
        buffer.writeUInt8(0x50, at + 12);
        buffer.writeUInt8(tcp.Flag.ACK, at + 13);
        buffer.writeUInt16BE(65_535, at + 14);
        buffer.writeUInt32BE(0, at + 16);
      }
      return bytes[place(7)] as number;
    },
    'a new buffer a header': () => {
      let x = 0;
      for (let i = 0; i < TURNS; i++) {
        const header = new Uint8Array(20);
        const v = new DataView(header.buffer);
        tcp.write(v, 0, 80, 50_000, seq(i), seq(-i), 20, tcp.Flag.ACK, 65_535);
        x += header[7] as number;
      }
      return x;
    },
  });
}

/** Options as a list of objects: what reading without a reused instance looks like. */
function parseOptions(at: number, length: number): { kind: number; data: Uint8Array }[] {
  const list: { kind: number; data: Uint8Array }[] = [];
  for (let next = at; next < at + length; ) {
    const kind = bytes[next] as number;
    if (kind === 0) break;
    if (kind === 1) {
      next++;
      continue;
    }
    const size = bytes[next + 1] as number;
    list.push({ kind, data: bytes.subarray(next + 2, next + size) });
    next += size;
  }
  return list;
}

async function tcpOptions(): Promise<void> {
  const into = new options.Options();
  const lengths = new Map<string, number>();
  const layouts: Record<string, (at: number) => number> = {
    'timestamps, 12 B': (at) => options.writeTimestamps(view, at, at, 1),
    'a SYN’s, 24 B': (at) => {
      let n = options.writeMss(view, at, 1460);
      n += options.writeSackPermitted(view, at + n);
      n += options.writeTimestamps(view, at + n, at, 0);
      return n + options.writeWindowScale(view, at + n, 7);
    },
    'timestamps and 3 SACK blocks, 40 B': (at) => {
      let n = options.writeTimestamps(view, at, at, 1);
      n += options.writeSackHeader(view, at + n, 3);
      for (let i = 0; i < 3; i++) n += options.writeSackBlock(view, at + n, seq(i), seq(i + 1));
      return n;
    },
  };
  for (const [label, write] of Object.entries(layouts)) {
    for (const at of packets) lengths.set(label, write(at + 20));
    const length = lengths.get(label) ?? 0;
    await suite(`wire/tcp-options › read (${label})`, {
      'into one reused instance': () => {
        let x = 0;
        for (let i = 0; i < TURNS; i++) {
          options.read(view, place(i) + 20, length, into);
          x += into.tsVal + into.mss + into.sackCount;
        }
        return x;
      },
      'into a list of objects': () => {
        let x = 0;
        for (let i = 0; i < TURNS; i++) x += parseOptions(place(i) + 20, length).length;
        return x;
      },
    });
  }
}

announce();
await checksums();
await copies();
await reading();
await writing();
await tcpOptions();
