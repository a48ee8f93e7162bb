/**
 * All measures, in the order in which they run.
 * @module
 */
import { echo, ping, waiting } from './latency.ts';
import type { Measure } from './measure.ts';
import { garbage, idle } from './memory.ts';
import { queues } from './queues.ts';
import { connections, http, udp } from './rates.ts';
import { throughput } from './throughput.ts';
import { file, json, proxy, tls, websocket } from './uses.ts';

export const MEASURES: readonly Measure[] = [
  throughput,
  echo,
  connections,
  udp,
  ping,
  http,
  proxy,
  file,
  json,
  websocket,
  tls,
  idle,
  garbage,
  waiting,
  queues,
];

/** Those of these names; all if there is none. Throws for a name that is none. */
export function choose(only: readonly string[]): Measure[] {
  const strange = only.filter((name) => !MEASURES.some((measure) => measure.name === name));
  if (strange.length > 0) {
    const names = MEASURES.map(({ name }) => name).join(', ');
    throw new RangeError(`--only ${strange.join(',')}: no such measure; there are ${names}`);
  }
  return MEASURES.filter(({ name }) => only.length === 0 || only.includes(name));
}
