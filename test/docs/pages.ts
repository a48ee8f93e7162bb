/**
 * The pages for users, and the blocks of code in them.
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../support/root.ts';

/** A fenced block. */
export interface Block {
  /** The page, from the root. */
  readonly page: string;
  /** Of its first line within, counted from 1. */
  readonly line: number;
  /** What follows the fence: `ts`, `sh`. */
  readonly language: string;
  readonly text: string;
}

export const readPage = (page: string): string => readFileSync(join(root, page), 'utf8');

/** Every page of the package, without CHANGELOG.md: that one tells of versions that are gone. */
export const pages: readonly string[] = [
  'README.md',
  'SECURITY.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => `docs/${name}`),
];

/** What lies between these marks is written by a script from what the compiler has read already. */
const MADE = /<!-- reference: made by [\s\S]*?<!-- end of reference -->/g;

/** The blocks of a page that somebody wrote. */
export function blocksOf(page: string): Block[] {
  const blank = (text: string): string => text.replace(/[^\n]/g, '');
  const lines = readPage(page).replace(MADE, blank).split('\n');
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; at++) {
    const [, indent = '', fence = '', language = ''] =
      /^( *)(```+)(\w*)/.exec(lines[at] ?? '') ?? [];
    if (fence === '') continue;
    const first = at + 1;
    do at++;
    while (at < lines.length && lines[at]?.trim() !== fence);
    const text = lines.slice(first, at).map((line) => line.slice(indent.length));
    blocks.push({ page, line: first + 1, language, text: text.join('\n') });
  }
  return blocks;
}

/** All blocks in one of these languages. */
export const blocksIn = (...languages: readonly string[]): Block[] =>
  pages.flatMap(blocksOf).filter(({ language }) => languages.includes(language));
