/**
 * Options of `stack.net` that the events of a socket do not show, or that the Node that runs this may not
 * have yet: what they do to the connection.
 * @module
 */
import { BlockList, createServer as createNodeServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import type { Socket } from '../../../src/index.ts';
import { LEFT, makePair, next, type Pair, RIGHT, rounds, told } from '../worlds.ts';

/** Both ends of a connection to port 7. */
async function ends(pair: Pair, options: object = {}): Promise<[Socket, Socket]> {
  const client = pair.left.net.connect({ port: 7, host: RIGHT, ...options });
  const [[accepted]] = await Promise.all([
    next(pair.right as never, 'accepted') as Promise<[Socket]>,
    next(client, 'connect'),
  ]);
  return [client, accepted];
}

/** What `ends` waits for. */
const tell = (pair: Pair) => (socket: Socket | object) => pair.right.emit('accepted', socket);

const sent = (socket: Socket): number => socket.info()?.segsOut ?? 0;

/** Segments that leave when two bytes are written, one after the other, and before any answer. */
async function segmentsOfTwoBytes(socket: Socket): Promise<number> {
  const before = sent(socket);
  for (const byte of ['a', 'b']) {
    socket.write(byte);
    await rounds();
  }
  return sent(socket) - before;
}

test('options: noDelay sends small segments at once, of a socket and of a server’s', async (t) => {
  const slowly = (then: () => void): void => {
    setTimeout(then, 40);
  };
  const pair = makePair({}, { schedule: slowly });
  const plain = pair.right.net.createServer(tell(pair)).listen(7);
  const [slow] = await ends(pair);
  const [fast] = await ends(pair, { noDelay: true });
  const [late] = await ends(pair);
  late.setNoDelay();
  t.deepEqual(await Promise.all([slow, fast, late].map(segmentsOfTwoBytes)), [1, 2, 2]);
  plain.close();
  pair.right.net.createServer({ noDelay: true }, tell(pair)).listen(7);
  const [, accepted] = await ends(pair);
  t.is(await segmentsOfTwoBytes(accepted), 2);
  await pair.close();
});

test('options: keepAlive probes an idle peer, of a socket, a server and one that is carried', async (t) => {
  const pair = makePair();
  const options = { keepAlive: true, keepAliveInitialDelay: 1000 };
  const plain = pair.right.net.createServer(tell(pair)).listen(7);
  const [idle, silent] = await ends(pair);
  const [own] = await ends(pair, options);
  plain.close();
  const server = pair.right.net.createServer(options, tell(pair)).listen(7);
  const [, accepted] = await ends(pair);
  server.close();
  const carried = pair.right.carry(createNodeServer(options, tell(pair)));
  carried.listen(7);
  const [, byNode] = await ends(pair);
  carried.close();
  await pause(500); // acknowledgments that were delayed are there
  const sockets = [idle, silent, own, accepted, byNode];
  const before = sockets.map(sent);
  await pause(1200);
  const probes = sockets.map((socket, i) => sent(socket) - (before[i] ?? 0));
  t.deepEqual(
    probes.map((n) => n > 0),
    [false, false, true, true, true],
  );
  await pair.close();
});

test('options: maxConnections of 0 drops every connection', async (t) => {
  const pair = makePair();
  const server = pair.right.net.createServer(() => t.fail()).listen(7);
  server.maxConnections = 0;
  const client = pair.left.net.connect(7, RIGHT).resume();
  const [[info]] = await Promise.all([next(server, 'drop'), next(client, 'close')]);
  t.like(info, { remoteAddress: LEFT, localAddress: RIGHT, localPort: 7 });
  await pair.close();
});

test('options: a block list of a server turns connections away', async (t) => {
  const pair = makePair();
  const blockList = new BlockList();
  blockList.addAddress(LEFT);
  pair.right.net.createServer({ blockList }, () => t.fail()).listen(7);
  const client = pair.left.net.connect(7, RIGHT).resume();
  t.deepEqual(await next(client, 'close'), [false]);
  await pair.close();
});

test('options: a block list of a socket makes a connection to none of it', async (t) => {
  const pair = makePair();
  pair.right.net.createServer(() => t.fail()).listen(7);
  const blockList = new BlockList();
  blockList.addSubnet(RIGHT, 30);
  const client = pair.left.net.connect({ port: 7, host: RIGHT, blockList } as never);
  const [error] = await next(client, 'error');
  t.like(told(error), {
    message: `IP(${RIGHT}) is blocked by net.BlockList`,
    code: 'ERR_IP_BLOCKED',
  });
  t.deepEqual(pair.left.connections(), []);
  await pair.close();
});

test('options: block lists of a datagram socket, each way', async (t) => {
  const pair = makePair();
  const list = new BlockList();
  list.addAddress(RIGHT);
  list.addAddress(LEFT);
  const { right, left } = pair;
  const deaf = right.dgram.createSocket({ type: 'udp4', receiveBlockList: list }).bind(9);
  deaf.on('message', () => t.fail());
  await next(deaf, 'listening');
  const open = left.dgram.createSocket('udp4');
  await new Promise((done) => open.send('x', 9, RIGHT, done));
  const dumb = left.dgram.createSocket({ type: 'udp4', sendBlockList: list });
  const error = await new Promise((done) => dumb.send('x', 9, RIGHT, done));
  t.true(error instanceof Error);
  await pause(20);
  await pair.close();
});
