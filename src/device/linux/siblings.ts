/**
 * One queue of a TAP that has several. The kernel puts a frame into one of them, by a hash that knows nothing of
 * who has asked for whom: an answer of ARP or of Neighbour Discovery that one queue's user waits for may come to
 * another. So answers are shown to the users of all queues that this process has open, its workers included.
 * RFC 826; RFC 4861 §4.2, §4.4; `Documentation/networking/tuntap.rst`, "Multiqueue tuntap interface".
 *
 * Questions are not: who gets one answers it, for the stacks of all queues have the same addresses.
 * @module
 */
import { performance } from 'node:perf_hooks';
import { BroadcastChannel } from 'node:worker_threads';
import { type DeviceUser, endingBy } from '../device.ts';
import { Descriptor, type DescriptorTraits } from './descriptor.ts';
import type { Libc } from './libc.ts';

/** Answers that wait to be read. */
const MOST_WAITING = 64;
/** Answers that are shown to others, in so many ms: a flood at one queue stays there. */
const MOST_SHOWN = 200;
const WINDOW = 100;

const AT = { type: 12, tag: 4, arpOperation: 7, ipv6Next: 6, hopLimit: 7, icmp: 40 } as const;
const ARP = 0x0806;
const IPV6 = 0x86dd;
const VLAN = 0x8100;
const ARP_REPLY = 2;
const ICMPV6 = 58;
const ROUTER_ADVERTISEMENT = 134;
const NEIGHBOUR_ADVERTISEMENT = 136;
/** Up to the type of an advertisement, with a tag. */
const SHORTEST = 60;

/** Whether the frame of `length` bytes at `at` is an answer that any queue's user may wait for. */
export function isAnswer(bytes: Uint8Array, at: number, length: number): boolean {
  const short = (from: number): number =>
    ((bytes[from] as number) << 8) | (bytes[from + 1] as number); // within the frame, by its length
  if (length < 42) return false;
  let from = at + AT.type;
  if (short(from) === VLAN) from += AT.tag;
  const packet = from + 2;
  if (short(from) === ARP) return bytes[packet + AT.arpOperation] === ARP_REPLY;
  if (short(from) !== IPV6 || length < SHORTEST) return false;
  if (bytes[packet + AT.ipv6Next] !== ICMPV6 || bytes[packet + AT.hopLimit] !== 255) return false;
  const type = bytes[packet + AT.icmp];
  return type === NEIGHBOUR_ADVERTISEMENT || type === ROUTER_ADVERTISEMENT;
}

export class SiblingDescriptor extends Descriptor {
  readonly #channel: BroadcastChannel;
  /** What others were answered, oldest first. */
  readonly #waiting: Uint8Array[] = [];
  #bytes: Uint8Array = new Uint8Array(0);
  #user: DeviceUser | undefined;
  #soon = false;
  #windowEnds = 0;
  #shown = 0;

  /** `family`: names the interface, in this process. */
  constructor(libc: Libc, fd: number, traits: DescriptorTraits, family: string) {
    super(libc, fd, traits);
    this.#channel = new BroadcastChannel(`tunstack ${family}`);
    this.#channel.onmessage = ({ data }: { data: unknown }): void => this.#hear(data);
    this.#channel.unref();
  }

  override start(user: DeviceUser): void {
    super.start(
      endingBy(user, (error) => {
        this.#channel.close();
        user.closed(error);
      }),
    );
    this.#user = user;
    this.#bytes = user.memory;
  }

  /** One by one, for each is looked at. */
  override readMany(): number {
    return 0;
  }

  override read(at: number, room: number): number {
    const told = this.#waiting.length > 0 ? this.#readTold(at, room) : 0;
    if (told > 0) return told;
    const length = super.read(at, room);
    if (length > 0 && length <= room)
      this.#show(at + this.headerLength, length - this.headerLength);
    return length;
  }

  override close(): Promise<void> {
    this.#channel.close();
    return super.close();
  }

  #show(at: number, length: number): void {
    if (!isAnswer(this.#bytes, at, length)) return;
    const now = performance.now();
    if (now >= this.#windowEnds) {
      this.#windowEnds = now + WINDOW;
      this.#shown = 0;
    }
    if (this.#shown++ < MOST_SHOWN) this.#channel.postMessage(this.#bytes.slice(at, at + length));
  }

  #hear(frame: unknown): void {
    if (!(frame instanceof Uint8Array) || this.#waiting.length >= MOST_WAITING) return;
    this.#waiting.push(frame);
    this.#tell();
  }

  #tell(): void {
    this.#user?.readable();
    if (this.#waiting.length === 0 || this.#soon) return;
    this.#soon = true; // its user takes one packet at a time
    setImmediate(() => {
      this.#soon = false;
      if (this.fd >= 0) this.#tell();
    });
  }

  #readTold(at: number, room: number): number {
    const frame = this.#waiting.shift() as Uint8Array; // there is one
    const length = this.headerLength + frame.length;
    if (length > room) return 0;
    this.#bytes.fill(0, at, at + this.headerLength);
    this.#bytes.set(frame, at + this.headerLength);
    return length;
  }
}
