/**
 * The socket by which `wg` drives an interface: `/var/run/wireguard/NAME.sock`, open to its owner only.
 * wireguard.com/xplatform.
 * @module
 */

import { once } from 'node:events';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { WireGuardDevice } from './open.ts';
import { answer, Errno, type UapiHost } from './uapi.ts';

/** Where the sockets of interfaces are. */
export const CONTROL_FOLDER = '/var/run/wireguard';
/** A request longer than this is none of `wg`'s. */
const LONGEST = 16 << 20;
/** Conversations at a time, and how long one may be silent, in ms. */
const MOST = 16;
const PATIENCE = 10_000;

/** An interface that can be asked and told. */
export interface Control {
  /** Where the socket is. */
  readonly path: string;
  /** Stop listening, and take the socket away. */
  close(): Promise<void>;
}

/** Where the socket of an interface is. */
export const controlPath = (name: string, folder: string = CONTROL_FOLDER): string =>
  join(folder, `${name}.sock`);

/**
 * Listen for `wg`. Rejects with Node's error where that is not allowed, and with `EADDRINUSE` where another process
 * answers there; what one has left behind is replaced.
 */
export async function openControl(
  device: WireGuardDevice,
  options: { readonly folder?: string } = {},
): Promise<Control> {
  const { folder = CONTROL_FOLDER } = options;
  const path = controlPath(device.name, folder);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (await isAnswered(path)) {
    throw Object.assign(
      new Error(`EADDRINUSE: another program answers for ${device.name} at ${path}`),
      {
        code: 'EADDRINUSE',
      },
    );
  }
  rmSync(path, { force: true });
  const host = hostOf(device);
  const server = createServer({ allowHalfOpen: true }, (socket) => serve(socket, device, host));
  server.maxConnections = MOST;
  server.listen(path);
  await once(server, 'listening');
  chmodSync(path, 0o600);
  server.unref();
  return { path, close: () => shut(server, path) };
}

function shut(server: Server, path: string): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      rmSync(path, { force: true });
      resolve();
    });
  });
}

/** Ask an interface of this or another process. Rejects with Node's error where nobody answers. */
export async function askControl(
  name: string,
  request: string,
  folder: string = CONTROL_FOLDER,
): Promise<string> {
  const socket = connect(controlPath(name, folder));
  socket.setEncoding('latin1').setTimeout(PATIENCE, () => socket.destroy());
  socket.end(request);
  let text = '';
  for await (const piece of socket) text += piece;
  return text;
}

async function isAnswered(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Requests end with an empty line; each is answered, in order. */
function serve(socket: Socket, device: WireGuardDevice, host: UapiHost): void {
  let text = '';
  let answered: Promise<void> = Promise.resolve();
  const give = async (request: string): Promise<void> => {
    const given = await answer(request, device.protocol, host, device.now());
    device.turn();
    if (socket.writable) socket.write(given);
  };
  socket.setEncoding('latin1').setTimeout(PATIENCE, () => socket.destroy());
  socket.on('error', () => {});
  socket.on('end', () => void answered.then(() => socket.end()));
  socket.on('data', (piece: string) => {
    text += piece;
    if (text.length > LONGEST) socket.destroy();
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const request = text.slice(0, end);
      text = text.slice(end + 2);
      answered = answered.then(() => give(request));
    }
  });
}

function hostOf(device: WireGuardDevice): UapiHost {
  return {
    get listenPort() {
      return device.transport.port;
    },
    get fwMark() {
      return device.fwMark;
    },
    get privateKey() {
      return device.privateKey;
    },
    setPrivateKey: (key) => device.setPrivateKey(key),
    setListenPort: (port) => codeOf(device.setListenPort(port)),
    setFwMark: (mark) => (device.setFwMark(mark) ? 0 : Errno.EOPNOTSUPP),
  };
}

/** 0, or the number of what it rejected with. */
async function codeOf(done: Promise<void>): Promise<number> {
  try {
    await done;
    return 0;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return (Errno as Readonly<Record<string, number>>)[code ?? ''] ?? Errno.EIO;
  }
}
