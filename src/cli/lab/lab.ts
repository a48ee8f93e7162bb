/**
 * `tunstack lab`: a lab, and the page that shows it; or its samples as lines of JSON.
 * @module
 */
import type { IncomingMessage } from 'node:http';
import { performance } from 'node:perf_hooks';
import { Lab, PRESETS, SETTING_NAMES, SETTINGS } from '../../lab.ts';
import { asset, makeDocument } from '../../page/document.ts';
import { type Call, type PageServer, Refusal, say, sayJson, servePage } from '../../page/server.ts';
import { Streams } from '../../page/streams.ts';
import { Progress } from '../progress.ts';
import type { Screen } from '../screen.ts';
import type { LabCommand } from './options.ts';
import { obey } from './orders.ts';
import { COLUMNS, Runner } from './runner.ts';

/** Milliseconds between two turns, and what of it may be spent on the lab. */
const TURN = 40;
const BUDGET = 30;
/** A page's order is short. */
const LONGEST_ORDER = 4096;
/** What waits for a slow reader: a run at full speed comes in large pieces. */
const WAITING = 4 * 1024 * 1024;
const MOST_READERS = 64;
/** Microseconds of the lab between two lines. */
const PIECE = 1e6;

/** Run until `stopped` settles; with `json`, to the end. Gives the exit code. */
export async function runLab(
  options: LabCommand,
  screen: Screen,
  stopped: Promise<unknown>,
): Promise<number> {
  if (options.json) return printLab(options, screen, stopped);
  const runner = new Runner(options.lab, options.speed, options.seconds);
  const streams = new Streams({ most: MOST_READERS, waiting: WAITING });
  const server = pageOf(runner, streams);
  const port = await server.listen(options.port, options.address);
  const host = options.address.includes(':') ? `[${options.address}]` : options.address;
  screen.line(`ready http://${host}:${port}/`);
  let before = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    const { state } = runner;
    runner.pass((now - before) * 1000, () => performance.now() - now > BUDGET);
    before = now;
    tell(runner, streams, state.isPlaying);
  }, TURN);
  await stopped;
  clearInterval(timer);
  streams.close();
  await server.close();
  screen.line(`to play it again: ${runner.state.command}`);
  return 0;
}

/** What is new to all who look. */
function tell(runner: Runner, streams: Streams, wasPlaying: boolean): void {
  const seen = runner.take();
  const isNews = wasPlaying || seen.rows.length + seen.a.length + seen.b.length > 0;
  if (!isNews) return;
  const { state } = runner;
  for (const stream of streams) {
    stream.send('seen', seen);
    stream.send('state', state);
  }
}

function pageOf(runner: Runner, streams: Streams): PageServer {
  const document = makeDocument({
    title: 'tunstack lab',
    body: asset('lab.html'),
    styles: ['lab.css'],
    scripts: ['dom.js', 'format.js', 'chart.js', 'sequence.js', 'lab-chart.js', 'lab.js'],
  });
  const settings = SETTING_NAMES.map((name) => ({ name, ...SETTINGS[name] }));
  return servePage({
    document,
    get: {
      '/v1/lessons': ({ response }) =>
        sayJson(response, { lessons: PRESETS, settings, columns: COLUMNS }),
      '/v1/state': ({ response }) => sayJson(response, runner.state),
      '/v1/stream': ({ response }) => {
        const stream = streams.open(response, () => {});
        stream.send('state', runner.state);
        stream.send('seen', runner.history);
      },
    },
    post: {
      '/v1/order': (call) => {
        if (!isSameOrigin(call)) throw new Refusal(403, 'Not for pages of others.');
        void order(call, runner, streams);
      },
    },
  });
}

/** Whether the page that asks is ours: what a browser says of itself, RFC 6454 §7. */
function isSameOrigin({ request: { headers } }: Call): boolean {
  return headers.origin === undefined || headers.origin === `http://${headers.host}`;
}

async function order({ request, response }: Call, runner: Runner, streams: Streams): Promise<void> {
  try {
    obey(await bodyOf(request), runner);
    sayJson(response, runner.state);
    tell(runner, streams, true);
  } catch (error) {
    const status = error instanceof Refusal ? error.status : 400;
    say(response, status, 'text/plain', `${(error as Error).message}\n`);
  }
}

/** What is sent with its length before it, and short: more is not read. */
async function bodyOf(request: IncomingMessage): Promise<string> {
  const length = Number(request.headers['content-length']);
  if (!(length <= LONGEST_ORDER)) throw new Refusal(413, 'That is too long.');
  const parts: Buffer[] = [];
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}

/** Samples as lines of JSON, then how to have them again. */
async function printLab(
  { lab: options, seconds }: LabCommand,
  screen: Screen,
  stopped: Promise<unknown>,
): Promise<number> {
  let isStopped = false;
  void stopped.then(() => {
    isStopped = true;
  });
  const lab = new Lab(options);
  const end = Math.round(seconds * 1e6);
  const progress = new Progress({ what: 'lab', total: seconds, unit: 'seconds of its own' });
  while (lab.now < end && !isStopped) {
    lab.run(Math.min(PIECE, end - lab.now));
    for (const sample of lab.take().samples) {
      screen.line(JSON.stringify({ event: 'sample', ...sample }));
    }
    progress.at(Math.round(lab.now / 1e6));
    await new Promise((resolve) => setImmediate(resolve)); // who stops it is heard
  }
  progress.end();
  screen.line(
    JSON.stringify({ event: 'ended', seconds: lab.now / 1e6, command: lab.words().join(' ') }),
  );
  return 0;
}
