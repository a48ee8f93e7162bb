/**
 * undici and `fetch` over a stack: what an undici `Agent` takes as its `connect`, and such an agent.
 *
 * undici is not a dependency: it is the program's, and looked for when a dispatcher is asked for.
 *
 * undici documentation: "Client", parameter `ConnectOptions` ("connect"); "Agent".
 * @module
 */
import { createRequire } from 'node:module';
import { isIP, type NetConnectOpts } from 'node:net';
import type * as tls from 'node:tls';
import { after, stop } from '../../host/clock.ts';
import { coded } from '../door/errors.ts';
import type { Net } from '../net/net.ts';
import type { Socket } from '../net/socket.ts';
import type { SecureConnect } from './tls.ts';
import type { UndiciAgent, UndiciAgentOptions } from './undici.ts';

/** How connections are made: options of `tls.connect` for `https:`, and of `net.connect`. */
export interface ConnectorOptions extends tls.ConnectionOptions {
  /** Offer HTTP/2 in the TLS handshake. Default false. */
  readonly allowH2?: boolean;
  /** How long a connection may take to open, in milliseconds; 0: no limit. Default 10 000. */
  readonly timeout?: number;
}

/** What undici asks for. */
export interface ConnectorCall {
  /** A name or a literal address. */
  readonly hostname: string;
  /** With the port, as in the header of that name. */
  readonly host?: string;
  /** `http:` or `https:`. */
  readonly protocol: string;
  /** Empty for the protocol's own. */
  readonly port: string;
  /** The name to ask for in the TLS handshake; `host`'s unless told. */
  readonly servername?: string;
  /** An address of the stack's; the route's unless told. */
  readonly localAddress?: string | null;
  /** A connection to put TLS on. */
  readonly httpSocket?: object;
}

/** The socket is open (and secure), or there is an error. */
type Connected = (...answer: [null, tls.TLSSocket] | [Error, null]) => void;

/** What `new Agent({ connect })` takes. */
export type Connector = (call: ConnectorCall, callback: Connected) => void;

/** Options of undici's `Agent`, and how its connections are made. */
export interface DispatcherOptions extends UndiciAgentOptions {
  /** As for `stack.connector()`. */
  readonly connect?: ConnectorOptions;
}

/** What is used of the module. */
interface Undici {
  readonly Agent: new (options: UndiciAgentOptions & { connect: Connector }) => UndiciAgent;
}

const TIMEOUT = 10_000;
const KEEP_ALIVE = 60_000;
/** TLS sessions that are remembered, each to save a round trip. */
const SESSIONS = 100;

/** undici's error for it has this code. */
const timeoutError = (host: string, port: string, ms: number): Error =>
  coded(
    Error,
    'UND_ERR_CONNECT_TIMEOUT',
    `Connect Timeout Error (attempted address: ${host}:${port}, timeout: ${ms}ms)`,
  );

/** A connector over connections of the stack that `net` belongs to. */
export function makeConnector(
  net: Net,
  secureConnect: SecureConnect,
  { allowH2 = false, timeout = TIMEOUT, ...options }: ConnectorOptions = {},
): Connector {
  const sessions = new Map<string, Buffer>();

  const connectSecurely = (call: ConnectorCall): tls.TLSSocket => {
    const { hostname, host, port, localAddress, httpSocket } = call;
    const named = call.servername || options.servername || (host ?? hostname).replace(/:\d*$/, '');
    const servername = isIP(named) === 0 ? named : '';
    const key = `${servername || hostname}:${port}`;
    const session = options.session ?? sessions.get(key);
    const socket = secureConnect({
      ALPNProtocols: allowH2 ? ['h2', 'http/1.1'] : ['http/1.1'],
      ...options,
      ...(servername && { servername }),
      ...(session && { session }),
      ...(httpSocket && { socket: httpSocket as NonNullable<tls.ConnectionOptions['socket']> }),
      ...(localAddress && { localAddress }),
      host: hostname,
      port: Number(port) || 443,
    });
    return socket.on('session', (fresh) => {
      if (sessions.size >= SESSIONS && !sessions.has(key)) sessions.clear();
      sessions.set(key, fresh);
    });
  };

  const connectPlainly = ({ hostname, port, localAddress }: ConnectorCall): Socket =>
    net.connect({
      ...options,
      ...(localAddress && { localAddress }),
      host: hostname,
      port: Number(port) || 80,
    } as NetConnectOpts);

  return (call, callback) => {
    const secure = call.protocol === 'https:';
    const socket = secure ? connectSecurely(call) : connectPlainly(call);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE);
    const expire = (): void => {
      socket.destroy(timeoutError(call.hostname, call.port, timeout));
    };
    const timer = timeout > 0 ? after(timeout, expire) : undefined;
    const failed = (error: Error): void => {
      stop(timer);
      callback(error, null);
    };
    socket.once('error', failed);
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      stop(timer);
      socket.off('error', failed);
      callback(null, socket as tls.TLSSocket);
    });
  };
}

/** The program's undici. Throws `ERR_MODULE_NOT_FOUND` where there is none. */
function loadUndici(): Undici {
  // As the program would find it, and else as this package does.
  for (const from of [process.argv[1], import.meta.filename]) {
    try {
      if (from) return createRequire(from)('undici') as Undici;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  const hint = 'npm install undici@7';
  throw coded(
    Error,
    'ERR_MODULE_NOT_FOUND',
    `stack.dispatcher() needs the package undici: ${hint}`,
  );
}

/** An undici agent over connections of the stack that `net` belongs to. */
export function makeDispatcher(
  net: Net,
  secureConnect: SecureConnect,
  { connect, ...options }: DispatcherOptions = {},
): UndiciAgent {
  const { Agent } = loadUndici();
  const allowH2 = connect?.allowH2 ?? options.allowH2 ?? false;
  const connector = makeConnector(net, secureConnect, { ...connect, allowH2 });
  return new Agent({ ...options, connect: connector });
}
