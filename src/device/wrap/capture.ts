/**
 * A device that writes what passes through another one to a pcapng file.
 * @module
 */
import type { Writable } from 'node:stream';
import { type Device, type DeviceUser, endingBy } from '../device.ts';
import { openCapture } from './capture-file.ts';
import { Direction } from './pcapng.ts';
import { type CaptureOptions, checkedLimit, Recorder } from './recorder.ts';
import { Wrapper } from './wrapper.ts';

export type { CaptureOptions };

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
  checkedLimit(options); // before there is a file that it would leave behind
  // Opened here and now, so that a path that cannot be written is an exception of this call.
  const stream = typeof target === 'string' ? openCapture(target) : target;
  return new CaptureDevice(device, stream, options);
}

/** A device whose packets are captured. */
export class CaptureDevice extends Wrapper {
  readonly #recorder: Recorder;
  #memory: DataView = new DataView(new ArrayBuffer(0));
  #closing: Promise<void> | undefined;

  constructor(device: Device, stream: Writable, options: CaptureOptions) {
    super(device);
    this.#recorder = new Recorder(stream, this.medium, device.name, options);
  }

  /** Packets in the file. */
  get captured(): number {
    return this.#recorder.captured;
  }

  /** Packets that are missing in the file, since the stream was too slow or failed. */
  get lost(): number {
    return this.#recorder.lost;
  }

  /** Why the stream failed, if it did. The packets pass all the same. */
  get error(): Error | undefined {
    return this.#recorder.error;
  }

  override start(user: DeviceUser): void {
    super.start(
      endingBy(user, (error) => {
        void this.#recorder.finish().then(() => user.closed(error));
      }),
    );
    const { buffer, byteOffset, byteLength } = user.memory;
    this.#memory = new DataView(buffer, byteOffset, byteLength);
  }

  override read(at: number, room: number): number {
    const length = super.read(at, room);
    if (length > 0 && length <= room) this.#record(at, length, Direction.IN);
    return length;
  }

  override write(at: number, length: number): boolean {
    const taken = super.write(at, length);
    if (taken) this.#record(at, length, Direction.OUT);
    return taken;
  }

  override close(): Promise<void> {
    this.#closing ??= super.close().then(() => this.#recorder.finish());
    return this.#closing;
  }

  #record(at: number, length: number, direction: number): void {
    const header = this.headerLength;
    this.#recorder.record(this.#memory, at + header, length - header, header, direction);
  }
}
