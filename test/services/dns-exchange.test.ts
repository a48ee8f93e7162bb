/**
 * One question to one resolver over the kernel's loopback: what is believed, and what is not. RFC 5452 §9,
 * RFC 7766 §5.
 * @module
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { decode, encode, type Packet } from 'dns-packet';
import { exchange } from '../../src/services/dns/exchange.ts';

const QUERY = encode({ type: 'query', id: 7, questions: [{ type: 'A', name: 'a.example' }] });

const answer = (more: Partial<Packet> = {}): Buffer =>
  encode({
    ...{ type: 'response', id: 7, questions: [{ type: 'A', name: 'a.example' }] },
    answers: [{ type: 'A', name: 'a.example', ttl: 1, data: '198.51.100.1' }],
    ...more,
  } as Packet);

async function resolver(
  t: ExecutionContext,
  heard: (socket: Socket, from: RemoteInfo, query: Buffer) => void,
): Promise<{ address: string; port: number }> {
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => heard(socket, from, query));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.teardown(() => socket.close());
  return { address: '127.0.0.1', port: socket.address().port };
}

test('dns exchange: an answer with another number, question or direction is not listened to', async (t) => {
  const place = await resolver(t, (socket, { port, address }) => {
    const wrong = [
      answer({ id: 8 }),
      answer({ questions: [{ type: 'A', name: 'b.example' }] }),
      answer({ questions: [{ type: 'AAAA', name: 'a.example' }] }),
      answer({ questions: [] }),
      answer({ type: 'query' }),
      Buffer.from('nonsense'),
    ];
    for (const message of [...wrong, answer()]) socket.send(message, port, address);
  });
  let unasked = 0;
  const got = await exchange(place, QUERY, 2000, { unasked: () => unasked++ });
  t.is(decode(Buffer.from(got)).answers?.length, 1);
  t.is(unasked, 6);
});

test('dns exchange: who is flooded with guesses gives up', async (t) => {
  const place = await resolver(t, (socket, { port, address }) => {
    for (let id = 0; id < 200; id++) socket.send(answer({ id: 1000 + id }), port, address);
  });
  let unasked = 0;
  await t.throwsAsync(exchange(place, QUERY, 5000, { unasked: () => unasked++ }), {
    code: 'EPROTO',
  });
  t.is(unasked, 64);
});

test('dns exchange: each question has a port of its own', async (t) => {
  const ports = new Set<number>();
  const place = await resolver(t, (socket, { port, address }) => {
    ports.add(port);
    socket.send(answer(), port, address);
  });
  for (let i = 0; i < 10; i++) await exchange(place, QUERY, 2000, { unasked: () => {} });
  t.true(ports.size > 5);
});

test('dns exchange: what was cut is asked for again over TCP', async (t) => {
  const server = createServer((socket) => {
    socket.on('data', (query) => {
      t.deepEqual(query.subarray(2), QUERY);
      const message = answer();
      // In pieces, as TCP may have it.
      socket.write(Buffer.from([message.length >> 8]));
      setTimeout(() => socket.write(Buffer.from([message.length & 255])), 20);
      setTimeout(() => socket.write(message.subarray(0, 20)), 40);
      setTimeout(() => socket.end(message.subarray(20)), 60);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const socket = createSocket('udp4');
  socket.bind(port, '127.0.0.1');
  t.teardown(() => socket.close());
  socket.on('message', (_query, from) => {
    socket.send(answer({ flags: 0x0200, answers: [] }), from.port, from.address);
  });
  await once(socket, 'listening');
  const got = await exchange({ address: '127.0.0.1', port }, QUERY, 3000, { unasked: () => {} });
  t.is(decode(Buffer.from(got)).answers?.length, 1);
});

test('dns exchange: silence ends in time, and nobody there is told at once', async (t) => {
  const silent = await resolver(t, () => {});
  await t.throwsAsync(exchange(silent, QUERY, 50, { unasked: () => {} }), { code: 'ETIMEDOUT' });
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  await new Promise<void>((done) => socket.close(() => done()));
  await t.throwsAsync(
    exchange({ address: '127.0.0.1', port }, QUERY, 5000, { unasked: () => {} }),
    { code: 'ECONNREFUSED' },
  );
});
