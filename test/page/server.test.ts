/** Who is answered, and what becomes of who reads slowly. docs/security.md, "The commands". */
import { type ClientRequest, get, request } from 'node:http';
import { connect } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { makeDocument } from '../../src/page/document.ts';
import { Limit, type PageOptions, Refusal, sayJson, servePage } from '../../src/page/server.ts';
import { type Stream, Streams } from '../../src/page/streams.ts';

const document = makeDocument({ title: 'x', body: '<main></main>', scripts: [] });

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

async function serve(t: ExecutionContext, options: Partial<PageOptions> = {}): Promise<number> {
  const server = servePage({
    document,
    get: { '/v1/one': ({ response }) => sayJson(response, 1) },
    ...options,
  });
  t.teardown(() => server.close());
  return server.listen(0, '127.0.0.1');
}

function ask(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const made: ClientRequest = request({ port, host: '127.0.0.1', path, headers, method });
    made.on('error', reject);
    made.on('response', async (response) => {
      const text = Buffer.concat(await response.toArray()).toString();
      resolve({ status: response.statusCode ?? 0, text, headers: response.headers });
    });
    made.end();
  });
}

test('page server: the document comes with its policy, and nothing keeps it', async (t) => {
  const port = await serve(t);
  const { status, text, headers } = await ask(port, '/?x');
  t.is(status, 200);
  t.is(text, document.html);
  t.is(headers['content-security-policy'], document.policy);
  t.is(headers['cache-control'], 'no-store');
  t.is(headers['x-content-type-options'], 'nosniff');
});

test('page server: asked by a name that is not its own it says so, RFC 9110 §15.5.20', async (t) => {
  const port = await serve(t);
  for (const host of ['evil.example', '127.0.0.1.evil.example:80', 'localhost.']) {
    t.is((await ask(port, '/', { host })).status, 421, host);
  }
  for (const host of ['10.83.0.2', '[fd83::2]:80', 'LOCALHOST', '127.0.0.1:1']) {
    t.is((await ask(port, '/', { host })).status, 200, host);
  }
});

test('page server: a page of another origin is refused the data, Fetch Metadata §2.3', async (t) => {
  const port = await serve(t);
  const from = (site: string): Promise<Answer> => ask(port, '/v1/one', { 'sec-fetch-site': site });
  t.is((await from('cross-site')).status, 403);
  t.is((await from('same-site')).status, 403);
  t.is((await from('same-origin')).text, '1\n');
  t.is((await from('none')).status, 200);
});

test('page server: only GET and HEAD, and POST where it was declared, with a header of its own', async (t) => {
  let posted = 0;
  const post = {
    '/v1/do': ({ response }: { response: Parameters<typeof sayJson>[0] }) => {
      sayJson(response, ++posted);
    },
  };
  const port = await serve(t, { post });
  for (const method of ['PUT', 'DELETE', 'OPTIONS', 'POST']) {
    const { status, headers } = await ask(port, '/v1/one', {}, method);
    t.is(status, 405, method);
    t.is(headers['allow'], 'GET, HEAD', method);
  }
  t.is((await ask(port, '/v1/do')).status, 405);
  t.is((await ask(port, '/v1/do', {}, 'POST')).status, 403);
  const crossed = { 'x-tunstack': '1', 'sec-fetch-site': 'cross-site' };
  t.is((await ask(port, '/v1/do', crossed, 'POST')).status, 403);
  t.is(posted, 0);
  t.is((await ask(port, '/v1/do', { 'x-tunstack': '1' }, 'POST')).text, '1\n');
  const head = await ask(port, '/', {}, 'HEAD');
  t.is(head.text, '');
});

test('page server: a refusal is one line, and names of every object are no paths', async (t) => {
  const port = await serve(t, {
    get: {
      '/v1/no': () => {
        throw new Refusal(503, 'not today');
      },
    },
  });
  t.deepEqual(
    [await ask(port, '/v1/no'), await ask(port, '/constructor'), await ask(port, '/nothing')].map(
      ({ status, text }) => [status, text],
    ),
    [
      [503, 'not today\n'],
      [404, 'There is no /constructor\n'],
      [404, 'There is no /nothing\n'],
    ],
  );
});

test('page server: who begins a request and does not end it is sent away', async (t) => {
  const limit = { ...Limit, HEADER: 50, REQUEST: 100, EVERY: 20 };
  const port = await serve(t, { limit });
  const socket = connect(port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: 1');
  socket.resume();
  await t.notThrowsAsync(new Promise((gone) => socket.once('close', gone)));
});

interface Streaming {
  readonly port: number;
  readonly streams: Streams;
  readonly left: Stream[];
}

async function stream(t: ExecutionContext, most: number, waiting: number): Promise<Streaming> {
  const streams = new Streams({ most, waiting });
  const left: Stream[] = [];
  const port = await serve(t, {
    get: {
      '/v1/live': ({ response }) => {
        streams.open(response, (gone) => left.push(gone));
      },
    },
  });
  return { port, streams, left };
}

/** Begin to read a stream, or not to. */
function look(t: ExecutionContext, port: number): Promise<import('node:http').IncomingMessage> {
  return new Promise((resolve) => {
    const made = get({ port, host: '127.0.0.1', path: '/v1/live', agent: false }, resolve);
    made.on('error', () => {});
    t.teardown(() => made.destroy());
  });
}

test('page streams: past the most the next is refused, and a place comes free when one goes', async (t) => {
  const { port, streams, left } = await stream(t, 1, 1000);
  const first = await look(t, port);
  t.is(first.statusCode, 200);
  t.is(streams.count, 1);
  t.is((await look(t, port)).statusCode, 503);
  first.destroy();
  while (left.length === 0) await new Promise((again) => setTimeout(again, 5));
  t.is(streams.count, 0);
  t.is((await look(t, port)).statusCode, 200);
});

test('page streams: a slow reader misses events, which are counted, and no more waits than it may', async (t) => {
  const { port, streams } = await stream(t, 1, 50_000);
  const reader = await look(t, port);
  reader.pause();
  const [one] = streams;
  const what = 'x'.repeat(10_000);
  let sent = 0;
  for (let i = 0; i < 3000; i++) {
    if (one?.send('sample', what)) sent++;
    if (i % 100 === 0) await new Promise((again) => setImmediate(again));
  }
  t.true(sent < 3000);
  t.is(one?.dropped, 3000 - sent);
  // What the kernel has taken is more or less; what waits here is bounded.
  let got = '';
  reader.setEncoding('utf8').on('data', (text: string) => {
    got += text;
  });
  reader.resume();
  while (!one?.send('last', 1)) await new Promise((again) => setTimeout(again, 5));
  while (!got.includes('event: last')) await new Promise((again) => setTimeout(again, 5));
  t.is(got.match(/event: sample/g)?.length, sent);
});
