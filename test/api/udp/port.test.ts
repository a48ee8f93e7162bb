/**
 * `stack.udp.open`: a receive queue with a bound, TTL and TOS of each datagram, batches.
 * @module
 */
import test, { type ExecutionContext } from 'ava';
import type { createPipe, IcmpReport, Stack, UdpDatagram } from '../../../src/index.ts';
import { LEFT, makePair, RIGHT, until } from '../worlds.ts';

function pair(
  t: ExecutionContext,
  pipe: Parameters<typeof createPipe>[0] = {},
): { left: Stack; right: Stack } {
  const { left, right, close } = makePair({}, pipe);
  t.teardown(close);
  return { left, right };
}

const text = (datagram: UdpDatagram | undefined): string => `${datagram?.data}`;

test('udp port: a datagram comes with all that is known of it, and is answered from there', async (t) => {
  const { left, right } = pair(t);
  right.addAddress('10.0.0.9/24');
  const server = right.udp.open({ port: 7 });
  t.deepEqual([server.address, server.port], ['0.0.0.0', 7]);
  const client = left.udp.open();
  t.true(client.port > 49_151);
  client.send(Buffer.from('question'), 7, '10.0.0.9', { ttl: 9, tos: 0xb8 });
  const { data, ...rest } = (await server.receive()) as UdpDatagram;
  t.is(`${data}`, 'question');
  const { port } = client;
  t.deepEqual(rest, { address: LEFT, port, destination: '10.0.0.9', ttl: 9, tos: 0xb8 });
  server.send(Buffer.from('answer'), rest.port, rest.address, { source: rest.destination });
  const answer = await client.receive();
  t.is(text(answer), 'answer');
  t.is(answer?.address, '10.0.0.9');
});

test('udp port: TTL and TOS are the port’s unless a datagram has its own', async (t) => {
  const { left, right } = pair(t);
  const server = right.udp.open({ port: 7 });
  const client = left.udp.open({ ttl: 33, typeOfService: 4 });
  client.send(Buffer.from('a'), 7, RIGHT);
  client.send(Buffer.from('b'), 7, RIGHT, { ttl: 2 });
  client.send(Buffer.from('c'), 7, RIGHT, { tos: 8 });
  const got = [await server.receive(), await server.receive(), await server.receive()];
  t.deepEqual(
    got.map((one) => [text(one), one?.ttl, one?.tos]),
    [
      ['a', 33, 4],
      ['b', 2, 4],
      ['c', 33, 8],
    ],
  );
});

test('udp port: what the queue has no room for is dropped, counted and named', async (t) => {
  const { left, right } = pair(t);
  const server = right.udp.open({ port: 7, queue: 3 * (256 + 100) });
  const client = left.udp.open();
  for (let i = 0; i < 5; i++) client.send(Buffer.alloc(100, `${i}`), 7, RIGHT);
  await until(() => server.dropped === 2);
  t.is(server.waiting, 3);
  t.is(right.stats().drops['udpQueueFull'], 2);
  t.is(right.stats().UdpRcvbufErrors, 2);
  t.is(text(server.take()).slice(0, 1), '0');
  client.send(Buffer.alloc(100, '5'), 7, RIGHT); // there is room for one again
  await until(() => server.waiting === 3);
  const rest = [server.take(), server.take(), server.take(), server.take()];
  t.deepEqual(
    rest.map((one) => one && text(one).slice(0, 1)),
    ['1', '2', '5', undefined],
  );
});

test('udp port: empty datagrams fill the queue too', async (t) => {
  const { left, right } = pair(t);
  const server = right.udp.open({ port: 7, queue: 1024 });
  const client = left.udp.open();
  for (let i = 0; i < 6; i++) client.send(new Uint8Array(0), 7, RIGHT);
  await until(() => server.dropped === 2);
  t.is(server.waiting, 4);
});

for (const offload of [false, true]) {
  const how = offload ? 'in one packet where the device cuts it' : 'in many packets';
  test(`udp port: a batch arrives as its datagrams, ${how}`, async (t) => {
    const { left, right } = pair(t, { offload });
    const server = right.udp.open({ port: 7 });
    const client = left.udp.open();
    const before = right.stats().IpInReceives;
    client.sendBatch(Buffer.from('aaaabbbbccccd'), 4, 7, RIGHT);
    const got: string[] = [];
    for (let i = 0; i < 4; i++) got.push(text(await server.receive()));
    t.deepEqual(got, ['aaaa', 'bbbb', 'cccc', 'd']);
    t.is(right.stats().IpInReceives - before, offload ? 1 : 4);
    t.is(left.stats().UdpOutDatagrams, 4);
  });
}

test('udp port: a loop ends when the port is closed, and what waits is given first', async (t) => {
  const { left, right } = pair(t);
  const server = right.udp.open({ port: 7 });
  const client = left.udp.open();
  client.send(Buffer.from('one'), 7, RIGHT);
  client.send(Buffer.from('two'), 7, RIGHT);
  await until(() => server.waiting === 2);
  const got: string[] = [];
  for await (const { data } of server) {
    got.push(`${data}`);
    server.close();
  }
  t.deepEqual(got, ['one', 'two']);
  t.is(await server.receive(), undefined);
  const waits = client.receive();
  client.close();
  client.close();
  t.is(await waits, undefined);
  t.throws(() => client.send(Buffer.from('x'), 7, RIGHT), { code: 'EBADF' });
  t.is(right.udp.open({ port: 7 }).port, 7, 'it is free again');
});

test('udp port: ICMP errors are told to who wants them, with what they are about', async (t) => {
  const { left } = pair(t);
  const reports: IcmpReport[] = [];
  const client = left.udp.open({ onError: (report) => reports.push(report) });
  const deaf = left.udp.open();
  deaf.send(Buffer.from('x'), 8, RIGHT);
  client.send(Buffer.from('x'), 9, RIGHT);
  await until(() => reports.length === 1);
  const [{ data, ...rest }] = reports as [IcmpReport];
  const about = { type: 3, code: 3, error: 'ECONNREFUSED', mtu: 0 };
  t.deepEqual(rest, { ...about, reporter: RIGHT, destination: RIGHT });
  t.is(data.readUInt16BE(2), 9);
  t.throws(() => left.udp.open({ onError: 1 as never }), { code: 'ERR_INVALID_ARG_TYPE' });
});

test('udp port: groups and broadcasts, to those who asked for them', async (t) => {
  const { left, right } = pair(t);
  const server = right.udp.open({ port: 7 });
  server.join('239.1.2.3');
  const client = left.udp.open();
  client.send(Buffer.from('group'), 7, '239.1.2.3');
  const heard = await server.receive();
  t.deepEqual([text(heard), heard?.destination, heard?.ttl], ['group', '239.1.2.3', 1]);
  t.throws(() => client.send(Buffer.from('x'), 7, '10.0.0.255'), { code: 'EACCES' });
  left.udp.open({ broadcast: true }).send(Buffer.from('all'), 7, '10.0.0.255');
  t.is((await server.receive())?.destination, '10.0.0.255');
  server.leave('239.1.2.3');
  t.throws(() => server.leave('239.1.2.3'), { code: 'EADDRNOTAVAIL' });
});

test('udp port: what cannot be is refused with a reason', (t) => {
  const { left } = pair(t);
  const port = left.udp.open({ port: 7, dontFragment: true });
  t.throws(() => left.udp.open({ port: 7 }), { code: 'EADDRINUSE' });
  t.throws(() => left.udp.open({ address: '10.9.9.9' }), { code: 'EADDRNOTAVAIL' });
  t.throws(() => left.udp.open({ ttl: 256 }), { code: 'ERR_OUT_OF_RANGE' });
  t.throws(() => left.udp.open({ queue: -1 }), { code: 'ERR_OUT_OF_RANGE' });
  t.throws(() => left.udp.open({ port: 65_536 }), { code: 'ERR_SOCKET_BAD_PORT' });
  const one = Buffer.from('x');
  t.throws(() => port.send('x' as never, 7, RIGHT), { code: 'ERR_INVALID_ARG_TYPE' });
  t.throws(() => port.send(one, 0, RIGHT), { code: 'ERR_SOCKET_BAD_PORT' });
  t.throws(() => port.send(one, 7, 'nowhere'), { code: 'ERR_INVALID_IP_ADDRESS' });
  t.throws(() => port.send(one, 7, '203.0.113.1'), { code: 'ENETUNREACH' });
  t.throws(() => port.send(one, 7, RIGHT, { source: '10.9.9.9' }), { code: 'EADDRNOTAVAIL' });
  t.throws(() => port.send(one, 7, RIGHT, { tos: 256 }), { code: 'ERR_OUT_OF_RANGE' });
  t.throws(() => port.send(Buffer.alloc(1473), 7, RIGHT), { code: 'EMSGSIZE' });
  t.throws(() => port.send(Buffer.alloc(65_508), 7, RIGHT), { code: 'EMSGSIZE' });
  t.throws(() => port.sendBatch(one, 0, 7, RIGHT), { code: 'ERR_OUT_OF_RANGE' });
});

test('udp port: a connected one hears its peer only, and sends there unless told', async (t) => {
  const { left, right } = pair(t);
  const server = right.udp.open({ port: 7 });
  const client = left.udp.open({ remoteAddress: RIGHT, remotePort: 7 });
  t.is(client.address, LEFT);
  client.send(Buffer.from('one'));
  client.sendBatch(Buffer.from('twosix'), 3);
  const got = [await server.receive(), await server.receive(), await server.receive()];
  t.deepEqual(got.map(text), ['one', 'two', 'six']);
  right.udp.open({ port: 8 }).send(Buffer.from('stranger'), client.port, LEFT);
  server.send(Buffer.from('friend'), client.port, LEFT);
  t.is(text(await client.receive()), 'friend');
  t.throws(() => left.udp.open().send(Buffer.from('x')), { code: 'ERR_SOCKET_BAD_PORT' });
  t.throws(() => left.udp.open({ remotePort: 7 }), { code: 'ERR_MISSING_ARGS' });
});

test('udp port: without receiveErrors only errors that last on a connected port are told', async (t) => {
  const { left } = pair(t);
  const told: string[] = [];
  const onError = ({ error, data }: IcmpReport): void => {
    told.push(`${error} ${data.readUInt16BE(2)}`);
  };
  const client = left.udp.open({ receiveErrors: false, onError });
  client.send(Buffer.from('x'), 8, RIGHT);
  const peer = { remoteAddress: RIGHT, remotePort: 9 };
  left.udp.open({ ...peer, receiveErrors: false, onError }).send(Buffer.from('x'));
  await until(() => told.length > 0);
  t.deepEqual(told, ['ECONNREFUSED 9']);
});

test('udp port: closing the stack closes it', async (t) => {
  const { left } = makePair();
  const port = left.udp.open();
  const waits = port.receive();
  await left.close();
  t.is(await waits, undefined);
});
