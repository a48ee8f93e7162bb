/**
 * The control socket of a running command: what its stack knows, over HTTP on a Unix socket that only its
 * owner may open. docs/watch.md has the paths.
 * @module
 */
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { finished } from 'node:stream';
import { packetFilter, Recorder, type Stack, type TapDevice } from '../../index.ts';
import { historyOf, placeSocket } from './place.ts';

/** What is told of the command itself. */
export interface About {
  readonly pid: number;
  /** `serve`, `forward`, ... */
  readonly command: string;
  /** The device's name and what it carries. */
  readonly device: string;
  readonly medium: 'ip' | 'ethernet';
  readonly addresses: readonly string[];
  /** Seconds since it began. */
  readonly uptime: number;
}

/** What the socket is there for. */
export interface Controlled {
  readonly stack: Stack;
  readonly device: TapDevice;
  about(): About;
}

/** Open now; `close` ends it and takes the socket away. */
export interface Control {
  readonly path: string;
  close(): Promise<void>;
}

/** Of a capture that is not read so fast: then packets are left out, and counted. */
const CAPTURE_LIMIT = 4 * 1024 * 1024;
const OWNERS = 0o600;

/** Open the socket of this process. Throws where that is not allowed; nothing of a command depends on it. */
export async function openControl(controlled: Controlled): Promise<Control> {
  const path = placeSocket();
  rmSync(path, { force: true }); // of a process that had this number and was killed
  const server = createServer((request, response) => answer(controlled, request, response));
  await listen(server, path);
  chmodSync(path, OWNERS);
  server.unref();
  return {
    path,
    close: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
      for (const left of [path, historyOf(path)]) rmSync(left, { force: true });
    },
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
}

/** A request that cannot be met, with the HTTP status that says so. */
class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

function answer(controlled: Controlled, request: IncomingMessage, response: ServerResponse): void {
  try {
    if (request.method !== 'GET') throw new Refusal(405, 'only GET');
    const url = new URL(request.url ?? '/', 'http://control');
    if (url.pathname === '/v1/capture')
      startCapture(controlled, url.searchParams, request, response);
    else say(response, 200, read(controlled, url));
  } catch (error) {
    const status = error instanceof Refusal ? error.status : 400;
    say(response, status, { error: (error as Error).message });
  }
}

function read({ stack, about }: Controlled, { pathname, searchParams }: URL): unknown {
  switch (pathname) {
    case '/v1/about':
      return about();
    case '/v1/stats':
      return stack.stats();
    case '/v1/sockets':
      return stack.sockets({ info: searchParams.has('info') });
    case '/v1/routes':
      return stack.routes;
    case '/v1/neighbours':
      return stack.neighbours;
    default:
      throw new Refusal(404, `there is no ${pathname}`);
  }
}

/**
 * A pcapng stream of what passes from now on, until its reader goes; or says by a FIN that it wants no more, and then
 * gets what was gathered for it too: packets of the last fifth of a second.
 */
function startCapture(
  { device }: Controlled,
  parameters: URLSearchParams,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const filter = packetFilter(parameters.get('filter') ?? '');
  const recorder = new Recorder(response, device.medium, device.name, {
    filter,
    limit: CAPTURE_LIMIT,
  });
  const unwatch = device.watch(recorder.record);
  const end = (): void => {
    unwatch();
    void recorder.finish();
  };
  response.writeHead(200, { 'content-type': 'application/x-pcapng' });
  response.flushHeaders();
  request.socket.prependOnceListener('end', end); // before the server's own, which ends the socket
  finished(response, end);
}

function say(response: ServerResponse, status: number, what: unknown): void {
  const text = `${JSON.stringify(what)}\n`;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
