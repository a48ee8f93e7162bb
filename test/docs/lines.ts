/**
 * Lines of code for what the package exports, in test/docs/lines: a heading names the exports that a few lines show.
 * They stand in the references, and are compiled with the other programs of the pages.
 * @module
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../support/root.ts';

export interface Lines {
  /** The exports that are shown. */
  readonly names: readonly string[];
  readonly text: string;
  /** In the file, counted from 1. */
  readonly line: number;
}

export const fileOf = (door: string): string => `test/docs/lines/${door}.txt`;

/** What is written for a door. */
export function readLines(door: string): Lines[] {
  const all = readFileSync(join(root, fileOf(door)), 'utf8');
  return [...all.matchAll(/^## (.+)\n((?:(?!## ).*\n)*)/gm)].map(
    ([, names = '', text = ''], i, { [i]: found }) => ({
      names: names.split(' '),
      text: text.trim(),
      line: all.slice(0, found?.index).split('\n').length + 1,
    }),
  );
}

/** The lines by the names of what they show. */
export const linesByName = (door: string): Map<string, string> =>
  new Map(readLines(door).flatMap(({ names, text }) => names.map((name) => [name, text] as const)));
