/**
 * An interface of Linux with us at its other end: made or attached by name, and brought up. What is
 * the same for a TUN and a TAP. `Documentation/networking/tuntap.rst`.
 * @module
 */
import { NO_OFFLOAD } from '../device.ts';
import { checkInteger, DeviceError, invalid } from '../errors.ts';
import { type Medium, VIRTIO_HEADER } from '../medium.ts';
import { type Cidr, checkMtu, checkName, parseCidr, parseMac } from '../options.ts';
import { type Attached, makeDevice } from './attached.ts';
import type { TunDevice } from './descriptor.ts';
import { Iff, LinkControl, TunControl } from './ioctl.ts';
import { loadLibc } from './libc.ts';
import { askOffload, noOffload } from './offload.ts';
import { closeOwned, openOwned } from './owned.ts';
import { checkWaiting, type WaitOptions } from './waiting.ts';

const PATH = '/dev/net/tun';
/**
 * Packets that the kernel keeps for a TUN of ours. Linux gives 500, which one TCP stream of Linux
 * fills (4 MiB of send buffer are 2900 segments): it then lives by the losses of that queue. Measured
 * with `npm run bench:link -- --only throughput`: docs/speed.md.
 */
const TX_QUEUE_LENGTH = 4096;
/**
 * With offload. 1000 streams of Linux that begin at once send packets of 3 to 6 KiB until they know their rate. On idle cores
 * 8192 places hold them; beside three busy programs 8500 to 10 200 packets were lost of these in four of five runs, which then
 * stood at 0.4 to 2 Gbit/s for their second (Jain's index 0.3 to 0.7), and of 16 384 none, with 6 to 10 (0.99). Longer is no
 * faster, and an echo behind a flood waits for all that is before it. Without offload it is the other way round: 100 streams
 * that share a longer queue lose more of it and take in less (docs/speed.md).
 */
const TX_QUEUE_LENGTH_OFFLOAD = 16_384;
const MAX_TX_QUEUE_LENGTH = 65_536;

/** Which interface, and how it is to be. */
export interface TunOptions extends WaitOptions {
  /** Up to 15 bytes; `tun%d` or nothing lets the kernel choose. An existing TUN is attached to. */
  name?: string;
  /**
   * The kernel's own address on the interface, `10.83.0.1/24`, or several, of IPv6 too: `fd83::1/64`. Without it
   * addresses are left alone. A stack with no other device takes the kernel for its gateway.
   */
  hostAddress?: string | readonly string[];
  /** 68 to 65 535. Without it the interface's own is kept (1500 for a new one). */
  mtu?: number;
  /**
   * Packets that the kernel keeps until they are read; it drops what comes beyond. 1 to 65 536. Without
   * it a new interface gets 4096, with offload 16 384 (Linux would give 500), and one that is attached to keeps its own.
   */
  txQueueLength?: number;
  /**
   * Checksums and segmentation by the kernel: `true` or an error, `'auto'` where the kernel has it.
   * Default `false`.
   */
  offload?: boolean | 'auto';
  /** Let several descriptors share the interface, flows spread over them by hash. */
  multiQueue?: boolean;
  /** `true`: the interface outlives the program; `false`: it does not. Without it, as it was. */
  persist?: boolean;
}

/** What a TAP is told besides what a TUN is. */
export interface TapOptions extends TunOptions {
  /**
   * Make the interface a port of this bridge of the kernel's, which must be there. The address is then the
   * bridge's: `hostAddress` is refused.
   */
  bridge?: string;
  /**
   * The kernel's own hardware address on the interface, `02:00:5e:00:53:01`; default one that the kernel makes
   * up. A stack's is told to `createStack`.
   */
  mac?: string;
}

/** Make an interface, or attach to it, and bring it up as the options say. */
export async function openInterface(options: TapOptions, medium: Medium): Promise<TunDevice> {
  const { name = '', mtu, persist, hostAddress = [], bridge } = options;
  checkName(name);
  const mac = options.mac === undefined ? undefined : parseMac('mac', options.mac);
  if (bridge !== undefined) checkBridge(bridge, hostAddress);
  if (mtu !== undefined) checkMtu(mtu);
  if (options.txQueueLength !== undefined) {
    checkInteger('txQueueLength', options.txQueueLength, 1, MAX_TX_QUEUE_LENGTH);
  }
  const addresses = hostAddresses(hostAddress);
  checkWaiting(options);
  const libc = await loadLibc();
  const link = new LinkControl(libc);
  let fd = -1;
  try {
    fd = openOwned(PATH);
    const isNew = !link.exists(name);
    const control = new TunControl(libc);
    const attached = attach(control, fd, options, medium);
    if (persist !== undefined) control.setPersist(fd, persist);
    if (isNew && options.txQueueLength === undefined) {
      const { tso4 } = attached.offload;
      wishQueue(link, attached.name, tso4 ? TX_QUEUE_LENGTH_OFFLOAD : TX_QUEUE_LENGTH);
    }
    if (mac !== undefined) wantMac(link, attached.name, mac);
    const actual = configure(link, attached.name, addresses, options);
    if (bridge !== undefined) link.setBridge(attached.name, bridge);
    const host = medium === 'ip' ? link.ipv4(attached.name) : undefined;
    const known = host === undefined ? [] : [host];
    const hosts = medium === 'ip' ? [...known, ...ipv6Texts(hostAddress)] : [];
    const named = { hostAddress: host, hostAddresses: hosts };
    const all = {
      ...attached,
      medium,
      mtu: actual,
      ...named,
      multiQueue: options.multiQueue ?? false,
    };
    return makeDevice(libc, control, fd, all, options);
  } catch (error) {
    if (fd >= 0) closeOwned(fd);
    throw error;
  } finally {
    link.close();
  }
}

function attach(
  control: TunControl,
  fd: number,
  options: TunOptions,
  medium: Medium,
): Pick<Attached, 'name' | 'headerLength' | 'offload'> {
  const { name = '', offload = false, multiQueue = false } = options;
  const virtio = offload !== false && (control.features(fd) & Iff.VNET_HDR) !== 0;
  if (offload === true && !virtio) throw noOffload();
  const kind = medium === 'ip' ? Iff.TUN : Iff.TAP;
  const queue = multiQueue ? Iff.MULTI_QUEUE : 0;
  const flags = kind | Iff.NO_PI | queue | (virtio ? Iff.VNET_HDR : 0);
  const actual = control.attach(fd, name, flags);
  if (!virtio) {
    // An interface that persists may remember the wishes of the program before us.
    control.setOffload(fd, 0);
    return { name: actual, headerLength: 0, offload: NO_OFFLOAD };
  }
  control.setHeaderSize(fd, VIRTIO_HEADER);
  const granted = askOffload(control, fd);
  if (offload === true && !granted.checksum) throw noOffload();
  return { name: actual, headerLength: VIRTIO_HEADER, offload: granted };
}

/**
 * MTU, queue, addresses, link up: only what differs, so that attaching needs no permission for the rest.
 */
function configure(
  link: LinkControl,
  name: string,
  addresses: readonly Cidr[],
  { mtu, txQueueLength: queue }: TunOptions,
): number {
  if (mtu !== undefined && link.mtu(name) !== mtu) link.setMtu(name, mtu);
  if (queue !== undefined && link.txQueueLength(name) !== queue) link.setTxQueueLength(name, queue);
  for (const { version, octets, prefix } of addresses) {
    if (version === 6) link.addIpv6(name, octets, prefix);
    else if (!link.hasIpv4(name, octets, prefix)) link.setIpv4(name, octets, prefix);
  }
  if (!link.isUp(name)) link.setUp(name);
  return link.mtu(name);
}

function wantMac(link: LinkControl, name: string, mac: Uint8Array): void {
  const has = link.hardwareAddress(name);
  if (mac.some((octet, i) => octet !== has[i])) link.setHardwareAddress(name, mac);
}

function checkBridge(bridge: string, hostAddress: string | readonly string[]): void {
  checkName(bridge);
  if (bridge === '') throw invalid('bridge', bridge, 'name a bridge');
  if (hostAddress.length > 0) {
    throw invalid('hostAddress', hostAddress, `give it to ${bridge}, of which this is a port`);
  }
}

/** Nobody asked for it: where it is refused, the kernel's own length will do. */
function wishQueue(link: LinkControl, name: string, packets: number): void {
  try {
    link.setTxQueueLength(name, packets);
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
  }
}

/** The IPv6 addresses that were asked for, without their prefixes. */
function ipv6Texts(given: string | readonly string[]): string[] {
  const list = typeof given === 'string' ? [given] : given;
  return list.filter((text) => text.includes(':')).map((text) => text.split('/')[0] ?? '');
}

function hostAddresses(given: string | readonly string[]): Cidr[] {
  const list = typeof given === 'string' ? [given] : given;
  const parsed = list.map((text) => parseCidr('hostAddress', text));
  if (parsed.filter((cidr) => cidr.version === 4).length > 1) {
    throw invalid('hostAddress', list.join(', '), 'only one IPv4 address can be set');
  }
  return parsed;
}
