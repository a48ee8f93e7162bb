/**
 * Packets put together again: segments of one TCP connection that follow each other become one of up to
 * 64 KiB, with the virtio header that says how it was cut. What GRO does in a driver.
 *
 * Only what can be told apart again is joined: the same headers but for sequence number, identification and
 * PSH, text of one size but for the last, and checksums that are right. Several connections are kept
 * apart, and the order within each stays. virtio 1.2 §5.1.6; RFC 9293 §3.1.
 * @module
 */
import { wasm } from '../stack/base/wasm.ts';
import { Checksum, finish, good, lengthTerm, sumBytes } from '../stack/wire/checksum.ts';
import * as virtio from '../stack/wire/virtio.ts';
import { pseudoSum } from './cut.ts';

const TCP = 6;
const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
const Tcp = {
  seq: 4,
  ack: 8,
  words: 12,
  flags: 13,
  window: 14,
  checksum: 16,
  options: 20,
} as const;
const ACK = 0x10;
const PSH = 0x08;
/** Connections whose segments are put together at a time. */
const SLOTS = 8;
const LONGEST = 65_535;
/** Room for a packet of 64 KiB, a virtio header and one segment too many. */
const SLOT_SIZE = 3 * 32_768;
/** The virtio header ends where an aligned packet begins. */
const IP_AT = 64;

/** Takes what was put together: `length` bytes at `at`, the virtio header first. */
export type Push = (bytes: Uint8Array, at: number, length: number) => void;

/** One connection's segments, joined so far. */
class Joined {
  /** Where the packet begins in the memory. */
  readonly ip: number;
  /** Packets in it; 0: it is free. */
  count = 0;
  /** Bytes of IP so far, of the headers in front, and of text in each segment but the last. */
  length = 0;
  headers = 0;
  size = 0;
  /** Where the transport's header begins behind `ip`. */
  transport = 0;
  version = 4;
  /** The sequence number that comes next. */
  next = 0;
  /** Nothing may follow: its last segment was short, or pushed. */
  isOver = false;
  /** Both ports in one. */
  ports = 0;

  constructor(ip: number) {
    this.ip = ip;
  }
}

export class Coalescer {
  readonly #push: Push;
  readonly #own: Uint8Array;
  readonly #view: DataView;
  readonly #checksum: Checksum;
  readonly #slots: readonly Joined[];
  /** What goes through alone, behind a virtio header of zeros. */
  readonly #alone: Uint8Array = new Uint8Array(LONGEST + virtio.LEN);
  #open = 0;
  #victim = 0;

  constructor(push: Push) {
    const pages = Math.ceil((SLOTS * SLOT_SIZE) / 65_536);
    const memory = new wasm.Memory({ initial: pages, maximum: pages });
    this.#push = push;
    this.#own = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
    this.#checksum = new Checksum(memory);
    this.#slots = Array.from({ length: SLOTS }, (_, i) => new Joined(i * SLOT_SIZE + IP_AT));
  }

  /** Take a packet. It goes on at once, or with those that it is joined to. */
  readonly add = (bytes: Uint8Array, at: number, length: number): void => {
    const transport = transportOf(bytes, at, length);
    if (transport === 0) {
      this.#pass(bytes, at, length);
      return;
    }
    const tcp = at + transport;
    const ports = u32(bytes, tcp);
    const headers = transport + ((bytes[tcp + Tcp.words] as number) >> 4) * 4;
    const flags = bytes[tcp + Tcp.flags] as number;
    const plain = (flags & ~PSH) === ACK && length > headers;
    const slot = this.#find(bytes, at, transport, ports);
    if (slot !== undefined) {
      if (
        plain &&
        this.#follows(slot, bytes, at, length, headers) &&
        this.#append(slot, bytes, at, length)
      ) {
        return;
      }
      this.#release(slot); // what came before goes before
    }
    if (!plain || !this.#begin(bytes, at, length, transport, headers, ports)) {
      this.#pass(bytes, at, length);
    }
  };

  /** The batch is over: all goes on. */
  flush(): void {
    if (this.#open === 0) return;
    for (const slot of this.#slots) if (slot.count > 0) this.#release(slot);
  }

  #find(bytes: Uint8Array, at: number, transport: number, ports: number): Joined | undefined {
    if (this.#open === 0) return undefined;
    for (const slot of this.#slots) {
      if (slot.count === 0 || slot.ports !== ports || slot.transport !== transport) continue;
      const from = slot.version === 4 ? 12 : 8;
      if (isSame(bytes, at + from, this.#own, slot.ip + from, slot.version === 4 ? 8 : 32))
        return slot;
    }
    return undefined;
  }

  /** Whether the packet is the next of those in `slot`, and differs in nothing that would be lost. */
  #follows(slot: Joined, bytes: Uint8Array, at: number, length: number, headers: number): boolean {
    const own = this.#own;
    const text = length - headers;
    const tcp = at + slot.transport;
    const first = slot.ip + slot.transport;
    if (slot.isOver || headers !== slot.headers || text > slot.size) return false;
    if (slot.length + text > LONGEST || (u32(bytes, tcp + Tcp.seq) | 0) !== slot.next) return false;
    // Acknowledgment, then window, then options: all but ports, sequence, flags and checksum.
    if (!isSame(bytes, tcp + Tcp.ack, own, first + Tcp.ack, 4)) return false;
    if (!isSame(bytes, tcp + Tcp.window, own, first + Tcp.window, 2)) return false;
    const options = headers - slot.transport - Tcp.options;
    if (!isSame(bytes, tcp + Tcp.options, own, first + Tcp.options, options)) return false;
    if (slot.version === 6) {
      return isSame(bytes, at, own, slot.ip, 4) && bytes[at + 7] === own[slot.ip + 7];
    }
    // Service, flags and hops; the identification counts on.
    const sameService = bytes[at + 1] === own[slot.ip + 1] && bytes[at + 8] === own[slot.ip + 8];
    return sameService && bytes[at + 6] === own[slot.ip + 6];
  }

  #append(slot: Joined, bytes: Uint8Array, at: number, length: number): boolean {
    const { headers, transport } = slot;
    const text = length - headers;
    const sum = this.#checksum.copy(bytes, at + headers, slot.ip + slot.length, text);
    if (!isGood(bytes, at, slot.version, transport, headers, text, sum)) return false;
    slot.length += text;
    slot.count++;
    slot.next = (slot.next + text) | 0;
    const flags = bytes[at + transport + Tcp.flags] as number;
    if ((flags & PSH) !== 0) {
      this.#own[slot.ip + transport + Tcp.flags] = flags;
    }
    slot.isOver = text < slot.size || (flags & PSH) !== 0;
    return true;
  }

  #begin(
    bytes: Uint8Array,
    at: number,
    length: number,
    transport: number,
    headers: number,
    ports: number,
  ): boolean {
    const slot = this.#free();
    const text = length - headers;
    const version = (bytes[at] as number) >> 4;
    const sum = this.#checksum.copy(bytes, at + headers, slot.ip + headers, text);
    if (!isGood(bytes, at, version, transport, headers, text, sum)) return false;
    for (let i = 0; i < headers; i++) this.#own[slot.ip + i] = bytes[at + i] as number;
    slot.count = 1;
    slot.length = length;
    slot.headers = headers;
    slot.size = text;
    slot.transport = transport;
    slot.version = version;
    slot.ports = ports;
    slot.next = (u32(bytes, at + transport + Tcp.seq) + text) | 0;
    slot.isOver = ((bytes[at + transport + Tcp.flags] as number) & PSH) !== 0;
    this.#open++;
    return true;
  }

  /** A slot that is free, by letting one go if need be. */
  #free(): Joined {
    if (this.#open < SLOTS) {
      for (const slot of this.#slots) if (slot.count === 0) return slot;
    }
    this.#victim = (this.#victim + 1) % SLOTS;
    const slot = this.#slots[this.#victim] as Joined; // below SLOTS
    this.#release(slot);
    return slot;
  }

  #release(slot: Joined): void {
    const { ip, length, headers, transport, version } = slot;
    const view = this.#view;
    const header = ip - virtio.LEN;
    if (slot.count === 1) virtio.write(view, header, 0, 0, 0, 0, 0, 0);
    else {
      if (version === 4) {
        view.setUint16(ip + 2, length);
        view.setUint16(ip + 10, 0);
        view.setUint16(ip + 10, finish(sumBytes(this.#own, ip, IPV4_HEADER)));
      } else view.setUint16(ip + 4, length - IPV6_HEADER);
      view.setUint16(
        ip + transport + Tcp.checksum,
        pseudoSum(this.#own, ip, version, length - transport),
      );
      const gso = version === 4 ? virtio.Gso.TCPV4 : virtio.Gso.TCPV6;
      const { NEEDS_CSUM } = virtio.Flag;
      virtio.write(view, header, NEEDS_CSUM, gso, headers, slot.size, transport, Tcp.checksum);
    }
    slot.count = 0;
    this.#open--;
    this.#push(this.#own, header, length + virtio.LEN);
  }

  #pass(bytes: Uint8Array, at: number, length: number): void {
    if (length > LONGEST) return;
    this.#alone.set(bytes.subarray(at, at + length), virtio.LEN);
    this.#push(this.#alone, 0, length + virtio.LEN);
  }
}

/**
 * Where the header of TCP stands in a packet that may be joined: neither options of IP nor fragments, and as
 * long as it says. 0: it may not.
 */
function transportOf(bytes: Uint8Array, at: number, length: number): number {
  let transport = 0;
  if (length < IPV4_HEADER + Tcp.options) return 0;
  const first = bytes[at] as number;
  if (first === 0x45) {
    if (bytes[at + 9] !== TCP || u16(bytes, at + 2) !== length) return 0;
    if ((u16(bytes, at + 6) & 0x3fff) !== 0) return 0;
    transport = IPV4_HEADER;
  } else if (first >> 4 === 6) {
    if (length < IPV6_HEADER + Tcp.options) return 0;
    if (bytes[at + 6] !== TCP || u16(bytes, at + 4) !== length - IPV6_HEADER) return 0;
    transport = IPV6_HEADER;
  } else return 0;
  const header = ((bytes[at + transport + Tcp.words] as number) >> 4) * 4;
  return header >= Tcp.options && transport + header <= length ? transport : 0;
}

/** Whether the segment's checksum is right, `sum` being that of its text. */
function isGood(
  bytes: Uint8Array,
  at: number,
  version: number,
  transport: number,
  headers: number,
  text: number,
  sum: number,
): boolean {
  const inside = headers - transport;
  const addresses = version === 4 ? sumBytes(bytes, at + 12, 8) : sumBytes(bytes, at + 8, 32);
  const header = sumBytes(bytes, at + transport, inside);
  return good(addresses + (TCP << 8) + lengthTerm(inside + text) + header + sum);
}

function isSame(
  one: Uint8Array,
  at: number,
  other: Uint8Array,
  otherAt: number,
  length: number,
): boolean {
  for (let i = 0; i < length; i++) if (one[at + i] !== other[otherAt + i]) return false;
  return true;
}

const u16 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] as number) << 8) | (bytes[at + 1] as number);

/** 32 bits, signed. */
const u32 = (bytes: Uint8Array, at: number): number => (u16(bytes, at) << 16) | u16(bytes, at + 2);
