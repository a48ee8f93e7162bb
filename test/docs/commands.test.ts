/**
 * The commands in the pages are there, with the options and the values that are shown, and docs/commands.md is what
 * `--help` says.
 * @module
 */
import test from 'ava';
import { parse } from '../../src/cli/options.ts';
import { callOf, commands, helpOf, wordsIn, writeCommands } from './commands.ts';
import { blocksIn, pages, readPage } from './pages.ts';

test('docs: the reference of the commands is what they say to --help', (t) => {
  t.is(readPage('docs/commands.md'), writeCommands(), 'run npm run docs:api');
});

/** A variable of the shell's stands for some process. */
const shown = (word: string): string => (/^\$\w+$/.test(word) ? '4711' : word);

test('docs: every call of tunstack in a block is one that it takes', (t) => {
  const refused: string[] = [];
  let calls = 0;
  for (const { page, line, text } of blocksIn('sh', 'console')) {
    for (const shell of text.replaceAll('\\\n', ' ').split('\n')) {
      for (const words of wordsIn(shell).map(callOf)) {
        if (words === undefined) continue;
        calls++;
        const request = parse(words.map(shown), '');
        if (request.command === 'refuse')
          refused.push(`${page}:${line}: ${shell}: ${request.reason}`);
      }
    }
  }
  t.true(calls > 20);
  t.deepEqual(refused, []);
});

test('docs: every command and option of tunstack that a sentence names is there', (t) => {
  const known = new Set(commands().map((words) => words.join(' ')));
  const gone: string[] = [];
  for (const page of pages) {
    for (const [call, first = '', second = ''] of readPage(page).matchAll(
      /`tunstack ([a-z]+)(?: ([a-z]+))?[^`\n]*`/g,
    )) {
      const words = known.has(`${first} ${second}`) ? [first, second] : [first];
      if (!known.has(words.join(' '))) gone.push(`${page}: ${call}`);
      else if (first !== 'tuntap' && first !== 'wg') {
        const help = helpOf(...words);
        for (const [option] of call.matchAll(/(?<=[\s[])--?[a-z][\w-]*/g)) {
          const asked = /^-\w+$/.test(option) ? [...option.slice(1)].map((c) => `-${c}`) : [option];
          for (const one of asked) {
            if (!new RegExp(`(^|\\s|, )${one}\\b`, 'm').test(help))
              gone.push(`${page}: ${call}: ${one}`);
          }
        }
      }
    }
  }
  t.deepEqual(gone, []);
});

test('docs: no help names a default that is nobody’s word for it', (t) => {
  for (const words of commands())
    t.notRegex(helpOf(...words), /default: (null|\[)/, words.join(' '));
});

test('docs: the lines of a shell are read as a shell reads them', (t) => {
  t.deepEqual(wordsIn("$ sudo tunstack dump -c 1 'tcp port 80' > x 2>&1 & # and wait"), [
    ['$', 'sudo', 'tunstack', 'dump', '-c', '1', 'tcp port 80'],
  ]);
  t.deepEqual(callOf(['sudo', 'tunstack', 'ss']), ['ss']);
  t.deepEqual(wordsIn('tunstack capture - | wireshark -k -i -').map(callOf), [
    ['capture', '-'],
    undefined,
  ]);
  t.is(parse(['serve', '--bogus'], '').command, 'refuse');
});
