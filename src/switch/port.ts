/**
 * A port of a switch: a device that carries frames, who may speak there, and what waits for it.
 *
 * A port that is slow has a queue with a bound and loses what is too much; the others go on.
 * @module
 */
import type { Device } from '../device/device.ts';
import { checkInteger, invalid } from '../device/errors.ts';
import { PipeEnd } from '../device/pipe.ts';
import { PacketQueue, type Pieces } from '../device/queue.ts';
import { Direction } from '../device/wrap/pcapng.ts';
import type { Recorder } from '../device/wrap/recorder.ts';
import { Outlet, PIECE } from '../device/wrap/wrapper.ts';
import { plain, REAL_ZERO } from '../stack/base/real.ts';
import { MAX_VLAN } from '../stack/wire/ethernet.ts';
import * as virtio from '../stack/wire/virtio.ts';
import { Bucket } from './bucket.ts';
import { type Cutter, isTcp, isUdp, type PieceTaker } from './cutter.ts';
import { SWITCH_DROP_COUNT, SwitchDrop, switchDropName } from './drops.ts';
import type { Frame } from './frame.ts';
import { Intake } from './intake.ts';
import { Pins } from './pins.ts';

/** What a port is for. */
export interface PortOptions {
  /** What to call it; default the device's name. */
  readonly name?: string;
  /**
   * The VLAN of frames without a tag, 1 to 4094; default 1. With `trunk` that of the frames which travel
   * there without one, and none unless told. IEEE 802.1Q §5.4.
   */
  readonly vlan?: number;
  /** Carry these VLANs with a tag, or `'all'`. Without it the port takes no tags and gives none. */
  readonly trunk?: 'all' | readonly number[];
  /** Frames go to ports that are not isolated, and to no other one. Default false. */
  readonly isolated?: boolean;
  /**
   * Hardware addresses that may speak here, and at no other port of its VLANs that does not name them too; default any.
   */
  readonly mac?: string | readonly string[];
  /**
   * IP addresses that may, of IPv6 the link-local one too; then nothing but IP, ARP and neighbour discovery from them
   * is taken, and at other ports no ARP or neighbour discovery that says that they are the sender's. Default any.
   */
  readonly ip?: string | readonly string[];
  /** Most stations that are learned here, 1 to 1 000 000; default 1024. */
  readonly stations?: number;
  /** Most frames that wait for the device, 1 to 65 536; default 512. */
  readonly queue?: number;
  /**
   * Frames to everyone and to unknown stations that may come from here: so many a second, and as many at
   * once. Default 10 000; `Infinity`: no bound.
   */
  readonly storm?: number;
}

/** Counters of a port. */
export interface PortStats {
  /** Frames that came from the device. */
  readonly framesIn: number;
  /** Bytes of these, the device's own header included. */
  readonly bytesIn: number;
  /** Frames that the device took, or that wait for it. */
  readonly framesOut: number;
  /** Bytes of these, likewise. */
  readonly bytesOut: number;
  /** Frames that wait for the device now. */
  readonly queued: number;
  /** Stations that are known here. */
  readonly stations: number;
  /** Stations that were not learned for want of room. */
  readonly notLearned: number;
  /** Dropped frames by reason: those that came from here, and those that could not leave here. */
  readonly drops: Readonly<Record<string, number>>;
}

const BATCH = 256;
const DEFAULT_VLAN = 1;
const NO_VLAN = 0;

/** The state of a port; what a user holds of it is `SwitchPort`. */
export class Port implements PieceTaker {
  readonly index: number;
  readonly device: Device;
  readonly intake: Intake;
  readonly name: string;
  readonly isolated: boolean;
  readonly stations: number;
  readonly pins: Pins | undefined;
  /** The device, if that is the end of a pipe: what is sent by it need not be copied from where it lies. */
  readonly pipe: PipeEnd | undefined;
  /** Where what passes here is written down, and what is dropped, with the reason. */
  log: Recorder | undefined = undefined;
  /** Where every frame that passes here is shown too. */
  mirror: Port | undefined = undefined;
  touched = false;
  /** Bytes of frames that were taken as they were written, since the last turn. */
  early = 0;
  framesIn = 0;
  bytesIn: number = REAL_ZERO;
  framesOut = 0;
  bytesOut: number = REAL_ZERO;
  notLearned = 0;
  /** By `SwitchDrop`. */
  readonly drops: Float64Array = new Float64Array(SWITCH_DROP_COUNT);
  /** VLAN of frames without a tag; 0: such frames are not carried. */
  readonly #untagged: number;
  /** A bit a VLAN that is carried with a tag; undefined: none. */
  readonly #tagged: Uint32Array | undefined;
  /** Undefined: no bound. */
  readonly #storm: Bucket | undefined;
  readonly #memory: Uint8Array;
  readonly #cutter: Cutter;
  readonly #waiting: PacketQueue;
  readonly #outlet: Outlet;
  readonly #headerLength: number;
  /** The longest frame that the device takes, its header included. */
  #longest: number;
  #blocked = false;

  /**
   * What waits is handed to the device from `at` in `memory`, and several frames are read to `intakeAt`. Throws for
   * options that cannot be meant.
   */
  constructor(
    index: number,
    device: Device,
    memory: Uint8Array,
    at: number,
    intakeAt: number,
    cutter: Cutter,
    options: PortOptions,
  ) {
    const { name = device.name, trunk, stations = 1024, queue = 512, storm = 10_000 } = options;
    checkInteger('stations', stations, 1, 1_000_000);
    checkInteger('queue', queue, 1, 65_536);
    if (!(storm > 0)) throw invalid('storm', storm, 'it must be above 0');
    this.index = index;
    this.device = device;
    this.intake = new Intake(device, intakeAt);
    this.pipe = device instanceof PipeEnd ? device : undefined;
    this.name = name;
    this.isolated = options.isolated ?? false;
    this.stations = stations;
    this.#untagged = options.vlan ?? (trunk === undefined ? DEFAULT_VLAN : NO_VLAN);
    if (options.vlan !== undefined) checkInteger('vlan', options.vlan, 1, MAX_VLAN);
    this.#tagged = trunk === undefined ? undefined : vlanSet(trunk);
    const macs = listOf(options.mac);
    const addresses = listOf(options.ip);
    this.pins = macs.length + addresses.length > 0 ? new Pins(macs, addresses) : undefined;
    this.#storm = storm === Number.POSITIVE_INFINITY ? undefined : new Bucket(storm, storm);
    this.#memory = memory;
    this.#cutter = cutter;
    this.#headerLength = device.headerLength;
    this.#longest = device.headerLength + device.maxPacket;
    this.#waiting = new PacketQueue(queue, this.#longest);
    this.#outlet = new Outlet(device, at, () => this.#waiting.shift(memory, at, PIECE));
  }

  /** Frames that wait, the one that the device has refused included. */
  get queued(): number {
    return this.#waiting.count + (this.#outlet.waits ? 1 : 0);
  }

  /**
   * The VLAN of a frame that comes in, whose tag names `named` (0: it has none, or only a priority);
   * 0 if the port does not carry it. IEEE 802.1Q §6.9.
   */
  vlanOf(named: number): number {
    if (named === NO_VLAN) return this.#untagged;
    return this.#carriesTagged(named) ? named : NO_VLAN;
  }

  /** Whether frames of this VLAN leave here. */
  carries(vlan: number): boolean {
    return vlan === this.#untagged || this.#carriesTagged(vlan);
  }

  /** Whether any VLAN is carried with a tag. */
  get isTrunk(): boolean {
    return this.#tagged !== undefined;
  }

  /** Whether they leave here with a tag. */
  tags(vlan: number): boolean {
    return vlan !== this.#untagged;
  }

  /** One more frame to everyone: false if it is one too many. */
  mayFlood(now: number): boolean {
    return this.#storm === undefined || this.#storm.take(now);
  }

  drop(reason: SwitchDrop): void {
    this.drops[reason] = (this.drops[reason] as number) + 1; // `SwitchDrop` holds only such indices
  }

  /**
   * Send a frame, which stays as it is: with the header of this device, and in segments where it stands for
   * many that the device cannot take as one. What has no virtio header goes whole if the device carries it.
   */
  send(frame: Frame): void {
    const headerLength = this.#headerLength;
    if (frame.headerLength === headerLength && this.#takes(frame)) {
      this.#putFrame(frame);
      return;
    }
    frame.whole();
    if (frame.headerLength === 0) {
      const at = frame.at - headerLength;
      virtio.clear(frame.view, at, headerLength);
      this.put(at, frame.length + headerLength);
    } else {
      const one = frame.gsoType === virtio.Gso.NONE || frame.payloadLength <= this.device.mtu;
      const cutter = this.#cutter;
      const good = one
        ? cutter.finish(frame, headerLength, this)
        : cutter.cut(frame, headerLength, this);
      if (!good) this.drop(SwitchDrop.OFFLOAD);
    }
  }

  /** As it is: from where its parts lie, if the device gathers them. */
  #putFrame(frame: Frame): void {
    const { tail, at, length } = frame;
    const may = tail !== undefined && !this.#blocked && length <= this.#longest;
    const isApart = may && this.#gathers(tail, frame.stays);
    if (!isApart || !this.device.write(at, length - tail.length)) {
      frame.whole();
      this.#blocked ||= isApart; // the device has just refused it
      this.put(at, length);
      return;
    }
    this.touched = true;
    this.framesOut++;
    this.bytesOut += length;
  }

  /** Have the device take `tail` behind what is written next; not if the frame is looked at here besides. */
  #gathers(tail: Pieces, stays: boolean): boolean {
    const { device, log, mirror } = this;
    if (device.gather === undefined || log !== undefined || mirror !== undefined) return false;
    for (let i = 0; i < tail.count; i++) {
      const bytes = tail.bytes[i] as Uint8Array; // below the count, as are the others
      if (!device.gather(bytes, tail.from[i] as number, tail.lengths[i] as number)) return false;
    }
    if (stays) device.cork?.();
    return true;
  }

  /** Send `length` bytes, the device's header included; what the device cannot take waits. */
  put(at: number, length: number): void {
    if (length > this.#longest) {
      this.#lose(SwitchDrop.TOO_LONG, at, length);
      return;
    }
    this.touched = true;
    this.#blocked ||= !this.device.write(at, length);
    if (this.#blocked && !this.#waiting.push(this.#memory, at, length)) {
      this.#lose(SwitchDrop.QUEUE_FULL, at, length);
      return;
    }
    this.framesOut++;
    this.bytesOut += length;
    this.#record(at, length, '');
  }

  /** The device carries longer or shorter packets than it did. */
  resize(): void {
    this.#longest = this.#headerLength + this.device.maxPacket;
    this.intake.resize();
  }

  /** The device takes frames again. */
  drain(): void {
    do this.#outlet.run(BATCH);
    while (!this.#outlet.waits && this.#waiting.count > 0);
    this.#blocked = this.#outlet.waits;
  }

  /** Everything that was counted. */
  stats(stations: number): PortStats {
    const drops: Record<string, number> = {};
    for (const reason of Object.values(SwitchDrop)) {
      if (reason !== SwitchDrop.NONE) drops[switchDropName(reason)] = this.drops[reason] as number;
    }
    const { framesIn, framesOut, queued, notLearned } = this;
    const [bytesIn, bytesOut] = [plain(this.bytesIn), plain(this.bytesOut)];
    return { framesIn, bytesIn, framesOut, bytesOut, queued, stations, notLearned, drops };
  }

  /** Whether the device does what a frame with its kind of header leaves to do. virtio 1.2 §5.1.6. */
  #takes(frame: Frame): boolean {
    if (frame.headerLength === 0) return true;
    const { offload } = this.device;
    const gso = frame.gsoType;
    if (gso === virtio.Gso.NONE) return offload.checksum || !frame.needsChecksum;
    return isUdp(gso) ? offload.uso4 : offload.tso4 && isTcp(gso);
  }

  #lose(reason: SwitchDrop, at: number, length: number): void {
    this.drop(reason);
    this.#record(at, length, whyDropped(reason));
  }

  #record(at: number, length: number, comment: string): void {
    if (this.log === undefined) return;
    const { headerLength } = this.device;
    this.log.begin(this.#cutter.view, at + headerLength, length - headerLength, headerLength);
    this.log.end(Direction.OUT, comment);
  }

  #carriesTagged(vlan: number): boolean {
    const set = this.#tagged;
    return set !== undefined && ((set[vlan >>> 5] as number) & (1 << (vlan & 31))) !== 0; // 12 bits
  }
}

/** What a capture says of a frame that was dropped: `dropped: queueFull`. */
export const whyDropped = (reason: SwitchDrop): string =>
  reason === SwitchDrop.NONE ? '' : `dropped: ${switchDropName(reason)}`;

const listOf = (given: string | readonly string[] | undefined): readonly string[] =>
  given === undefined ? [] : typeof given === 'string' ? [given] : given;

function vlanSet(trunk: 'all' | readonly number[]): Uint32Array {
  const set = new Uint32Array(128);
  if (trunk === 'all') {
    set.fill(-1);
    set[0] = -2; // VLAN 0 is none,
    set[127] = 0x7fff_ffff; // and 4095 is reserved
    return set;
  }
  for (const vlan of trunk) {
    checkInteger('trunk', vlan, 1, MAX_VLAN);
    set[vlan >>> 5] = (set[vlan >>> 5] as number) | (1 << (vlan & 31));
  }
  return set;
}
