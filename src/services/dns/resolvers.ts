/**
 * The resolvers that this host uses, as its `resolv.conf` has them now.
 * @module
 */
import { Resolver as NodeResolver } from 'node:dns';
import { isIP } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Resolver } from './exchange.ts';

const PORT = 53;
/** How long what was read is believed, in ms. */
const FRESH = 5000;

/** `192.0.2.1`, `192.0.2.1:5353`, `::1`, `[::1]:5353`. Throws a `TypeError` with `ERR_INVALID_ARG_VALUE`. */
export function readResolver(text: string): Resolver {
  const [, inside, after] = /^\[([^\]]+)\](?::(\d+))?$/.exec(text) ?? [];
  const [, before, port4] = /^([\d.]+)(?::(\d+))?$/.exec(text) ?? [];
  const address = inside ?? before ?? text;
  const port = Number(after ?? port4 ?? PORT);
  if (isIP(address) !== 0 && port >= 1 && port <= 65_535) return { address, port };
  const message = `servers has ${JSON.stringify(text)}: it must be an address, as 192.0.2.1 or [2001:db8::1]:53`;
  throw Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARG_VALUE' });
}

/** What the host uses, read anew when it is asked for after some seconds. */
export function hostResolvers(now: () => number = () => performance.now()): () => Resolver[] {
  let known: Resolver[] = [];
  let until = Number.NEGATIVE_INFINITY;
  return () => {
    if (now() >= until) {
      known = new NodeResolver().getServers().map(readResolver); // a new one reads the file
      until = now() + FRESH;
    }
    return known;
  };
}
