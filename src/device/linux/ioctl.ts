/**
 * Requests to the TUN driver and to network interfaces: `linux/if_tun.h`, `linux/if.h`,
 * netdevice(7).
 *
 * What `ip tuntap`, `ip address` and `ip link` would do, without running them.
 * @module
 */
import { endianness } from 'node:os';
import { attachError, configureError, DeviceError } from '../errors.ts';
import { AF, Errno, errnoName, type Libc, Pinned, SOCK } from './libc.ts';
import { addAddress6, masterOf, setMaster, setTxQueueLength } from './links.ts';

/** Flags of TUNSETIFF; IFF_NO_PI: no four bytes of packet information before each packet. */
export const Iff = {
  TUN: 0x0001,
  TAP: 0x0002,
  MULTI_QUEUE: 0x0100,
  PERSIST: 0x0800,
  NO_PI: 0x1000,
  ONE_QUEUE: 0x2000,
  VNET_HDR: 0x4000,
  /** Only make the interface, do not attach to one that is there. */
  TUN_EXCL: 0x8000,
} as const;

/** Flags of TUNSETOFFLOAD. USO came with Linux 6.2, both families or none. */
export const TunOffload = {
  CSUM: 0x01,
  TSO4: 0x02,
  TSO6: 0x04,
  TSO_ECN: 0x08,
  USO4: 0x20,
  USO6: 0x40,
} as const;

const IFF_UP = 0x1;
const LITTLE = endianness() === 'LE';

/** ppc64 and mips number the directions of an ioctl differently from all the others. */
const OTHER_DIRECTIONS = /^(ppc|mips)/.test(process.arch);
const READ = OTHER_DIRECTIONS ? 0x40000000 : 0x80000000;
const WRITE = OTHER_DIRECTIONS ? 0x80000000 : 0x40000000;
/** _IOW('T', number, int) and _IOR: direction, size 4, letter, number. */
const tun = (direction: number, number: number): number => direction + 0x4_5400 + number;

const TUNSETIFF = tun(WRITE, 202);
const TUNSETPERSIST = tun(WRITE, 203);
const TUNSETOWNER = tun(WRITE, 204);
const TUNSETGROUP = tun(WRITE, 206);
const TUNGETFEATURES = tun(READ, 207);
const TUNSETOFFLOAD = tun(WRITE, 208);
const TUNGETIFF = tun(READ, 210);
const TUNGETVNETHDRSZ = tun(READ, 215);
/** _IO('T', 227), whose direction is none: 0x2000_0000 where the directions differ. */
const TUNGETDEVNETNS = (OTHER_DIRECTIONS ? 0x2000_0000 : 0) + 0x54e3;
const TUNSETVNETHDRSZ = tun(WRITE, 216);

const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const SIOCGIFADDR = 0x8915;
const SIOCSIFADDR = 0x8916;
const SIOCGIFNETMASK = 0x891b;
const SIOCSIFNETMASK = 0x891c;
const SIOCGIFMTU = 0x8921;
const SIOCSIFMTU = 0x8922;
const SIOCSIFHWADDR = 0x8924;
const SIOCGIFHWADDR = 0x8927;
const SIOCGIFINDEX = 0x8933;
const SIOCGIFTXQLEN = 0x8942;
const SIOCSIFTXQLEN = 0x8943;

/** struct ifreq: a name of 16 bytes, then a union; 40 bytes where a pointer has 8. */
const IFREQ = { name: 0, union: 16, size: 40 } as const;
/** struct sockaddr_in within the union. */
const SOCKADDR_IN = { family: 16, address: 20 } as const;
/** struct sockaddr of a hardware address within the union; ARPHRD_ETHER of `linux/if_arp.h`. */
const SOCKADDR_HW = { family: 16, address: 18, ETHERNET: 1 } as const;

/** What TUNGETIFF tells about a descriptor. */
export interface TunIdentity {
  readonly name: string;
  readonly flags: number;
}

/** Asks and tells the TUN driver, through the descriptor of a TUN. */
export class TunControl {
  readonly #libc: Libc;
  readonly #request: Pinned;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#request = new Pinned(libc, new Uint8Array(128));
  }

  /** The flags that the driver knows. */
  features(fd: number): number {
    this.#call(fd, TUNGETFEATURES, 'TUNGETFEATURES');
    return this.#request.view.getUint32(0, LITTLE);
  }

  /** Make the interface or attach to it; its name, which is the kernel's choice if `name` is ''. */
  attach(fd: number, name: string, flags: number): string {
    const { view } = this.#request;
    putName(this.#request, name);
    view.setUint16(IFREQ.union, flags, LITTLE);
    if (this.#libc.ioctl(fd, TUNSETIFF, this.#request.address) < 0) {
      const code = errnoName(this.#libc.errno());
      throw attachError(code, name, (flags & Iff.TAP) !== 0 ? 'TAP' : 'TUN');
    }
    return getName(this.#request);
  }

  /** What stands behind a descriptor; undefined if that is no attached TUN. */
  identify(fd: number): TunIdentity | undefined {
    this.#request.bytes.fill(0);
    if (this.#libc.ioctl(fd, TUNGETIFF, this.#request.address) < 0) return undefined;
    const flags = this.#request.view.getUint16(IFREQ.union, LITTLE);
    return { name: getName(this.#request), flags };
  }

  /** A descriptor of the network namespace that the interface is in, or -1. Linux 5.2 on. */
  namespace(fd: number): number {
    return this.#libc.ioctl(fd, TUNGETDEVNETNS, 0);
  }

  /** Length of the virtio header before each packet. */
  headerSize(fd: number): number {
    this.#call(fd, TUNGETVNETHDRSZ, 'TUNGETVNETHDRSZ');
    return this.#request.view.getInt32(0, LITTLE);
  }

  setHeaderSize(fd: number, size: number): void {
    this.#request.view.setInt32(0, size, LITTLE);
    this.#call(fd, TUNSETVNETHDRSZ, 'TUNSETVNETHDRSZ');
  }

  /** False if this kernel does not know one of the `flags`: none of them is set then. */
  setOffload(fd: number, flags: number): boolean {
    if (this.#libc.ioctl(fd, TUNSETOFFLOAD, flags) >= 0) return true;
    const errno = this.#libc.errno();
    if (errno === Errno.EINVAL) return false;
    throw failed(errno, 'TUNSETOFFLOAD');
  }

  /** Whether the interface outlives its last descriptor. */
  setPersist(fd: number, on: boolean): void {
    if (this.#libc.ioctl(fd, TUNSETPERSIST, on ? 1 : 0) >= 0) return;
    throw failed(this.#libc.errno(), 'TUNSETPERSIST');
  }

  /** The user who may attach to the interface without CAP_NET_ADMIN. */
  setOwner(fd: number, user: number): void {
    if (this.#libc.ioctl(fd, TUNSETOWNER, user) >= 0) return;
    throw failed(this.#libc.errno(), 'TUNSETOWNER');
  }

  /** The group whose members may. */
  setGroup(fd: number, group: number): void {
    if (this.#libc.ioctl(fd, TUNSETGROUP, group) >= 0) return;
    throw failed(this.#libc.errno(), 'TUNSETGROUP');
  }

  #call(fd: number, request: number, name: string): void {
    if (this.#libc.ioctl(fd, request, this.#request.address) >= 0) return;
    throw failed(this.#libc.errno(), name);
  }
}

/** Asks and changes the interfaces of this network namespace. Close it after use. */
export class LinkControl {
  readonly #libc: Libc;
  readonly #request: Pinned;
  readonly #fd: number;
  #closed = false;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#request = new Pinned(libc, new Uint8Array(128));
    this.#fd = libc.socket(AF.INET, SOCK.DGRAM | SOCK.CLOEXEC, 0);
    if (this.#fd < 0) throw failed(libc.errno(), 'socket');
  }

  mtu(name: string): number {
    this.#call(name, SIOCGIFMTU, 'MTU');
    return this.#request.view.getInt32(IFREQ.union, LITTLE);
  }

  setMtu(name: string, mtu: number): void {
    putName(this.#request, name);
    this.#request.view.setInt32(IFREQ.union, mtu, LITTLE);
    this.#send(name, SIOCSIFMTU, `MTU ${mtu}`);
  }

  /** Packets that the kernel keeps for the interface; it drops what comes beyond. */
  txQueueLength(name: string): number {
    this.#call(name, SIOCGIFTXQLEN, 'queue length');
    return this.#request.view.getInt32(IFREQ.union, LITTLE);
  }

  setTxQueueLength(name: string, packets: number): void {
    putName(this.#request, name);
    this.#request.view.setInt32(IFREQ.union, packets, LITTLE);
    if (this.#libc.ioctl(this.#fd, SIOCSIFTXQLEN, this.#request.address) >= 0) return;
    let errno = this.#libc.errno();
    // The ioctl asks for the capability in the first user namespace, rtnetlink in that of the network.
    if (errno === Errno.EPERM) errno = setTxQueueLength(this.#libc, this.#index(name), packets);
    if (errno !== 0) throw configureError(errnoName(errno), name, `queue of ${packets} packets`);
  }

  /** Whether the interface is there. */
  exists(name: string): boolean {
    putName(this.#request, name);
    return this.#libc.ioctl(this.#fd, SIOCGIFFLAGS, this.#request.address) >= 0;
  }

  /** The interface's hardware address, six octets. */
  hardwareAddress(name: string): Uint8Array {
    this.#call(name, SIOCGIFHWADDR, 'hardware address');
    const { bytes } = this.#request;
    return new Uint8Array(bytes.subarray(SOCKADDR_HW.address, SOCKADDR_HW.address + 6));
  }

  setHardwareAddress(name: string, octets: Uint8Array): void {
    putName(this.#request, name);
    this.#request.view.setUint16(SOCKADDR_HW.family, SOCKADDR_HW.ETHERNET, LITTLE);
    this.#request.bytes.set(octets.subarray(0, 6), SOCKADDR_HW.address);
    this.#send(name, SIOCSIFHWADDR, 'hardware address');
  }

  /** Make the interface a port of a bridge, unless it is one already. */
  setBridge(name: string, bridge: string): void {
    if (!this.exists(bridge)) {
      const way = `make it first, \`ip link add ${bridge} type bridge\``;
      throw new DeviceError('ENODEV', `there is no bridge ${bridge} here: ${way}`);
    }
    const [port, master] = [this.#index(name), this.#index(bridge)];
    if (masterOf(this.#libc, port) === master) return;
    const errno = setMaster(this.#libc, port, master);
    if (errno === 0) return;
    const code = errnoName(errno);
    if (code === 'EPERM' || code === 'EACCES') throw configureError(code, name, `bridge ${bridge}`);
    throw new DeviceError(
      code,
      `${name} cannot be a port of ${bridge}: is that a bridge?`,
      'netlink',
    );
  }

  isUp(name: string): boolean {
    this.#call(name, SIOCGIFFLAGS, 'flags');
    return (this.#request.view.getUint16(IFREQ.union, LITTLE) & IFF_UP) !== 0;
  }

  setUp(name: string): void {
    this.#call(name, SIOCGIFFLAGS, 'flags');
    const flags = this.#request.view.getUint16(IFREQ.union, LITTLE);
    this.#request.view.setUint16(IFREQ.union, flags | IFF_UP, LITTLE);
    this.#send(name, SIOCSIFFLAGS, 'link up');
  }

  /** The interface's first IPv4 address, dotted decimal; undefined if it has none. */
  ipv4(name: string): string | undefined {
    const { address, bytes, view } = this.#request;
    putName(this.#request, name);
    view.setUint16(SOCKADDR_IN.family, AF.INET, LITTLE);
    if (this.#libc.ioctl(this.#fd, SIOCGIFADDR, address) < 0) return undefined; // EADDRNOTAVAIL
    return bytes.subarray(SOCKADDR_IN.address, SOCKADDR_IN.address + 4).join('.');
  }

  /** Whether the interface has this IPv4 address with this prefix length already. */
  hasIpv4(name: string, octets: readonly number[], prefix: number): boolean {
    const { address } = this.#request;
    putName(this.#request, name);
    this.#request.view.setUint16(SOCKADDR_IN.family, AF.INET, LITTLE);
    if (this.#libc.ioctl(this.#fd, SIOCGIFADDR, address) < 0) return false; // EADDRNOTAVAIL: none
    if (!octets.every((octet, i) => this.#request.bytes[SOCKADDR_IN.address + i] === octet)) {
      return false;
    }
    this.#call(name, SIOCGIFNETMASK, 'netmask');
    return this.#request.view.getUint32(SOCKADDR_IN.address) === netmask(prefix);
  }

  /** The interface's IPv4 address, in place of the one it had. */
  setIpv4(name: string, octets: readonly number[], prefix: number): void {
    this.#putIpv4(
      name,
      octets.reduce((sum, octet) => sum * 256 + octet, 0),
    );
    this.#send(name, SIOCSIFADDR, `address ${octets.join('.')}`);
    this.#putIpv4(name, netmask(prefix));
    this.#send(name, SIOCSIFNETMASK, `netmask /${prefix}`);
  }

  /** One more IPv6 address; it is no error if the interface has it. */
  addIpv6(name: string, octets: readonly number[], prefix: number): void {
    const error = addAddress6(this.#libc, this.#index(name), octets, prefix);
    if (error !== 0 && error !== Errno.EEXIST) {
      throw configureError(errnoName(error), name, 'an IPv6 address');
    }
  }

  close(): void {
    if (!this.#closed) this.#libc.close(this.#fd);
    this.#closed = true;
  }

  #index(name: string): number {
    this.#call(name, SIOCGIFINDEX, 'index');
    return this.#request.view.getInt32(IFREQ.union, LITTLE);
  }

  #putIpv4(name: string, address: number): void {
    putName(this.#request, name);
    this.#request.view.setUint16(SOCKADDR_IN.family, AF.INET, LITTLE);
    this.#request.view.setUint32(SOCKADDR_IN.address, address);
  }

  #call(name: string, request: number, what: string): void {
    putName(this.#request, name);
    this.#send(name, request, what);
  }

  #send(name: string, request: number, what: string): void {
    if (this.#libc.ioctl(this.#fd, request, this.#request.address) >= 0) return;
    throw configureError(errnoName(this.#libc.errno()), name, what);
  }
}

const netmask = (prefix: number): number => (prefix === 0 ? 0 : (-1 << (32 - prefix)) >>> 0);

function failed(errno: number, syscall: string): DeviceError {
  const code = errnoName(errno);
  return new DeviceError(code, `${syscall} failed`, syscall);
}

/** The name is ASCII and below 16 bytes here; the zero after it was put by `fill`. */
function putName(request: Pinned, name: string): void {
  request.bytes.fill(0, 0, IFREQ.size);
  for (let i = 0; i < name.length && i < 15; i++) request.bytes[i] = name.charCodeAt(i);
}

function getName(request: Pinned): string {
  const end = request.bytes.indexOf(0);
  return String.fromCharCode(...request.bytes.subarray(IFREQ.name, Math.min(end, 16)));
}
