/**
 * A WebSocket as a device: one frame a binary message, as v86, jslinux, jor1k and their relays have it. It takes
 * any socket with the face of the WHATWG's WebSocket: that of `ws`, of a browser, of Node.
 *
 * (container2wasm sends QEMU's stream in messages instead: `fromFrames(createWebSocketStream(socket))` of `ws`.)
 * @module
 */
import { type Device, type DeviceOffload, type DeviceUser, NO_OFFLOAD } from '../device.ts';
import { checkStart, DeviceError } from '../errors.ts';
import { longestPacket } from '../medium.ts';
import { Notice } from '../notice.ts';
import { checkMtu } from '../options.ts';
import { PacketQueue } from '../queue.ts';

/** What is needed of a WebSocket. HTML standard, "The WebSocket interface". */
export interface MessageSocket {
  /** Set to `arraybuffer`: what messages come as. */
  binaryType: string;
  /** 0: connecting, 1: open, 2: closing, 3: closed. */
  readonly readyState: number;
  /** Bytes that wait to be sent. */
  readonly bufferedAmount: number;
  /** A binary message; the array may be kept. */
  send(message: Uint8Array): void;
  /** Begin to close it. */
  close(): void;
  /** Be told of what happens. */
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void;
  addEventListener(type: 'open' | 'close' | 'error', listener: () => void): void;
}

/** What frames are like in its messages. */
export interface MessageOptions {
  /** What to call the device; default `websocket`. */
  readonly name?: string;
  /** The longest IP packet, 68 to 65 535; default 1500. */
  readonly mtu?: number;
}

const OPEN = 1;
const CLOSING = 2;
/** Frames that wait to be read; those beyond are lost, for messages cannot be held back. */
const MOST_WAITING = 1024;
/** Bytes that wait to be sent before `write` gives false, and how often it is looked whether they have left. */
const MOST_BUFFERED = 1 << 20;
const PERIOD = 5;

/**
 * `socket` as a device of frames; it belongs to the device and ends with it. What is written before it is open is
 * lost. Throws a `TypeError` or `RangeError` with Node's code for options that cannot be meant.
 */
export const fromMessages = (socket: MessageSocket, options: MessageOptions = {}): MessageDevice =>
  new MessageDevice(socket, options);

/** A WebSocket as a device. */
export class MessageDevice implements Device {
  readonly name: string;
  readonly medium = 'ethernet' as const;
  readonly mtu: number;
  readonly headerLength = 0;
  readonly maxPacket: number;
  readonly offload: DeviceOffload = NO_OFFLOAD;
  /** Messages that were no frames, or too long or too many, and frames too long or too late to be sent. */
  refused = 0;
  readonly #socket: MessageSocket;
  readonly #waiting: PacketQueue;
  readonly #notice: Notice;
  #user: DeviceUser | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;
  #gone: () => void = () => {};

  constructor(socket: MessageSocket, { name = 'websocket', mtu = 1500 }: MessageOptions) {
    checkMtu(mtu);
    this.name = name;
    this.mtu = mtu;
    this.maxPacket = longestPacket('ethernet', mtu, NO_OFFLOAD);
    this.#socket = socket;
    this.#waiting = new PacketQueue(MOST_WAITING, this.maxPacket);
    this.#notice = new Notice(setImmediate, () => this.#tell());
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', ({ data }) => this.#take(data));
    socket.addEventListener('error', () => {}); // `close` follows
    socket.addEventListener('close', () => this.#ended());
  }

  start(user: DeviceUser): void {
    const closed = this.#closing !== undefined || this.#socket.readyState >= CLOSING;
    checkStart(this.name, closed, this.#user !== undefined, 'open another one');
    this.#user = user;
    if (this.#waiting.count > 0) this.#notice.came();
  }

  read(at: number, room: number): number {
    const { memory } = this.#user as DeviceUser; // who reads has started it
    const length = this.#waiting.shift(memory, at, room);
    if (length > 0) this.#notice.took();
    return length;
  }

  write(at: number, length: number): boolean {
    const socket = this.#socket;
    const open = this.#closing === undefined && socket.readyState === OPEN;
    if (!open || length > this.maxPacket) {
      this.refused++;
      return true;
    }
    if (socket.bufferedAmount >= MOST_BUFFERED) {
      this.#timer ??= setInterval(() => this.#look(), PERIOD);
      return false;
    }
    const { memory } = this.#user as DeviceUser; // who writes has started it
    socket.send(new Uint8Array(memory.subarray(at, at + length))); // the socket may keep it
    return true;
  }

  flush(): void {}

  close(): Promise<void> {
    this.#closing ??= this.#shut(undefined);
    return this.#closing;
  }

  #take(data: unknown): void {
    if (this.#closing !== undefined) return;
    const bytes =
      data instanceof ArrayBuffer
        ? new Uint8Array(data)
        : data instanceof Uint8Array
          ? data
          : undefined;
    const good = bytes !== undefined && bytes.length > 0 && bytes.length <= this.maxPacket;
    if (!good || !this.#waiting.push(bytes, 0, bytes.length)) {
      this.refused++;
      return;
    }
    if (this.#user !== undefined) this.#notice.came();
  }

  #tell(): boolean {
    if (this.#closing !== undefined) return false;
    this.#user?.readable();
    return this.#waiting.count > 0;
  }

  #look(): void {
    if (this.#socket.bufferedAmount > MOST_BUFFERED / 2) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#user?.writable();
  }

  #ended(): void {
    this.#gone();
    const why = `the WebSocket of the device ${this.name} was closed by the other end`;
    this.#closing ??= this.#shut(new DeviceError('ENODEV', why));
  }

  async #shut(error: Error | undefined): Promise<void> {
    clearInterval(this.#timer);
    if (this.#socket.readyState < 3) {
      await new Promise<void>((resolve) => {
        this.#gone = resolve;
        setTimeout(resolve, 1000).unref(); // the other end may not answer
        this.#socket.close();
      });
    }
    await Promise.resolve();
    this.#user?.closed(error);
  }
}
