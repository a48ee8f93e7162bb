/**
 * A tunnel as a device: the shell that binds a protocol to a transport and a clock.
 *
 * What its user writes goes to the protocol, what the protocol delivers waits to be read. With offload its
 * user writes packets of up to 64 KiB, which are cut here before they are sealed, and reads what was opened put
 * together again: one read and one write for some forty packets.
 * @module
 */
import { type Device, type DeviceOffload, type DeviceUser, NO_OFFLOAD } from '../device/device.ts';
import { checkStart, DeviceError } from '../device/errors.ts';
import { longestPacket, VIRTIO_HEADER } from '../device/medium.ts';
import { Notice } from '../device/notice.ts';
import { checkMtu } from '../device/options.ts';
import { PacketQueue } from '../device/queue.ts';
import { systemClock } from './clock.ts';
import { Coalescer } from './coalesce.ts';
import { Cutter } from './cut.ts';
import type { Endpoint } from './endpoint.ts';
import {
  type DatagramTransport,
  NEVER,
  type TunnelClock,
  type TunnelOut,
  type TunnelProtocol,
} from './tunnel.ts';

/** What a tunnel's device is called, carries and sends by. */
export interface TunnelDeviceOptions {
  /** What errors call it. */
  readonly name: string;
  /** The longest IP packet, in bytes, that it carries. */
  readonly mtu: number;
  /** How its datagrams travel. The device closes it. */
  readonly transport: DatagramTransport;
  /** Default this machine's. */
  readonly clock?: TunnelClock | undefined;
  /** Take and give segments of up to 64 KiB, with a virtio header before each packet. Default false. */
  readonly offload?: boolean | undefined;
  /** Packets that wait to be read before more are lost: 1 to 65 536, default 1024, or 256 with offload. */
  readonly limit?: number | undefined;
}

/** What a tunnel lost between its protocol and its user. */
export interface TunnelDeviceCounters {
  /** Packets that came out of the tunnel while the queue of those to be read was full. */
  overrun: number;
  /** Writes that can never be sent: too long, no packet, or the device is closed. */
  refused: number;
}

const TUNNEL_OFFLOAD: DeviceOffload = {
  ...{ checksum: true, tso4: true, uso4: true, tso6: true, uso6: true },
};

/** A tunnel whose protocol is `P`, as a device of IP packets. */
export class TunnelDevice<P extends TunnelProtocol = TunnelProtocol> implements Device {
  readonly name: string;
  readonly medium = 'ip';
  readonly headerLength: number;
  readonly offload: DeviceOffload;
  /** What it speaks; after a call of one's own say `turn`. */
  readonly protocol: P;
  /** Since it was opened. */
  readonly counters: TunnelDeviceCounters = { overrun: 0, refused: 0 };
  #transport: DatagramTransport;
  readonly #out: { datagrams: DatagramTransport; readonly deliver: TunnelOut['deliver'] };
  readonly #clock: TunnelClock;
  readonly #inbound: PacketQueue;
  readonly #notice: Notice;
  readonly #cutter: Cutter | undefined;
  readonly #coalescer: Coalescer | undefined;
  #mtu: number;
  #user: DeviceUser | undefined;
  #view: DataView = new DataView(new ArrayBuffer(0));
  #due: number = NEVER;
  /** The time of the batch that comes in; below 0: not asked for yet. */
  #now = -1;
  /** A write gave false. */
  #blocked = false;
  #referenced = true;
  #closing: Promise<void> | undefined;

  /** `make` makes the protocol, which speaks through what it is given. */
  constructor(options: TunnelDeviceOptions, make: (out: TunnelOut) => P) {
    const { name, mtu, transport, clock = systemClock, offload = false } = options;
    checkMtu(mtu);
    this.name = name;
    this.#mtu = mtu;
    this.offload = offload ? TUNNEL_OFFLOAD : NO_OFFLOAD;
    this.headerLength = offload ? VIRTIO_HEADER : 0;
    this.#transport = transport;
    this.#clock = clock;
    const longest = offload ? VIRTIO_HEADER + 65_535 : 65_535;
    this.#inbound = new PacketQueue(options.limit ?? (offload ? 256 : 1024), longest);
    const soon =
      options.clock === undefined ? setImmediate : (fn: () => void) => clock.at(clock.now(), fn);
    this.#notice = new Notice(soon, () => this.#tell());
    const push = (bytes: Uint8Array, at: number, length: number): void => {
      if (!this.#inbound.push(bytes, at, length)) this.counters.overrun++;
    };
    this.#cutter = offload ? new Cutter() : undefined;
    this.#coalescer = offload ? new Coalescer(push) : undefined;
    const deliver = this.#coalescer?.add ?? push;
    this.#out = { datagrams: transport, deliver };
    this.protocol = make(this.#out);
    this.#begin(transport);
    this.turn();
  }

  get mtu(): number {
    return this.#mtu;
  }

  get maxPacket(): number {
    return longestPacket('ip', this.#mtu, this.offload);
  }

  /** The longest packet is another from now on: what the peer has pushed, or the path does not carry. */
  setMtu(mtu: number): void {
    checkMtu(mtu);
    if (mtu === this.#mtu) return;
    this.#mtu = mtu;
    this.#user?.mtuChanged?.();
  }

  /** How its datagrams travel. */
  get transport(): DatagramTransport {
    return this.#transport;
  }

  /**
   * Its datagrams travel by `transport` from now on, as when a host has another network or another port is asked for: sessions
   * go on. Settles when the one before is closed.
   */
  async move(transport: DatagramTransport): Promise<void> {
    if (this.#closing !== undefined) return transport.close();
    const before = this.#transport;
    before.flush();
    this.#transport = transport;
    this.#out.datagrams = transport;
    this.#begin(transport);
    if (!this.#referenced) transport.unref();
    this.#writable();
    await before.close();
  }

  /** Microseconds, by the clock of this tunnel. */
  now(): number {
    return this.#clock.now();
  }

  start(user: DeviceUser): void {
    checkStart(
      this.name,
      this.#closing !== undefined,
      this.#user !== undefined,
      'open another one',
    );
    this.#user = user;
    const { buffer, byteOffset, byteLength } = user.memory;
    this.#view = new DataView(buffer, byteOffset, byteLength);
    if (this.#inbound.count > 0) this.#notice.came();
  }

  read(at: number, room: number): number {
    const { memory } = this.#user as DeviceUser; // who reads has started it
    const length = this.#inbound.shift(memory, at, room);
    if (length > 0) this.#notice.took();
    return length;
  }

  write(at: number, length: number): boolean {
    if (this.#closing !== undefined || length > this.headerLength + this.maxPacket) {
      this.counters.refused++;
      return true;
    }
    if (this.#transport.full) {
      this.#blocked = true;
      return false;
    }
    const { memory } = this.#user as DeviceUser; // who writes has started it
    const now = this.#clock.now();
    if (this.#cutter === undefined) {
      this.protocol.packet(memory, at, length, now);
      return true;
    }
    const cut = this.#cutter.begin(memory, this.#view, at, length, this.#mtu);
    if (cut === 0) this.counters.refused++;
    for (let i = 0; i < cut; i++) {
      const size = this.#cutter.next();
      this.protocol.packet(this.#cutter.bytes, this.#cutter.at, size, now);
    }
    return true;
  }

  flush(): void {
    this.#transport.flush();
    this.#arm();
  }

  ref(): this {
    this.#referenced = true;
    this.#transport.ref();
    return this;
  }

  unref(): this {
    this.#referenced = false;
    this.#transport.unref();
    return this;
  }

  close(): Promise<void> {
    this.#closing ??= this.#shut(undefined);
    return this.#closing;
  }

  /**
   * End a batch: what the protocol has to say leaves, what it delivered is told of, and its deadline is
   * looked at. To be called after any call of the protocol that is not the device's own.
   */
  turn(): void {
    this.#transport.flush();
    this.#coalescer?.flush();
    if (this.#inbound.count > 0 && this.#user !== undefined) this.#notice.came();
    this.#arm();
  }

  #begin(transport: DatagramTransport): void {
    transport.start({
      received: (bytes, at, length, from) => this.#received(bytes, at, length, from),
      drained: () => this.#drained(),
      writable: () => this.#writable(),
      // One that was left behind may be gone.
      failed: (error) => transport === this.#transport && this.#fail(error),
    });
  }

  #received(bytes: Uint8Array, at: number, length: number, from: Endpoint): void {
    if (this.#closing !== undefined) return;
    if (this.#now < 0) this.#now = this.#clock.now();
    this.protocol.datagram(bytes, at, length, from, this.#now);
  }

  #drained(): void {
    this.#now = -1;
    this.#transport.flush();
    this.#coalescer?.flush();
    if (this.#inbound.count > 0 && this.#user !== undefined) this.#notice.now();
    this.#arm();
  }

  #tell(): boolean {
    if (this.#closing !== undefined) return false;
    this.#user?.readable();
    return this.#inbound.count > 0;
  }

  #writable(): void {
    if (!this.#blocked || this.#closing !== undefined) return;
    this.#blocked = false;
    this.#user?.writable();
  }

  /** See that the protocol is called when it wants to be. */
  #arm(): void {
    if (this.#closing !== undefined) return;
    const due = this.protocol.deadline();
    if (due >= this.#due) return;
    this.#due = due;
    this.#clock.at(due, () => {
      if (this.#due !== due || this.#closing !== undefined) return;
      this.#due = NEVER;
      this.protocol.expire(this.#clock.now());
      this.turn();
    });
  }

  #fail(error: Error): void {
    const { code = 'ENOTCONN' } = error as NodeJS.ErrnoException;
    this.#closing ??= this.#shut(new DeviceError(code, `${this.name}: ${error.message}`));
  }

  async #shut(error: Error | undefined): Promise<void> {
    this.protocol.stop(this.#clock.now());
    this.#transport.flush();
    await this.#transport.close();
    this.#user?.closed(error);
  }
}
