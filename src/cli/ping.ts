/**
 * `tunstack ping`: echo requests from a stack on a TUN of its own.
 * @module
 */
import { lookup } from 'node:dns/promises';
import { isIP, isIPv6 } from 'node:net';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import type { SystemError } from '../index.ts';
import type { PingOptions } from './options.ts';
import { PingLog, replyBytes } from './ping-log.ts';
import { whySilent } from './place.ts';
import type { Screen } from './screen.ts';
import { openSession, type Session } from './session.ts';

/** The words that ping has for an answer that is no reply. */
const NEWS: Readonly<Record<string, string>> = {
  EHOSTUNREACH: 'Destination Host Unreachable',
  ENETUNREACH: 'Destination Net Unreachable',
  ECONNREFUSED: 'Destination Port Unreachable',
  ENOPROTOOPT: 'Destination Protocol Unreachable',
  EACCES: 'Packet filtered',
  EMSGSIZE: 'Message too long',
};

/** The address of a host. Throws in words for people. */
export async function resolve(host: string, family: 0 | 4 | 6 = 0): Promise<string> {
  if (isIP(host) !== 0) return host;
  try {
    return (await lookup(host, { family })).address;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`${host} has no address that can be found (${code}): give an address`);
  }
}

/** Ping as the options say, until `stopped` settles. Gives the exit code. */
export async function ping(
  options: PingOptions,
  screen: Screen,
  stopped: Promise<unknown>,
): Promise<number> {
  const address = await resolve(options.host);
  const session = await openSession(options, screen, { command: 'ping' });
  try {
    const log = new PingLog({ ...options, address });
    screen.line(log.opening());
    const started = performance.now();
    const error = await sendAll(session, options, address, log, screen, stopped);
    screen.status('');
    screen.line(log.closing(performance.now() - started));
    if (error) screen.complain(error.message);
    else if (log.received + log.errors === 0) {
      const why = whySilent(address, { address: session.address, prefix: options.prefix });
      if (why !== undefined) screen.complain(why);
    }
    return log.received > 0 && !error ? 0 : 1;
  } finally {
    await session.close();
  }
}

/** Send them all; settles when the last is answered or given up. With the error that ended it. */
async function sendAll(
  { stack, lost, ...places }: Session,
  { count, interval, size, wait }: PingOptions,
  address: string,
  log: PingLog,
  screen: Screen,
  stopped: Promise<unknown>,
): Promise<Error | undefined> {
  const ours = (isIPv6(address) ? places.address6 : places.address) ?? address;
  const ended = Promise.race([lost, stopped.then(() => undefined)]);
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  const cancel = new AbortController();
  const one = async (seq: number): Promise<void> => {
    log.sent();
    try {
      const { rtt, ttl } = await stack.ping(address, { size, timeout: wait * 1000 });
      if (isOver) return;
      screen.line(log.reply({ from: address, seq, bytes: replyBytes(size), ttl, rtt }));
    } catch (error) {
      if (isOver) return;
      const { code = '', message, reporter } = error as SystemError & { reporter?: string };
      if (code === 'ETIMEDOUT') screen.line(log.silence(seq));
      else screen.line(log.failure({ from: reporter ?? ours, seq }, NEWS[code] ?? message));
    }
  };
  const waiting = new Set<Promise<void>>();
  for (let seq = 1; seq <= count && !isOver; seq++) {
    const asked: Promise<void> = one(seq).finally(() => waiting.delete(asked));
    waiting.add(asked);
    if (seq === count) break;
    // As fast as answers come with interval 0, as `ping -f` does.
    const next = interval === 0 ? asked : pause(interval * 1000, undefined, cancel);
    await Promise.race([next, ended]);
  }
  cancel.abort();
  return await Promise.race([ended, Promise.all(waiting).then(() => undefined)]);
}
