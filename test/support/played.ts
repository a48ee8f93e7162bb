/**
 * A page of the documentation, done as it says: its programs are written, its commands run in their order, and what
 * they print is held against what the page shows.
 *
 * A program is a block whose first line is a comment with the name of its file. Commands stand in blocks `console`:
 * after `$` what is typed, below it what is printed. A time of day and a number with a point may be any such, a number of
 * five digits any number unless it is a round one, three points any text, and a line of them any lines. A command that ends in `&` goes on; `kill %1` ends the first of these.
 * @module
 */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { blocksOf } from '../docs/pages.ts';
import { Running } from './process.ts';
import { root, command as tunstack } from './root.ts';

interface Step {
  readonly command: string;
  /** The lines that it is to print. */
  readonly shown: readonly string[];
}

/** Lines that are waited for where others than the shown ones come. */
const MOST_LINES = 200;

/** The commands of a block, each with what it prints. */
function stepsOf(text: string): Step[] {
  return text
    .replaceAll('\\\n', '')
    .split(/^\$ /m)
    .slice(1)
    .map((step) => {
      const [command = '', ...shown] = step.trimEnd().split('\n');
      return { command: command.replace(/\s+#.*$/, ''), shown };
    });
}

/** What fits the lines that are shown. */
export function patternOf(shown: readonly string[]): RegExp {
  const lines = shown.map((line) =>
    line.trim() === '...'
      ? '(?:.*\\n)*?'
      : `${line
          .trimEnd()
          .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
          .replaceAll('\\.\\.\\.', '.*')
          .replace(/\d\d:\d\d:\d\d\\\.\d+/g, '[\\d:.]+')
          .replace(/(?<![\d.+\\])\d+\\\.\d+(?![\d.]|\\\.\d)/g, '\\d+\\.\\d+')
          .replace(/(?<![\d+\\])\d{5,}(?!\d)(?<!000)/g, '\\d+')}[ \\t]*\\n`,
  );
  return new RegExp(`^${lines.join('')}$`);
}

/** Where its programs stand: below the package's folder, so that they find it by its own name. */
function settle(page: string): string {
  const folder = join(root, 'dist/docs-played', page.replaceAll(/\W/g, '-'));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'bin'), { recursive: true });
  symlinkSync(tunstack, join(folder, 'bin/tunstack'));
  for (const { text } of blocksOf(page)) {
    const [, name] = /^(?:\/\/|#) ([\w.-]+\.\w+)\n/.exec(text) ?? [];
    if (name !== undefined) writeFileSync(join(folder, basename(name)), `${text}\n`);
  }
  return folder;
}

/** Do what `page` says. */
export async function play(t: ExecutionContext, page: string): Promise<void> {
  const folder = settle(page);
  const path = [join(folder, 'bin'), dirname(process.execPath), process.env['PATH'] ?? ''];
  const env = {
    PATH: path.join(delimiter),
    XDG_RUNTIME_DIR: folder, // the control sockets of other stacks are not ours to see
    LC_ALL: 'C',
    FORCE_COLOR: '0',
  };
  const jobs: Running[] = [];
  t.teardown(() => Promise.all(jobs.map((job) => job.stop('SIGKILL'))).then(() => {}));
  const steps = blocksOf(page).filter(({ language }) => language === 'console');
  t.true(steps.length > 0, page);
  for (const { command, shown } of steps.flatMap(({ text }) => stepsOf(text))) {
    const [, killed] = /^kill %(\d)$/.exec(command) ?? [];
    if (killed !== undefined) {
      await jobs[Number(killed) - 1]?.stop();
    } else if (command.endsWith(' &')) {
      const words = [
        '-c',
        `exec ${command.slice(0, -2).replace(/^((?:\w+=\S+ )+)/, 'env $1')} 2>&1`,
      ];
      const job = new Running('sh', words, env, folder);
      jobs.push(job);
      const wanted = patternOf(shown);
      let said = '';
      while (!wanted.test(said) && said.split('\n').length < MOST_LINES) {
        const line = await job.line().catch(() => undefined);
        if (line === undefined) break;
        said += `${line}\n`;
      }
      t.regex(said, wanted, `${page}: ${command}`);
    } else {
      const { out } = await new Running('sh', ['-c', `(${command}) 2>&1`], env, folder).ended;
      t.regex(out, patternOf(shown), `${page}: ${command}`);
    }
  }
}
