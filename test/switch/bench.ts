/**
 * A switch with cables of memory in it, in virtual time: stations that send and hear frames.
 * @module
 */

import type { Switch, SwitchPort } from '../../src/index.ts';
import {
  createPipe,
  createSwitch,
  type PipeEnd,
  type PipeOptions,
  type PortOptions,
  type SwitchOptions,
} from '../../src/index.ts';
import * as ethernet from '../../src/stack/wire/ethernet.ts';

/** What a frame says: `from > to: text`, and `#vlan` behind that if it has a tag. */
export const frame = (from: string, to: string, text: string, vlan = 0): Uint8Array => {
  const head = vlan > 0 ? 18 : 14;
  const bytes = new Uint8Array(Math.max(60, head + text.length));
  const view = new DataView(bytes.buffer);
  const [source, destination] = [parse(from), parse(to)];
  const type = 0x88b5; // for experiments: IEEE 802 §9.2.4
  ethernet.write(view, 0, destination.hi, destination.lo, source.hi, source.lo, type);
  if (vlan > 0) {
    ethernet.writeTag(view, 0, vlan, 5);
    view.setUint16(16, type);
  }
  for (let i = 0; i < text.length; i++) bytes[head + i] = text.charCodeAt(i);
  return bytes;
};

/** `a` to `f` are stations; `*` is everyone; else an address as it is written. */
export function parse(name: string): { hi: number; lo: number } {
  if (name === '*') return { hi: ethernet.BROADCAST_HI, lo: ethernet.BROADCAST_LO };
  return ethernet.parse(name) ?? { hi: 0x0200, lo: name.charCodeAt(0) };
}

/** The text of a frame, and its VLAN if it has a tag. */
function read(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const from = ethernet.payload(view, 0);
  const end = bytes.indexOf(0, from);
  const text = String.fromCharCode(...bytes.subarray(from, end < 0 ? bytes.length : end));
  return ethernet.isTagged(view, 0) ? `${text} #${ethernet.vlan(view, 0)}` : text;
}

const SENT_AT = 131_072;

/** The far end of a cable. */
export class Plug {
  readonly port: SwitchPort;
  readonly far: PipeEnd;
  /** Texts of the frames that were heard, oldest first. */
  heard: string[] = [];
  /** False: nothing is read, and the cable fills. */
  reading = true;
  /** Frames that were heard, as they are. */
  frames: Uint8Array[] = [];
  readonly #memory = new Uint8Array(262_144);

  constructor(port: SwitchPort, far: PipeEnd) {
    this.port = port;
    this.far = far;
    far.start({
      memory: this.#memory,
      readable: () => this.read(),
      writable: () => {},
      closed: () => {},
    });
  }

  send(bytes: Uint8Array): void {
    const head = this.far.headerLength;
    this.#memory.fill(0, SENT_AT, SENT_AT + head);
    this.#memory.set(bytes, SENT_AT + head);
    this.far.write(SENT_AT, head + bytes.length);
  }

  /** The same on a prompt cable: the switch has it at once. */
  sendNow(bytes: Uint8Array): void {
    this.send(bytes);
    this.far.flush();
  }

  /** Send a frame with a virtio header of one's own. */
  sendRaw(bytes: Uint8Array): void {
    this.#memory.set(bytes, SENT_AT);
    this.far.write(SENT_AT, bytes.length);
  }

  read(): void {
    if (!this.reading) return;
    for (let n = this.far.read(0, SENT_AT); n > 0; n = this.far.read(0, SENT_AT)) {
      this.frames.push(this.#memory.slice(0, n));
      this.heard.push(read(this.#memory.subarray(this.far.headerLength, n)));
    }
  }

  /** What was heard since this was asked last. */
  take(): string[] {
    return this.heard.splice(0);
  }
}

/** A switch, its clock, and all that is due. */
export class Bench {
  readonly switch: Switch;
  /** Microseconds. */
  now = 0;
  readonly #due: (() => void)[] = [];
  readonly schedule = (fn: () => void): unknown => this.#due.push(fn);

  constructor(options: SwitchOptions = {}) {
    this.switch = createSwitch({ secret: 1, clock: { now: () => this.now }, ...options });
  }

  /** Plug in a station's cable; `limit`: frames that it holds. */
  plug(options: PortOptions = {}, limit = 100, cable: PipeOptions = {}): Plug {
    const [near, far] = createPipe({
      medium: 'ethernet',
      limit,
      ...cable,
      schedule: this.schedule,
    });
    return new Plug(this.switch.plug(near, options), far);
  }

  /** Do all that is due, up to `most` things. */
  run(most = 10_000): void {
    for (let i = 0; i < most && this.#due.length > 0; i++) this.#due.shift()?.();
  }

  /** A frame, and what becomes of it. */
  send(from: Plug, bytes: Uint8Array): void {
    from.send(bytes);
    this.run();
  }
}
