/**
 * A cable into a switch of VDE, of Virtual Distributed Ethernet: `vde_switch`, and whatever else listens as it does.
 *
 * A stream to its control socket asks for a port, naming a socket of datagrams of ours; the answer names the
 * switch's, and a frame is a datagram between the two. The port is there for as long as the stream is. vde-2
 * `src/lib/libvdeplug.c` (`struct request_v3`), `src/vde_switch/datasock.c`.
 * @module
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { endianness, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { type DeviceUser, endingBy } from '../device.ts';
import { checkInteger, DeviceError } from '../errors.ts';
import { Wrapper } from '../wrap/wrapper.ts';
import { ADDRESS_SIZE, checkPath, openMet, putAddress } from './datagrams.ts';

/** Which switch, and which of its ports. */
export interface VdeOptions {
  /** The switch's folder (`vde_switch -s FOLDER`), or its control socket. */
  readonly path: string;
  /** The port that is asked for, 1 to 65 535; default any that is free. */
  readonly port?: number;
  /** Of our socket, up to 107 bytes; the switch must be able to write to it. Default in a new folder. */
  readonly local?: string;
  /** What the switch is told of who this is, up to 127 bytes; default our name and the user’s. */
  readonly description?: string;
  /** What to call the device; default `vde`. */
  readonly name?: string;
  /** The longest IP packet, 68 to 65 535; default 1500. */
  readonly mtu?: number;
  /** Ends the wait for the switch: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

const LITTLE = endianness() === 'LE';
const MAGIC = 0xfeed_face;
const VERSION = 3;
/** `REQ_NEW_CONTROL`; the port stands above its eight bits. */
const NEW_CONTROL = 0;
const PORT_SHIFT = 8;
/** Magic, version and type come first, then our address, then who we are. */
const AT = { magic: 0, version: 4, type: 8, address: 12, description: 12 + ADDRESS_SIZE } as const;
const LONGEST_DESCRIPTION = 127;
const LARGEST_PORT = 65_535;

/**
 * Plug a cable into a switch of VDE, and give our end as a device of frames; it ends when the switch does. Rejects
 * with a `TypeError` or `RangeError` for what cannot be meant, with the error of the control socket (`ENOENT`,
 * `EACCES`, `ECONNREFUSED`), with a `DeviceError` `ECONNRESET` if the switch gives no
 * port, `EPROTO` if its answer cannot be meant, and on systems other than
 * Linux with `ERR_FEATURE_UNAVAILABLE_ON_PLATFORM`.
 */
export async function openVde(options: VdeOptions): Promise<VdePlug> {
  const { path, port = 0, name = 'vde', mtu, signal, local } = options;
  checkPath('path', path);
  if (options.port !== undefined) checkInteger('port', port, 1, LARGEST_PORT);
  const folder = local === undefined ? mkdtempSync(join(tmpdir(), 'tunstack-vde-')) : undefined;
  const own = local ?? join(folder as string, 'port');
  let control: Socket | undefined;
  try {
    const request = requestOf(own, port, options.description ?? whoWeAre());
    const plug = { path: own, name, ...(mtu !== undefined && { mtu }), ...(signal && { signal }) };
    const device = await openMet(plug, async () => {
      control = connect(controlOf(path));
      return ask(control, request, signal);
    });
    return new VdePlug(device, control as unknown as Socket, folder); // set by the call above
  } catch (error) {
    control?.destroy();
    removeFolder(folder);
    throw error;
  }
}

/** A cable into a switch of VDE. */
export class VdePlug extends Wrapper {
  readonly #control: Socket;
  readonly #folder: string | undefined;
  #gone: DeviceError | undefined;

  /** Not for use from outside: `openVde` makes these. */
  constructor(device: Wrapper['device'], control: Socket, folder: string | undefined) {
    super(device);
    this.#control = control;
    this.#folder = folder;
    control.on('error', () => {}); // `close` follows
    control.on('close', () => {
      this.#gone = new DeviceError('ENODEV', `the switch of ${this.name} has ended it`);
      void super.close();
    });
    control.resume();
  }

  override start(user: DeviceUser): void {
    super.start(
      endingBy(user, (error) => {
        this.#end();
        user.closed(error ?? this.#gone);
      }),
    );
  }

  override ref(): this {
    this.#control.ref();
    return super.ref();
  }

  override unref(): this {
    this.#control.unref();
    return super.unref();
  }

  override async close(): Promise<void> {
    this.#end();
    await super.close();
  }

  #end(): void {
    this.#control.removeAllListeners('close').destroy();
    removeFolder(this.#folder);
  }
}

/** What is asked of the switch: `struct request_v3`, packed. */
function requestOf(own: string, port: number, description: string): Uint8Array {
  checkPath('local', own);
  const text = Buffer.from(description).subarray(0, LONGEST_DESCRIPTION);
  const bytes = new Uint8Array(AT.description + text.length + 1);
  const view = new DataView(bytes.buffer);
  view.setUint32(AT.magic, MAGIC, LITTLE);
  view.setUint32(AT.version, VERSION, LITTLE);
  view.setInt32(AT.type, NEW_CONTROL | (port << PORT_SHIFT), LITTLE);
  const address = {
    bytes: bytes.subarray(AT.address),
    view: new DataView(bytes.buffer, AT.address),
  };
  putAddress(address, own);
  bytes.set(text, AT.description);
  return bytes;
}

/** Ask for a port; the path of the switch's socket. */
async function ask(
  control: Socket,
  request: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<string> {
  signal?.throwIfAborted();
  const answer = await new Promise<Buffer>((resolve, reject) => {
    let heard = Buffer.alloc(0);
    const abort = (): void => reject(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    control.once('error', reject);
    control.once('close', () => {
      reject(new DeviceError('ECONNRESET', 'the switch gives no port: is it taken, or not ours?'));
    });
    control.on('data', function take(piece: Buffer): void {
      heard = Buffer.concat([heard, piece]);
      if (heard.length < ADDRESS_SIZE) return;
      signal?.removeEventListener('abort', abort);
      control.off('data', take);
      resolve(heard);
    });
    control.write(request);
  });
  control.removeAllListeners('close').removeAllListeners('error');
  const path = answer.subarray(2, ADDRESS_SIZE);
  const end = path.indexOf(0);
  if (end === 0) throw new DeviceError('EPROTO', 'the switch names no socket of its own');
  return path.subarray(0, end < 0 ? path.length : end).toString();
}

function controlOf(path: string): string {
  try {
    return statSync(path).isDirectory() ? join(path, 'ctl') : path;
  } catch {
    return path; // to connect says what is wrong
  }
}

function whoWeAre(): string {
  try {
    return `tunstack user=${userInfo().username}`;
  } catch {
    return 'tunstack'; // a user without a name
  }
}

function removeFolder(folder: string | undefined): void {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
}
