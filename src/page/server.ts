/**
 * What serves a page and its data: over a stack's connections, this host's, or both.
 *
 * It answers whoever asks by an address, so that no page of somebody else's reads it by a name that was made to lead
 * here (DNS rebinding); only GET and HEAD unless a path was declared otherwise; and no page of another origin.
 * @module
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import type { PageDocument } from './document.ts';

/** One request that is let through. */
export interface Call {
  readonly url: URL;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** Answers a call, or throws a `Refusal`. */
export type Route = (call: Call) => void;

/** What is served. */
export interface PageOptions {
  /** At `/`. */
  readonly document: PageDocument;
  /** By path; nothing that they do may change anything. */
  readonly get: Readonly<Record<string, Route>>;
  /** Likewise, for what does: the request must carry the header `x-tunstack`, which no page of another origin can send. */
  readonly post?: Readonly<Record<string, Route>>;
  readonly limit?: PageLimit;
}

/**
 * Milliseconds; all of them stricter than Node's own, because whoever looks at a page sends short requests: until the
 * header is there, until the request is, of silence between two, and while an answer is not taken. `EVERY` is how often
 * the first two are looked at.
 */
export const Limit = {
  HEADER: 10_000,
  REQUEST: 15_000,
  IDLE: 5000,
  STALLED: 30_000,
  EVERY: 2000,
} as const;

export type PageLimit = Readonly<Record<keyof typeof Limit, number>>;

/** A request that cannot be met, with the HTTP status that says so. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Open now. */
export interface PageServer {
  /** Take a connection of any stack's. */
  readonly connected: (socket: Duplex) => void;
  /** Listen on this host as well. Rejects as `net.Server` does; gives the port. */
  listen(port: number, address: string): Promise<number>;
  /** End all connections and listen no longer. */
  close(): Promise<void>;
}

/** Serve a page. */
export function servePage(options: PageOptions): PageServer {
  const { limit = Limit } = options;
  const server = createServer(
    {
      headersTimeout: limit.HEADER,
      requestTimeout: limit.REQUEST,
      keepAliveTimeout: limit.IDLE,
      connectionsCheckingInterval: limit.EVERY,
    },
    (request, response) => answer(options, request, response),
  );
  server.setTimeout(limit.STALLED);
  // It may never listen itself, and only then would Node begin to look at the time.
  server.emit('listening');
  const sockets = new Set<Duplex>();
  return {
    connected: (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      server.emit('connection', socket);
    },
    listen: (port, address) => listen(server, port, address),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      if (server.listening) await new Promise((closed) => server.close(closed));
      else server.close(() => {}); // ends what looks at the time
    },
  };
}

function listen(server: Server, port: number, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => {
      server.off('error', reject);
      resolve((server.address() as { port: number }).port);
    });
  });
}

/** Whether the request means this host: by an address, or by the name that every host has for itself. */
function isMeant({ headers: { host } }: IncomingMessage): boolean {
  if (host === undefined) return true; // HTTP/1.0: no browser of today
  const name = host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1');
  return isIP(name) !== 0 || name.toLowerCase() === 'localhost';
}

/** Whether it comes from a page of ours, from a person, or from no browser. Fetch Metadata §2.3. */
function isOwn({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site'];
  return site === undefined || site === 'same-origin' || site === 'none';
}

function answer(options: PageOptions, request: IncomingMessage, response: ServerResponse): void {
  try {
    if (!isMeant(request)) throw new Refusal(421, 'Ask for it by its address.'); // RFC 9110 §15.5.20
    const url = new URL(request.url ?? '/', 'http://page');
    if (request.method === 'POST') post(options, { url, request, response });
    else get(options, { url, request, response });
  } catch (error) {
    const status = error instanceof Refusal ? error.status : 400;
    say(response, status, 'text/plain', `${(error as Error).message}\n`);
  }
}

function get({ document, get: routes, post = {} }: PageOptions, call: Call): void {
  const { url, request, response } = call;
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    throw new Refusal(405, 'Only GET and HEAD.');
  }
  if (url.pathname === '/') {
    response.setHeader('content-security-policy', document.policy);
    say(response, 200, 'text/html', document.html);
    return;
  }
  if (!isOwn(request)) throw new Refusal(403, 'Not for pages of others.');
  const route = Object.hasOwn(routes, url.pathname) ? routes[url.pathname] : undefined;
  if (route === undefined) {
    if (!Object.hasOwn(post, url.pathname)) throw new Refusal(404, `There is no ${url.pathname}`);
    response.setHeader('allow', 'POST');
    throw new Refusal(405, 'Only POST.');
  }
  route(call);
}

function post({ post: routes = {} }: PageOptions, call: Call): void {
  const { url, request, response } = call;
  const route = Object.hasOwn(routes, url.pathname) ? routes[url.pathname] : undefined;
  if (route === undefined) {
    response.setHeader('allow', 'GET, HEAD');
    throw new Refusal(405, 'Only GET and HEAD.');
  }
  if (!isOwn(request) || request.headers['x-tunstack'] === undefined) {
    throw new Refusal(403, 'Not for pages of others.');
  }
  route(call);
}

/** Send a whole answer. */
export function say(response: ServerResponse, status: number, type: string, body: string): void {
  if (response.headersSent) {
    response.end();
    return;
  }
  response.writeHead(status, {
    ...COMMON,
    'content-type': `${type}; charset=utf-8`,
    'content-length': Buffer.byteLength(body),
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

/** The headers of whatever is answered. */
export const COMMON = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
} as const;

/** Send JSON. */
export const sayJson = (response: ServerResponse, what: unknown): void =>
  say(response, 200, 'application/json', `${JSON.stringify(what)}\n`);
