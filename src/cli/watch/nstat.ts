/**
 * Counters as `nstat` prints them: what has changed since it was last asked. nstat(8); iproute2 6.1.
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs';
import type { StackStats } from '../../index.ts';
import { historyOf } from '../control/place.ts';
import type { NstatOptions } from './options.ts';

const OWNERS = 0o600;

/** Counters by name; drops under `Drop` and their reason, what was for others under `Ignored`. */
function flat(stats: StackStats): [string, number][] {
  const { drops, ignored, ...counters } = stats;
  const numbers = Object.entries(counters).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number' && /^[A-Z]/.test(entry[0]),
  );
  return [...numbers, ...under('Drop', drops), ...under('Ignored', ignored)];
}

const under = (what: string, reasons: Readonly<Record<string, number>>): [string, number][] =>
  Object.entries(reasons).map(([reason, count]) => [
    `${what}${reason.charAt(0).toUpperCase()}${reason.slice(1)}`,
    count,
  ]);

/** What is shown: of the counters that are asked for, those that moved. */
export function changes(
  stats: StackStats,
  before: ReadonlyMap<string, number> | undefined,
  { zeros, patterns }: Pick<NstatOptions, 'zeros' | 'patterns'>,
): [string, number][] {
  const wanted = patterns.map(glob);
  return flat(stats)
    .filter(([name]) => wanted.length === 0 || wanted.some((pattern) => pattern.test(name)))
    .map(([name, value]): [string, number] => [name, moved(name, value, before)])
    .filter(([, value]) => zeros || value !== 0);
}

/** A gauge is shown as it is; of a stack that was begun anew everything is new. */
function moved(
  name: string,
  value: number,
  before: ReadonlyMap<string, number> | undefined,
): number {
  if (name === 'TcpCurrEstab') return value;
  const was = before?.get(name) ?? 0;
  return value >= was ? value - was : value;
}

/** A pattern of the shell: `*` and `?`, as nstat takes them. */
const glob = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  );

export const nstatLines = (shown: readonly [string, number][]): string[] => [
  '#tunstack',
  ...shown.map(
    ([name, value]) => `${name.padEnd(32)}${String(value).padEnd(16)}${'0.0'.padStart(6)}`,
  ),
];

/** What was shown last, beside the socket of the command that it is of. */
export class History {
  readonly #path: string;

  constructor(socket: string) {
    this.#path = historyOf(socket);
  }

  /** Undefined: never asked. */
  read(): ReadonlyMap<string, number> | undefined {
    try {
      return new Map(JSON.parse(readFileSync(this.#path, 'utf8')) as [string, number][]);
    } catch {
      return undefined;
    }
  }

  write(stats: StackStats): void {
    writeFileSync(this.#path, JSON.stringify(flat(stats)), { mode: OWNERS });
  }
}
