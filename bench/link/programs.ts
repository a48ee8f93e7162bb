/**
 * Programs as people write them, on whatever has the faces of node:net, node:http and node:tls: a proxy, a file
 * and JSON over http, WebSocket, TLS. The same code on tunstack's modules and on Node's.
 * @module
 */
import { createReadStream, ftruncateSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import type { TLSSocket, TlsOptions } from 'node:tls';
import { WebSocketServer } from 'ws';
import { cert, key } from '../../examples/certificate.ts';
import { Port } from './protocol.ts';
import { source } from './services.ts';

/** As much of Node's modules as is used here. */
export interface Modules {
  readonly net: {
    createServer(options: { noDelay: boolean }, listener: (socket: Socket) => void): Server;
    connect(options: { host: string; port: number }): Socket;
  };
  readonly http: {
    createServer(
      listener?: (request: IncomingMessage, response: ServerResponse) => void,
    ): HttpServer;
  };
  readonly tls: {
    createServer(options: TlsOptions, listener: (socket: TLSSocket) => void): Server;
  };
}

/** What `GET /file` gives, in bytes. */
export const FILE_SIZE: number = 100 << 20;
const BACKLOG = 4096;
/** How long a connection of http may rest, in ms: a stall of the machine is no end of the client. */
const REST = 60_000;
/** One that both ends do in hardware: the record layer is not what is compared. */
export const CIPHER = 'TLS_AES_128_GCM_SHA256';

/** Start them on `address`; the proxy passes on to `upstream`, on the kernel. */
export async function servePrograms(
  { net, http, tls }: Modules,
  address: string,
  upstream: string,
): Promise<void> {
  const listen = (server: Server, port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.on('error', reject);
      server.listen({ port, host: address, backlog: BACKLOG }, resolve);
    });
  const proxy = net.createServer({ noDelay: true }, (socket) => {
    relay(socket, net.connect({ host: upstream, port: Port.UPSTREAM }));
  });
  await listen(proxy, Port.PROXY);
  const pages = http.createServer(web(openFile()));
  pages.keepAliveTimeout = REST;
  await listen(pages, Port.WEB);
  await listen(echoMessages(http.createServer()), Port.WEBSOCKET);
  const secure = { key, cert, ciphers: CIPHER, minVersion: 'TLSv1.3' } as const;
  await listen(
    tls.createServer(secure, (socket) => socket.on('error', ignore).on('data', ignore)),
    Port.TLS_DISCARD,
  );
  await listen(
    tls.createServer(secure, (socket) => source(socket.on('error', ignore))),
    Port.TLS_SOURCE,
  );
}

/** Clients end by reset. */
function ignore(): void {}

function relay(client: Socket, server: Socket): void {
  client.on('error', () => server.destroy()).on('close', () => server.destroy());
  server.on('error', () => client.destroy()).on('close', () => client.destroy());
  client.pipe(server).pipe(client);
}

/**
 * A file of zeros that takes no room on the disk, and is gone with this process. Its path opens it anew for each
 * answer: a stream that is destroyed closes its descriptor whatever `autoClose` says, and clients end by reset.
 */
function openFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-bench-'));
  const fd = openSync(join(folder, 'file'), 'w+');
  ftruncateSync(fd, FILE_SIZE);
  rmSync(folder, { recursive: true });
  return `/proc/self/fd/${fd}`;
}

function web(path: string): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    if (request.url === '/file') {
      response.setHeader('Content-Length', FILE_SIZE);
      pipeline(createReadStream(path), response, ignore);
    } else answer(request, response);
  };
}

/** JSON in, the same list from its end in JSON out. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    const { n, list } = JSON.parse(Buffer.concat(parts).toString());
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ n: n + 1, list: list.toReversed() }));
  });
}

function echoMessages(server: HttpServer): HttpServer {
  new WebSocketServer({ server }).on('connection', (socket) => {
    socket.on('error', ignore);
    socket.on('message', (message, binary) => socket.send(message, { binary }));
  });
  return server;
}
