/**
 * A device: where packets enter and leave the process. It knows nothing of the stack.
 *
 * It moves packets between its medium and a memory that its user owns, one per call, without a
 * promise, an event or an object per packet. The user drains it: `read` until it gives 0, at most a
 * budget of packets at a time, then `write` whatever is due, then `flush` once.
 *
 * A packet in the memory is `headerLength` bytes of the device's own (a virtio header, or none) and
 * then an IP packet or an Ethernet frame, as `medium` says.
 * @module
 */

/** What a device tells its user; each at most once per turn of the event loop. */
export interface DeviceUser {
  /** Where packets lie. Sized once, never moved. */
  readonly memory: Uint8Array;
  /**
   * There may be packets: call `read` until it gives 0. Who stops before that is told again, in
   * another turn; who cannot take even one is told again after it has read one.
   */
  readable(): void;
  /**
   * A packet is there, from within the call by which somebody else writes it: who reads it at once has it from where
   * it lies, and who does not, later. `readable` follows. Called by a prompt pipe. `stays`: what that one has gathered
   * stays as it is until then (`Device.cork`).
   */
  packet?(stays: boolean): void;
  /** A `write` that gave false may now succeed. */
  writable(): void;
  /** `mtu` and `maxPacket` of the device are not what they were: somebody has changed the interface. */
  mtuChanged?(): void;
  /** The device is gone, with the reason unless `close` was called. Said once, and last. */
  closed(error?: Error): void;
}

/**
 * A user in whose place `closed` hears of the end: for a device around another that has something of its own to end
 * first. It is offered no packet within a write (`packet`), since who stands between could not see it.
 */
export const endingBy = (user: DeviceUser, closed: (error?: Error) => void): DeviceUser => ({
  memory: user.memory,
  readable: () => user.readable(),
  writable: () => user.writable(),
  mtuChanged: () => user.mtuChanged?.(),
  closed,
});

/** What the device does for its user; all false without offload (virtio 1.2 §5.1.6). */
export interface DeviceOffload {
  /** Takes packets whose transport checksum is only begun, and gives such packets. */
  readonly checksum: boolean;
  /** Takes and gives TCP segments over IPv4 of up to 64 KiB. */
  readonly tso4: boolean;
  /** Likewise UDP datagrams. */
  readonly uso4: boolean;
  /** TCP segments over IPv6, likewise; left out: it does not. */
  readonly tso6?: boolean;
  /** UDP datagrams over IPv6. */
  readonly uso6?: boolean;
}

export const NO_OFFLOAD: DeviceOffload = {
  checksum: false,
  tso4: false,
  uso4: false,
  tso6: false,
  uso6: false,
};

/** Where packets come from and go to. Whoever has another way to a network writes one of these. */
export interface Device {
  /** As the system names it (`tun0`), or what kind of device it is. */
  readonly name: string;
  /** `ip`, the default: packets (TUN). `ethernet`: frames (TAP). */
  readonly medium?: 'ip' | 'ethernet';
  /** The longest IP packet, in bytes, that it carries without offload. It may change while it is open. */
  readonly mtu: number;
  /** Bytes of the device's own before each packet: 0, or a virtio header's 10 or 12. */
  readonly headerLength: number;
  /** The longest packet, in bytes, that `read` may give: the MTU, or 65 535 with offload. */
  readonly maxPacket: number;
  /**
   * Where it leads to one host, and that is known: its IPv4 address, dotted decimal. It is the gateway of a stack
   * that has no other device, unless the stack is told another.
   */
  readonly hostAddress?: string | undefined;
  /** Likewise all of its addresses, of both versions of IP, where they are known. */
  readonly hostAddresses?: readonly string[] | undefined;
  /** What it does for its user; `NO_OFFLOAD`, all false, where nothing. */
  readonly offload: DeviceOffload;

  /** Begin, and tell `user` from now on. Throws if it was started before. */
  start(user: DeviceUser): void;

  /**
   * Put the next packet at `at`, where `room` bytes may be used. Its length, the device's header
   * included; 0 if there is none now. A packet longer than `room` is cut: its length is then
   * more than `room`, and it must be counted as lost.
   */
  read(at: number, room: number): number;

  /**
   * Where the device can: the next packets, in order, one to each of the first `count` of `places`, which are as
   * `at` of `read`, and in `lengths` what `read` would give. For how many it has asked: those after have no length, and
   * if the last of them is 0 there are none now. 0: they cannot be had so now; `read` them.
   */
  readMany?(places: Int32Array, count: number, room: number, lengths: Int32Array): number;

  /**
   * Where the device can: the same, of each packet its first `head` bytes to its place, and those that follow to the one of
   * `rests` with its number, each of which has room for the longest. Their memory is the user's again after the call.
   */
  readSplit?(
    places: Int32Array,
    count: number,
    head: number,
    rests: readonly Uint8Array[],
    lengths: Int32Array,
  ): number;

  /**
   * Send the `length` bytes at `at`, the device's header included. False if it cannot take them
   * now: nothing was sent, and `writable` will be called. The memory may be reused at once when it
   * gives true. True is also the answer to what can never be sent (no packet, too long, the device
   * is closed), which the device counts.
   */
  write(at: number, length: number): boolean;

  /**
   * Where the device can: `length` bytes of `bytes` from `from` come after those of the next
   * `write`, and after what was gathered before, without a copy of ours. They must stay as they are
   * until that write, which forgets them whatever it gives. False: they cannot be taken so, and
   * what was gathered before is forgotten too; copy all of it instead.
   */
  gather?(bytes: Uint8Array, from: number, length: number): boolean;

  /**
   * Where the device can: until the next `flush`, which is near, what is gathered may stay where it lies, so that several
   * packets leave at once. It must stay as it is till then.
   */
  cork?(): void;

  /** The end of a batch of writes: those that wait for it leave now. A write that no `flush` follows may stay. */
  flush(): void;

  /** Where the device can keep a process alive: from now on it does, the default. */
  ref?(): unknown;
  /** The process may end while the device is open. */
  unref?(): unknown;

  /** Stop, and release what the system holds. May be called again; settles when all is released. */
  close(): Promise<void>;
}
