/**
 * Names on a stack: localhost, a lookup of one's own, loopback.
 * @module
 */
import test from 'ava';
import { LEFT, makePair, next, RIGHT } from '../worlds.ts';

test('names: localhost is the stack itself', async (t) => {
  const pair = makePair();
  pair.left.net.createServer((socket) => socket.end(`${socket.localAddress}`)).listen(7);
  const socket = pair.left.net.connect(7);
  const lookups: unknown[] = [];
  socket.on('lookup', (...values) => lookups.push(values));
  let text = '';
  for await (const piece of socket) text += piece;
  t.is(text, '127.0.0.1');
  t.deepEqual(lookups, [[null, '127.0.0.1', 4, 'localhost']]);
  await pair.close();
});

test('names: the stack’s lookup serves net, dgram, ping and listen', async (t) => {
  const asked: string[] = [];
  const pair = makePair({
    lookup: (name, options, done) => {
      asked.push(name);
      const address = name === 'right.test' ? RIGHT : LEFT;
      const answer = options.all ? [{ address, family: 4 }] : address;
      process.nextTick(done, null, answer, 4);
    },
  });
  t.is((await pair.left.ping('right.test')).address, RIGHT);
  pair.right.net.createServer((socket) => socket.end()).listen(7, 'right.test');
  const socket = await pair.left.tcp.connect({ port: 7, host: 'right.test' });
  t.is(socket.remoteAddress, RIGHT);
  const server = pair.right.dgram.createSocket('udp4').bind(9, 'right.test');
  await next(server, 'listening');
  const message = next(server, 'message');
  pair.left.dgram.createSocket('udp4').send('x', 9, 'right.test');
  await message;
  t.deepEqual([...new Set(asked)], ['right.test']);
  t.is(asked.length, 5);
  await pair.close();
});

test('names: a name that only IPv6 knows is ENOTFOUND for ping', async (t) => {
  const pair = makePair({
    lookup: (_name, _options, done) => done(null, [{ address: '::1', family: 6 }]),
  });
  await t.throwsAsync(pair.left.ping('six.test'), { code: 'ENOTFOUND' });
  await pair.close();
});

test('names: what a stack sends to its own address stays inside', async (t) => {
  const pair = makePair();
  const server = pair.left.dgram.createSocket('udp4').bind(9);
  await next(server, 'listening');
  const message = next(server, 'message');
  pair.left.dgram.createSocket('udp4').send('inside', 9, LEFT);
  const [text] = (await message) as [Buffer];
  t.is(text.toString(), 'inside');
  t.is(pair.right.stats().packetsIn, 0);
  await pair.close();
});
