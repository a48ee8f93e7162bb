/**
 * Packets out of a capture of either form: pcapng, or the older pcap (draft-ietf-opsawg-pcap §4 and §5).
 * @module
 */

import { linkOf } from './link-type.ts';
import { type CapturedPacket, readPackets } from './pcapng-reader.ts';

const HEADER = 24;
const RECORD = 16;
/** In microseconds, and in nanoseconds (§4). */
const Magic = { MICROS: 0xa1b2c3d4, NANOS: 0xa1b23c4d } as const;
/** No packet is longer: a stream that says so is none of pcap. */
const LONGEST = 16 * 1024 * 1024;

/** Every packet of the stream; ends where it ends. Throws at what is no capture. */
export async function* readCapture(
  stream: AsyncIterable<Uint8Array>,
): AsyncGenerator<CapturedPacket> {
  const parts = stream[Symbol.asyncIterator]();
  let head: Uint8Array = new Uint8Array(0);
  while (head.length < 4) {
    const { done, value } = await parts.next();
    if (done) break;
    head = Buffer.concat([head, value]);
  }
  const rest = { [Symbol.asyncIterator]: () => chained(head, parts) };
  yield* isPcap(head) ? readPcap(rest) : readPackets(rest);
}

async function* chained(
  head: Uint8Array,
  parts: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (head.length > 0) yield head;
  for (;;) {
    const { done, value } = await parts.next();
    if (done) return;
    yield value;
  }
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const isMagic = (magic: number): boolean => magic === Magic.MICROS || magic === Magic.NANOS;

function isPcap(head: Uint8Array): boolean {
  if (head.length < 4) return false;
  const view = viewOf(head);
  return isMagic(view.getUint32(0, true)) || isMagic(view.getUint32(0, false));
}

async function* readPcap(stream: AsyncIterable<Uint8Array>): AsyncGenerator<CapturedPacket> {
  let left: Uint8Array = new Uint8Array(0);
  let isLittle = true;
  let unit = 1;
  let link: ReturnType<typeof linkOf> | undefined;
  for await (const part of stream) {
    const bytes = left.length === 0 ? part : Buffer.concat([left, part]);
    const view = viewOf(bytes);
    let at = 0;
    if (link === undefined) {
      if (bytes.length < HEADER) {
        left = bytes.slice();
        continue;
      }
      isLittle = isMagic(view.getUint32(0, true));
      unit = view.getUint32(0, isLittle) === Magic.NANOS ? 1e-3 : 1;
      link = linkOf(view.getUint32(20, isLittle) & 0xffff);
      at = HEADER;
    }
    while (at + RECORD <= bytes.length) {
      const size = view.getUint32(at + 8, isLittle);
      if (size > LONGEST) throw new Error('that is no capture, or it is damaged');
      if (at + RECORD + size > bytes.length) break;
      const seconds = view.getUint32(at, isLittle);
      const micros = seconds * 1e6 + view.getUint32(at + 4, isLittle) * unit;
      const skipped = Math.min(link.skip, size);
      yield {
        bytes: bytes.subarray(at + RECORD + skipped, at + RECORD + size),
        micros,
        direction: 0,
        isFrame: link.isFrame,
      };
      at += RECORD + size;
    }
    left = bytes.slice(at);
  }
}
