/**
 * `tunstack lab` as a process: its page answers its own pages alone, the sliders move the lab, and the command that it
 * prints plays the run again.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { root } from '../../support/root.ts';

const COMMAND = join(root, 'dist/src/cli/main.js');

interface Running {
  readonly url: string;
  /** Stop it; the lines that it printed last. */
  readonly stop: () => Promise<string[]>;
}

async function start(t: ExecutionContext, ...words: string[]): Promise<Running> {
  const child: ChildProcess = spawn(process.execPath, [COMMAND, 'lab', '--page', '0', ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const lines: string[] = [];
  const { stdout } = child;
  if (stdout === null) throw new Error('it was asked for');
  const reader = createInterface({ input: stdout });
  reader.on('line', (line) => lines.push(line));
  await once(reader, 'line');
  const url = /^ready (http:\/\/\S+)$/.exec(lines[0] ?? '')?.[1];
  if (url === undefined) throw new Error(lines.join('\n'));
  const ended = once(child, 'exit');
  return {
    url,
    stop: async () => {
      child.kill('SIGINT');
      await ended;
      return lines.slice(1);
    },
  };
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

function ask(
  url: string,
  method: string,
  headers: Record<string, string> = {},
  body = '',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const made = request(url, { method, headers });
    made.on('error', reject);
    made.on('response', async (response) => {
      const text = Buffer.concat(await response.toArray()).toString();
      resolve({ status: response.statusCode ?? 0, text });
    });
    made.end(body);
  });
}

const OWN = { 'x-tunstack': '1' };

test('lab: only its own page moves it, and only what is short and right', async (t) => {
  const { url, stop } = await start(t);
  const order = (headers: Record<string, string>, what: unknown = { do: 'pause' }) =>
    ask(`${url}v1/order`, 'POST', headers, JSON.stringify(what));
  t.is((await ask(`${url}v1/order`, 'GET')).status, 405);
  t.is((await order({})).status, 403, 'without the header that other origins cannot send');
  t.is((await order({ ...OWN, origin: 'http://evil.example' })).status, 403);
  t.is((await order({ ...OWN, 'sec-fetch-site': 'cross-site' })).status, 403);
  t.is((await order({ ...OWN, host: 'evil.example' })).status, 421);
  t.is((await order({ ...OWN, origin: url.slice(0, -1) })).status, 200);
  t.is((await order(OWN, { do: 'set', name: 'loss', value: 'x'.repeat(5000) })).status, 413);
  const refused = await order(OWN, { do: 'set', name: 'loss', value: 300 });
  t.deepEqual([refused.status, refused.text], [400, 'loss: give 0 to 100 %\n']);
  const { text } = await ask(url, 'GET');
  t.true(text.includes('<h1>tunstack lab</h1>'));
  await stop();
});

test('lab: what sliders did is in the command that it prints, which plays it again', async (t) => {
  const { url, stop } = await start(t, 'random-loss', '--seed', '3', '--speed', '10');
  const order = (what: unknown) => ask(`${url}v1/order`, 'POST', OWN, JSON.stringify(what));
  await order({ do: 'set', name: 'loss', value: 5 });
  await order({ do: 'step' });
  await order({ do: 'set', name: 'delay', value: 77 });
  await order({ do: 'step' });
  const { text } = await ask(`${url}v1/state`, 'GET');
  const state = JSON.parse(text) as { now: number; command: string; last: { at: number } };
  const lines = await stop();
  t.is(lines.at(-1), `to play it again: ${state.command}`);
  t.regex(
    state.command,
    /^tunstack lab random-loss --seed 3 --at [\d.]+:loss=5 --at [\d.]+:delay=77$/,
  );
  const words = [...state.command.split(' ').slice(1), '--json', '--seconds', `${state.now}`];
  const limits = { encoding: 'utf8', maxBuffer: 2 ** 26 } as const;
  const again = spawnSync(process.execPath, [COMMAND, ...words], limits);
  t.is(again.stderr, '');
  const printed = again.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
  t.deepEqual(printed.at(-2), { event: 'sample', ...state.last });
  t.deepEqual(printed.at(-1), { event: 'ended', seconds: state.now, command: state.command });
});

test('lab: a reader of the stream has all from the beginning, then what comes', async (t) => {
  const { url, stop } = await start(t, '--seconds', '3600');
  const found = await new Promise<string>((resolve, reject) => {
    let text = '';
    request(`${url}v1/stream`)
      .on('error', reject)
      .on('response', (response) => {
        response.on('data', (piece: Buffer) => {
          text += piece;
          if ((text.match(/event: seen/g) ?? []).length < 3) return;
          response.destroy();
          resolve(text);
        });
        response.on('error', () => {});
      })
      .end();
  });
  const seen = [...found.matchAll(/event: seen\ndata: (.*)\n/g)].map(
    ([, data = '']) => JSON.parse(data) as { run: number; rows: number[][] },
  );
  t.is(seen[0]?.rows[0]?.[0] ?? 0, 0);
  const times = seen.flatMap(({ rows }) => rows.map(([time = 0]) => time));
  t.deepEqual(
    times,
    [...new Set(times)].sort((x, y) => x - y),
  );
  t.regex(found, /^event: state\n/);
  await stop();
});

test('lab: what cannot be asked is refused in one line', (t) => {
  for (const [words, line] of [
    [['none'], /no lesson 'none': slow-start/],
    [['--loss', '200'], /Give a number from 0 to 100/],
    [['--at', '1:loss'], /2.5:loss=3/],
    [['--at', '1:none=3'], /no setting none/],
    [['--page', 'example.com:80'], /127.0.0.1:8087/],
    [['--speed', '0'], /from 0.01 to 100/],
    [['--congestion', 'bbr'], /cubic, newreno/],
  ] as const) {
    const { status, stderr } = spawnSync(process.execPath, [COMMAND, 'lab', ...words], {
      encoding: 'utf8',
    });
    t.is(status, 2, words.join(' '));
    t.regex(stderr, line);
    t.is(stderr.trim().split('\n').length, 1);
  }
});
