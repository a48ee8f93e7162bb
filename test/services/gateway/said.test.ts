/**
 * What flows say of where they go, in the words of programs that are not ours: Node's own TLS client (OpenSSL)
 * and HTTP client, and the samples of RFC 9001. RFC 6066 §3, RFC 9112 §3.2.
 * @module
 */
import { request } from 'node:http';
import { Duplex, PassThrough } from 'node:stream';
import { connect } from 'node:tls';
import test from 'ava';
import { readClientHello, readHello } from '../../../src/services/gateway/hello.ts';
import { readHost } from '../../../src/services/gateway/http.ts';
import type { Said } from '../../../src/services/gateway/judge.ts';
import { QuicEar } from '../../../src/services/gateway/quic.ts';
import { hear, readSaid } from '../../../src/services/gateway/said.ts';
import { SeededRandom } from '../../../src/stack/base/random.ts';
import { RFC9001_A2 } from './samples.ts';

/** What is made of text after which nothing comes, when time is up. */
async function afterPatience(text: string): Promise<Said> {
  const { setTimeout: before } = globalThis;
  let timeUp = (): void => {};
  globalThis.setTimeout = ((then: () => void) => {
    timeUp = then;
    return { unref: () => undefined };
  }) as unknown as typeof setTimeout;
  try {
    const stream = new PassThrough();
    const said = firstHeard(stream);
    stream.write(Buffer.from(text, 'latin1'));
    while (stream.readableLength > 0) await new Promise(setImmediate);
    timeUp();
    return await said;
  } finally {
    globalThis.setTimeout = before;
  }
}

/** What is heard of a stream first. */
const firstHeard = (stream: Duplex): Promise<Said> =>
  new Promise((resolve) => {
    hear(stream, async (one) => {
      resolve(one);
      return false;
    })(() => {});
  });

/** The first text that `begin` writes into a stream. */
async function firstText(begin: (stream: Duplex) => void): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const stream = new Duplex({
    read() {},
    write(piece, _encoding, done) {
      pieces.push(piece);
      done();
    },
  });
  begin(stream);
  while (pieces.length === 0) await new Promise(setImmediate);
  return Buffer.concat(pieces);
}

const hello = (servername: string | undefined, ALPNProtocols: string[] = []): Promise<Buffer> =>
  firstText((socket) => {
    connect({ socket, ...(servername && { servername }), ALPNProtocols }).on('error', () => {});
  });

test('said: the server name of OpenSSL’s ClientHello is read, in small letters', async (t) => {
  t.deepEqual(readHello(await hello('Www.Example.ORG')), { kind: 'tls', name: 'www.example.org' });
  const long = await hello(
    'a.example',
    Array.from({ length: 100 }, (_, i) => `protocol-${i}`),
  );
  t.deepEqual(readHello(long), { kind: 'tls', name: 'a.example' });
});

test('said: a ClientHello without a server name is TLS all the same', async (t) => {
  t.deepEqual(readHello(await hello(undefined)), { kind: 'tls' });
});

test('said: every beginning of a ClientHello asks for more, whole it tells, in records of one byte too', async (t) => {
  const text = await hello('example.org');
  for (let i = 1; i < text.length; i++) {
    const said = readSaid(text.subarray(0, i));
    if (said !== undefined) t.deepEqual(said, { kind: 'tls', name: 'example.org' }, `${i}`);
  }
  const body = text.subarray(5);
  const records = Buffer.concat([...body].map((octet) => Buffer.from([22, 3, 1, 0, 1, octet])));
  t.like(readHello(records), { name: 'example.org' }); // RFC 8446 §5.1 lets a message be cut so
});

// Servers skip what this could stop at: OpenSSL takes empty records, and SSL 2's form of a hello.
test('said: what of TLS cannot be read is TLS without a name, and not waited for', async (t) => {
  const text = await hello('evil.example');
  const tls = { kind: 'tls' } as const;
  t.deepEqual(readSaid(Buffer.concat([Buffer.from([22, 3, 1, 0, 0]), text])), tls, 'empty record');
  t.deepEqual(readSaid(Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0])), tls, 'no hello');
  t.deepEqual(readSaid(Buffer.concat([Buffer.from([20, 3, 3, 0, 1, 1]), text])), tls, 'CCS first');
  t.deepEqual(readSaid(Buffer.from([0x80, 46, 1, 3, 1, 0, 21, 0])), tls, 'SSL 2');
  t.deepEqual(readSaid(Buffer.from([22, 9, 9, 9, 9, 9])), { kind: 'other' });
  t.deepEqual(readSaid(Buffer.from([0xff, 0xfd, 1, 0xff])), { kind: 'other' }, 'telnet');
});

test('said: a server name has no last dot, and of two there is none', async (t) => {
  const list = (...names: string[]): Buffer => {
    const each = names.map((name) => Buffer.from(`\0\0${String.fromCharCode(name.length)}${name}`));
    const all = Buffer.concat(each);
    return Buffer.concat([Buffer.from([0, 0, 0, all.length + 2, 0, all.length]), all]);
  };
  const read = (...extensions: Buffer[]): Said | 'more' => {
    const all = Buffer.concat(extensions);
    const start = Buffer.concat([
      Buffer.from([3, 3]),
      Buffer.alloc(32),
      Buffer.from([0, 0, 2, 19, 1, 1, 0]),
    ]);
    const body = Buffer.concat([start, Buffer.from([0, all.length]), all]);
    return readClientHello(Buffer.concat([Buffer.from([1, 0, 0, body.length]), body]));
  };
  t.deepEqual(read(list('Evil.example.')), { kind: 'tls', name: 'evil.example' });
  t.deepEqual(read(list('a.example', 'b.example')), { kind: 'tls' });
  t.deepEqual(read(list('a.example'), list('b.example')), { kind: 'tls' });
  t.deepEqual(read(list('.')), { kind: 'tls' });
});

test('said: the host of an HTTP request of Node’s is read without its port', async (t) => {
  const text = await firstText((socket) => {
    const options = { host: 'Example.org', port: 8080, path: '/x', createConnection: () => socket };
    request(options as never).end();
  });
  t.deepEqual(readHost(text), { kind: 'http', name: 'example.org' });
});

// RFC 9112 §3.2: what is asked for decides, and not what a field says.
test('said: a target with a host of its own goes before Host, and two Hosts are none', (t) => {
  const read = (...lines: string[]): Said | 'more' =>
    readHost(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`));
  const name = (found: Said | 'more') => (found === 'more' ? found : found.name);
  t.is(name(read('GET http://evil.example/ HTTP/1.1', 'Host: good.example')), 'evil.example');
  t.is(name(read('GET http://u:p@evil.example:8/ HTTP/1.1', 'Host: good.example')), 'evil.example');
  t.is(name(read('CONNECT evil.example:443 HTTP/1.1', 'Host: good.example')), 'evil.example');
  t.deepEqual(read('GET / HTTP/1.1', 'Host: a.example', 'host: b.example'), { kind: 'http' });
  t.deepEqual(read('GET / HTTP/1.0'), { kind: 'http' });
  t.is(name(read('GET / HTTP/1.1', 'X: y', 'HOST:\ta.example. ')), 'a.example');
  t.deepEqual(readHost(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')), { kind: 'http' });
  t.is(readHost(Buffer.from('GET / HTTP/1.1\r\nHost: a.exa')), 'more');
});

test('said: other protocols are told apart at their first words', (t) => {
  for (const text of ['SSH-2.0-x\r\n', 'EHLO x\r\n', '\0\0', '220 hi\r\n', 'get / http/1.1\r\n']) {
    t.deepEqual(readSaid(Buffer.from(text)), { kind: 'other' }, text);
  }
  t.is(readSaid(Buffer.from('GE')), undefined);
});

// RFC 9112 §2.2, §3, §5.2: each of these is answered by one server or another.
test('said: a request is one in all the forms that servers take, and what is ambiguous has no name', (t) => {
  const read = (text: string): Said | undefined => readSaid(Buffer.from(text, 'latin1'));
  const evil = { kind: 'http', name: 'evil.example' } as const;
  const rest = '\r\nHost: evil.example\r\n\r\n';
  t.deepEqual(read(`\r\n\r\nGET / HTTP/1.1${rest}`), evil, 'empty lines in front');
  t.deepEqual(read(`get / HTTP/1.1${rest}`), evil, 'a method in small letters');
  t.deepEqual(read(`X_Y-Z! / HTTP/1.1${rest}`), evil, 'a method that nobody has registered');
  t.deepEqual(read(`GET  /a b\tHTTP/1.7 ${rest}`), evil, 'spaces');
  t.deepEqual(read('GET / HTTP/1.1\nHost: Evil.Example.:80:80\n\n'), evil, 'a dot, and two ports');
  t.deepEqual(read('GET http://evil.example/\r\n'), evil, 'HTTP/0.9');
  const http = { kind: 'http' } as const;
  const good = 'Host: good.example';
  t.deepEqual(read('GET /\r\n'), http);
  t.deepEqual(read(`GET / HTTP/1.1\r\n Host: evil.example\r\n${good}\r\n\r\n`), http, 'continued');
  t.deepEqual(read(`GET / HTTP/1.1\r\nX: y\rHost: evil.example\r\n${good}\r\n\r\n`), http, 'CR');
  t.deepEqual(read(`GET / HTTP/1.1\r\n${good}\0.evil.example\r\n\r\n`), http, 'a zero');
  t.deepEqual(read('GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n'), {
    ...http,
    name: '2001:db8::1',
  });
});

// Let go as something else, it would say then what it pleases.
test.serial(
  'said: what begins as TLS or HTTP and does not come to an end is that, without a name',
  async (t) => {
    t.deepEqual(readSaid(Buffer.from(`GET /${'x'.repeat(20_000)}`)), { kind: 'http' });
    const long = Buffer.concat([
      Buffer.from([22, 3, 1, 64, 0, 1, 0, 255, 0]),
      Buffer.alloc(17_500),
    ]);
    t.deepEqual(readSaid(long), { kind: 'tls' });
    const beginnings: Record<string, Said['kind']> = {
      ...{ GE: 'http', '\r\n': 'http', 'GET / HTTP/1.1\r\nHost: ': 'http' },
      ...{ '\x16\x03\x01': 'tls', '\x80': 'tls' },
    };
    for (const [text, kind] of Object.entries(beginnings))
      t.deepEqual(await afterPatience(text), { kind }, text);
  },
);

test('said: nobody is looked at piece by piece without end', async (t) => {
  const stream = new PassThrough();
  const said = firstHeard(stream);
  stream.write('GET /');
  for (let i = 0; i < 300 && stream.writableLength === 0; i++) {
    stream.write('x');
    await new Promise(setImmediate);
  }
  t.deepEqual(await said, { kind: 'http' });
});

test('said: the sample of RFC 9001 §A.2 asks for example.com', (t) => {
  const datagram = Buffer.from(RFC9001_A2, 'hex');
  t.is(datagram.length, 1200);
  t.deepEqual(new QuicEar().take(datagram), { kind: 'quic', name: 'example.com' });
});

test('said: a datagram that was changed, or is no QUIC, says nothing', (t) => {
  const datagram = Buffer.from(RFC9001_A2, 'hex');
  datagram[700] = (datagram[700] as number) ^ 1;
  t.is(new QuicEar().take(datagram), undefined, 'its tag is wrong: the hello may come again');
  t.deepEqual(new QuicEar().take(Buffer.from('hello')), { kind: 'other' });
  t.deepEqual(new QuicEar().take(Buffer.alloc(1200)), { kind: 'other' });
  const ear = new QuicEar();
  for (let i = 0; i < 8; i++) ear.take(datagram);
  t.deepEqual(ear.take(datagram), { kind: 'quic' }, 'not for ever');
});

test('said: no bytes make it throw', async (t) => {
  const random = new SeededRandom(5);
  const below = (most: number): number => (random.int32() >>> 0) % most;
  const samples = [
    await hello('example.org'),
    Buffer.from(RFC9001_A2, 'hex'),
    Buffer.from('GET / HTTP/1.1\r\nHost: a.example\r\n\r\n'),
  ];
  for (let i = 0; i < 3000; i++) {
    const sample = samples[i % samples.length] as Buffer;
    const bytes = Buffer.from(sample.subarray(0, below(sample.length + 1)));
    for (let n = below(5); n > 0 && bytes.length > 0; n--) bytes[below(bytes.length)] = below(256);
    readSaid(bytes);
    new QuicEar().take(bytes);
  }
  t.pass();
});
