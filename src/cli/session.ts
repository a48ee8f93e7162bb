/**
 * A stack on a TUN of its own, for as long as a command needs it.
 * @module
 */
import { performance } from 'node:perf_hooks';
import {
  type CaptureDevice,
  capture,
  createStack,
  type Device,
  openTap,
  openTun,
  type Stack,
  type TapDevice,
  type TunDevice,
  tap,
} from '../index.ts';
import { type About, type Control, type Controlled, openControl } from './control/server.ts';
import type { TunOptions } from './options-tun.ts';
import { choosePlace, type Place } from './place.ts';
import type { Screen } from './screen.ts';
import { plural } from './words.ts';

export interface Session {
  readonly stack: Stack;
  /** The device as it came out: the kernel may have named it. */
  readonly tun: TunDevice;
  /** The same, whose packets may be watched. */
  readonly device: TapDevice;
  /** What is told of the command. */
  about(): About;
  /** The kernel's address of IPv4 with its prefix, and ours, where there is one. */
  readonly hostAddress: string | undefined;
  readonly address: string | undefined;
  /** Likewise of IPv6. */
  readonly hostAddress6: string | undefined;
  readonly address6: string | undefined;
  /** Settles if the device goes away by itself; never otherwise. */
  readonly lost: Promise<Error>;
  /** End all connections and remove the device. */
  close(): Promise<void>;
}

/** What opens a session. */
export interface SessionTraits {
  /** Its name, for those who look at it while it runs. */
  readonly command: string;
  /** The TUN goes to another network namespace, and has no address here. */
  readonly isMoved?: boolean;
}

/** Open a TUN as the options say, and put a stack on it. Throws with the way out in the message. */
export async function openSession(
  options: TunOptions,
  screen: Screen,
  { command, isMoved = false }: SessionTraits,
): Promise<Session> {
  const started = performance.now();
  const { tun: name, prefix, gateway, mtu, offload, pcap } = options;
  const place: Place = isMoved ? options : choosePlace(options);
  const { hostAddress, address, note } = place;
  if (note !== undefined) screen.complain(note);
  const open = options.tap ? openTap : openTun;
  const device6 = { ...(name !== undefined && { name }), mtu, offload };
  const opened = await openBoth(open, device6, isMoved ? undefined : place, options, screen);
  const { tun } = opened;
  const [hostAddress6, address6] = opened.ipv6 ?? [];
  let device: Device = tun;
  try {
    const captured = pcap === undefined ? undefined : captureTo(tun, pcap);
    const watched = tap(captured ?? tun);
    device = watched;
    // On a TUN the kernel is the way to what is elsewhere; on a TAP it is one station of several.
    const host = hostAddress ?? hostAddress6;
    const router = gateway ?? (options.tap && host ? hostOf(host) : undefined);
    const way = router === undefined ? {} : { gateway: router };
    const bits6 = hostAddress6?.split('/')[1];
    const ours = [
      ...(address ? [`${address}/${prefix}`] : []),
      ...(address6 ? [`${address6}/${bits6}`] : []),
    ];
    const stack = createStack({ device, address: ours, ...way });
    await stack.settled();
    const lost = new Promise<Error>((resolve) => {
      stack.on('error', resolve);
    });
    const about = (): About => ({
      ...{ pid: process.pid, command, device: tun.name, medium: watched.medium },
      ...{ addresses: stack.addresses, uptime: (performance.now() - started) / 1000 },
    });
    const control = await controlOf(screen, { stack, device: watched, about });
    const close = async (): Promise<void> => {
      await control?.close();
      await stack.close();
      if (captured !== undefined && captured.lost > 0) {
        console.error(`tunstack: ${plural(captured.lost, 'packet')} missing in ${pcap}`);
      }
    };
    const places = { hostAddress, address, hostAddress6, address6 };
    return { stack, tun, device: watched, about, ...places, lost, close };
  } catch (error) {
    await device.close();
    throw error;
  }
}

/**
 * The device with the kernel's addresses, those of IPv6 too where the kernel has that: what nobody asked for is no
 * reason to fail.
 */
async function openBoth(
  open: (options: OpenOptions) => Promise<TunDevice>,
  device: OpenOptions,
  place: Place | undefined,
  options: TunOptions,
  screen: Screen,
): Promise<{ tun: TunDevice; ipv6?: readonly [host: string, ours: string] }> {
  if (place === undefined) {
    const { hostAddress6, address6 } = options;
    const tun = await open(device);
    return hostAddress6 && address6 ? { tun, ipv6: [hostAddress6, address6] } : { tun };
  }
  const { hostAddress, hostAddress6, address6 } = place;
  const four = hostAddress === undefined ? [] : [hostAddress];
  if (hostAddress6 === undefined || address6 === undefined) {
    return { tun: await open({ ...device, hostAddress: four }) };
  }
  try {
    const tun = await open({ ...device, hostAddress: [...four, hostAddress6] });
    return { tun, ipv6: [hostAddress6, address6] };
  } catch (error) {
    if (!options.isDefault6 || hostAddress === undefined) throw error;
    const tun = await open({ ...device, hostAddress }); // or it fails for the same reason
    screen.complain(
      `IPv4 only, for the kernel refuses ${hostAddress6}: ${(error as Error).message}`,
    );
    return { tun };
  }
}

/** What both `openTun` and `openTap` take. */
type OpenOptions = NonNullable<Parameters<typeof openTun>[0]>;

/** The address without its prefix. */
export const hostOf = (cidr: string): string => cidr.slice(0, cidr.indexOf('/'));

/** What a ready line says of the device: `tun=tun0` or `tap=tap0`. */
export const named = ({ tap }: TunOptions, { name }: TunDevice): Record<string, string> =>
  tap ? { tap: name } : { tun: name };

/** The socket by which others look at it; without one the command runs all the same. */
async function controlOf(screen: Screen, controlled: Controlled): Promise<Control | undefined> {
  try {
    return await openControl(controlled);
  } catch (error) {
    screen.complain(`nobody can look at it while it runs: ${(error as Error).message}`);
    return undefined;
  }
}

/** A capture that says on standard error, once, when it ends before the command does. */
function captureTo(tun: TunDevice, pcap: string): CaptureDevice {
  try {
    return capture(tun, pcap, {
      failed: (error) =>
        console.error(`tunstack: the capture in ${pcap} has ended: ${error.message}`),
    });
  } catch (error) {
    throw new Error(`option '--pcap': ${(error as Error).message}`);
  }
}
