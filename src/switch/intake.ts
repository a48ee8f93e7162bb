/**
 * What comes in at a port: frames that are read one by one, or several by one call where the device can.
 *
 * All ports of a switch read to the same places, since a turn ends only when what it has read is handed on. The first
 * frame of a turn is read alone, and so is what follows a long one: what the call costs is little then, and a
 * frame that is handed on at once is in the caches still.
 * @module
 */
import type { Device } from '../device/device.ts';
import type { PipeEnd } from '../device/pipe.ts';
import { PIECE } from '../device/wrap/wrapper.ts';
import { bringsOne, MOST, ReadBatch } from '../stack/base/batch.ts';

/** Room before a frame that is read, for a tag that it may get, and so that it begins on a cache line. */
export const LEAD = 64;
/** Bytes of memory for the frames of one call. */
export const INTAKE_SIZE: number = MOST * PIECE;
/** A frame is long above so many bytes. */
const LONG = 16 * 1024;

export class Intake {
  /** Where the frame lies that was read last, and the room that it had. */
  at: number = LEAD;
  room: number = PIECE - LEAD;
  readonly #device: Device;
  /** Undefined: the device gives one at a time. */
  readonly #batch: ReadBatch | undefined;
  /** Where the frames of a batch are read to, and the bytes from one to the next. */
  readonly #start: number;
  #step = 0;
  /** Of the batch: the first that was not taken, and how many places there are. */
  #next = 0;
  #count = 0;
  #batchRoom = 0;
  /** Frames of this turn. */
  #taken = 0;
  /** Turns in a row of one frame. */
  #lone = 0;
  #isLong = false;
  #closed = false;

  /** `start`: where in the switch's memory there are `INTAKE_SIZE` bytes. */
  constructor(device: Device, start: number) {
    this.#device = device;
    this.#start = start;
    this.#batch = device.readMany === undefined ? undefined : new ReadBatch();
    this.resize();
  }

  /** Places that are yet to be taken: until then no other port may read. */
  get waiting(): number {
    return this.#count - this.#next;
  }

  /** The device carries longer or shorter packets than it did. */
  resize(): void {
    const { headerLength, maxPacket } = this.#device;
    const most = LEAD + headerLength + maxPacket + 1; // by one byte more it is told that a frame is too long
    this.#step = Math.min(Math.ceil(most / LEAD) * LEAD, PIECE);
  }

  begin(): void {
    this.#drop();
    this.#batch?.begin();
    this.#taken = 0;
  }

  /** The next frame of a turn, from now on at `at`: its length, more than `room` if it was cut; 0: there is none. */
  next(): number {
    const batch = this.#batch;
    if (batch === undefined) return this.read();
    if (this.waiting === 0) {
      if (this.#taken === 0 || this.#isLong) return this.read();
      if (batch.dry || this.#closed || (this.#taken === 1 && bringsOne(this.#lone))) return 0;
      if (!this.#fill(batch)) return this.read();
    }
    return this.#shift(batch);
  }

  end(): void {
    if (this.#taken > 0) this.#lone = this.#taken === 1 ? this.#lone + 1 : 0;
  }

  /** One frame, from now on at `at`, in a turn or not. */
  read(): number {
    if (this.#closed) return 0;
    this.at = LEAD;
    this.room = PIECE - LEAD;
    return this.#took(this.#device.read(this.at, this.room));
  }

  /** The head of a frame that lies with who sends it, up to its tail; 0 if it does not, or is no longer than `least`. */
  readHead(pipe: PipeEnd, least: number): number {
    this.at = LEAD;
    this.room = PIECE - LEAD;
    return pipe.readHead(this.at, this.room, least);
  }

  /** It is pulled out: what was read and not taken is lost, and nothing is read any more. */
  close(): void {
    this.#closed = true;
    this.#drop();
  }

  #drop(): void {
    this.#next = 0;
    this.#count = 0;
  }

  /** Read several; false: the device cannot give them so now. */
  #fill(batch: ReadBatch): boolean {
    const { places, want, lengths } = batch;
    for (let i = 0; i < want; i++) places[i] = this.#start + i * this.#step + LEAD;
    this.#batchRoom = this.#step - LEAD;
    this.#next = 0;
    this.#count = this.#device.readMany?.(places, want, this.#batchRoom, lengths) ?? 0;
    batch.note(this.#count);
    return this.#count > 0;
  }

  #shift({ places, lengths }: ReadBatch): number {
    while (this.#next < this.#count) {
      const i = this.#next++;
      const length = lengths[i] as number; // below the count, as is its place
      if (length === 0) continue;
      this.at = places[i] as number;
      this.room = this.#batchRoom;
      return this.#took(length);
    }
    return 0;
  }

  #took(length: number): number {
    if (length > 0) this.#taken++;
    this.#isLong = length > LONG;
    return length;
  }
}
