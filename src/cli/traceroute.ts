/**
 * `tunstack traceroute`: who is on the way from a stack on a TUN of its own to a host, in the words that
 * people know.
 * @module
 */
import { isIPv6 } from 'node:net';
import type { TracerouteHop, TracerouteProbe } from '../index.ts';
import type { TracerouteOptions } from './options.ts';
import { resolve } from './ping.ts';
import type { Screen } from './screen.ts';
import { openSession } from './session.ts';

const HEADERS = 28; // IP and UDP, or IP and ICMP
const HEADERS6 = 48;
const TEXT = 32;

/** What traceroute writes behind a time: why there is no going on. RFC 1812 §5.2.7.1's codes. */
const NOTES: readonly string[] = ['!N', '!H', '!P', '', '!F', '!S', '!U', '!W'];

/** Those of RFC 4443 §3.1. */
const NOTES6: readonly string[] = ['!N', '!X', '!S', '!H', '', '!X', '!X', '!S'];

function noteOf({ address, type, code }: TracerouteProbe): string {
  if (address?.includes(':')) return type === 1 && code !== 4 ? ` ${NOTES6[code ?? 0] ?? ''}` : '';
  if (type !== 3 || code === undefined || code === 3) return '';
  if (code === 9 || code === 10 || code === 13) return ' !X';
  return ` ${NOTES[code] ?? `!<${code}>`}`;
}

/** One line for a hop: its addresses, each with the times of its answers. */
export function hopLine({ hop, probes }: TracerouteHop): string {
  let line = `${`${hop}`.padStart(2)} `;
  let last: string | undefined;
  for (const probe of probes) {
    const { address, rtt } = probe;
    if (address === undefined || rtt === undefined) {
      line += ' *';
      continue;
    }
    if (address !== last) line += ` ${address}`;
    last = address;
    line += `  ${rtt.toFixed(3)} ms${noteOf(probe)}`;
  }
  return line;
}

/** Trace as the options say, until the goal is reached or `stopped` settles. Gives the exit code. */
export async function traceroute(
  options: TracerouteOptions,
  screen: Screen,
  stopped: Promise<unknown>,
): Promise<number> {
  const { host, method, maxHops, queries, wait, json } = options;
  const address = await resolve(host);
  const session = await openSession(options, screen, { command: 'traceroute' });
  const cancel = new AbortController();
  const ended = Promise.race([session.lost, stopped.then(() => undefined)]);
  void ended.then(() => cancel.abort());
  try {
    screen.line(
      json
        ? JSON.stringify({ event: 'traceroute', host, address, maxHops, method })
        : `traceroute to ${host} (${address}), ${maxHops} hops max, ${TEXT + (isIPv6(address) ? HEADERS6 : HEADERS)} byte packets`,
    );
    let reached = false;
    const hops = session.stack.traceroute(address, {
      ...{ method, maxHops, queries, size: TEXT, timeout: wait * 1000, signal: cancel.signal },
    });
    for await (const hop of hops) {
      reached ||= hop.reached;
      screen.line(json ? JSON.stringify({ event: 'hop', ...hop }) : hopLine(hop));
    }
    return reached ? 0 : 1;
  } catch (error) {
    if (!cancel.signal.aborted) throw error;
    const lost = await ended;
    if (lost) screen.complain(lost.message);
    return 1;
  } finally {
    await session.close();
  }
}
