/**
 * A switch: devices that carry frames are plugged in, and each frame goes where its station was heard
 * last, or to everyone. IEEE 802.1Q §8: reception, learning, forwarding, filtering.
 *
 * A frame is handed on in the turn in which it came, from the place where it was read: it is copied only
 * where a device copies, or where a port is slow. Nothing is allocated for it.
 *
 * There is no spanning tree. Where two switches are joined twice, what goes to everyone comes back by another port
 * at once: such a frame is dropped, so a loop carries nothing round and round.
 *
 * Ports may differ in what their devices do: a segment of 64 KiB goes as it is where the device takes it, and
 * is cut where it does not (`cutter.ts`).
 * @module
 */
import { randomInt } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { Device } from '../device/device.ts';
import { checkInteger, checkNumber, DeviceError, invalid } from '../device/errors.ts';
import type { Pieces } from '../device/queue.ts';
import { Direction } from '../device/wrap/pcapng.ts';
import { PIECE } from '../device/wrap/wrapper.ts';
import * as ethernet from '../stack/wire/ethernet.ts';
import { Cutter } from './cutter.ts';
import { SwitchDrop } from './drops.ts';
import { Frame } from './frame.ts';
import { Audience, Groups } from './groups.ts';
import { Held } from './held.ts';
import { type FrameVerdict, Shown, type SwitchFrame } from './hook.ts';
import { INTAKE_SIZE } from './intake.ts';
import { SwitchPort } from './plug.ts';
import { Port, type PortOptions, whyDropped } from './port.ts';
import { Repeats } from './repeats.ts';
import { Learned, Stations, UNKNOWN } from './stations.ts';

/** How a switch is to be. */
export interface SwitchOptions {
  /** Most ports at once, 2 to 4096; default 256. */
  readonly ports?: number;
  /** Most stations that are known, over all ports, 1 to 1 000 000; default 8192. */
  readonly stations?: number;
  /** Seconds after which a station that is not heard is forgotten; default 300. IEEE 802.1Q table 8-6. */
  readonly ageing?: number;
  /** Gives microseconds, never less than before; default the system's clock. */
  readonly clock?: { now(): number };
  /**
   * Milliseconds for which a station that was heard at one port is not believed to have sent to everyone by
   * another, nor a frame to everyone to be another one where it comes by another port, or for the eleventh time by the
   * same: those are loops. Default 100; 0: loops are not looked for.
   */
  readonly persistence?: number;
  /**
   * Hand what is for a group to those ports alone that have joined it and to routers, where a router asks who
   * listens. RFC 4541. Default true.
   */
  readonly snooping?: boolean;
  /** 32 bits that strangers cannot guess: the key of the table of stations. Default random. */
  readonly secret?: number;
}

/** A station that a switch knows. */
export interface SwitchStation {
  /** Its hardware address: `02:00:5e:00:53:01`. */
  readonly mac: string;
  /** 1 to 4094. */
  readonly vlan: number;
  /** Where it was heard last. */
  readonly port: SwitchPort;
  /** Seconds since then. */
  readonly age: number;
}

/** Frames of one turn, and bytes, before others have theirs; the device tells again what is left. */
const BUDGET = 256;
const ENOUGH = 512 * 1024;
/** More than the headers that are looked at here, of a device and a frame with its tags. */
const HEADS = 40;

/** Devices that carry frames, switched. */
export class Switch {
  /** Shown each frame that is to be handed on, before its sender is learned; null: nobody. */
  onFrame: ((frame: SwitchFrame) => FrameVerdict) | null = null;
  readonly #ports: (Port | undefined)[];
  readonly #handles = new Map<Port, SwitchPort>();
  readonly #stations: Stations;
  readonly #held: Held;
  readonly #clock: { now(): number };
  /**
   * The frame that is being handed on, a piece for each port that has to wait, one in which frames are cut, and what was
   * read by one call.
   */
  readonly #memory: Uint8Array;
  readonly #frame: Frame;
  readonly #cutter: Cutter;
  /** Undefined: groups are everyone's. */
  readonly #groups: Groups | undefined;
  readonly #persistence: number;
  readonly #repeats: Repeats;
  readonly #shown: Shown;
  #busy = false;
  #closed = false;

  /** Not for use from outside: `createSwitch` makes these. */
  constructor(options: SwitchOptions) {
    const { ports = 256, stations = 8192, ageing = 300, persistence = 100 } = options;
    checkInteger('ports', ports, 2, 4096);
    checkInteger('stations', stations, 1, 1_000_000);
    checkNumber('ageing', ageing, 0.001, 1_000_000);
    checkNumber('persistence', persistence, 0, 60_000);
    const secret = options.secret ?? randomInt(2 ** 32);
    this.#clock = options.clock ?? { now: () => performance.now() * 1000 };
    this.#ports = new Array<Port | undefined>(ports).fill(undefined);
    this.#stations = new Stations(stations, ports, ageing * 1e6, secret | 0);
    this.#held = new Held(this.#stations);
    this.#persistence = persistence * 1000;
    this.#repeats = new Repeats(this.#persistence, secret | 0);
    this.#groups = (options.snooping ?? true) ? new Groups(ports, secret | 0) : undefined;
    // Pages that nothing is written to cost nothing: a piece a port is address space, not memory.
    this.#memory = new Uint8Array((ports + 2) * PIECE + INTAKE_SIZE);
    this.#cutter = new Cutter(this.#memory, (ports + 1) * PIECE);
    this.#frame = new Frame(this.#memory);
    this.#shown = new Shown(this.#frame);
  }

  /** The ports that are plugged in. */
  get ports(): SwitchPort[] {
    return [...this.#handles.values()];
  }

  /** The stations that are known now. */
  stations(): SwitchStation[] {
    const found: SwitchStation[] = [];
    for (const { hi, lo, vlan, port, age } of this.#stations.list(this.#clock.now())) {
      const at = this.#handleOf(this.#ports[port]);
      if (at !== undefined)
        found.push({ mac: ethernet.format(hi, lo), vlan, port: at, age: age / 1e6 });
    }
    return found;
  }

  /**
   * Plug in a device that carries frames, with offload or without; it is the switch's then, and closed with it.
   * Throws a `TypeError` with `ERR_INVALID_ARG_VALUE` for a device of packets; a `DeviceError` `ENOSPC` if all
   * ports are taken.
   */
  plug(device: Device, options: PortOptions = {}): SwitchPort {
    if (this.#closed) throw new DeviceError('ENODEV', 'the switch is closed');
    if (device.medium !== 'ethernet') {
      throw invalid('device', device.name, 'it carries packets; a switch takes devices of frames');
    }
    const index = this.#ports.indexOf(undefined);
    if (index < 0) throw new DeviceError('ENOSPC', `all ${this.#ports.length} ports are taken`);
    const [memory, cutter] = [this.#memory, this.#cutter];
    const intakeAt = memory.length - INTAKE_SIZE;
    const at = (index + 1) * PIECE;
    const port = new Port(index, device, memory, at, intakeAt, cutter, options);
    let tell: (error: Error | undefined) => void = () => {};
    const unplugged = new Promise<Error | undefined>((resolve) => {
      tell = resolve;
    });
    device.start({
      memory,
      readable: () => this.#readable(port),
      packet: (stays) => this.#packet(port, stays),
      writable: () => port.drain(),
      mtuChanged: () => port.resize(),
      closed: (error) => {
        this.#remove(port);
        tell(error);
      },
    });
    this.#ports[index] = port;
    this.#held.add(port);
    const handle = new SwitchPort(port, this.#stations, unplugged, () => {
      port.intake.close();
      return device.close();
    });
    this.#handles.set(port, handle);
    return handle;
  }

  /**
   * Show every frame that comes from `from` or leaves there at `to` as well, as it stands on that cable;
   * undefined ends it. Throws a `TypeError` for ports of another switch.
   */
  mirror(from: SwitchPort, to: SwitchPort | undefined): void {
    const port = this.#portOf(from);
    port.mirror = to && this.#portOf(to);
  }

  /** The process stays alive while devices are plugged in; the default. */
  ref(): this {
    for (const port of this.#handles.keys()) port.device.ref?.();
    return this;
  }

  /** The process may end while devices are plugged in that are there now. */
  unref(): this {
    for (const port of this.#handles.keys()) port.device.unref?.();
    return this;
  }

  /** Pull everything out, and close the devices. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.ports.map((port) => port.unplug()));
  }

  #portOf(handle: SwitchPort): Port {
    for (const [port, known] of this.#handles) if (known === handle) return port;
    throw invalid('port', handle?.name, 'it is not plugged into this switch');
  }

  #handleOf(port: Port | undefined): SwitchPort | undefined {
    return port && this.#handles.get(port);
  }

  #remove(port: Port): void {
    if (this.#ports[port.index] !== port) return;
    this.#ports[port.index] = undefined;
    this.#handles.delete(port);
    this.#held.remove(port);
    this.#stations.forget(port.index);
    this.#groups?.forget(port.index);
    void port.log?.finish();
    for (const other of this.#ports) if (other?.mirror === port) other.mirror = undefined;
  }

  #readable(port: Port): void {
    if (this.#busy) {
      this.#readLater(port); // told from within a frame of another port
      return;
    }
    this.#busy = true;
    try {
      this.#takeAll(port);
    } finally {
      this.#busy = false;
    }
    for (const out of this.#ports) {
      if (out === undefined || !out.touched) continue;
      out.touched = false;
      out.device.flush();
    }
  }

  /** Apart: a closure in `#readable` would cost it an object each time. */
  #readLater(port: Port): void {
    setImmediate(() => this.#readable(port));
  }

  /**
   * One frame that lies with who sends it; `readable` comes when it has sent all. There is no bound but what the sender
   * sends in one turn of its own: whatever is left would be copied into a queue and out of it, in the same turn, and
   * that is as much work as to send it.
   */
  #packet(port: Port, stays: boolean): void {
    if (this.#busy) return;
    this.#busy = true;
    this.#frame.stays = stays;
    try {
      port.early += this.#takePrompt(port, this.#clock.now());
    } finally {
      this.#busy = false;
    }
  }

  #takeAll(port: Port): void {
    const now = this.#clock.now();
    const { intake } = port;
    let taken = port.early;
    port.early = 0;
    intake.begin();
    // One in any case: who reads none is not told again. And all that was read with it: the next port reads there.
    for (let left = BUDGET; left > 0 || intake.waiting > 0; left--) {
      const length = this.#takeRead(port, intake.next(), now);
      taken += length;
      if (length === 0 || (taken >= ENOUGH && intake.waiting === 0)) break;
    }
    intake.end();
  }

  /** A frame that is being written: its length, or 0. What lies with who sends it by a pipe is left there. */
  #takePrompt(port: Port, now: number): number {
    const { intake, pipe } = port;
    const head = pipe && port.log === undefined ? intake.readHead(pipe, HEADS) : 0;
    if (pipe === undefined || head === 0) return this.#takeRead(port, intake.read(), now);
    return this.#takeRead(port, head + pipe.tail.length, now, pipe.tail);
  }

  /** The frame that `intake` has read, of `length` bytes, of which the last are in `tail`: its length. */
  #takeRead(port: Port, length: number, now: number, tail?: Pieces): number {
    if (length === 0) return 0;
    const { intake, log } = port;
    this.#frame.tail = tail;
    port.framesIn++;
    port.bytesIn += length;
    if (log !== undefined) {
      const head = port.device.headerLength;
      const kept = Math.min(length, intake.room);
      log.begin(this.#frame.view, intake.at + head, kept - head, head);
    }
    const drop = this.#take(port, length, now);
    if (drop !== SwitchDrop.NONE) port.drop(drop);
    log?.end(Direction.IN, whyDropped(drop));
    return length;
  }

  /** A frame of `length` bytes lies where it was read. */
  #take(port: Port, length: number, now: number): SwitchDrop {
    const { intake } = port;
    if (length > intake.room) return SwitchDrop.TOO_LONG;
    const frame = this.#frame;
    frame.at = intake.at;
    frame.length = length;
    frame.headerLength = port.device.headerLength;
    if (!frame.valid) return SwitchDrop.SHORT;
    if (port.mirror !== undefined || port.pins !== undefined) frame.whole();
    if (port.mirror !== undefined) port.mirror.send(frame);
    const { view } = frame;
    const sourceHi = ethernet.sourceHi(view, frame.start);
    const sourceLo = ethernet.sourceLo(view, frame.start);
    if (ethernet.isGroup(sourceHi) || (sourceHi === 0 && sourceLo === 0)) return SwitchDrop.SOURCE;
    frame.vlan = port.vlanOf(frame.readTag());
    // Below a tag that only has a priority another one may hide, to be believed by who sees it bare.
    if (frame.vlan === 0 || (frame.stacked && !port.isTrunk)) return SwitchDrop.VLAN;
    const pinned = this.#held.check(port, frame, now);
    if (pinned !== SwitchDrop.NONE) return pinned;
    if (this.onFrame !== null && !this.#passes(port)) return SwitchDrop.HOOK;
    return this.#relay(port, now);
  }

  /** Learn who sent it, and hand it on. IEEE 802.1Q §8.6, §8.7. */
  #relay(port: Port, now: number): SwitchDrop {
    const { view, start, vlan } = this.#frame;
    // A hook may have changed the addresses.
    const hi = ethernet.destinationHi(view, start);
    const lo = ethernet.destinationLo(view, start);
    if (ethernet.isReserved(hi, lo)) return SwitchDrop.RESERVED;
    const sourceHi = ethernet.sourceHi(view, start);
    const sourceLo = ethernet.sourceLo(view, start);
    const place = ethernet.isGroup(hi) ? UNKNOWN : this.#stations.find(vlan, hi, lo, now);
    if (place === UNKNOWN && this.#isLoop(port, sourceHi, sourceLo, now)) return SwitchDrop.LOOP;
    this.#learn(port, sourceHi, sourceLo, now);
    if (place === UNKNOWN) return this.#flood(port, hi, now);
    if (place === port.index) return SwitchDrop.REFLECTED;
    const out = this.#ports[place];
    if (out === undefined) return this.#flood(port, hi, now);
    if (port.isolated && out.isolated) return SwitchDrop.ISOLATED;
    this.#send(out);
    return SwitchDrop.NONE;
  }

  #learn(port: Port, hi: number, lo: number, now: number): void {
    const { vlan } = this.#frame;
    const learned = this.#stations.learn(vlan, hi, lo, port.index, port.stations, now);
    if (learned === Learned.FULL) port.notLearned++;
  }

  /** What a station sends to everyone comes in where it is, unless it was sent round. */
  #isLoop(port: Port, hi: number, lo: number, now: number): boolean {
    if (this.#persistence === 0) return false;
    const frame = this.#frame;
    if (this.#stations.isElsewhere(frame.vlan, hi, lo, port.index, now, this.#persistence))
      return true;
    frame.whole();
    return this.#repeats.has(frame, port.index, now);
  }

  #flood(port: Port, hi: number, now: number): SwitchDrop {
    if (!port.mayFlood(now)) return SwitchDrop.STORM;
    const frame = this.#frame;
    frame.whole();
    const groups = ethernet.isGroup(hi) ? this.#groups : undefined;
    const audience = groups?.audience(frame, port.index, now) ?? Audience.ALL;
    for (const out of this.#ports) {
      if (out === undefined || out === port || !out.carries(frame.vlan)) continue;
      if (port.isolated && out.isolated) continue;
      if (groups?.hears(audience, frame, out.index, now) === false) continue;
      this.#send(out);
    }
    return SwitchDrop.NONE;
  }

  /** As the port out wants it: with a tag, or without. */
  #send(out: Port): void {
    const frame = this.#frame;
    if (out.tags(frame.vlan)) frame.tag();
    else if (frame.tagged) {
      // Whoever is behind a trunk would take the tag below for the frame's own: another VLAN.
      if (out.isTrunk && frame.stacked) {
        out.drop(SwitchDrop.VLAN);
        return;
      }
      frame.untag();
    }
    out.send(frame);
    if (out.mirror !== undefined) out.mirror.send(frame);
  }

  #passes(port: Port): boolean {
    const shown = this.#shown;
    const handle = this.#handleOf(port);
    if (handle === undefined) return false;
    shown.fill(handle);
    try {
      return this.onFrame?.(shown) !== 'drop';
    } catch (error) {
      process.nextTick(() => {
        throw error;
      });
      return false;
    }
  }
}

/**
 * A switch for devices that carry frames: TAPs, pipes, machines. Throws a `RangeError` with
 * `ERR_OUT_OF_RANGE` for numbers that cannot be meant. IEEE 802.1Q.
 */
export const createSwitch = (options: SwitchOptions = {}): Switch => new Switch(options);
