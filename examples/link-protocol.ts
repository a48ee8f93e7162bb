/**
 * A link protocol of one's own, on raw frames: stations say their names to everyone on their Ethernet, and know who is
 * there. It needs no stack: a device carries frames, and that is all.
 */
import type { Device } from 'tunstack';
import { ethernet } from 'tunstack/wire';

/** For experiments: IEEE 802 §9.2.4. */
const HELLO = 0x88b5;
const LONGEST_NAME = 32;
const FRAME_AT = 64;
const SIZE = 2048;

/** A station that says its name, and hears those of others. */
export class Hello {
  /** Names of the others, by hardware address. */
  readonly others: Map<string, string> = new Map();
  /** Called when somebody is heard for the first time. */
  onMet: (name: string, mac: string) => void = () => {};
  readonly #device: Device;
  readonly #mac: { readonly hi: number; readonly lo: number };
  readonly #name: Uint8Array;
  readonly #memory = new Uint8Array(2 * SIZE);
  readonly #view = new DataView(this.#memory.buffer);

  constructor(device: Device, mac: string, name: string) {
    const parsed = ethernet.parse(mac);
    if (parsed === undefined) throw new TypeError(`${mac} is no hardware address`);
    this.#device = device;
    this.#mac = parsed;
    this.#name = new TextEncoder().encode(name).subarray(0, LONGEST_NAME);
    device.start({
      memory: this.#memory,
      readable: () => this.#read(),
      writable: () => {},
      closed: () => {},
    });
  }

  /** Say our name to everyone. */
  greet(): void {
    const { headerLength } = this.#device;
    const at = SIZE + FRAME_AT;
    const text = at + ethernet.HEADER_LEN;
    this.#memory.fill(0, at - headerLength, at + ethernet.MIN_FRAME); // short frames are padded
    const { BROADCAST_HI, BROADCAST_LO } = ethernet;
    const { hi, lo } = this.#mac;
    ethernet.write(this.#view, at, BROADCAST_HI, BROADCAST_LO, hi, lo, HELLO);
    this.#memory[text] = this.#name.length;
    this.#memory.set(this.#name, text + 1);
    this.#device.write(at - headerLength, headerLength + ethernet.MIN_FRAME);
    this.#device.flush();
  }

  #read(): void {
    const { headerLength } = this.#device;
    for (let n = this.#device.read(0, SIZE); n > 0; n = this.#device.read(0, SIZE)) {
      if (n <= SIZE) this.#take(headerLength, n - headerLength);
    }
  }

  #take(at: number, length: number): void {
    const v = this.#view;
    if (!ethernet.valid(v, at, length) || ethernet.type(v, at) !== HELLO) return;
    const from = ethernet.payload(v, at);
    const size = this.#memory[from] ?? 0;
    if (size > LONGEST_NAME || from + 1 + size > at + length) return;
    const mac = ethernet.format(ethernet.sourceHi(v, at), ethernet.sourceLo(v, at));
    const name = new TextDecoder().decode(this.#memory.subarray(from + 1, from + 1 + size));
    const isNew = !this.others.has(mac);
    this.others.set(mac, name);
    if (!isNew) return;
    this.onMet(name, mac);
    this.greet(); // so that who came late knows us too
  }
}
