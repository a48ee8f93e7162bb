/**
 * The channels of `node:diagnostics_channel` that a stack publishes to.
 * @module
 */
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import type {
  ConnectionCloseMessage,
  ConnectionMessage,
  ConnectionResetMessage,
  PacketDropMessage,
} from '../../../src/index.ts';
import { LEFT, makePair, next, portOf, RIGHT, rounds } from '../worlds.ts';

const CONNECTION = ['open', 'established', 'reset', 'close'].map(
  (name) => `tunstack:connection:${name}`,
);

/** What is published until the test ends. */
function listen<Message>(t: ExecutionContext, names: readonly string[]): [string, Message][] {
  const heard: [string, Message][] = [];
  for (const name of names) {
    const hear = (message: unknown): void => {
      heard.push([name.split(':')[2] ?? '', message as Message]);
    };
    subscribe(name, hear);
    t.teardown(() => unsubscribe(name, hear));
  }
  return heard;
}

const line = ([name, { side }]: [string, ConnectionMessage]): string => `${side} ${name}`;

// One after the other: a channel is the process's.

test.serial(
  'channels: a connection is opened, established and closed, on both sides',
  async (t) => {
    const heard = listen<ConnectionMessage>(t, CONNECTION);
    const { left, right, close } = makePair();
    const server = right.net.createServer((socket) => socket.end('bye')).listen(0);
    const port = portOf(server);
    const socket = left.net.connect(port, RIGHT).resume();
    await once(socket, 'close');
    await rounds();
    const client = heard.filter(([, { side }]) => side === 'client');
    const served = heard.filter(([, { side }]) => side === 'server');
    t.deepEqual(client.map(line), ['client open', 'client established', 'client close']);
    t.deepEqual(served.map(line), ['server open', 'server established', 'server close']);
    const [, message] = client.at(-1) as [string, ConnectionCloseMessage];
    t.is(message.remoteAddress, RIGHT);
    t.is(message.remotePort, port);
    t.is(message.localAddress, LEFT);
    t.is(message.bytesRead, 3);
    t.is(message.bytesWritten, 0);
    t.is(message.error, undefined);
    t.is(new Set(client.map(([, { connection }]) => connection)).size, 1);
    await close();
  },
);

test.serial('channels: a reset says who sent it, and is followed by the close', async (t) => {
  const heard = listen<ConnectionMessage>(t, CONNECTION);
  const { left, right, close } = makePair();
  const server = right.net.createServer((socket) => socket.on('error', () => {})).listen(7);
  const socket = left.net.connect(7, RIGHT);
  await next(server, 'connection');
  if (socket.connecting) await once(socket, 'connect');
  heard.length = 0;
  socket.resetAndDestroy();
  await rounds(10);
  t.deepEqual(heard.map(line).sort(), [
    'client close',
    'client reset',
    'server close',
    'server reset',
  ]);
  const find = (wanted: string): unknown => heard.find((one) => line(one) === wanted)?.[1];
  t.is((find('client reset') as ConnectionResetMessage).by, 'us');
  t.is((find('server reset') as ConnectionResetMessage).by, 'peer');
  const { error } = find('server close') as ConnectionCloseMessage;
  t.is(error?.message, 'read ECONNRESET');
  await close();
});

test.serial(
  'channels: a connection that is refused is opened and closed with the error',
  async (t) => {
    const heard = listen<ConnectionMessage>(t, CONNECTION);
    const { left, close } = makePair();
    const socket = left.net.connect(7, RIGHT);
    await next(socket, 'error');
    t.deepEqual(heard.map(line), ['client open', 'client close']);
    const [, message] = heard[1] as [string, ConnectionCloseMessage];
    t.is(message.error?.message, `connect ECONNREFUSED ${RIGHT}:7`);
    await close();
  },
);

test.serial(
  'channels: a dropped packet comes with its reason, its device and its bytes',
  async (t) => {
    const heard = listen<PacketDropMessage>(t, ['tunstack:packet:drop']);
    const { left, right, close } = makePair();
    await left.ping(RIGHT); // a turn of both, from which on they look
    left.protocol(200, () => {}).send(Buffer.from('nobody wants this'), RIGHT);
    await rounds(10);
    const drops = heard.map(([, message]) => message);
    t.true(drops.some(({ reason }) => reason === 'ipProtocol'));
    const { packets, device, packet } = drops.find((one) => one.reason === 'ipProtocol') ?? {};
    t.is(packets, 1);
    t.is(device, right.devices[0]?.name);
    t.is(packet?.toString('utf8', 20), 'nobody wants this');
    t.is(right.stats().drops['ipProtocol'], 1);
    await close();
  },
);

test.serial('channels: nobody is told of what nobody asks for', async (t) => {
  for (const name of [...CONNECTION, 'tunstack:packet:drop']) t.false(channel(name).hasSubscribers);
  const { left, right, close } = makePair();
  right.net.createServer((socket) => socket.end('bye')).listen(7);
  await once(left.net.connect(7, RIGHT).resume(), 'close');
  t.pass();
  await close();
});
