/**
 * What flows say of where they go, in the words of programs that are not ours: Node's own TLS client (OpenSSL)
 * and HTTP client, and the samples of RFC 9001. RFC 6066 §3, RFC 9112 §3.2.
 * @module
 */
import { request } from 'node:http';
import { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import test from 'ava';
import { readHello } from '../../../src/services/gateway/hello.ts';
import { readHost } from '../../../src/services/gateway/http.ts';
import type { Said } from '../../../src/services/gateway/judge.ts';
import { QuicEar } from '../../../src/services/gateway/quic.ts';
import { readSaid } from '../../../src/services/gateway/said.ts';
import { SeededRandom } from '../../../src/stack/base/random.ts';

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

test('said: what begins like TLS and is none is not waited for', (t) => {
  t.deepEqual(readHello(Buffer.from([22, 9, 9, 9, 9, 9])), { kind: 'other' });
  t.deepEqual(readHello(Buffer.from([22, 3, 1, 0, 0])), { kind: 'other' });
  t.deepEqual(readHello(Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0])), { kind: 'other' });
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
  t.deepEqual(readSaid(Buffer.from(`GET /${'x'.repeat(20_000)}`)), { kind: 'other' });
});

/** RFC 9001 §A.2: a client's first packet, as it leaves. Its ClientHello asks for example.com. */
const RFC9001_A2 =
  'c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9bd8bab936b47d92ec356c0bab7df5976d27cd449f63300099f3991c260ec4c60d17b31f8429157bb35a1282a643a8d2262cad67500cadb8e7378c8eb7539ec4d4905fed1bee1fc8aafba17c750e2c7ace01e6005f80fcb7df621230c83711b39343fa028cea7f7fb5ff89eac2308249a02252155e2347b63d58c5457afd84d05dfffdb20392844ae812154682e9cf012f9021a6f0be17ddd0c2084dce25ff9b06cde535d0f920a2db1bf362c23e596d11a4f5a6cf3948838a3aec4e15daf8500a6ef69ec4e3feb6b1d98e610ac8b7ec3faf6ad760b7bad1db4ba3485e8a94dc250ae3fdb41ed15fb6a8e5eba0fc3dd60bc8e30c5c4287e53805db059ae0648db2f64264ed5e39be2e20d82df566da8dd5998ccabdae053060ae6c7b4378e846d29f37ed7b4ea9ec5d82e7961b7f25a9323851f681d582363aa5f89937f5a67258bf63ad6f1a0b1d96dbd4faddfcefc5266ba6611722395c906556be52afe3f565636ad1b17d508b73d8743eeb524be22b3dcbc2c7468d54119c7468449a13d8e3b95811a198f3491de3e7fe942b330407abf82a4ed7c1b311663ac69890f4157015853d91e923037c227a33cdd5ec281ca3f79c44546b9d90ca00f064c99e3dd97911d39fe9c5d0b23a229a234cb36186c4819e8b9c5927726632291d6a418211cc2962e20fe47feb3edf330f2c603a9d48c0fcb5699dbfe5896425c5bac4aee82e57a85aaf4e2513e4f05796b07ba2ee47d80506f8d2c25e50fd14de71e6c418559302f939b0e1abd576f279c4b2e0feb85c1f28ff18f58891ffef132eef2fa09346aee33c28eb130ff28f5b766953334113211996d20011a198e3fc433f9f2541010ae17c1bf202580f6047472fb36857fe843b19f5984009ddc324044e847a4f4a0ab34f719595de37252d6235365e9b84392b061085349d73203a4a13e96f5432ec0fd4a1ee65accdd5e3904df54c1da510b0ff20dcc0c77fcb2c0e0eb605cb0504db87632cf3d8b4dae6e705769d1de354270123cb11450efc60ac47683d7b8d0f811365565fd98c4c8eb936bcab8d069fc33bd801b03adea2e1fbc5aa463d08ca19896d2bf59a071b851e6c239052172f296bfb5e72404790a2181014f3b94a4e97d117b438130368cc39dbb2d198065ae3986547926cd2162f40a29f0c3c8745c0f50fba3852e566d44575c29d39a03f0cda721984b6f440591f355e12d439ff150aab7613499dbd49adabc8676eef023b15b65bfc5ca06948109f23f350db82123535eb8a7433bdabcb909271a6ecbcb58b936a88cd4e8f2e6ff5800175f113253d8fa9ca8885c2f552e657dc603f252e1a8e308f76f0be79e2fb8f5d5fbbe2e30ecadd220723c8c0aea8078cdfcb3868263ff8f0940054da48781893a7e49ad5aff4af300cd804a6b6279ab3ff3afb64491c85194aab760d58a606654f9f4400e8b38591356fbf6425aca26dc85244259ff2b19c41b9f96f3ca9ec1dde434da7d2d392b905ddf3d1f9af93d1af5950bd493f5aa731b4056df31bd267b6b90a079831aaf579be0a39013137aac6d404f518cfd46840647e78bfe706ca4cf5e9c5453e9f7cfd2b8b4c8d169a44e55c88d4a9a7f9474241e221af44860018ab0856972e194cd934';

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
  t.deepEqual(ear.take(datagram), { kind: 'other' }, 'not for ever');
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
