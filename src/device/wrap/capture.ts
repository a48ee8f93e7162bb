/**
 * A device that writes what passes through another one to a pcapng file, for Wireshark and tshark.
 *
 * What is written is the packet as it is on a wire: the virtio header is left out, and a checksum
 * that was only begun, because the kernel or the stack leaves the rest to the other (offload), is
 * finished in the copy. A segment of 64 KiB that stands for many stays one: it is what was handed
 * over.
 *
 * Capturing never blocks the path. Packets are copied into blocks that are handed to the stream
 * when they are full, or after a fifth of a second; while more than `limit` bytes wait for the
 * stream, packets are left out and counted, and the file ends with that count.
 * @module
 */
import { endianness } from 'node:os';
import { performance } from 'node:perf_hooks';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { Device, DeviceUser } from '../device.ts';
import { checkInteger } from '../errors.ts';
import { CaptureFile, openCapture } from './capture-file.ts';
import * as pcapng from './pcapng.ts';
import { Wrapper } from './wrapper.ts';

/** How packets are written. */
export interface CaptureOptions {
  /** Microseconds since 1970, for the timestamps; default the system's clock. */
  now?: () => number;
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

/**
 * `device`, with all packets copied to the file or stream `target`; both end with `close`.
 *
 * A file is made with mode 0600. One that is there is written anew if it is a capture (or empty) and
 * ours; links, what is no capture and what belongs to others is refused with `ELOOP` or `EEXIST`.
 */
export function capture(
  device: Device,
  target: string | Writable,
  options: CaptureOptions = {},
): CaptureDevice {
  const { now = systemMicros, limit = 16 * 1024 * 1024, failed = () => {} } = options;
  checkInteger('limit', limit, BLOCK_SIZE, 2 ** 40);
  // Opened here and now, so that a path that cannot be written is an exception of this call.
  const stream = typeof target === 'string' ? openCapture(target) : target;
  return new CaptureDevice(device, stream, now, limit, failed);
}

function systemMicros(): number {
  return Math.floor((performance.timeOrigin + performance.now()) * 1000);
}

/** A device whose packets are captured. */
export class CaptureDevice extends Wrapper {
  /** Packets in the file. */
  captured = 0;
  /** Packets that are missing in the file, since the stream was too slow or failed. */
  lost = 0;
  /** Why the stream failed, if it did. The packets pass all the same. */
  error: Error | undefined;
  readonly #stream: Writable;
  readonly #now: () => number;
  readonly #limit: number;
  #memory: Uint8Array | undefined;
  #block: Block = newBlock();
  readonly #spare: Block[] = [];
  /** Bytes handed to the stream and not written. */
  #waiting = 0;
  #timer: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;
  #finishing: Promise<void> | undefined;

  constructor(
    device: Device,
    stream: Writable,
    now: () => number,
    limit: number,
    failed: (error: Error) => void,
  ) {
    super(device);
    this.#stream = stream;
    this.#now = now;
    this.#limit = limit;
    stream.on('error', (error) => {
      if (this.error !== undefined) return;
      this.error = error;
      failed(error);
    });
    const { ETHERNET, RAW } = pcapng.LinkType;
    const type = this.medium === 'ethernet' ? ETHERNET : RAW;
    this.#block.used = pcapng.writeHeader(this.#block.view, 0, type, device.name);
    this.#flushSoon();
  }

  override start(user: DeviceUser): void {
    super.start({
      memory: user.memory,
      readable: () => user.readable(),
      writable: () => user.writable(),
      mtuChanged: () => user.mtuChanged?.(),
      closed: (error) => {
        void this.#finish().then(() => user.closed(error));
      },
    });
    this.#memory = user.memory;
  }

  override read(at: number, room: number): number {
    const length = super.read(at, room);
    if (length > 0 && length <= room) this.#record(at, length, pcapng.Direction.IN);
    return length;
  }

  override write(at: number, length: number): boolean {
    const taken = super.write(at, length);
    if (taken) this.#record(at, length, pcapng.Direction.OUT);
    return taken;
  }

  override close(): Promise<void> {
    this.#closing ??= super.close().then(() => this.#finish());
    return this.#closing;
  }

  #record(at: number, length: number, direction: number): void {
    const size = length - this.headerLength;
    if (size <= 0) return;
    if (this.#waiting + this.#block.used > this.#limit || this.#stream.destroyed) {
      this.lost++;
      return;
    }
    if (this.#block.used + size + pcapng.PACKET_OVERHEAD > BLOCK_SIZE) this.#handOver();
    const { bytes, view, used } = this.#block;
    const memory = this.#memory as Uint8Array; // packets pass only after `start`
    const place = used + pcapng.PACKET_AT;
    bytes.set(memory.subarray(at + this.headerLength, at + length), place);
    if (this.headerLength > 0) finishChecksum(memory, at, view, place, size);
    this.#block.used += pcapng.writePacket(view, used, this.#now(), size, direction);
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
  #finish(): Promise<void> {
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
  memory: Uint8Array,
  at: number,
  copy: DataView,
  place: number,
  size: number,
): void {
  if (((memory[at + VIRTIO.flags] as number) & VIRTIO.NEEDS_CHECKSUM) === 0) return;
  const header = new DataView(memory.buffer, memory.byteOffset + at, VIRTIO.checksumOffset + 2);
  const start = header.getUint16(VIRTIO.checksumStart, LITTLE);
  const offset = header.getUint16(VIRTIO.checksumOffset, LITTLE);
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
