/** Progress: what is said, when, and that it steps aside for whatever else is written; on a terminal only. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import test from 'ava';
import { Progress, span } from '../../src/cli/progress.ts';
import { root } from '../support/root.ts';

function terminal(isTTY = true, columns = 80) {
  const written: string[] = [];
  const made = {
    isTTY,
    columns,
    write: (text: string): unknown => written.push(text),
  };
  return { made, written };
}

function progress(options: Partial<ConstructorParameters<typeof Progress>[0]>, columns = 80) {
  const err = terminal(true, columns);
  let time = 0;
  const made = new Progress({
    what: 'work',
    err: err.made,
    out: err.made,
    now: () => time,
    ...options,
  });
  const pass = (ms: number): void => {
    time += ms;
  };
  return { ...err, terminal: err.made, made, pass };
}

test('progress: silent for a second, then what is done of how much and when it ends', (t) => {
  const { made, written, pass } = progress({ total: 10, unit: 'runs' });
  made.at(1, 'first');
  pass(999);
  made.at(2);
  t.deepEqual(written, []);
  pass(1001);
  made.at(4, 'fifth');
  t.deepEqual(written, ['\r\x1b[Kwork, fifth: 4 of 10 runs, 40 %, about 3 s left']);
  made.at(5);
  t.is(written.length, 1, 'not more often than can be read');
  made.end();
  made.end();
  t.is(written.at(-1), '\r\x1b[K');
  t.is(written.length, 2);
});

test('progress: a terminal that does not know how wide it is has 80 columns', (t) => {
  const { made, written, pass } = progress({ total: 6, unit: 'seeds' }, 0);
  pass(1500);
  made.at(2, 'third');
  t.deepEqual(written, ['\r\x1b[Kwork, third: 2 of 6 seeds, 33 %']);
  made.end();
});

test('progress: of time alone it needs no count, and without a total it says how long', (t) => {
  const timed = progress({ total: 90, unit: 's' });
  timed.pass(30_000);
  t.is(timed.made.text(), 'work: 30 s of 1 min 30 s, 33 %, about 1 min 0 s left');
  timed.made.end();
  const endless = progress({ unit: 'MiB', poll: () => 12 });
  endless.pass(61_000);
  t.is(endless.made.text(), 'work: 12 MiB, 1 min 1 s');
  endless.made.end();
});

test('progress: what others write stands above it, and the line comes back after whole lines', (t) => {
  const { made, written, pass, terminal: err } = progress({ total: 4 });
  pass(2000);
  made.at(1);
  const line = written[0];
  written.length = 0;
  err.write('a finding\n');
  t.deepEqual(written, ['\r\x1b[K', 'a finding\n', line]);
  written.length = 0;
  made.end();
  err.write('after\n');
  t.deepEqual(written, ['\r\x1b[K', 'after\n']);
});

test('progress: a line is cut to the width of the terminal', (t) => {
  const { made, written, pass } = progress({ what: 'x'.repeat(100), total: 4 }, 40);
  pass(2000);
  made.at(1);
  t.is(written[0]?.length, 3 + 1 + 39);
  made.end();
});

test('progress: where nobody looks nothing is written, and nothing is changed', (t) => {
  const { made, written } = terminal(false);
  const { write } = made;
  let time = 0;
  const one = new Progress({ what: 'work', err: made, out: made, now: () => time });
  t.is(made.write, write);
  time = 5000;
  one.at(3);
  one.end();
  t.deepEqual(written, []);
});

test('progress: spans are said as people say them', (t) => {
  t.deepEqual([0.4, 59, 60, 3599, 3600, 7320].map(span), [
    ...['0 s', '59 s', '1 min 0 s', '59 min 59 s', '1 h 0 min', '2 h 2 min'],
  ]);
});

const hasScript = spawnSync('script', ['--version']).status === 0;
if (!hasScript) console.log('skipped: progress on a real terminal: there is no script (bsdutils)');

(hasScript ? test : test.skip)(
  'progress: npm run sim tells it on a terminal, and not to a pipe',
  (t) => {
    const words = [process.execPath, join(root, 'dist/test/sim/main.js')];
    const rest = ['--case', 'bulk-5', '--count', '6'];
    const line = [...words, ...rest].join(' ');
    const seen = spawnSync('script', ['-qec', line, '/dev/null'], { encoding: 'utf8' });
    t.is(seen.status, 0);
    t.true(seen.stdout.includes('\r\x1b[Ksim, bulk-5 '));
    t.regex(seen.stdout, /sim, bulk-5 \d: \d of 6 seeds, \d+ %/);
    const piped = spawnSync(words[0] ?? '', [...words.slice(1), '--case', 'bulk-5'], {
      encoding: 'utf8',
    });
    t.deepEqual([piped.status, piped.stderr], [0, '']);
    t.false(piped.stdout.includes('\r'));
  },
);
