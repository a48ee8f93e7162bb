/**
 * Where virtual machines are plugged in by a stream: QEMU (`-netdev stream`), passt, libkrun, gvproxy, VPNKit;
 * over a Unix socket or TCP, as the server that they connect to or as the client of theirs.
 *
 * There is no virtio header in these streams and no handshake but VPNKit's. What is said of a frame is its length.
 * @module
 */

import { rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { checkInteger, invalid } from '../errors.ts';
import { checkMtu } from '../options.ts';
import { FrameStream } from './frame-stream.ts';
import { type Prefix, QEMU, VPNKIT } from './framing.ts';
import { isLeftBehind } from './left-behind.ts';
import { greetMachine, greetNetwork } from './vpnkit.ts';

/**
 * How frames stand in a stream. `qemu`: four bytes of length, big endian, before each (QEMU, passt, libkrun,
 * socket_vmnet); `gvproxy`: two, little endian (gvproxy's `/connect` and `-listen-stdio`); `vpnkit`: the same
 * behind VPNKit's greeting (HyperKit).
 */
export type Framing = 'qemu' | 'gvproxy' | 'vpnkit';

/** What frames are like at a machine's end. */
export interface MachineOptions {
  /** What to call the device; default `machine`, or `machine0` and on at a server. */
  readonly name?: string;
  /** The longest IP packet, 68 to 65 535; default 1500. Longer ones are dropped and counted, both ways. */
  readonly mtu?: number;
  /** Default `qemu`. */
  readonly framing?: Framing;
}

/** Where a machine's socket is: at a path, or at a port of TCP. */
export interface MachinePlace {
  /** Of a Unix socket. */
  readonly path?: string;
  /** 0 to 65 535; 0, at a server: one that is free. */
  readonly port?: number;
  /** Default `127.0.0.1`. */
  readonly host?: string;
}

/** How to connect to a socket that a machine or its network listens on. */
export interface MachineConnectOptions extends MachineOptions, MachinePlace {
  /**
   * Milliseconds until it is tried again to connect, where nobody listens yet or the stream has ended; doubled
   * at each try up to 10 s. `false`: the device ends then. Default 100.
   */
  readonly reconnect?: number | false;
  /** Called when the other end is there, and when it is not any more, with the error if that is why. */
  readonly onLink?: (up: boolean, error?: Error) => void;
  /** With `vpnkit`: who we are; default zeros. */
  readonly uuid?: string;
}

/** How to listen for machines. */
export interface MachineListenOptions extends MachineOptions, MachinePlace {
  /** Machines at once, 1 to 4096; default 256. Those beyond are turned away. */
  readonly most?: number;
  /** With `vpnkit`: the hardware address that a machine is told, six octets by its number; default 02:.. */
  readonly macOf?: (index: number) => Uint8Array;
}

/** Machines connect here, each a device of frames. */
export interface MachineServer {
  /** Where it listens: the path, or address and port. */
  readonly address: string | AddressInfo;
  /** Those that are connected. */
  readonly machines: readonly FrameStream[];
  /** Listen no more. Machines that are plugged in stay so. */
  close(): Promise<void>;
  /** Keep the process alive while it listens; the default. */
  ref(): void;
  /** Let the process end while it listens. */
  unref(): void;
}

const LONGEST_WAIT = 10_000;
const PREFIXES: Readonly<Record<Framing, Prefix>> = {
  qemu: QEMU,
  gvproxy: VPNKIT,
  vpnkit: VPNKIT,
};
const NOBODY = '00000000-0000-0000-0000-000000000000';

/**
 * Frames in any stream of bytes, as a device: a socket that is connected, the standard streams, the two ends
 * of a tunnel. The stream belongs to the device and ends with it. Throws a `TypeError` or `RangeError` with
 * Node's code for options that cannot be meant.
 */
export function fromFrames(duplex: Duplex, options: MachineOptions = {}): FrameStream {
  if (options.framing === 'vpnkit') {
    throw invalid('framing', 'vpnkit', 'of a stream that is there already the greeting is yours');
  }
  const device = makeDevice(options, options.name ?? 'machine');
  device.connect(duplex, (error) => device.end(error));
  return device;
}

/**
 * Connect to a socket that QEMU (`-netdev stream,server=on`), passt or gvproxy listens on, again and again as
 * `reconnect` says. The device is there at once: what is written while nobody is connected is lost, as on a
 * cable without an end. Throws a `TypeError` or `RangeError` with Node's code for what cannot be meant.
 */
export function connectMachine(options: MachineConnectOptions): FrameStream {
  const { reconnect = 100, framing, uuid = NOBODY } = options;
  checkPlace(options, 1);
  if (reconnect !== false) checkInteger('reconnect', reconnect, 1, LONGEST_WAIT);
  const device = makeDevice(options, options.name ?? 'machine', options.onLink);
  let closed = false;
  let socket: Socket | undefined;
  let timer: NodeJS.Timeout | undefined;
  let wait = reconnect || 0;
  const again = (error: Error | undefined): void => {
    if (closed) return;
    if (reconnect === false) {
      device.end(error);
      return;
    }
    timer = setTimeout(attempt, wait);
    if (!device.referenced) timer.unref();
    wait = Math.min(wait * 2, LONGEST_WAIT);
  };
  const attempt = (): void => {
    const opened = dial(options);
    socket = opened;
    if (!device.referenced) opened.unref();
    opened.once('error', again);
    opened.once('connect', () => {
      opened.off('error', again);
      const plug = (): void => {
        wait = reconnect || 0;
        device.connect(opened, again);
      };
      if (framing !== 'vpnkit') plug();
      else {
        greetNetwork(opened, uuid).then(plug, (error: Error) => {
          opened.destroy();
          again(error);
        });
      }
    });
  };
  device.onClose = () => {
    closed = true;
    clearTimeout(timer);
    socket?.on('error', () => {}); // of an attempt that nobody waits for
    socket?.destroy();
  };
  attempt();
  return device;
}

/**
 * Listen for machines; `plugged` is given a device for each that connects, and must start it (plug it into a
 * switch, or make a stack of it). Rejects as `net.Server.listen` does; a socket that a program has left behind
 * at `path` is taken over. Throws a `TypeError` or `RangeError` with Node's code for what cannot be meant.
 */
export async function listenForMachines(
  options: MachineListenOptions,
  plugged: (device: FrameStream) => void,
): Promise<MachineServer> {
  const { name = 'machine', most = 256, framing, mtu = 1500, macOf = ownMac } = options;
  checkPlace(options, 0);
  checkInteger('most', most, 1, 4096);
  makeDevice(options, name); // it complains of what it is told
  const machines = new Set<FrameStream>();
  let count = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    const index = count++;
    const plug = (): void => {
      const device = makeDevice(options, `${name}${index}`);
      device.onClose = () => machines.delete(device);
      machines.add(device);
      device.connect(socket, (error) => device.end(error));
      plugged(device);
    };
    if (framing !== 'vpnkit') plug();
    else {
      socket.on('error', () => {}); // of who did not greet us
      greetMachine(socket, { mtu, mac: macOf(index) }).then(plug, () => socket.destroy());
    }
  });
  server.maxConnections = most;
  await listen(server, options);
  return {
    address: server.address() ?? '',
    get machines() {
      return [...machines];
    },
    close: () => new Promise((resolve) => closeServer(server, machines, resolve)),
    ref: () => void server.ref(),
    unref: () => void server.unref(),
  };
}

/** A server is closed when its last connection is: those are the devices', so it is not waited for. */
function closeServer(server: Server, machines: Set<FrameStream>, done: () => void): void {
  if (machines.size === 0) server.close(() => done());
  else {
    server.close();
    setImmediate(done);
  }
}

function makeDevice(
  { mtu = 1500, framing = 'qemu' }: MachineOptions,
  name: string,
  onLink?: (up: boolean, error?: Error) => void,
): FrameStream {
  checkMtu(mtu);
  const prefix = PREFIXES[framing];
  if (prefix === undefined) {
    throw invalid('framing', framing, "it must be 'qemu', 'gvproxy' or 'vpnkit'");
  }
  return new FrameStream({ name, mtu, prefix, onLink });
}

function checkPlace({ path, port }: MachinePlace, lowest: number): void {
  if ((path === undefined) === (port === undefined)) {
    throw invalid('path', path, 'give the path of a Unix socket, or a port, and not both');
  }
  if (port !== undefined) checkInteger('port', port, lowest, 65_535);
}

function dial({ path, port = 0, host = '127.0.0.1' }: MachinePlace): Socket {
  return path !== undefined ? connect(path) : connect({ port, host, noDelay: true });
}

async function listen(server: Server, place: MachinePlace): Promise<void> {
  const { path, port = 0, host = '127.0.0.1' } = place;
  const begin = (): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      const listening = (): void => {
        server.off('error', reject);
        resolve();
      };
      if (path !== undefined) server.listen(path, listening);
      else server.listen(port, host, listening);
    });
  try {
    await begin();
  } catch (error) {
    const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    if (!taken || path === undefined || !(await isLeftBehind(path))) throw error;
    rmSync(path, { force: true });
    await begin();
  }
}

/** Locally administered (IEEE 802 §8.4), told apart by the number. */
const ownMac = (index: number): Uint8Array =>
  Uint8Array.of(2, 0x5e, 0x53, (index >> 16) & 255, (index >> 8) & 255, index & 255);
