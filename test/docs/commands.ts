/**
 * docs/commands.md from what `--help` says, and the lines of a shell in the pages, read as a shell reads them.
 * @module
 */
import { parse } from '../../src/cli/options.ts';

/** What a command says to `--help`; its words are those after `tunstack`. */
export function helpOf(...words: readonly string[]): string {
  const request = parse([...words, '--help'], '');
  if (request.command !== 'say') throw new Error(`tunstack ${words.join(' ')} has no help`);
  return request.text;
}

/** The commands below this one, in the order of its help. */
function below(words: readonly string[]): string[][] {
  const [, list = ''] = helpOf(...words).split('\nCommands:\n');
  const names = [...list.matchAll(/^ {2}(\w+)/gm)].map(([, name = '']) => name);
  return names.filter((name) => name !== 'help').map((name) => [...words, name]);
}

/** All commands, each before those below it. */
export function commands(words: readonly string[] = []): string[][] {
  return below(words).flatMap((one) => [one, ...commands(one)]);
}

/** Where a page of ours tells more of a command. */
const MORE: Readonly<Record<string, string>> = {
  forward: 'forward.md',
  network: 'network.md',
  replay: 'network.md',
  ss: 'watch.md',
  nstat: 'watch.md',
  top: 'watch.md',
  dump: 'watch.md',
  capture: 'watch.md',
  tunnel: 'tunnels.md',
  wg: 'tunnels.md',
};

/** The page: made by `npm run docs:api`. */
export function writeCommands(): string {
  const lines = [
    '# The command, word by word',
    '',
    'What each command says to `--help` (`npm run docs:api` makes this page). A command ends with 0 for good, 1 where it',
    'failed or nothing answered, 2 where it was asked wrongly; `tuntap` with 255, as `ip tuntap` does.',
    '',
    ...['```text', helpOf().trimEnd(), '```', ''],
  ];
  for (const words of commands()) {
    const page = MORE[words[0] ?? ''];
    lines.push(`${'#'.repeat(words.length + 1)} tunstack ${words.join(' ')}`, '');
    lines.push('```text', helpOf(...words).trimEnd(), '```', '');
    if (page !== undefined && words.length === 1) lines.push(`More: [${page}](${page}).`, '');
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

/** The words of each command in a line of a shell: quotes are undone, and what is no command's word is left out. */
export function wordsIn(line: string): string[][] {
  const all: string[][] = [[]];
  const pieces = line.matchAll(
    /\s*(?:(#.*)|([|&;()]+)|(\d?[<>]+\s*\S+)|((?:'[^']*'|"[^"]*"|[^\s|&;()<>'"])+))/g,
  );
  for (const [, comment, end, redirection, word] of pieces) {
    if (comment !== undefined) break;
    if (end !== undefined) all.push([]);
    else if (redirection === undefined)
      all.at(-1)?.push((word ?? '').replace(/'([^']*)'|"([^"]*)"/g, '$1$2'));
  }
  return all.filter((words) => words.length > 0);
}

/** What stands before the command's own name: a prompt, other users and other places. */
const BEFORE = /^(?:\$|sudo|npx|exec|time|[A-Z_]+=.*)$/;

/** The words after `tunstack`, if this is a call of it. */
export function callOf(words: readonly string[]): string[] | undefined {
  const at = words.findIndex((word) => !BEFORE.test(word));
  return words[at] === 'tunstack' ? words.slice(at + 1) : undefined;
}
