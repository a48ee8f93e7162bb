/**
 * `npm run plot`: the trace of a connection becomes an SVG.
 * @module
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { Trace, type TraceEvent } from '../../src/stack/tcp/tcb/trace.ts';
import { root } from '../support/root.ts';
import { World } from '../support/world.ts';
import { Flow } from './flow.ts';

const plot = (...args: string[]): ReturnType<typeof spawnSync> =>
  spawnSync(process.execPath, [join(root, 'scripts/plot.mjs'), ...args], { encoding: 'utf8' });

test('plot: the events of a lossy flow become a graph of sequence numbers and window', (t) => {
  const events: TraceEvent[] = [];
  const link = { delay: 10_000, rate: 10e6, loss: 0.02 };
  const opened = (tcb: Flow['tcb']): void => {
    tcb.trace = new Trace(tcb.iss, (event) => events.push(event));
  };
  new Flow(new World({ link, watch: { opened } }), 500_000).finish(60);
  t.deepEqual([...new Set(events.map(({ kind }) => kind))].sort(), [
    'acked',
    'recovery',
    'resent',
    'sent',
    'state',
  ]);
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-'));
  const file = join(folder, 'trace.json');
  writeFileSync(file, JSON.stringify({ title: 'a < b', events }));
  const { status, stdout, stderr } = plot(file);
  rmSync(folder, { recursive: true });
  t.is(stderr, '');
  t.is(status, 0);
  t.regex(String(stdout), /^<svg [^>]*>/);
  t.regex(String(stdout), /a &lt; b/);
  t.is(String(stdout).match(/<path d="M[^"]+"/g)?.length, 5);
});

test('plot: without a file it says how it is used', (t) => {
  const { status, stderr } = plot();
  t.is(status, 2);
  t.regex(String(stderr), /^usage: /);
});
