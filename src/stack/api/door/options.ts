/**
 * What `createStack` is given: its options, checked, and the packet slots that follow from them.
 * @module
 */
import type { LookupFunction } from 'node:net';
import type { Device } from '../../../device/device.ts';
import {
  type Address,
  directedBroadcast,
  inPrefix,
  isIPv6,
  isLinkLocal,
  isLoopback,
  isNoHost,
  isSameFamily,
  keepForever,
} from '../../base/address.ts';
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { SipKey } from '../../base/siphash.ts';
import type { AutoconfOptions } from '../../ip/discovery/autoconf.ts';
import { HEADROOM, Slots } from '../../memory/slots.ts';
import { DEFAULT_LIMITS, type Limits, type Settings } from '../../tcp/tcb/settings.ts';
import * as ethernet from '../../wire/ethernet.ts';
import { checkBoolean, checkBytes, checkInteger, checkObject } from './checks.ts';
import { argTypeError, coded, missingError, rangeError } from './errors.ts';
import { type Cidr, checkAddress, checkCidr } from './lookup.ts';

/** A device, and what the stack is to be on it. */
export interface DeviceOptions {
  /** What gives and takes the packets; the stack closes it. */
  readonly device: Device;
  /**
   * Our address and the length of its network's prefix: `10.83.0.2/24`, `fd83::2/64`; or several of them. It may be
   * left out on a device that carries frames: what is to come is told by `addAddress`, or by DHCP.
   */
  readonly address?: string | readonly string[];
  /**
   * The router for all that is on no network of ours; must be on the device's, or link-local. Of several each
   * is for its version of IP. Without it the stack's only device, if it leads to one host whose addresses are
   * on our networks (a TUN that was opened with `hostAddress`), has that host for a router. `false`: there is
   * none.
   */
  readonly gateway?: string | readonly string[] | false;
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
  /**
   * Be on one VLAN of a device that carries frames, 1 to 4094: frames have its tag, and the interface is called as
   * Linux calls it, `tap0.10`. A device may be named once for each VLAN, and once without. IEEE 802.1Q §9.6.
   */
  readonly vlan?: number;
  /**
   * How a device that carries frames configures itself for IPv6: `true`, the default where `address` has one of
   * IPv6, listens to routers and takes addresses from their prefixes (RFC 4862), so that `address` may be left
   * out; `false` has a link-local address and what `address` says.
   */
  readonly autoconf?: boolean | Partial<AutoconfOptions>;
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
  /**
   * 16 bytes that nobody else knows, of which the addresses of IPv6 are made that the stack gives itself: with the
   * same it has the same addresses on the same network (RFC 7217). Random unless given: others each time.
   */
  readonly secret?: Uint8Array;
}

const SMALLEST_MTU = 576;
const SECRET_LENGTH = 16;
/** A device that gives longer packets than this has offload. */
const LONG_PACKET = 16_384;
const SLOTS = 4096;
/** Of 64 KiB each: 64 MiB, of which the system commits what is used. */
const LONG_SLOTS = 1024;

/** The devices that the options name. */
export function readDevices(options: StackOptions): readonly DeviceOptions[] {
  checkObject(options, 'options');
  const { device, address, gateway, mtu, mac, vlan, autoconf, devices } = options;
  if (devices !== undefined) {
    if (!Array.isArray(devices)) throw argTypeError('options.devices', 'Array', devices);
    return devices.length === 1 ? devices.map(withHost) : devices;
  }
  if (device === undefined) throw missingError('options.device', 'options.devices');
  if (address === undefined && !autoconf && device?.medium !== 'ethernet') {
    throw missingError('options.address');
  }
  return [
    withHost({
      device,
      ...(address !== undefined && { address }),
      ...(gateway !== undefined && { gateway }),
      ...(mtu !== undefined && { mtu }),
      ...(mac !== undefined && { mac }),
      ...(vlan !== undefined && { vlan }),
      ...(autoconf !== undefined && { autoconf }),
    }),
  ];
}

/** With the host at the other end of a point-to-point device for a router, where nobody says another. */
function withHost(options: DeviceOptions): DeviceOptions {
  const { device, gateway } = options;
  const first = device?.hostAddress === undefined ? [] : [device.hostAddress];
  const hosts = device?.hostAddresses?.length ? device.hostAddresses : first;
  if (gateway !== undefined || hosts.length === 0) return options;
  const ours = listOf(options.address ?? []).map((text) => checkCidr(text, 'options.address'));
  const routers = hosts.filter((host) => {
    const router = checkAddress(host, 'options.device.hostAddress');
    return ours.some(({ address, bits }) => router !== address && inPrefix(router, address, bits));
  });
  return routers.length > 0 ? { ...options, gateway: routers } : options;
}

const listOf = (value: string | readonly string[]): readonly string[] =>
  Array.isArray(value) ? value : [value as string]; // else it is what `checkCidr` will judge

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
  sendBuffers: 65_536,
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

function readVlan({ device, vlan }: DeviceOptions): number {
  if (vlan === undefined) return 0;
  checkInteger(vlan, 'options.vlan', 1, ethernet.MAX_VLAN);
  if (device.medium === 'ethernet') return vlan;
  const message = `${device.name} carries packets, which have no VLAN: leave out options.vlan`;
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
  /** One or more. */
  readonly prefixes: readonly Cidr[];
  /** At most one for each version of IP. */
  readonly routers: readonly Address[];
  /** Undefined where the device carries packets. */
  readonly mac: Mac | undefined;
  /** 0: none. */
  readonly vlan: number;
  /** Undefined: the device does not configure itself. */
  readonly autoconf: Partial<AutoconfOptions> | undefined;
}

/** `options.secret` as the core has it. Throws `ERR_OUT_OF_RANGE` if it is not 16 bytes. */
export function readSecret(secret: unknown): SipKey {
  checkBytes(secret, 'options.secret');
  if (secret.length !== SECRET_LENGTH) {
    throw rangeError('options.secret.length', String(SECRET_LENGTH), secret.length);
  }
  const view = new DataView(secret.buffer, secret.byteOffset, SECRET_LENGTH);
  return Int32Array.of(view.getInt32(0), view.getInt32(4), view.getInt32(8), view.getInt32(12));
}

const MANUAL: Partial<AutoconfOptions> = { acceptRouters: false, addresses: false };

function readAutoconf(
  { autoconf, device }: DeviceOptions,
  prefixes: readonly Cidr[],
): Partial<AutoconfOptions> | undefined {
  const speaks = prefixes.some(({ address }) => isIPv6(address));
  if (device.medium !== 'ethernet') {
    if (autoconf === undefined || autoconf === false) return undefined;
    const message = `${device.name} carries packets, and there is no link to ask: leave out options.autoconf`;
    throw coded(TypeError, 'ERR_INVALID_ARG_VALUE', message);
  }
  if (autoconf === undefined) return speaks ? {} : undefined;
  if (autoconf === true) return {};
  if (autoconf === false) return speaks ? MANUAL : undefined;
  checkObject(autoconf, 'options.autoconf');
  for (const [name, value] of Object.entries(autoconf)) {
    checkBoolean(value, `options.autoconf.${name}`);
  }
  return autoconf;
}

/** Check one device's options against the slots that there are. */
export function readDevice(options: DeviceOptions, slots: Slots, random: Random): CheckedDevice {
  const { device, address = [], gateway } = options;
  checkDevice(device);
  const { mtu = device.mtu } = options;
  const prefixes = listOf(address).map((text) => checkCidr(text, 'options.address'));
  for (const prefix of prefixes) keepForever(prefix.address); // until they are given to the device
  const autoconf = readAutoconf(options, prefixes);
  if (prefixes.length === 0 && !autoconf && device.medium !== 'ethernet') {
    throw missingError('options.address');
  }
  for (const [i, prefix] of prefixes.entries()) checkOurs(prefix, listOf(address)[i] ?? '');
  const routers = readRouters(gateway, prefixes, listOf(address));
  checkInteger(mtu, 'options.mtu', Math.min(SMALLEST_MTU, device.mtu), device.mtu);
  const room = slots.size - HEADROOM;
  if (Math.min(device.maxPacket, 65_535) > room) {
    const message =
      `${device.name} gives packets of up to ${device.maxPacket} bytes, and the slots hold ` +
      `${room}: name the device when the stack is made`;
    throw coded(RangeError, 'ERR_OUT_OF_RANGE', message);
  }
  return {
    device,
    mtu,
    prefixes,
    routers,
    mac: readMac(options, random),
    vlan: readVlan(options),
    autoconf,
  };
}

/** The routers that `gateway` names, each on a network of ours or link-local. */
function readRouters(
  gateway: DeviceOptions['gateway'],
  prefixes: readonly Cidr[],
  addresses: readonly string[],
): Address[] {
  if (gateway === undefined || gateway === false) return [];
  const texts = listOf(gateway);
  const routers = texts.map((text) => checkAddress(text, 'options.gateway'));
  for (const [i, router] of routers.entries()) {
    const onLink = ({ address, bits }: Cidr): boolean => inPrefix(router, address, bits);
    const doubled = routers.findIndex((one) => isSameFamily(one, router)) !== i;
    if (!doubled && (isLinkLocal(router) || prefixes.some(onLink))) continue;
    const message = doubled
      ? `the gateway ${texts[i]} is one too many: give one for each version of IP`
      : `the gateway ${texts[i]} is not on the network of ${addresses.join(', ')}: give one that is`;
    throw coded(RangeError, 'ERR_INVALID_ARG_VALUE', message);
  }
  return routers;
}

/** RFC 1122 §3.2.1.3: what cannot be the address of a host. */
export function checkOurs({ address, bits }: Cidr, text: string): void {
  const broadcast = !isIPv6(address) && bits < 31 && address === directedBroadcast(address, bits);
  if (!isNoHost(address) && !isLoopback(address) && !broadcast) return;
  const what = isLoopback(address)
    ? 'a loopback address, which every stack has'
    : "no host's address";
  const message = `${text} is ${what}: give the stack one of its own, like ${isIPv6(address) ? 'fd83::2/64' : '10.83.0.2/24'}`;
  throw coded(RangeError, 'ERR_INVALID_ARG_VALUE', message);
}
