/**
 * A stack on a TUN of its own, for as long as a command needs it.
 * @module
 */
import {
  type CaptureDevice,
  capture,
  createStack,
  type Device,
  openTun,
  type Stack,
  type TunDevice,
} from '../index.ts';
import type { TunOptions } from './options-tun.ts';

export interface Session {
  readonly stack: Stack;
  /** The device as it came out: the kernel may have named it. */
  readonly tun: TunDevice;
  /** Settles if the device goes away by itself; never otherwise. */
  readonly lost: Promise<Error>;
  /** End all connections and remove the device. */
  close(): Promise<void>;
}

/** Open a TUN as the options say, and put a stack on it. Throws with the way out in the message. */
export async function openSession(options: TunOptions): Promise<Session> {
  const { tun: name, hostAddress, address, prefix, mtu, offload, pcap } = options;
  const named = name === undefined ? {} : { name };
  const tun = await openTun({ hostAddress, mtu, offload, ...named });
  let device: Device = tun;
  try {
    const captured = pcap === undefined ? undefined : captureTo(tun, pcap);
    if (captured) device = captured;
    const stack = createStack({ device, address: `${address}/${prefix}` });
    const lost = new Promise<Error>((resolve) => {
      stack.on('error', resolve);
    });
    const close = async (): Promise<void> => {
      await stack.close();
      if (captured !== undefined && captured.lost > 0) {
        console.error(`tunstack: ${captured.lost} packets are missing in ${pcap}`);
      }
    };
    return { stack, tun, lost, close };
  } catch (error) {
    await device.close();
    throw error;
  }
}

/** A capture that says on standard error, once, when it ends before the command does. */
function captureTo(tun: TunDevice, pcap: string): CaptureDevice {
  return capture(tun, pcap, {
    failed: (error) =>
      console.error(`tunstack: the capture in ${pcap} has ended: ${error.message}`),
  });
}
