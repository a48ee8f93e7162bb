/**
 * `tunstack plot` and `npm run plot`: a trace, and a capture that is made here, become pictures; what was sent again is
 * seen in them at any scale.
 * @module
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { fromTrace } from '../../../src/cli/plot/life.ts';
import { plot } from '../../../src/cli/plot/svg.ts';
import { capture } from '../../../src/device/wrap/capture.ts';
import { Trace, type TraceEvent } from '../../../src/stack/tcp/tcb/trace.ts';
import { Flow } from '../../sim/flow.ts';
import { root } from '../../support/root.ts';
import { World } from '../../support/world.ts';

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const run = (...args: string[]): Ran => {
  const words = [join(root, 'dist/src/cli/main.js'), 'plot', ...args];
  return spawnSync(process.execPath, words, { encoding: 'utf8' });
};

const folder = mkdtempSync(join(tmpdir(), 'tunstack-'));
const captured = join(folder, 'lossy.pcapng');
const link = { delay: 10_000, rate: 10e6, loss: 0.02 };
const BYTES = 500_000;
let resent = 0;

test.before(async () => {
  let settle = (): void => {};
  let closing: (() => Promise<void>) | undefined;
  const world = new World({
    link,
    watch: {
      wrap: (device, line) => {
        settle = () => line.run(1);
        const made = capture(device, captured, { now: () => line.now(), limit: 2 ** 30 });
        closing = () => made.close();
        return made;
      },
    },
  });
  new Flow(world, BYTES).finish(60);
  new Flow(world, 5000, { port: 81 }).finish(60);
  world.run(2e6);
  resent = world.a.stat('TcpRetransSegs');
  const closed = closing?.();
  settle();
  await closed;
});

test.after.always(() => rmSync(folder, { recursive: true }));

/** What the legend says after a name. */
const counted = (svg: string, name: string): number =>
  Number(new RegExp(`>${name} (\\d+)<`).exec(svg)?.[1]);

test('plot: the largest connection of a capture, with all that tcptrace shows', (t) => {
  const { status, stdout, stderr } = run(captured);
  t.is(status, 0);
  t.regex(
    stderr,
    /^2 connections; this is the one that carried most:\n10\.0\.0\.1:\d+ > 10\.0\.0\.2:80 /,
  );
  t.regex(stdout, /^<svg [^>]*>[\s\S]*<\/svg>\n$/);
  for (const name of ['round trips', 'in flight', "window's edge", 'acknowledged']) {
    t.true(stdout.includes(`>${name}<`), name);
  }
  t.true(resent > 3);
  t.is(counted(stdout, 'sent again'), resent);
  t.true(counted(stdout, 'SACK') > resent);
});

test('plot: npm run plot is the same', (t) => {
  const words = [join(root, 'scripts/plot.mjs'), captured, 'port', '80'];
  const { status, stdout } = spawnSync(process.execPath, words, { encoding: 'utf8' });
  t.is(status, 0);
  t.is(stdout, run(captured, 'port', '80').stdout);
});

test('plot: what was sent again has a tick of its own at the scale of a whole transfer', (t) => {
  const { stdout } = run(captured);
  const [, d = ''] = /<path d="([^"]+)"[^>]*class="ticks"/.exec(stdout) ?? [];
  const ticks = [...d.matchAll(/M([\d.]+) ([\d.]+)V([\d.]+)/g)];
  t.true(ticks.length > 3 && ticks.length <= resent);
  t.true(ticks.every(([, , from, to]) => Number(from) - Number(to) >= 12));
});

test('plot: --from and --to are what the axis reaches over, and the rest is left out', (t) => {
  const out = join(folder, 'part.svg');
  const whole = run(captured, 'port', '80').stdout;
  const { status, stdout, stderr } = run(
    captured,
    '--from',
    '0.1',
    '--to',
    '0.2',
    '-o',
    out,
    'port',
    '80',
  );
  t.deepEqual([status, stdout, stderr], [0, '', '']);
  const part = readFileSync(out, 'utf8');
  t.regex(part, />0\.1 s<\/text>/);
  t.regex(part, />0\.2 s<\/text>/);
  t.notRegex(part, />0\.3 s<\/text>/);
  t.true(counted(part, 'sent') > 0 && counted(part, 'sent') < counted(whole, 'sent') / 2);
});

test('plot: a filter chooses the connection, --reverse the other direction, --list says which there are', (t) => {
  t.regex(run(captured, 'port', '81').stdout, /class="title">10\.0\.0\.1:\d+ &gt; 10\.0\.0\.2:81</);
  t.regex(
    run(captured, '-r', 'port', '81').stdout,
    /class="title">10\.0\.0\.2:81 &gt; 10\.0\.0\.1:\d+</,
  );
  const { stdout } = run('--list', captured);
  t.is(stdout.trim().split('\n').length, 2);
  t.regex(stdout, /:80 {2}\d+ packets, \d+ kB \([\d.]+ kB again\) forth, 0 B back/);
});

test('plot: the events of a lossy flow become a graph with congestion window and recovery', (t) => {
  const events: TraceEvent[] = [];
  const opened = (tcb: Flow['tcb']): void => {
    tcb.trace = new Trace(tcb.iss, (event) => events.push(event));
  };
  new Flow(new World({ link, watch: { opened } }), BYTES).finish(60);
  const file = join(folder, 'trace.json');
  writeFileSync(file, JSON.stringify({ title: 'a < b', events }));
  const { status, stdout, stderr } = run(file);
  t.deepEqual([status, stderr], [0, '']);
  t.regex(stdout, />a &lt; b</);
  for (const name of ['cwnd', 'ssthresh', 'recovery', 'round trips', 'not acknowledged']) {
    t.true(stdout.includes(`>${name}<`), name);
  }
  t.is(counted(stdout, 'sent again'), events.filter(({ kind }) => kind === 'resent').length);
});

test('plot: a title is text, never markup', (t) => {
  const events = [{ at: 1, kind: 'sent', seq: 1, length: 10 }];
  const svg = plot(fromTrace({ title: '</text><script>"&', events }, 'x'));
  t.true(svg.includes('>&lt;/text&gt;&lt;script&gt;&quot;&amp;</text>'));
  t.false(svg.includes('<script'));
});

test('plot: what cannot be drawn is said in one line', (t) => {
  const says = (words: string[], line: RegExp, code: number): void => {
    const { status, stdout, stderr } = run(...words);
    t.deepEqual([status, stdout], [code, '']);
    t.regex(stderr, line);
    t.is(stderr.trim().split('\n').length, 1);
  };
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  says([], /missing required argument 'file'/, 2);
  says([join(folder, 'none')], /ENOENT/, 1);
  says([file('empty.json', '[]')], /the trace is empty/, 1);
  says([file('other.json', '{"a":1}')], /there are no events in it/, 1);
  says([file('odd.json', '[{"at":1,"kind":"sent"}]')], /an event has no seq/, 1);
  says([file('text', 'hello hello hello')], /no pcapng/, 1);
  says([captured, 'port', '9'], /no TCP in it is port 9/, 1);
  says([captured, 'prot', '9'], /prot/, 1);
  says([captured, '--from', '3', '--to', '2'], /the first must be less/, 2);
  says([captured, '--from', '1000', 'port', '80'], /nothing in it to draw/, 1);
});
