/**
 * An option of a profile as its handler sees it: words, numbers and files, and what it says where they are wrong.
 * @module
 */
import { type Directive, ProfileError } from './lines.ts';
import type { Profile } from './profile.ts';

/** Reads a file that a profile names. Throws what the file system does. */
export type ReadFile = (path: string) => Uint8Array;

/** An option: its words, and what it needs to say where it is wrong. */
export interface Asked extends Directive {
  readonly read: ReadFile;
}

export type Apply = (profile: Profile, asked: Asked) => void;

export const wrong = (asked: Directive, reason: string): ProfileError =>
  new ProfileError(asked.line, `«${[asked.name, ...asked.words].join(' ')}»: ${reason}`);

/** The word at `at`, a whole number from `least` to `most`. */
export function whole(asked: Asked, at: number, least: number, most: number): number {
  const word = asked.words[at] ?? '';
  const value = Number(word);
  if (!/^\d+$/.test(word) || value < least || value > most) {
    throw wrong(
      asked,
      `${word === '' ? 'a number is missing' : word}: it must be a number from ${least} to ${most}`,
    );
  }
  return value;
}

export function word(asked: Asked, at = 0): string {
  const found = asked.words[at];
  if (found === undefined || found === '') throw wrong(asked, 'a word is missing');
  return found;
}

/** The text of a block, or of the file that is named. */
export function text(asked: Asked): string {
  if (asked.block !== undefined) return asked.block;
  return Buffer.from(bytes(asked)).toString('utf8');
}

export function bytes(asked: Asked): Uint8Array {
  if (asked.block !== undefined) return Buffer.from(asked.block.replace(/\s+/g, ''), 'base64');
  const path = word(asked);
  try {
    return asked.read(path);
  } catch (error) {
    throw wrong(asked, `the file cannot be read (${(error as Error).message})`);
  }
}
