/**
 * What `createStack` is given: its options, checked, and the packet slots that follow from them.
 * @module
 */
import type { LookupFunction } from 'node:net';
import type { Device } from '../../../device/device.ts';
import {
  type Address,
  ANY,
  directedBroadcast,
  inPrefix,
  isLoopback,
  isNoHost,
} from '../../base/address.ts';
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import { HEADROOM, Slots } from '../../memory/slots.ts';
import { DEFAULT_LIMITS, type Limits, type Settings } from '../../tcp/tcb/settings.ts';
import * as ethernet from '../../wire/ethernet.ts';
import { checkInteger, checkObject } from './checks.ts';
import { argTypeError, coded, missingError } from './errors.ts';
import { type Cidr, checkAddress, checkCidr } from './lookup.ts';

/** A device, and what the stack is to be on it. */
export interface DeviceOptions {
  /** What gives and takes the packets; the stack closes it. */
  readonly device: Device;
  /** Our address and the length of its network's prefix: `10.83.0.2/24`. */
  readonly address: string;
  /**
   * The router for all that is on no network of ours; must be on the device's. Without it the stack's only
   * device, if it leads to one host whose address is on our network (a TUN that was opened with
   * `hostAddress`), has that host for a router. `false`: there is none.
   */
  readonly gateway?: string | false;
  /**
   * The longest IP packet to send, in bytes, 576 up to the device's; default the device's, which is followed
   * when it changes, up to what the stack's slots hold. Senders of longer packets are told what passes.
   */
  readonly mtu?: number;
  /**
   * Our hardware address on a device that carries frames: `02:00:5e:00:53:01`. Default a random one that is
   * administered locally (IEEE 802 §8.2).
   */
  readonly mac?: string;
}

/** What `createStack` is given. */
export interface StackOptions extends Partial<DeviceOptions> {
  /** Several devices, instead of `device`, `address`, `gateway` and `mtu`. */
  readonly devices?: readonly DeviceOptions[];
  /** How names are looked up: as `dns.lookup`, which is the default. */
  readonly lookup?: LookupFunction;
  /** What connections begin with: times in microseconds, sizes in bytes. */
  readonly tcp?: Partial<Settings>;
  /** How much of what the stack holds at most, see `TcpLimits`. */
  readonly limits?: Partial<Limits>;
  /** Hops that packets may take, 1 to 255; default 64. */
  readonly ttl?: number;
  /** Pass packets between devices. */
  readonly forwarding?: boolean;
  /** How many packets the stack holds at most, 64 to 1 048 576. */
  readonly slots?: number;
  /** Overwrite packets that are released, so that a view which was kept too long shows. */
  readonly poison?: boolean;
  /** Where time and randomness come from; default the system's. For simulations and tests. */
  readonly clock?: Clock;
  /** The system's, unless a simulation or a test is to be repeated. */
  readonly random?: Random;
}

const SMALLEST_MTU = 576;
/** A device that gives longer packets than this has offload. */
const LONG_PACKET = 16_384;
const SLOTS = 4096;
/** Of 64 KiB each: 64 MiB, of which the system commits what is used. */
const LONG_SLOTS = 1024;

/** The devices that the options name. */
export function readDevices(options: StackOptions): readonly DeviceOptions[] {
  checkObject(options, 'options');
  const { device, address, gateway, mtu, mac, devices } = options;
  if (devices !== undefined) {
    if (!Array.isArray(devices)) throw argTypeError('options.devices', 'Array', devices);
    return devices.length === 1 ? devices.map(withHost) : devices;
  }
  if (device === undefined) throw missingError('options.device', 'options.devices');
  if (address === undefined) throw missingError('options.address');
  return [
    withHost({
      device,
      address,
      ...(gateway !== undefined && { gateway }),
      ...(mtu !== undefined && { mtu }),
      ...(mac !== undefined && { mac }),
    }),
  ];
}

/** With the host at the other end of a point-to-point device for a router, where nobody says another. */
function withHost(options: DeviceOptions): DeviceOptions {
  const host = options.device?.hostAddress;
  if (options.gateway !== undefined || host === undefined) return options;
  const { address, bits } = checkCidr(options.address, 'options.address');
  const router = checkAddress(host, 'options.device.hostAddress');
  const isNeighbour = router !== address && inPrefix(router, address, bits);
  return isNeighbour ? { ...options, gateway: host } : options;
}

/** Slots that hold the longest packet of all devices. */
export function makeSlots(options: StackOptions, devices: readonly DeviceOptions[]): Slots {
  for (const { device } of devices) checkDevice(device);
  const packetSize = Math.max(1500, ...devices.map(({ device }) => device.maxPacket));
  const { slots = packetSize > LONG_PACKET ? LONG_SLOTS : SLOTS, poison = false } = options;
  checkInteger(slots, 'options.slots', 64, 1 << 20);
  return new Slots({ count: slots, packetSize: Math.min(packetSize, 65_535), poison });
}

/** The least of each limit; 0 where none is named. */
const LEAST: Partial<Record<keyof Limits, number>> = {
  connections: 1,
  timeWaits: 1,
  receiveWindows: 65_536,
  memory: 65_536,
};

/** `options.limits`, of whole numbers that leave something to work with. */
export function checkLimits(limits: Partial<Limits>): Partial<Limits> {
  checkObject(limits, 'options.limits');
  for (const name of Object.keys(DEFAULT_LIMITS) as (keyof Limits)[]) {
    const value = limits[name];
    if (value === undefined) continue;
    checkInteger(value, `options.limits.${name}`, LEAST[name] ?? 0, Number.MAX_SAFE_INTEGER);
  }
  return limits;
}

function checkDevice(device: unknown): asserts device is Device {
  const { start, read, write } = (device ?? {}) as Partial<Device>;
  if (typeof start === 'function' && typeof read === 'function' && typeof write === 'function')
    return;
  throw argTypeError('options.device', 'Device', device);
}

/** The hardware address to have on a device that carries frames; undefined on one that carries packets. */
function readMac({ device, mac }: DeviceOptions, random: Random): Mac | undefined {
  const frames = device.medium === 'ethernet';
  if (mac === undefined) return frames ? randomMac(random) : undefined;
  const read = typeof mac === 'string' ? ethernet.parse(mac) : undefined;
  if (read === undefined || ethernet.isGroup(read.hi) || (read.hi === 0 && read.lo === 0)) {
    const message = `options.mac ${String(mac)} is no station's address: give one like 02:00:5e:00:53:01`;
    throw coded(TypeError, 'ERR_INVALID_ARG_VALUE', message);
  }
  if (frames) return read;
  const message = `${device.name} carries packets and has no hardware address: leave out options.mac`;
  throw coded(TypeError, 'ERR_INVALID_ARG_VALUE', message);
}

/** IEEE 802 §8.2: administered locally, of one station. */
const randomMac = (random: Random): Mac => ({
  hi: (random.int32() & 0xfcff) | 0x0200,
  lo: random.int32(),
});

/** A hardware address: its first 16 and its last 32 bits. */
interface Mac {
  readonly hi: number;
  readonly lo: number;
}

/** What `readDevice` makes of `DeviceOptions`. */
export interface CheckedDevice {
  readonly device: Device;
  readonly mtu: number;
  readonly prefix: Cidr;
  /** `ANY`: none. */
  readonly router: Address;
  /** Undefined where the device carries packets. */
  readonly mac: Mac | undefined;
}

/** Check one device's options against the slots that there are. */
export function readDevice(options: DeviceOptions, slots: Slots, random: Random): CheckedDevice {
  const { device, address, gateway } = options;
  checkDevice(device);
  const { mtu = device.mtu } = options;
  const prefix = checkCidr(address, 'options.address');
  checkOurs(prefix, address);
  const isNone = gateway === undefined || gateway === false;
  const router = isNone ? ANY : checkAddress(gateway, 'options.gateway');
  if (router !== ANY && !inPrefix(router, prefix.address, prefix.bits)) {
    const message = `the gateway ${gateway} is not on the network of ${address}: give one that is`;
    throw coded(RangeError, 'ERR_INVALID_ARG_VALUE', message);
  }
  checkInteger(mtu, 'options.mtu', Math.min(SMALLEST_MTU, device.mtu), device.mtu);
  const room = slots.size - HEADROOM;
  if (Math.min(device.maxPacket, 65_535) > room) {
    const message =
      `${device.name} gives packets of up to ${device.maxPacket} bytes, and the slots hold ` +
      `${room}: name the device when the stack is made`;
    throw coded(RangeError, 'ERR_OUT_OF_RANGE', message);
  }
  return { device, mtu, prefix, router, mac: readMac(options, random) };
}

/** RFC 1122 §3.2.1.3: what cannot be the address of a host. */
export function checkOurs({ address, bits }: Cidr, text: string): void {
  const broadcast = bits < 31 && address === directedBroadcast(address, bits);
  if (!isNoHost(address) && !isLoopback(address) && !broadcast) return;
  const what = isLoopback(address)
    ? 'a loopback address, which every stack has'
    : "no host's address";
  const message = `${text} is ${what}: give the stack one of its own, like 10.83.0.2/24`;
  throw coded(RangeError, 'ERR_INVALID_ARG_VALUE', message);
}
