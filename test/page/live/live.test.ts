/** The server's side of the live page: what looking costs, what a reader sees, and what is bounded. docs/page.md. */
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { rowFilter } from '../../../src/page/live/filter.ts';
import { Recording } from '../../../src/page/live/recording.ts';
import { Rows } from '../../../src/page/live/rows.ts';
import { type Stage, stage } from './stage.ts';

interface Told {
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of our own
  readonly data: any;
}

interface Reader {
  readonly told: Told[];
  readonly response: IncomingMessage;
  next(event: string): Promise<Told['data']>;
  end(): void;
}

async function read(t: ExecutionContext, url: string, query = ''): Promise<Reader> {
  const request = get(`${url}v1/live?${query}`, { agent: false });
  request.on('error', () => {});
  t.teardown(() => request.destroy());
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const told: Told[] = [];
  let text = '';
  response.setEncoding('utf8').on('error', () => {});
  response.on('data', (piece: string) => {
    text += piece;
    const parts = text.split('\n\n');
    text = parts.pop() ?? '';
    for (const part of parts) {
      const [, event = '', data = 'null'] = /^event: (.*)\ndata: (.*)$/.exec(part) ?? [];
      told.push({ event, data: JSON.parse(data) });
    }
  });
  const next = async (event: string): Promise<Told['data']> => {
    for (;;) {
      const at = told.findIndex((one) => one.event === event);
      if (at >= 0) return told.splice(0, at + 1).at(-1)?.data;
      await new Promise((again) => setTimeout(again, 10));
    }
  };
  return { told, response, next, end: () => request.destroy() };
}

async function connected({ stack, far }: Stage, count: number): Promise<void> {
  stack.net.createServer((socket) => socket.on('error', () => {}).resume()).listen(7);
  for (let i = 0; i < count; i++) {
    const socket = far.net.connect(7, '10.9.0.2').on('error', () => {});
    await once(socket, 'connect');
  }
  // Who connects knows it before the last ACK of the handshake is there.
  while (stack.stats().TcpCurrEstab < count) await new Promise((again) => setImmediate(again));
}

test('live: a reader is greeted, and gets a sample and rows', async (t) => {
  const made = await stage(t);
  await connected(made, 3);
  const reader = await read(t, made.url, 'sort=peer&rows=2');
  const hello = await reader.next('hello');
  t.is(hello.about.command, 'stage');
  t.false(hello.about.mayCapture);
  const sample = await reader.next('sample');
  t.is(sample.whole.connections, 3);
  t.is(sample.findings[0].kind, 'fine');
  const { rows, matching, all } = await reader.next('rows');
  t.deepEqual([rows.length, matching, all], [2, 3, 3]);
  t.true(rows[0][4] < rows[1][4]);
});

test('live: no part of what a reader gets tells sequence numbers, RFC 6528 §1', async (t) => {
  const made = await stage(t);
  await connected(made, 1);
  let key = 0;
  made.stack.survey((connection) => {
    key = connection.key;
  });
  t.true(key > 65_536);
  const reader = await read(t, made.url);
  await reader.next('hello');
  const text = JSON.stringify([await reader.next('sample'), await reader.next('rows')]);
  t.false(text.includes(String(key)) || text.includes(String(Math.floor(key / 65_536))));
});

test('live: a reader looks elsewhere by the name of his stream, and nobody else can', async (t) => {
  const made = await stage(t);
  await connected(made, 3);
  const reader = await read(t, made.url);
  const { stream } = await reader.next('hello');
  const ask = (query: string): Promise<Response> => fetch(`${made.url}v1/view?${query}`);
  t.is((await ask('stream=x&rows=1')).status, 404);
  await reader.next('rows');
  t.deepEqual(await (await ask(`stream=${stream}&rows=1`)).json(), { wrong: '' });
  // What was sent before that may still be under way.
  while ((await reader.next('rows')).rows.length !== 1);
  const { wrong } = (await (await ask(`stream=${stream}&filter=rtt>x`)).json()) as {
    wrong: string;
  };
  t.is(wrong, 'rtt is compared with a number, not "x"');
});

test('live: packets are looked at while a connection is open, and its life is told', async (t) => {
  const made = await stage(t);
  const { stack, far, device, url } = made;
  far.net.createServer((socket) => socket.resume()).listen(9);
  const socket = stack.net.connect(9, '10.9.0.1');
  await once(socket, 'connect');
  const reader = await read(t, url);
  const { stream } = await reader.next('hello');
  const { rows } = await reader.next('rows');
  t.is(device.watchers, 0);
  await fetch(`${url}v1/view?stream=${stream}&open=${rows[0][0]}`);
  t.is(device.watchers, 1);
  socket.write(Buffer.alloc(5000));
  let events: [number, string, number, number][] = [];
  const isAll = (): boolean =>
    events.some(([, kind, seq]) => kind === 'acked' && seq > 5000) && events.length >= 4;
  while (!isAll()) events = events.concat((await reader.next('life')).out);
  const sent = events.filter(([, kind]) => kind === 'sent');
  t.is(
    sent.reduce((sum, [, , , length]) => sum + length, 0),
    5000,
  );
  t.true(events.some(([, kind, , edge]) => kind === 'acked' && edge > 5000));
  socket.destroy();
  while ((await reader.next('life')).info !== undefined);
  t.is(device.watchers, 0, 'it is over');
});

test('live: of a fast connection no more is looked at than a picture shows, and the reader is told', async (t) => {
  const made = await stage(t);
  const { stack, far, device, url } = made;
  far.net.createServer((socket) => socket.resume()).listen(9);
  const socket = stack.net.connect(9, '10.9.0.1');
  await once(socket, 'connect');
  const reader = await read(t, url);
  const { stream } = await reader.next('hello');
  const { rows } = await reader.next('rows');
  await fetch(`${url}v1/view?stream=${stream}&open=${rows[0][0]}`);
  socket.end(Buffer.alloc(8 << 20));
  let most = 0;
  let unseen = 0;
  while (unseen === 0) {
    const life = await reader.next('life');
    most = Math.max(most, life.out.length);
    unseen += life.unseen;
    t.is(device.watchers, 1);
  }
  t.true(most >= 1000 && most < 1100, `${most} events`);
});

test('live: rows that a reader asks for in a hurry are told a tenth of a second apart', async (t) => {
  const made = await stage(t);
  await connected(made, 2);
  const reader = await read(t, made.url);
  const { stream } = await reader.next('hello');
  await reader.next('rows');
  const before = reader.told.filter(({ event }) => event === 'rows').length;
  const began = performance.now();
  const asked = Array.from({ length: 30 }, (_, i) =>
    fetch(`${made.url}v1/view?stream=${stream}&rows=${i + 1}`),
  );
  await Promise.all(asked);
  await new Promise((later) => setTimeout(later, 250));
  const told = reader.told.filter(({ event }) => event === 'rows');
  // One each tenth of a second, and one with each look.
  const most = 3 + Math.ceil((performance.now() - began) / 100) * 1.1;
  t.true(told.length - before <= most, `${told.length - before} of 30, ${most}`);
  t.is(told.at(-1)?.data.rows.length, 2);
});

test('live: when the last reader leaves, nobody looks', async (t) => {
  const made = await stage(t);
  await connected(made, 1);
  const reader = await read(t, made.url);
  const { stream } = await reader.next('hello');
  const { rows } = await reader.next('rows');
  await fetch(`${made.url}v1/view?stream=${stream}&open=${rows[0][0]}`);
  t.is(made.device.watchers, 1);
  let looks = 0;
  const survey = made.stack.survey.bind(made.stack);
  made.stack.survey = (visit) => {
    looks++;
    survey(visit);
  };
  reader.end();
  while (made.device.watchers > 0) await new Promise((again) => setTimeout(again, 10));
  const before = looks;
  await new Promise((later) => setTimeout(later, 1300));
  t.is(looks, before);
});

test('live: a capture only where it is allowed', async (t) => {
  const { url } = await stage(t);
  const start = { method: 'POST', headers: { 'x-tunstack': '1' } };
  t.is((await fetch(`${url}v1/capture/start`, start)).status, 405);
  t.is((await fetch(`${url}v1/capture.pcapng`)).status, 404);
});

test('live: a capture ends by itself when it is as long as it may be', async (t) => {
  const { far, device } = await stage(t);
  const recording = new Recording(device, 1000);
  recording.start('icmp');
  t.throws(() => recording.start(''), { message: /runs already/ });
  for (let i = 0; i < 40 && recording.state?.isRunning; i++) {
    await far.ping('10.9.0.2', { size: 500 });
    await new Promise((later) => setTimeout(later, 20));
  }
  t.like(recording.state, { isRunning: false, isFull: true });
  t.is(device.watchers, 0);
  t.is(recording.file()?.[0]?.readUInt32BE(0), 0x0a0d0d0a);
});

test('live: a filter has columns, states, troubles, addresses and not', async (t) => {
  const made = await stage(t);
  await connected(made, 2);
  const rows = new Rows();
  rows.look(made.stack, 0);
  const count = (text: string): number => [...rows].filter(rowFilter(text)).length;
  t.is(count(''), 2);
  t.is(count('state:est 10.9.0.1'), 2);
  t.is(count('lport=7 !state:time'), 2);
  t.is(count(':7'), 2);
  t.is(count('rtt>10k'), 0);
  t.is(count('is:lossy'), 0);
  t.is(count('fd09::'), 0);
  for (const wrong of ['nothing>1', 'rtt=x', 'x'.repeat(201), 'a '.repeat(13)]) {
    t.throws(() => rowFilter(wrong), undefined, wrong);
  }
});
