/**
 * Packets out of a pcapng stream, as they come. draft-ietf-opsawg-pcapng §3 and §4.
 * @module
 */

import { linkOf } from './link-type.ts';

/** One packet of the stream. */
export interface CapturedPacket {
  readonly bytes: Uint8Array;
  /** Microseconds since 1970. */
  readonly micros: number;
  /** 1 in, 2 out, 0 not said. */
  readonly direction: number;
  /** Whether it begins with an Ethernet header. */
  readonly isFrame: boolean;
}

const Block = { SECTION: 0x0a0d0d0a, INTERFACE: 1, PACKET: 6 } as const;
const BYTE_ORDER = 0x1a2b3c4d;
const Option = { FLAGS: 2, RESOLUTION: 9 } as const;
const SHORTEST = 12; // type, length, length
/** No block is longer: a stream that says so is none of pcapng. */
const LONGEST = 16 * 1024 * 1024;

interface Face {
  readonly isFrame: boolean;
  /** Octets before the packet that are no part of it. */
  readonly skip: number;
  /** Microseconds in a unit of its timestamps. */
  readonly unit: number;
}

/** Every packet of the stream; ends where it ends, also in the middle of a block. Throws at what is no pcapng. */
export async function* readPackets(
  stream: AsyncIterable<Uint8Array>,
): AsyncGenerator<CapturedPacket> {
  let left = new Uint8Array(0);
  let isLittle = true;
  let faces: Face[] = [];
  let isFirst = true;
  for await (const part of stream) {
    const bytes = left.length === 0 ? part : Buffer.concat([left, part]);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    while (at + SHORTEST <= bytes.length) {
      const type = view.getUint32(at, isLittle);
      if (isFirst && type !== Block.SECTION) throw new Error('that is no pcapng');
      if (type === Block.SECTION) {
        isLittle = view.getUint32(at + 8, true) === BYTE_ORDER;
        faces = [];
        isFirst = false;
      }
      const length = view.getUint32(at + 4, isLittle);
      if (length < SHORTEST || length > LONGEST || length % 4 !== 0) {
        throw new Error('that is no pcapng, or it is damaged');
      }
      if (at + length > bytes.length) break;
      if (type === Block.INTERFACE && length >= 20)
        faces.push(readFace(view, at, length, isLittle));
      else if (type === Block.PACKET && length >= 32) {
        const packet = readPacket(view, at, length, isLittle, faces);
        if (packet !== undefined) yield packet;
      }
      at += length;
    }
    left = bytes.slice(at);
  }
}

function readFace(v: DataView, at: number, length: number, isLittle: boolean): Face {
  const link = linkOf(v.getUint16(at + 8, isLittle));
  const place = option(v, at + 16, at + length - 4, Option.RESOLUTION, isLittle);
  const resolution = place < 0 ? 6 : v.getUint8(place);
  // §4.2: a power of ten, or of two where the highest bit is set.
  const perSecond = resolution & 0x80 ? 2 ** (resolution & 0x7f) : 10 ** resolution;
  return { ...link, unit: 1e6 / perSecond };
}

function readPacket(
  v: DataView,
  at: number,
  length: number,
  isLittle: boolean,
  faces: readonly Face[],
): CapturedPacket | undefined {
  const face = faces[v.getUint32(at + 8, isLittle)];
  const size = v.getUint32(at + 20, isLittle);
  if (face === undefined || 28 + size > length - 4) return undefined;
  const units = v.getUint32(at + 12, isLittle) * 2 ** 32 + v.getUint32(at + 16, isLittle);
  const end = at + 28 + ((size + 3) & ~3);
  const flags = option(v, end, at + length - 4, Option.FLAGS, isLittle);
  const skipped = Math.min(face.skip, size);
  return {
    bytes: new Uint8Array(v.buffer, v.byteOffset + at + 28 + skipped, size - skipped),
    micros: units * face.unit,
    direction: flags < 0 ? 0 : v.getUint32(flags, isLittle) & 3,
    isFrame: face.isFrame,
  };
}

/** Where the value of an option stands; -1: it is not there. */
function option(v: DataView, from: number, end: number, wanted: number, isLittle: boolean): number {
  for (let at = from; at + 4 <= end; ) {
    const code = v.getUint16(at, isLittle);
    const length = v.getUint16(at + 2, isLittle);
    if (code === 0 || at + 4 + length > end) return -1;
    if (code === wanted) return at + 4;
    at += 4 + ((length + 3) & ~3);
  }
  return -1;
}
