/**
 * `tunstack wg`: keys, as `wg` makes them, and what interfaces of userspace say of themselves. wg(8).
 * @module
 */
import { readdirSync } from 'node:fs';
import { text as textOf } from 'node:stream/consumers';
import {
  askControl,
  CONTROL_FOLDER,
  formatKey,
  makePresharedKey,
  makePrivateKey,
  parseKey,
  publicKeyFrom,
  systemRandom,
} from '../../tunnel.ts';
import type { Screen } from '../screen.ts';
import { describeInterface } from './show.ts';

const USAGE = 'what shall wg do? genkey, genpsk, pubkey, or show [interface]';

/** Do what the words say. Gives the exit code. */
export async function runWg(words: readonly string[], screen: Screen): Promise<number> {
  const [verb, name, ...more] = words;
  if (more.length > 0 || (name !== undefined && verb !== 'show')) {
    screen.complain(USAGE);
    return 2;
  }
  switch (verb) {
    case 'genkey':
      screen.line(formatKey(makePrivateKey(systemRandom)));
      return 0;
    case 'genpsk':
      screen.line(formatKey(makePresharedKey(systemRandom)));
      return 0;
    case 'pubkey':
      return pubkey(screen);
    case 'show':
      return show(name, screen);
    default:
      screen.complain(USAGE);
      return 2;
  }
}

async function pubkey(screen: Screen): Promise<number> {
  const key = parseKey((await textOf(process.stdin)).trim());
  if (key === undefined) {
    screen.complain('pubkey reads a key of 44 characters from standard input, and this is none');
    return 1;
  }
  screen.line(formatKey(publicKeyFrom(key)));
  return 0;
}

async function show(name: string | undefined, screen: Screen): Promise<number> {
  const names = name === undefined || name === 'all' ? interfaces() : [name];
  let code = 0;
  for (const [i, each] of names.entries()) {
    try {
      const answer = await askControl(each, 'get=1\n\n');
      if (i > 0) screen.line('');
      for (const line of describeInterface(each, answer, Date.now())) screen.line(line);
    } catch (error) {
      // A socket that somebody has left behind is no interface.
      if (name === undefined || name === 'all') continue;
      screen.complain(
        `there is no interface ${each} that can be asked: ${(error as Error).message}`,
      );
      code = 1;
    }
  }
  return code;
}

function interfaces(): string[] {
  try {
    return readdirSync(CONTROL_FOLDER)
      .filter((file) => file.endsWith('.sock'))
      .map((file) => file.slice(0, -'.sock'.length))
      .sort();
  } catch {
    return [];
  }
}
