/**
 * `npm run bench:watched`: what the live page costs. Two stacks on a pipe in this process, one stream between them,
 * measured by turns with the page closed, open, and open on that connection, so that all meet the same machine.
 *
 *     npm run bench:watched -- [--rounds N] [--seconds N]
 */
import { get } from 'node:http';
import { performance } from 'node:perf_hooks';
import { setTimeout as later } from 'node:timers/promises';
import { build } from './build.mjs';
import { readWords } from './words.mjs';

const values = readWords('bench:watched', {
  rounds: { type: 'string', default: '10' },
  seconds: { type: 'string', default: '2' },
});
const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)];
if (!(rounds >= 1 && seconds > 0)) {
  console.error('--rounds and --seconds: give numbers above 0');
  process.exit(1);
}
build();
const { stage } = await import('../dist/test/page/live/stage.js');
const { stack, far, url, close } = await stage({ teardown: () => {} });
let received = 0;
far.net
  .createServer((socket) => {
    socket.on('data', ({ length }) => {
      received += length;
    });
  })
  .listen(9);
const socket = stack.net.connect(9, '10.9.0.1');
const piece = Buffer.alloc(65_536);
const more = () => {
  while (socket.write(piece));
};
socket.on('drain', more).on('connect', more);

/** Open the page, and the connection too; gives what closes it. */
async function look(isConnection) {
  const request = get(`${url}v1/live`, { agent: false });
  request.on('error', () => {});
  const [name, id] = await new Promise((resolve) => {
    let text = '';
    request.on('response', (response) => {
      response.on('error', () => {});
      response.setEncoding('utf8').on('data', (told) => {
        text = (text + told).slice(-100_000);
        const stream = /"stream":"(\w+)"/.exec(text)?.[1];
        const row = /"rows":\[\[(\d+),/.exec(text)?.[1];
        if (stream && row) resolve([stream, row]);
      });
    });
  });
  if (isConnection) await fetch(`${url}v1/view?stream=${name}&open=${id}`);
  return () => request.destroy();
}

async function measure() {
  await later(200);
  const [began, before] = [performance.now(), received];
  await later(seconds * 1000);
  return ((received - before) * 8) / (performance.now() - began) / 1e6;
}

const WAYS = {
  closed: async () => () => {},
  open: () => look(false),
  connection: () => look(true),
};
const got = { closed: [], open: [], connection: [] };
await measure(); // until it is compiled
for (let round = 0; round < rounds; round++) {
  for (const [name, begin] of Object.entries(WAYS)) {
    const end = await begin();
    got[name].push(await measure());
    end();
  }
}
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
for (const [name, list] of Object.entries(got)) {
  const ratios = list.map((value, i) => value / got.closed[i]);
  const spread = `${Math.min(...ratios).toFixed(3)} to ${Math.max(...ratios).toFixed(3)}`;
  console.log(
    `${name.padEnd(11)} ${median(list).toFixed(2)} Gbit/s, ${median(ratios).toFixed(3)} of closed (${spread})`,
  );
}
await close();
process.exit();
