/**
 * What the tests of devices share: a user that keeps what it reads, packets to send, waiting.
 * @module
 */

import type { Device, DeviceUser } from '../../src/device/device.ts';
import type { LinkClock } from '../../src/device/impair/clock.ts';

const AT = 4096;
const OUT = 131_072;
const UDP_AT = 20;
const PIECE = 2048;
const PAYLOAD_AT = 28;

/**
 * A user that keeps a copy of every UDP packet it reads; what else a kernel says is passed over.
 */
export class Collector implements DeviceUser {
  readonly memory: Uint8Array = new Uint8Array(262_144);
  readonly device: Device;
  readonly packets: Uint8Array[] = [];
  /** What `closed` was called with. */
  readonly ends: (Error | undefined)[] = [];
  readables = 0;
  writables = 0;
  /** Packets that a call of `readable` takes. */
  budget: number = Number.POSITIVE_INFINITY;
  room = 66_000;
  /** How many packets to ask for at a time, where the device can: of up to `PIECE` bytes. */
  many = 0;
  /** How many came at a time. */
  readonly batches: number[] = [];
  /** Lengths that were more than the room. */
  readonly cut: number[] = [];
  onReadable: () => void = () => {};
  onWritable: () => void = () => {};

  constructor(device: Device) {
    this.device = device;
  }

  readable(): void {
    this.readables++;
    this.onReadable();
    this.drain();
  }

  writable(): void {
    this.writables++;
    this.onWritable();
  }

  closed(error?: Error): void {
    this.ends.push(error);
  }

  /** Read up to the budget; how many packets there were. */
  drain(): number {
    let count = 0;
    while (count < this.budget) {
      const some = this.#readMany();
      if (some >= 0) {
        count += some;
        if (some < this.many) break;
        continue;
      }
      const length = this.device.read(AT, this.room);
      if (length === 0) break;
      if (this.#keep(AT, length, this.room)) count++;
    }
    this.device.flush();
    return count;
  }

  /** How many came by one call; -1: they cannot be had so. */
  #readMany(): number {
    const places = Int32Array.from({ length: this.many }, (_, i) => AT + i * PIECE);
    const lengths = new Int32Array(this.many);
    const asked =
      this.many === 0 ? 0 : (this.device.readMany?.(places, this.many, PIECE, lengths) ?? 0);
    if (asked === 0) return -1;
    this.batches.push(lengths.findLastIndex((length) => length > 0) + 1);
    let count = 0;
    for (let i = 0; i < asked; i++) {
      const length = lengths[i] as number;
      if (length > 0 && this.#keep(places[i] as number, length, PIECE)) count++;
    }
    return lengths[asked - 1] === 0 ? Math.min(count, this.many - 1) : this.many;
  }

  #keep(at: number, length: number, room: number): boolean {
    if (length > room) {
      this.cut.push(length);
      return false;
    }
    const packet = this.memory.slice(at, at + length);
    if (!isUdp(packet, this.device)) return false;
    this.packets.push(packet);
    return true;
  }

  /** Write a packet, the device's own header put before it as zeros. */
  write(packet: Uint8Array): boolean {
    const { headerLength } = this.device;
    this.memory.fill(0, OUT, OUT + headerLength);
    this.memory.set(packet, OUT + headerLength);
    return this.device.write(OUT, headerLength + packet.length);
  }

  get payloads(): string[] {
    return this.packets.map((packet) => payloadOf(packet, this.device.headerLength));
  }
}

function isUdp(packet: Uint8Array, { medium, headerLength }: Device): boolean {
  if (medium === 'ethernet') return true;
  return packet[headerLength] === 0x45 && packet[headerLength + 9] === 17;
}

/** An IPv4 packet with a UDP datagram without checksum. */
export function udpPacket(
  payload: string | Uint8Array,
  from: string = '10.83.0.2',
  to: string = '10.83.0.1',
  port: number = 7000,
): Uint8Array {
  const data = typeof payload === 'string' ? Buffer.from(payload) : payload;
  const packet = new Uint8Array(PAYLOAD_AT + data.length);
  const view = new DataView(packet.buffer);
  packet[0] = 0x45;
  view.setUint16(2, packet.length);
  packet[8] = 64;
  packet[9] = 17;
  packet.set(from.split('.').map(Number), 12);
  packet.set(to.split('.').map(Number), 16);
  view.setUint16(10, internetChecksum(packet.subarray(0, 20)));
  view.setUint16(UDP_AT, port);
  view.setUint16(UDP_AT + 2, port);
  view.setUint16(UDP_AT + 4, 8 + data.length);
  packet.set(data, PAYLOAD_AT);
  return packet;
}

/** The text of a UDP packet. */
export function payloadOf(packet: Uint8Array, headerLength: number = 0): string {
  return Buffer.from(packet.subarray(headerLength + PAYLOAD_AT)).toString('latin1');
}

/** RFC 1071, the plain way: what the code under test is held against. */
export function internetChecksum(bytes: Uint8Array, start: number = 0): number {
  let sum = start;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    sum += i % 2 === 0 ? byte * 256 : byte;
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 65_536);
  return ~sum & 0xffff;
}

/** Let the event loop turn until `done`; throws, naming `what`, after `millis`. */
export async function until(done: () => boolean, what: string, millis = 30_000): Promise<void> {
  const end = performance.now() + millis;
  while (!done()) {
    if (performance.now() > end) throw new Error(`waited ${millis} ms in vain: ${what}`);
    await turn();
  }
}

/** One turn of the event loop. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Enough turns for anything that was due. */
export async function settle(turns: number = 20): Promise<void> {
  for (let i = 0; i < turns; i++) await turn();
}

/** Time in a test's hands, in µs; calls of the same time are made in the order of their asking. */
export class FakeClock implements LinkClock {
  #now = 0;
  #order = 0;
  readonly #calls: { time: number; order: number; fn: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  at(time: number, fn: () => void): void {
    this.#calls.push({ time: Math.max(time, this.#now), order: this.#order++, fn });
  }

  /** Let time pass up to `end`, and no further. */
  run(end: number): void {
    for (;;) {
      this.#calls.sort((a, b) => a.time - b.time || a.order - b.order);
      const next = this.#calls[0];
      if (next === undefined || next.time > end) break;
      this.#calls.shift();
      this.#now = next.time;
      next.fn();
    }
    this.#now = end;
  }
}

/** The URL of a compiled module of src/device, quoted for a script of another process. */
export const moduleUrl = (name: string): string =>
  JSON.stringify(new URL(`../../src/device/${name}.js`, import.meta.url).href);

/** The same of a module of test/support. */
export const supportUrl = (name: string): string =>
  JSON.stringify(new URL(`../support/${name}.js`, import.meta.url).href);
