/**
 * A network with guests in memory, for tests: what is outside is a server of this host's loopback, whatever
 * address it is dialled by, and names are what the test says.
 * @module
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import {
  type AddressInfo,
  connect,
  createServer,
  isIPv6,
  type Server,
  type Socket,
} from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { decode, encode } from 'dns-packet';
import { createPipe, createStack, type Stack, type SwitchPort } from '../../../src/index.ts';
import type { Exchange } from '../../../src/services/dns/exchange.ts';
import type { DatagramHandler, Dialer } from '../../../src/services/gateway/dial.ts';
import {
  type AuditLine,
  Control,
  createNetwork,
  type Network,
  type NetworkOptions,
} from '../../../src/services.ts';

export const GATEWAY = '10.83.0.1';

/** Names outside: addresses by name. */
export const NAMES: Record<string, string> = {
  'good.example': '198.51.100.1',
  'also.good.example': '198.51.100.2',
  'evil.example': '198.51.100.66',
  'badgood.example': '198.51.100.67',
  'shared.example': '198.51.100.1', // of the same machine as good.example
  'rebound.example': '169.254.169.254',
  'inner.example': '10.9.9.9',
};

/** The same of IPv6. */
export const NAMES6: Record<string, string> = {
  'good.example': '2001:db8::1',
  'six.example': '2001:db8::6',
  'evil.example': '2001:db8::66',
  'rebound6.example': 'fd00:ec2::254',
};

export const GATEWAY6 = 'fd83::1';

export interface World {
  readonly network: Network;
  readonly audit: AuditLine[];
  /** Where flows were dialled to: `tcp 198.51.100.1:443`. */
  readonly dialled: string[];
  /** What the outside was sent, by connection. */
  readonly heard: string[];
  now: number;
  /** Each what a stack on an address of the network is, and on one of IPv6 if it is told one. */
  guest(address: string, name?: string, six?: string): Promise<Stack & { port: SwitchPort }>;
  events(...names: string[]): Record<string, unknown>[];
}

class Outside implements Dialer {
  readonly descriptors = { tcp: 1, udp: 1 };
  readonly dialled: string[] = [];
  readonly port: number;

  constructor(port: number) {
    this.port = port;
  }

  async connect(address: string, port: number): Promise<Socket> {
    this.dialled.push(`tcp ${address}:${port}`);
    const socket = connect({ host: '127.0.0.1', port: this.port, allowHalfOpen: true });
    await once(socket, 'connect');
    return socket;
  }

  async open(address: string, port: number, handler: DatagramHandler) {
    this.dialled.push(`udp ${address}:${port}`);
    return {
      send: (message: Uint8Array) => handler.received(Buffer.from(`echo ${message.length}`)),
      close: () => {},
    };
  }
}

/** A server that says `hello`, and what it was sent, which it keeps. */
async function serve(heard: string[]): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const index = heard.push('') - 1;
    socket.on('error', () => {});
    socket.on('data', (text) => {
      heard[index] += text.toString('latin1');
      socket.write(`heard ${text.length}\n`);
    });
    socket.on('end', () => socket.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const resolve: Exchange = async (_resolver, query) => {
  const { id, questions = [] } = decode(Buffer.from(query));
  const [asked] = questions;
  const { name = '', type = 'A' } = asked ?? {};
  const data = (type === 'AAAA' ? NAMES6 : NAMES)[name];
  const isThere = name in NAMES || name in NAMES6;
  const isAddress = (type === 'A' || type === 'AAAA') && data !== undefined;
  return encode({
    ...{ type: 'response', id, questions, flags: isThere ? 0 : 3 },
    answers: isAddress ? [{ type, name, ttl: 60, data }] : [],
  });
};

/** What is outside, for a network that is made elsewhere. */
export async function outside(): Promise<{ options: NetworkOptions; close(): void }> {
  const server = await serve([]);
  const dialer = new Outside((server.address() as AddressInfo).port);
  const dns = { servers: ['192.0.2.53'] };
  return { options: { dialer, exchange: resolve, dns }, close: () => void server.close() };
}

export async function world(t: ExecutionContext, options: NetworkOptions = {}): Promise<World> {
  const heard: string[] = [];
  const server = await serve(heard);
  const beyond = new Outside((server.address() as AddressInfo).port);
  const audit: AuditLine[] = [];
  const it = { now: 1e6, heard, dialled: beyond.dialled, audit } as unknown as World;
  const network = createNetwork({
    ...{ dialer: beyond, exchange: resolve, dns: { servers: ['192.0.2.53'] } },
    audit: (line) => audit.push(line) > 0,
    ...options,
  });
  await network.ready;
  const guests: Stack[] = [];
  t.teardown(async () => {
    await Promise.all(guests.map((guest) => guest.close({ linger: 0 })));
    await network.close();
    server.close();
  });
  return Object.assign(it, {
    network,
    guest: async (address: string, name?: string, six?: string) => {
      const [port, device] = createPipe({ medium: 'ethernet' });
      const plugged = network.plug(port, name === undefined ? {} : { name });
      const mac = `02:00:5e:00:53:${address.split('.')[3]?.padStart(2, '0').slice(-2)}`;
      const lookup = (
        host: string,
        { all }: { all?: boolean },
        done: (error: Error | null, address: unknown, family: number) => void,
      ): void => {
        void look(guest, host).then((found) => {
          const error = found ? null : Object.assign(new Error(host), { code: 'ENOTFOUND' });
          done(error, all ? [{ address: found, family: 4 }] : found, 4);
        });
      };
      const guest: Stack = createStack({
        ...{ device, mac },
        address: [`${address}/24`, ...(six ? [`${six}/64`] : [])],
        gateway: [GATEWAY, ...(six ? [GATEWAY6] : [])],
        ...(six && { autoconf: { acceptRouters: false, addresses: false, duplicates: false } }),
        lookup: lookup as never,
      });
      guests.push(guest);
      return Object.assign(guest, { port: plugged });
    },
    events: (...names: string[]) => audit.filter(({ event }) => names.includes(event)),
  });
}

/** What the gateway tells a guest of a name; undefined: that there is none. */
export async function look(
  guest: Stack,
  name: string,
  type: 'A' | 'AAAA' | 'TXT' = 'A',
  server: string = GATEWAY,
): Promise<string | undefined> {
  const socket = guest.dgram.createSocket(isIPv6(server) ? 'udp6' : 'udp4');
  try {
    const answer = once(socket, 'message', { signal: AbortSignal.timeout(5000) });
    socket.send(
      encode({ type: 'query', id: 77, flags: 256, questions: [{ type, name }] }),
      53,
      server,
    );
    const [bytes] = await answer;
    const [first] = decode(bytes).answers ?? [];
    return first && 'data' in first ? (first.data as string) : undefined;
  } finally {
    socket.close();
  }
}

/** What comes of a connection on which `text` is said: the answer, or the code of the error. */
export async function say(
  guest: Stack,
  host: string,
  port: number,
  text: string | Uint8Array,
): Promise<string> {
  const socket = guest.net.connect({ host, port, allowHalfOpen: true });
  let answer = '';
  socket.on('data', (piece) => {
    answer += piece;
  });
  if (text.length > 0) socket.end(text);
  else socket.end(); // so that its FIN comes with the last segment of the handshake
  try {
    await once(socket, 'end', { signal: AbortSignal.timeout(8000) });
    return answer;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  } finally {
    socket.destroy();
  }
}

/** A server on a guest that tells what it hears, and from whom. */
export async function greet(guest: Stack, port: number): Promise<string[]> {
  const heard: string[] = [];
  const server = guest.net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    let text = '';
    socket.on('data', (piece) => {
      text += piece.toString('latin1');
    });
    socket.on('end', () => {
      heard.push(`${socket.remoteAddress} ${text}`);
      socket.end(`hello ${text}`);
    });
  });
  await once(server.listen(port), 'listening');
  return heard;
}

/** What this host gets from a port of its own. */
export async function ask(port: number, text: string, host = '127.0.0.1'): Promise<string> {
  const socket = connect({ port, host, allowHalfOpen: true });
  socket.on('error', () => {}); // the loop below throws it
  socket.end(text);
  let answer = '';
  try {
    for await (const piece of socket) answer += piece;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? '';
  }
  return answer;
}

/** A network, and its API at the socket `path`. */
export interface Controlled extends World {
  readonly path: string;
  readonly control: Control;
  // biome-ignore lint/suspicious/noExplicitAny: what JSON says
  call(method: string, where: string, body?: unknown): Promise<{ status: number; body: any }>;
}

/** The API of a network, on a socket of a folder of its own. */
export async function controlled(
  t: ExecutionContext,
  options: NetworkOptions = {},
): Promise<Controlled> {
  const policy = { default: 'deny', rules: ['allow good.example'] } as const;
  const it = await world(t, { policy, ...options });
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-control-'));
  const path = join(folder, 'net.sock');
  const control = new Control(it.network);
  await control.listen(path);
  t.teardown(async () => {
    await control.close();
    rmSync(folder, { recursive: true });
  });
  const call = async (method: string, where: string, body?: unknown) => {
    const asked = request({ socketPath: path, method, path: where, agent: false });
    asked.on('error', () => {}); // `once` hears of what matters
    asked.end(typeof body === 'string' ? body : body && JSON.stringify(body));
    const [response] = await once(asked, 'response');
    let text = '';
    for await (const piece of response) text += piece;
    const json = text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text.trim();
    return { status: response.statusCode as number, body: json };
  };
  return { ...it, path, control, call };
}
