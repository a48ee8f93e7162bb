/**
 * Packets on their way to a pcapng file or stream, for Wireshark and tshark.
 *
 * What is written is the packet as it is on a wire: the virtio header is left out, and a checksum
 * that was only begun, because the kernel or the stack leaves the rest to the other (offload), is
 * finished in the copy. A segment of 64 KiB that stands for many stays one: it is what was handed
 * over.
 *
 * Recording never blocks the path. Packets are copied into blocks that are handed to the stream
 * when they are full, or after a fifth of a second; while more than `limit` bytes wait for the
 * stream, packets are left out and counted, and the file ends with that count.
 * @module
 */
import { endianness } from 'node:os';
import { performance } from 'node:perf_hooks';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { checkInteger } from '../errors.ts';
import { CaptureFile } from './capture-file.ts';
import * as pcapng from './pcapng.ts';

/** How packets are written. */
export interface CaptureOptions {
  /** Microseconds since 1970, for the timestamps; default the system's clock. */
  now?: () => number;
  /** Only packets that match, such as those of `packetFilter('tcp port 80')`; default all. */
  filter?: {
    matches(view: DataView, at: number, length: number, isFrame: boolean): boolean;
  };
  /** Bytes that may wait for the stream; default 16 MiB. */
  limit?: number;
  /**
   * Called once if the stream fails, as on a full disk: nothing more is written, and what passes is
   * counted in `lost`.
   */
  failed?: (error: Error) => void;
}

/** A piece of the file on its way. */
interface Block {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  used: number;
  packets: number;
}

const BLOCK_SIZE = 262_144;
const FLUSH_MILLIS = 200;
/** Blocks kept for the next packets. */
const SPARE = 4;

function systemMicros(): number {
  return Math.floor((performance.timeOrigin + performance.now()) * 1000);
}

/** Bytes that may wait for the stream. Throws where that is no number, or holds not even one block. */
export function checkedLimit({ limit = 16 * 1024 * 1024 }: CaptureOptions): number {
  checkInteger('limit', limit, BLOCK_SIZE, 2 ** 40);
  return limit;
}

/** One file or stream, and the packets that go into it. */
export class Recorder {
  /** Packets in the file. */
  captured = 0;
  /** Packets that are missing in the file, since the stream was too slow or failed. */
  lost = 0;
  /** Why the stream failed, if it did. */
  error: Error | undefined;
  readonly #stream: Writable;
  readonly #filter: CaptureOptions['filter'];
  readonly #isFrame: boolean;
  readonly #now: () => number;
  readonly #limit: number;
  #block: Block = newBlock();
  readonly #spare: Block[] = [];
  /** Bytes handed to the stream and not written. */
  #waiting = 0;
  /** Length of the packet that was begun; 0: none. */
  #begun = 0;
  #timer: NodeJS.Timeout | undefined;
  #finishing: Promise<void> | undefined;

  /** Begin the file with its header: of what the device `name` carries. */
  constructor(
    stream: Writable,
    medium: 'ip' | 'ethernet',
    name: string,
    options: CaptureOptions = {},
  ) {
    const { now = systemMicros, failed = () => {} } = options;
    const limit = checkedLimit(options);
    this.#stream = stream;
    this.#filter = options.filter;
    this.#isFrame = medium === 'ethernet';
    this.#now = now;
    this.#limit = limit;
    stream.on('error', (error) => {
      if (this.error !== undefined) return;
      this.error = error;
      failed(error);
    });
    const type = this.#isFrame ? pcapng.LinkType.ETHERNET : pcapng.LinkType.RAW;
    this.#block.used = pcapng.writeHeader(this.#block.view, 0, type, name);
    this.#flushSoon();
  }

  /**
   * The packet of `length` bytes at `at`, before which `header` bytes are the device's own. Bound, so that it
   * may watch a `TapDevice` as it is.
   */
  readonly record = (
    memory: DataView,
    at: number,
    length: number,
    header: number,
    direction: number,
  ): void => {
    this.begin(memory, at, length, header);
    this.end(direction, '');
  };

  /** The same, while what becomes of the packet is not known yet: `end` says so, and why it was dropped. */
  begin(memory: DataView, at: number, length: number, header: number): void {
    this.#begun = 0;
    if (length <= 0 || this.#filter?.matches(memory, at, length, this.#isFrame) === false) return;
    if (this.#waiting + this.#block.used > this.#limit || this.#stream.destroyed) {
      this.lost++;
      return;
    }
    const room = length + pcapng.PACKET_OVERHEAD + pcapng.COMMENT_OVERHEAD;
    if (this.#block.used + room > BLOCK_SIZE) this.#handOver();
    const { bytes, view, used } = this.#block;
    const place = used + pcapng.PACKET_AT;
    bytes.set(new Uint8Array(memory.buffer, memory.byteOffset + at, length), place);
    if (header > 0) finishChecksum(memory, at - header, view, place, length);
    this.#begun = length;
  }

  /** Of the packet that was begun; `comment`: ASCII, of which 48 characters count, or ''. */
  end(direction: number, comment: string): void {
    const length = this.#begun;
    if (length === 0) return;
    this.#begun = 0;
    const { view, used } = this.#block;
    this.#block.used += pcapng.writePacket(view, used, this.#now(), length, direction, comment);
    this.#block.packets++;
    this.captured++;
    this.#flushSoon();
  }

  #flushSoon(): void {
    this.#timer ??= setTimeout(() => this.#handOver(), FLUSH_MILLIS).unref();
  }

  /** Give what is gathered to the stream. */
  #handOver(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const block = this.#block;
    const { used } = block;
    if (used === 0) return;
    this.#block = this.#spare.pop() ?? newBlock();
    this.#waiting += used;
    this.#stream.write(block.bytes.subarray(0, used), (error) => {
      this.#waiting -= used;
      if (error) this.#missed(block);
      block.used = 0;
      block.packets = 0;
      if (this.#spare.length < SPARE) this.#spare.push(block);
    });
  }

  /** What was handed over and not written, all of it or its end. */
  #missed({ packets }: Block): void {
    const stream = this.#stream;
    const missing = packets - (stream instanceof CaptureFile ? stream.takeRescued() : 0);
    this.captured -= missing;
    this.lost += missing;
  }

  /** Write what is left, and end the stream. */
  finish(): Promise<void> {
    this.#finishing ??= this.#end();
    return this.#finishing;
  }

  async #end(): Promise<void> {
    const stream = this.#stream;
    if (this.#block.used + pcapng.STATISTICS_SIZE > BLOCK_SIZE) this.#handOver();
    const { view, used } = this.#block;
    const seen = this.captured + this.lost;
    this.#block.used += pcapng.writeStatistics(view, used, this.#now(), seen, this.lost);
    this.#handOver();
    try {
      // Standard output is not ours to end; its writes are flushed when the process exits.
      if (stream === process.stdout || stream === process.stderr) return;
      stream.end();
      await finished(stream, { readable: false });
    } catch (error) {
      this.error ??= error as Error;
    }
  }
}

function newBlock(): Block {
  const bytes = new Uint8Array(BLOCK_SIZE);
  return { bytes, view: new DataView(bytes.buffer), used: 0, packets: 0 };
}

/** struct virtio_net_hdr, virtio 1.2 §5.1.6: in the machine's own byte order. */
const VIRTIO = { flags: 0, checksumStart: 6, checksumOffset: 8, NEEDS_CHECKSUM: 1 } as const;
const UDP_CHECKSUM_AT = 6;
const LITTLE = endianness() === 'LE';

/**
 * If the header at `at` says that the packet's checksum is only begun, finish it in the copy of
 * `size` bytes at `place`: RFC 1071, over what follows `checksumStart`, where the pseudo-header's
 * sum stands in the checksum's place.
 */
function finishChecksum(
  memory: DataView,
  at: number,
  copy: DataView,
  place: number,
  size: number,
): void {
  if ((memory.getUint8(at + VIRTIO.flags) & VIRTIO.NEEDS_CHECKSUM) === 0) return;
  const start = memory.getUint16(at + VIRTIO.checksumStart, LITTLE);
  const offset = memory.getUint16(at + VIRTIO.checksumOffset, LITTLE);
  if (start + offset + 2 > size) return;
  let sum = 0;
  const end = place + size;
  let i = place + start;
  for (; i + 1 < end; i += 2) sum += copy.getUint16(i);
  if (i < end) sum += copy.getUint8(i) * 256;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  const checksum = ~sum & 0xffff;
  const none = checksum === 0 && offset === UDP_CHECKSUM_AT; // RFC 768: 0 would mean no checksum
  copy.setUint16(place + start + offset, none ? 0xffff : checksum);
}
