/**
 * A device that lies: between packets that are real it gives such as are none, longer than its MTU, shorter than
 * its own header, with a virtio header that says anything; it tells of packets where there are none, from
 * within calls, and refuses to take what it took a moment ago.
 * @module
 */
import type { Device, DeviceOffload, DeviceUser } from '../../src/device/device.ts';
import { below, type Random } from '../../src/stack/base/random.ts';

/** One read in so many is a lie, and so is one write. */
const LIES = 4;

export class Liar implements Device {
  readonly name = 'liar';
  readonly mtu: number;
  readonly headerLength: number;
  readonly maxPacket: number;
  readonly offload: DeviceOffload;
  /** Packets that it made up, and writes that it refused for nothing. */
  invented = 0;
  refused = 0;
  readonly #honest: Device;
  readonly #random: Random;
  #user: DeviceUser | undefined;
  /** Real packets wait: a lie in between must not lose them. */
  #told = false;

  constructor(honest: Device, random: Random) {
    this.#honest = honest;
    this.#random = random;
    this.mtu = honest.mtu;
    this.headerLength = honest.headerLength;
    this.maxPacket = honest.maxPacket;
    this.offload = honest.offload;
  }

  start(user: DeviceUser): void {
    this.#user = user;
    this.#honest.start(user);
  }

  read(at: number, room: number): number {
    const { memory } = this.#user as DeviceUser; // who reads has started it
    const n = below(this.#random, LIES * 4);
    if (n > 3) return this.#honest.read(at, room);
    this.invented++;
    this.#again();
    if (n === 0) return room + 1 + below(this.#random, 100_000);
    const length = n === 1 ? 1 + below(this.#random, 40) : 1 + below(this.#random, room);
    for (let i = 0; i < length; i++) memory[at + i] = this.#random.int32();
    const ip = at + this.headerLength;
    if (n === 2 && length > this.headerLength + 28) this.#dress(memory, ip, length);
    return length;
  }

  write(at: number, length: number): boolean {
    if (below(this.#random, LIES * 8) === 0) {
      this.refused++;
      this.#later(() => this.#user?.writable());
      return false;
    }
    if (below(this.#random, LIES * 8) === 0) this.#user?.readable();
    return this.#honest.write(at, length);
  }

  flush(): void {
    this.#honest.flush();
    if (below(this.#random, LIES * 4) === 0) this.#later(() => this.#user?.readable());
  }

  close(): Promise<void> {
    return this.#honest.close();
  }

  /** Something that passes for a packet to us: only the device's header and the body are noise. */
  #dress(memory: Uint8Array, ip: number, length: number): void {
    const size = length - this.headerLength;
    const header = [
      0x45,
      0,
      size >> 8,
      size & 255,
      0,
      0,
      0,
      0,
      64,
      [1, 6, 17][below(this.#random, 3)] ?? 6,
    ];
    memory.set([...header, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2], ip);
    let sum = 0;
    for (let i = 0; i < 20; i += 2) sum += ((memory[ip + i] ?? 0) << 8) | (memory[ip + i + 1] ?? 0);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    memory[ip + 10] = (~sum >> 8) & 255;
    memory[ip + 11] = ~sum & 255;
  }

  /** The lie has taken the place of a packet: that one is told of again. */
  #again(): void {
    if (this.#told) return;
    this.#told = true;
    this.#later(() => {
      this.#told = false;
      this.#user?.readable();
    });
  }

  #later(call: () => void): void {
    setImmediate(call);
  }
}
