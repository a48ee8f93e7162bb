/**
 * The way to change a network while it runs: HTTP on a Unix socket that only its owner may open. Paths of its own
 * below `/v1`, and those of gvproxy (`gvproxy.ts`), so that what drives gvproxy drives this.
 * @module
 */
import { once } from 'node:events';
import { chmodSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { isGuest } from '../gateway/rules.ts';
import type { PolicyOptions } from '../policy/read.ts';
import { type Answer, asObject, Refused, type Request } from './asked.ts';
import { answerGvproxy, hijack, isHijack } from './gvproxy.ts';
import { makeRoom } from './left-behind.ts';
import type { Network } from './network.ts';
import type { PublishOptions } from './publish.ts';
import { notRecorded } from './recorded.ts';
import { publishedLine, readStatus } from './status.ts';

/** What a control socket may do besides looking. */
export interface ControlOptions {
  /** Read the policy's file again; undefined: there is none. */
  readonly reload?: (() => Promise<number>) | undefined;
}

const LONGEST_BODY = 1 << 20;
/** What is changed and not in a recording, as policies are. */
const CHANGES = [
  ...['POST /v1/published', 'DELETE /v1/published', 'DELETE /v1/flows'],
  ...['PUT /v1/names', 'DELETE /v1/names', 'POST /services/dns/add'],
  ...['POST /services/forwarder/expose', 'POST /services/forwarder/unexpose'],
];

async function readBody(request: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = [];
  let length = 0;
  // It is read to its end, so that the sender hears the answer; what is too much is not kept.
  for await (const piece of request) {
    length += piece.length;
    if (length <= LONGEST_BODY) pieces.push(piece);
  }
  if (length > LONGEST_BODY) throw new Refused(413, 'the body is longer than 1 MiB');
  if (length === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(pieces).toString('utf8'));
  } catch (error) {
    throw new Refused(400, (error as Error).message);
  }
}

/** Serves requests about one network. */
export class Control {
  readonly #network: Network;
  readonly #options: ControlOptions;
  readonly #server: Server;
  readonly #sockets: Set<Socket> = new Set();
  #path: string | undefined;

  constructor(network: Network, options: ControlOptions = {}) {
    this.#network = network;
    this.#options = options;
    const http = createHttpServer((request, response) => void this.#serve(request, response));
    http.on('clientError', (_error, socket) => socket.destroy());
    // Two of gvproxy's paths take the connection for themselves, which a server of HTTP does not give away.
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {}).once('close', () => this.#sockets.delete(socket));
      socket.once('data', (begin: Buffer) => {
        socket.pause();
        socket.unshift(begin);
        if (isHijack(begin)) void hijack(network, socket);
        else {
          http.emit('connection', socket);
          process.nextTick(() => socket.resume());
        }
      });
    });
  }

  /** Listen at `path`. A socket that nobody serves any more is taken over; rejects with `EADDRINUSE` otherwise. */
  async listen(path: string): Promise<void> {
    await makeRoom(path);
    // Made in a folder that is its owner's alone, it is never anybody else's, not even for a moment.
    const folder = mkdtempSync(`${path}.`);
    try {
      const made = join(folder, 's');
      this.#server.listen(made);
      await once(this.#server, 'listening');
      chmodSync(made, 0o600);
      renameSync(made, path);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    this.#path = path;
  }

  async close(): Promise<void> {
    if (this.#path === undefined) return;
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((done) => this.#server.close(() => done()));
    rmSync(this.#path, { force: true });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = request;
    const { pathname: path, searchParams: query } = new URL(url, 'http://network');
    try {
      const asked = { method, path, query, body: await readBody(request) };
      if (this.#network.isRecorded && CHANGES.includes(`${method} ${path}`)) {
        throw new Refused(409, notRecorded('what the API changes').message);
      }
      const answer = (await this.#answer(asked)) ?? (await answerGvproxy(this.#network, asked));
      if (answer === undefined) throw new Refused(404, `there is no ${method} ${path}`);
      send(response, answer);
    } catch (error) {
      const { message, code } = error as Error & { code?: string };
      const status = error instanceof Refused ? error.status : code?.startsWith('ERR_') ? 400 : 500;
      const isOurs = path.startsWith('/v1/');
      send(
        response,
        isOurs ? { status, json: { error: message, code } } : { status, text: message },
      );
    }
  }

  async #answer({ method, path, query, body }: Request): Promise<Answer | undefined> {
    const network = this.#network;
    switch (`${method} ${path}`) {
      case 'GET /v1/status':
        return { json: readStatus(network) };
      case 'GET /v1/guests':
        return { json: network.guests.list() };
      case 'GET /v1/flows':
        return { json: network.gateway.flows };
      case 'DELETE /v1/flows':
        return { json: { cut: this.#cut(query) } };
      case 'GET /v1/published':
        return { json: network.published.map(publishedLine) };
      case 'POST /v1/published':
        return {
          json: publishedLine(await network.publish(asObject(body) as unknown as PublishOptions)),
        };
      case 'DELETE /v1/published':
        if (await network.unpublish(readPlace(query))) return { json: {} };
        throw new Refused(404, 'it is not published');
      case 'GET /v1/policy':
        return { json: { ...network.policy.options, onFlow: undefined } };
      case 'PUT /v1/policy':
        return { json: { cut: await network.replacePolicy(asObject(body) as PolicyOptions) } };
      case 'POST /v1/policy/reload':
        if (!this.#options.reload) throw new Refused(409, 'there is no file of a policy');
        return { json: { cut: await this.#options.reload() } };
      case 'GET /v1/names':
        return { json: network.dns.names.list() };
      case 'PUT /v1/names':
        return this.#setNames(asObject(body));
      case 'DELETE /v1/names':
        if (network.dns.names.delete(query.get('name') ?? '')) return { json: {} };
        throw new Refused(404, 'there is no such name');
      default:
        return undefined;
    }
  }

  #setNames(names: Record<string, unknown>): Answer {
    for (const [name, given] of Object.entries(names)) {
      const addresses = typeof given === 'string' ? [given] : given;
      if (!Array.isArray(addresses)) throw new Refused(400, `${name}: give an address, or a list`);
      this.#network.dns.names.checkedSet(name, addresses);
    }
    return { json: this.#network.dns.names.list() };
  }

  #cut(query: URLSearchParams): number {
    const [guest, id, address] = ['guest', 'id', 'address'].map((name) => query.get(name));
    if (!guest && !id && !address) throw new Refused(400, 'say which: guest, id or address');
    return this.#network.gateway.cut(
      (flow) =>
        (!guest || isGuest(flow.guest, guest) || flow.guest.port === guest) &&
        (!id || flow.id === Number(id)) &&
        (!address || flow.address === address),
      'api',
    );
  }
}

/** What a published port is known by, in a query: requests to delete have no body (RFC 9110 §9.3.5). */
function readPlace(query: URLSearchParams): Pick<PublishOptions, 'protocol' | 'host' | 'port'> {
  const [protocol, host, port] = ['protocol', 'host', 'port'].map((name) => query.get(name));
  if (!port && protocol !== 'unix')
    throw new Refused(400, 'say which: port, and host and protocol');
  return {
    ...(protocol && { protocol: protocol as 'tcp' | 'udp' | 'unix' }),
    ...(host && { host }),
    ...(port && { port: Number(port) }),
  };
}

function send(response: ServerResponse, { status = 200, json, text }: Answer): void {
  response.statusCode = status;
  if (json !== undefined) {
    response.setHeader('content-type', 'application/json');
    response.end(`${JSON.stringify(json)}\n`);
  } else response.end(text === undefined ? undefined : `${text}\n`);
}
