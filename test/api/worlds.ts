/**
 * Two places where a program that uses `node:net` and `node:dgram` can run: the kernel's loopback, and
 * two stacks with a pipe between them. What happens must be the same in both, over IPv4 and over IPv6.
 * @module
 */
import * as nodeDgram from 'node:dgram';
import type { EventEmitter } from 'node:events';
import * as nodeHttp from 'node:http';
import * as nodeHttp2 from 'node:http2';
import * as nodeHttps from 'node:https';
import * as nodeNet from 'node:net';
import { networkInterfaces } from 'node:os';
import * as nodeTls from 'node:tls';
import { inspect, isDeepStrictEqual } from 'node:util';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { createPipe, createStack, type Stack, type StackOptions } from '../../src/index.ts';

/** What a scenario may use: Node's modules, or what a stack has in their place. */
export interface Side {
  readonly net: Omit<typeof nodeNet, 'BoundSocket'>;
  readonly dgram: typeof nodeDgram;
  readonly http: typeof nodeHttp;
  readonly http2: typeof nodeHttp2;
  readonly https: typeof nodeHttps;
  readonly tls: typeof nodeTls;
}

export interface World {
  readonly client: Side;
  readonly server: Side;
  /** The server's address, in the family that is asked about. */
  readonly host: string;
  /** The same in the other; where both are asked about this is IPv4's. */
  readonly other: string;
  readonly otherClient: string;
  /** The type of sockets for that family. */
  readonly udp: 'udp4' | 'udp6';
  readonly family: 4 | 6;
  /** 0.0.0.0 or `::`. */
  readonly any: string;
  /** An address that the client may come from. */
  readonly clientHost: string;
  /** Settles when no connection is left, not even in TIME-WAIT. */
  forgotten(): Promise<void>;
  close(): Promise<void>;
}

export interface Pair {
  readonly left: Stack;
  readonly right: Stack;
  close(): Promise<void>;
}

export const LEFT = '10.0.0.1';
export const RIGHT = '10.0.0.2';
export const LEFT6 = 'fd83::1';
export const RIGHT6 = 'fd83::2';

/** What both stacks have addresses of; 0: of both. */
export type Family = 4 | 6 | 0;

const cidrs = (family: Family, ipv4: string, ipv6: string): string[] => [
  ...(family === 6 ? [] : [`${ipv4}/24`]),
  ...(family === 4 ? [] : [`${ipv6}/64`]),
];

/** Two stacks on a pipe. */
export function makePair(
  options: Partial<StackOptions> = {},
  pipe: Parameters<typeof createPipe>[0] = {},
  family: Family = 4,
): Pair {
  const [a, b] = createPipe(pipe);
  const left = createStack({
    poison: true,
    ...options,
    device: a,
    address: cidrs(family, LEFT, LEFT6),
  });
  const right = createStack({
    poison: true,
    ...options,
    device: b,
    address: cidrs(family, RIGHT, RIGHT6),
  });
  return {
    left,
    right,
    close: async () => {
      await Promise.all([left.close({ linger: 0 }), right.close({ linger: 0 })]);
    },
  };
}

/** That this compiles is a test: what is typed for Node's modules takes the stack's. */
const sideOf = (stack: Stack): Side => stack;

const namesOf = (family: Family): Pick<World, 'udp' | 'family' | 'any'> =>
  family === 4 ? { udp: 'udp4', family, any: '0.0.0.0' } : { udp: 'udp6', family: 6, any: '::' };

export function kernelWorld(family: Family = 4): World {
  const side: Side = {
    ...{ net: nodeNet, dgram: nodeDgram, tls: nodeTls },
    ...{ http: nodeHttp, http2: nodeHttp2, https: nodeHttps },
  };
  return {
    client: side,
    server: side,
    host: family === 4 ? '127.0.0.1' : '::1',
    other: family === 4 ? '::1' : '127.0.0.1',
    otherClient: family === 4 ? '::1' : '127.0.0.1',
    ...namesOf(family),
    clientHost: family === 4 ? '127.0.0.1' : '::1',
    forgotten: async () => {}, // the kernel's own affair
    close: async () => {},
  };
}

export function stackWorld(family: Family = 4): World {
  const { left, right, close } = makePair({ tcp: { timeWait: 50_000 } }, {}, family);
  const forgotten = (): Promise<void> =>
    until(() => left.connections().length + right.connections().length === 0);
  return {
    client: sideOf(left),
    server: sideOf(right),
    host: family === 4 ? RIGHT : RIGHT6,
    other: family === 4 ? RIGHT6 : RIGHT,
    otherClient: family === 4 ? LEFT6 : LEFT,
    ...namesOf(family),
    clientHost: family === 4 ? LEFT : LEFT6,
    forgotten,
    close,
  };
}

/** What happened, as lines that can be compared. */
export type Log = unknown[];

/** An error as both worlds should tell it. */
export function told(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { name, message, code, errno, syscall } = error as NodeJS.ErrnoException;
  const { address, port } = error as { address?: string; port?: number };
  return { name, message, code, errno, syscall, address, port: port === undefined ? port : 'PORT' };
}

/** Write down the events of `emitter` that are named, with their arguments. */
export function record(
  log: Log,
  who: string,
  emitter: EventEmitter,
  names: readonly string[],
): void {
  for (const name of names) {
    emitter.on(name, (...values: unknown[]) => {
      log.push([who, name, ...values.map((value) => readable(name, value))]);
    });
  }
}

function readable(name: string, value: unknown): unknown {
  if (name === 'data') return (value as Buffer).length;
  if (value instanceof Error) return told(value);
  if (typeof value === 'object' && value !== null) return value.constructor?.name;
  return value;
}

/** Everything a socket may emit but data, whose pieces are nobody's promise. */
export const SOCKET_EVENTS: readonly string[] = [
  'lookup',
  'connect',
  'ready',
  'drain',
  'end',
  'finish',
  'timeout',
  'error',
  'close',
];

/** Replaces addresses and ports by what they are, so that both worlds read the same. */
function normalized(world: World, value: unknown): unknown {
  if (typeof value === 'string') {
    return value
      .replaceAll(world.host, 'HOST')
      .replaceAll(world.clientHost, 'CLIENT')
      .replaceAll(world.other, 'OTHER')
      .replaceAll(world.otherClient, 'OTHER')
      .replace(/OTHER:\d+/g, 'OTHER:PORT')
      .replace(/CLIENT(?=[:\s]|$)/g, 'HOST')
      .replace(/HOST:\d+/g, 'HOST:PORT')
      .replace(/:::\d+|0\.0\.0\.0:\d+/g, 'ANY:PORT')
      .replace(/^(::|0\.0\.0\.0)$/, 'ANY');
  }
  if (Array.isArray(value)) return value.map((one) => normalized(world, one));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, one]) => [key, normalized(world, one)]),
    );
  }
  return value;
}

export type Scenario = (world: World, log: Log) => Promise<unknown>;

async function play(world: World, scenario: Scenario): Promise<unknown> {
  const log: Log = [];
  try {
    const result = await scenario(world, log);
    const seen = normalized(world, { log: [...log], result });
    await world.forgotten();
    return seen;
  } finally {
    await world.close();
  }
}

/** The scenario on the kernel tells what is right; the stack must do the same. */
async function compare(t: ExecutionContext, scenario: Scenario, family: Family): Promise<void> {
  const worlds = [kernelWorld(family), stackWorld(family)];
  const [kernel, stack] = await Promise.all(worlds.map((world) => play(world, scenario)));
  if (!isDeepStrictEqual(stack, kernel)) {
    const shown = { depth: 6, breakLength: 100 };
    t.log(`the kernel: ${inspect(kernel, shown)}`);
    t.log(`the stack: ${inspect(stack, shown)}`);
  }
  t.deepEqual(stack, kernel);
}

/** What Node 20 does otherwise than 22 and 24, whose ways are the stack's. */
const NOT_AS_NODE_20: readonly string[] = [
  'arguments: connect with a host that is no string',
  'states: end, of a socket that was never connected',
  'states: destroySoon, of a socket that was never connected',
  'states: destroy, of a socket that waits for room to write',
  'states: destroy with an error, of a socket that waits for room to write',
];
const isNode20 = process.versions.node.startsWith('20.');

/** Whether the kernel's loopback has `::1`, beside which the stack's IPv6 is held. */
const hasIPv6 = Object.values(networkInterfaces()).some((list) =>
  list?.some(({ address }) => address === '::1'),
);

function declare(
  run: typeof test.serial,
  title: string,
  scenario: Scenario,
  families: readonly Family[],
): void {
  for (const family of families) {
    const name = family === 6 ? `${title}, over IPv6` : title;
    const play = (t: ExecutionContext): Promise<void> => compare(t, scenario, family);
    if (isNode20 && NOT_AS_NODE_20.includes(title)) {
      console.log(`skipped, this is Node 20 and later ones do otherwise: ${name}`);
      test.skip(name, play);
    } else if (family !== 4 && !hasIPv6) {
      console.log(`skipped, the kernel has no ::1 to compare with: ${name}`);
      test.skip(name, play);
    } else run(name, play);
  }
}

/** A scenario, in both worlds, over IPv4 and over IPv6. */
export const same = (title: string, scenario: Scenario): void =>
  declare(test, title, scenario, [4, 6]);

/** One that is about IPv4 alone: it names addresses or socket types of that. */
export const sameIPv4 = (title: string, scenario: Scenario): void =>
  declare(test, title, scenario, [4]);

/** One about both, where both ends have addresses of both. */
export const sameDual = (title: string, scenario: Scenario): void =>
  declare(test, title, scenario, [0]);

/** The same by itself, for scenarios that give both worlds a certain time. */
export const sameAlone = (title: string, scenario: Scenario): void =>
  declare(test.serial, title, scenario, [4, 6]);

/** Settles when the event loop has gone round `times`. */
export async function rounds(times = 3): Promise<void> {
  for (let i = 0; i < times; i++) await new Promise((done) => setImmediate(done));
}

/** Where a server that listens can be reached. */
export const portOf = (server: { address(): unknown }): number =>
  (server.address() as nodeNet.AddressInfo).port;

/** An address as it stands in a URL. RFC 3986 §3.2.2. */
export const inUrl = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** Listen on any port, and give it. */
export function listening(server: nodeNet.Server, host: string): Promise<number> {
  return new Promise((done) => server.listen(0, host, () => done(portOf(server))));
}

/** Settles with the arguments of the next such event. */
export const next = (emitter: EventEmitter, event: string): Promise<unknown[]> =>
  new Promise((done) => emitter.once(event, (...values) => done(values)));

/** Settles when `is` gives true; the stacks' timers are real ones here. Fails after ten seconds. */
export async function until(is: () => boolean): Promise<void> {
  for (let left = 2000; !is(); left--) {
    if (left === 0) throw new Error(`never came true: ${is}`);
    await new Promise((done) => setTimeout(done, 5));
  }
}
