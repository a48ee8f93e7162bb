/**
 * Two devices back to back in one process: what one writes, the other reads.
 *
 * The queue between them is bounded, and a write to a full one gives false: a pipe loses nothing.
 * A user is told of packets from `schedule`, never from within the other's `write`; of a prompt pipe from within
 * its `flush`, and of each packet within its `write` if it wants that (`packet`): one that it reads there is copied
 * once, and not into the queue and out of it.
 * @module
 */
import { type Device, type DeviceOffload, type DeviceUser, NO_OFFLOAD } from './device.ts';
import { checkInteger, checkStart } from './errors.ts';
import { longestPacket, VIRTIO_HEADER } from './medium.ts';
import { Notice } from './notice.ts';
import { checkMtu } from './options.ts';
import { copy, PacketQueue, Pieces } from './queue.ts';

/** What both ends are like. */
export interface PipeOptions {
  /** Default 1500. */
  mtu?: number;
  /** What stands in it; default `ip`. */
  medium?: 'ip' | 'ethernet';
  /** Packets on their way in one direction before `write` gives false. Default 1024. */
  limit?: number;
  /** Put a virtio header before packets and carry segments of up to 64 KiB, as a TUN can. */
  offload?: boolean;
  /**
   * Tell the far end's user when the near one flushes, from within that call, and not by `schedule`: they share a
   * turn of the event loop. For users that bear it, as stacks and switches do. Default false.
   */
  prompt?: boolean;
  /** Calls `fn` soon, but not now. Default `setImmediate`; a fake clock passes its own. */
  schedule?: (fn: () => void) => void;
}

const ALL_OFFLOAD: DeviceOffload = {
  checksum: true,
  tso4: true,
  uso4: true,
  tso6: true,
  uso6: true,
};

/** Two devices, each the other's far end. */
export function createPipe(options: PipeOptions = {}): [PipeEnd, PipeEnd] {
  const { mtu = 1500, limit = 1024, offload = false, prompt = false } = options;
  checkMtu(mtu);
  checkInteger('limit', limit, 1, 1_000_000);
  const medium = options.medium ?? 'ip';
  const granted = offload ? ALL_OFFLOAD : NO_OFFLOAD;
  const traits = {
    medium,
    mtu,
    headerLength: offload ? VIRTIO_HEADER : 0,
    maxPacket: longestPacket(medium, mtu, granted),
    offload: granted,
    limit,
    prompt,
    schedule: options.schedule ?? setImmediate,
  };
  const left = new PipeEnd('pipe0', traits);
  const right = new PipeEnd('pipe1', traits);
  left.join(right);
  right.join(left);
  return [left, right];
}

interface PipeTraits {
  readonly medium: 'ip' | 'ethernet';
  readonly mtu: number;
  readonly headerLength: number;
  readonly maxPacket: number;
  readonly offload: DeviceOffload;
  readonly limit: number;
  readonly prompt: boolean;
  readonly schedule: (fn: () => void) => void;
}

/** One end of a pipe. */
export class PipeEnd implements Device {
  readonly name: string;
  readonly medium: 'ip' | 'ethernet';
  readonly mtu: number;
  readonly headerLength: number;
  readonly maxPacket: number;
  readonly offload: DeviceOffload;
  /** Packets lost because they were longer than the pipe carries, or because it is closed. */
  refused = 0;
  readonly #prompt: boolean;
  readonly #schedule: (fn: () => void) => void;
  readonly #notice: Notice;
  /** What the other end wrote and we have not read. */
  readonly #inbound: PacketQueue;
  #far: PipeEnd = this;
  #user: DeviceUser | undefined;
  #closed: Promise<void> | undefined;
  /** A write of ours gave false. */
  #blocked = false;
  /** What follows the bytes of the next write. */
  readonly #pieces = new Pieces();
  /** Bytes of ours that the far end may read from where they lie, from `#lentAt` and then the pieces; 0: none. */
  #lent = 0;
  #lentAt = 0;
  /** What is gathered stays where it is until the next flush. */
  #corked = false;
  /** The far end has read so since the last flush. */
  #handed = false;

  constructor(name: string, traits: PipeTraits) {
    this.name = name;
    this.medium = traits.medium;
    this.mtu = traits.mtu;
    this.headerLength = traits.headerLength;
    this.maxPacket = traits.maxPacket;
    this.offload = traits.offload;
    this.#prompt = traits.prompt;
    this.#schedule = traits.schedule;
    this.#notice = new Notice(traits.schedule, () => this.#tell());
    this.#inbound = new PacketQueue(traits.limit, traits.headerLength + traits.maxPacket);
  }

  /** Packets that wait here to be read. */
  get queued(): number {
    return this.#inbound.count;
  }

  /** Make `far` the other end; done by `createPipe`. */
  join(far: PipeEnd): void {
    this.#far = far;
  }

  start(user: DeviceUser): void {
    checkStart(
      this.name,
      this.#closed !== undefined,
      this.#user !== undefined,
      'make another pipe',
    );
    this.#user = user;
    if (this.#inbound.count > 0) this.#notice.came();
  }

  read(at: number, room: number): number {
    const user = this.#user;
    if (user === undefined) return 0;
    if (this.#far.#lent > 0) return this.#far.#handOver(user.memory, at, room);
    const length = this.#inbound.shift(user.memory, at, room);
    if (length === 0) return 0;
    if (this.#far.#blocked) this.#far.#unblock();
    this.#notice.took();
    return length;
  }

  /**
   * Within `packet`, as `read`, but what the far end has gathered stays where it lies, in `tail`, until `packet` returns.
   * 0, and nothing is read, if it has gathered nothing, or if less than `least` bytes precede that.
   * @internal
   */
  readHead(at: number, room: number, least: number): number {
    const far = this.#far;
    const user = this.#user;
    const length = far.#lent;
    const whole = length + far.#pieces.length;
    if (user === undefined || length < least || whole === length || whole > room) return 0;
    const { memory } = far.#user as DeviceUser; // who has written has started it
    copy(memory, far.#lentAt, user.memory, at, length);
    far.#lent = 0;
    return length;
  }

  /** @internal */
  get tail(): Pieces {
    return this.#far.#pieces;
  }

  gather(bytes: Uint8Array, from: number, length: number): boolean {
    return this.#pieces.add(bytes, from, length);
  }

  cork(): void {
    this.#corked = true;
  }

  write(at: number, length: number): boolean {
    const far = this.#far;
    const pieces = this.#pieces;
    const longest = this.headerLength + this.maxPacket;
    if (
      far.#closed !== undefined ||
      this.#closed !== undefined ||
      length + pieces.length > longest
    ) {
      pieces.clear();
      this.refused++;
      return true;
    }
    const { memory } = this.#user as DeviceUser;
    if (this.#prompt && far.#inbound.count === 0 && this.#lend(at, length)) {
      pieces.clear();
      return true;
    }
    const taken = far.#inbound.push(memory, at, length, pieces);
    pieces.clear();
    if (!taken) {
      this.#blocked = true;
      return false;
    }
    if (far.#user !== undefined && !this.#prompt) far.#notice.came();
    return true;
  }

  flush(): void {
    this.#corked = false;
    const far = this.#far;
    if (!this.#prompt || far.#user === undefined) return;
    if (far.#inbound.count > 0) far.#notice.now();
    else if (this.#handed) far.#user.readable();
    this.#handed = false;
  }

  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#schedule(() => {
        const user = this.#user;
        this.#user = undefined; // whoever has the far end would keep all that it holds
        user?.closed();
        resolve();
      });
    });
    if (this.#far.#blocked) this.#far.#unblock();
    return this.#closed;
  }

  /** Offer the packet to the far end's user, who may read it now; whether it has. */
  #lend(at: number, length: number): boolean {
    const user = this.#far.#user;
    if (user?.packet === undefined || this.#lent > 0) return false;
    this.#lentAt = at;
    this.#lent = length;
    try {
      user.packet(this.#corked);
      if (this.#lent > 0) return false;
    } finally {
      this.#lent = 0;
    }
    this.#handed = true;
    return true;
  }

  /** What is lent, into the far end's memory; 0 if that is too small, where the queue cuts it. */
  #handOver(into: Uint8Array, at: number, room: number): number {
    const length = this.#lent + this.#pieces.length;
    if (length > room) return 0;
    const { memory } = this.#user as DeviceUser; // who has written has started it
    copy(memory, this.#lentAt, into, at, this.#lent);
    this.#pieces.copy(into, at + this.#lent);
    this.#lent = 0;
    return length;
  }

  #tell(): boolean {
    if (this.#closed !== undefined) return false;
    this.#user?.readable();
    return this.#inbound.count > 0;
  }

  #unblock(): void {
    this.#blocked = false;
    this.#schedule(this.#writable);
  }

  readonly #writable = (): void => {
    if (this.#closed === undefined) this.#user?.writable();
  };
}
