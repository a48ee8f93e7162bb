/**
 * `stack.udp`: the callback interface to UDP.
 * @module
 */
import { once } from 'node:events';
import test from 'ava';
import {
  createStack,
  type Device,
  type DeviceUser,
  type Stack,
  type UdpHandler,
} from '../../../src/index.ts';
import { checksum, fromOctets, ipv4, udp as wire } from '../../../src/wire.ts';
import { garbage, LEFT_BY_ENGINE } from '../../support/garbage.ts';
import { LEFT, makePair, RIGHT, rounds, until } from '../worlds.ts';

const left = fromOctets(10, 0, 0, 1);
const right = fromOctets(10, 0, 0, 2);

/** What came, by its text. */
function notes(): { handler: UdpHandler; got: unknown[]; errors: unknown[] } {
  const got: unknown[] = [];
  const errors: unknown[] = [];
  const handler: UdpHandler = {
    message(_socket, bytes, at, length, address, port) {
      got.push([Buffer.from(bytes.subarray(at, at + length)).toString(), address, port]);
    },
    error(_socket, { code, syscall }, address, port, { type, reporter }) {
      errors.push([code, syscall, address, port, type, reporter]);
    },
  };
  return { handler, got, errors };
}

const send = (text: string): [Uint8Array, number, number] => {
  const bytes = Buffer.from(text);
  return [bytes, 0, bytes.length];
};

test('udp: a datagram comes as a view on its packet, and is answered from it', async (t) => {
  const pair = makePair();
  let view: Uint8Array | undefined;
  pair.right.udp.createSocket(
    { port: 7 },
    {
      message(socket, bytes, at, length, address, port) {
        view = bytes;
        t.true(bytes.length > 65_536, 'the memory of all packets');
        t.true(socket.send(bytes, at, length, address, port));
      },
    },
  );
  const { handler, got } = notes();
  const socket = pair.left.udp.createSocket({ port: 5000 }, handler);
  t.true(socket.send(...send('hello'), right, 7));
  t.true(socket.send(...send(''), right, 7));
  t.true(socket.send(Buffer.from('--part--'), 2, 4, right, 7));
  await until(() => got.length === 3);
  t.deepEqual(got, [
    ['hello', right, 7],
    ['', right, 7],
    ['part', right, 7],
  ]);
  t.truthy(view);
  await pair.close();
});

test('udp: where a datagram was sent to, its TTL and its type of service are told', async (t) => {
  const pair = makePair();
  pair.right.addAddress('10.0.0.3/24');
  const seen: unknown[] = [];
  pair.right.udp.createSocket(
    { port: 7 },
    {
      message(socket, bytes, at, length, address, port, { destination, ttl, tos }) {
        seen.push([destination, ttl, tos]);
        socket.send(bytes, at, length, address, port, destination);
      },
    },
  );
  const { handler, got } = notes();
  const socket = pair.left.udp.createSocket({ ttl: 9, typeOfService: 0xb8 }, handler);
  const third = fromOctets(10, 0, 0, 3);
  socket.send(...send('x'), third, 7);
  await until(() => got.length === 1);
  t.deepEqual(seen, [[third, 9, 0xb8]]);
  t.deepEqual(got, [['x', third, 7]], 'and it answers from there');
  await pair.close();
});

test('udp: a datagram may have a TTL and a type of service of its own, and multicasts another', async (t) => {
  const pair = makePair();
  const seen: unknown[] = [];
  const member = pair.right.udp.createSocket(
    { port: 7 },
    {
      message: (_socket, _bytes, _at, _length, _from, _port, { ttl, tos }) => seen.push([ttl, tos]),
    },
  );
  const group = fromOctets(239, 1, 2, 3);
  member.addMembership('239.1.2.3');
  const options = { ttl: 9, multicastTtl: 3, typeOfService: 4 };
  const socket = pair.left.udp.createSocket(options, {});
  t.true(socket.send(...send('x'), right, 7));
  t.true(socket.send(...send('x'), right, 7, undefined, 200));
  t.true(socket.send(...send('x'), right, 7, undefined, undefined, 0));
  t.true(socket.send(...send('x'), right, 7, undefined, -1, 255));
  t.true(socket.send(...send('x'), group, 7));
  t.true(socket.send(...send('x'), group, 7, left, 5, 8));
  await until(() => seen.length === 6);
  t.deepEqual(seen, [
    [9, 4],
    [200, 4],
    [9, 0],
    [9, 255],
    [3, 4],
    [5, 8],
  ]);
  for (const [ttl, tos] of [
    [0, 0],
    [256, 0],
    [1, -2],
    [1, 256],
  ] as const) {
    const bad = (): boolean => socket.send(...send('x'), right, 7, left, ttl, tos);
    t.throws(bad, { code: 'ERR_OUT_OF_RANGE' });
  }
  await pair.close();
});

test('udp: a connected socket hears its peer only, and of its closed port', async (t) => {
  const pair = makePair();
  const { handler, got, errors } = notes();
  const socket = pair.left.udp.createSocket({ remoteAddress: RIGHT, remotePort: 7 }, handler);
  t.deepEqual([socket.remoteAddress, socket.remotePort], [RIGHT, 7]);
  t.is(socket.localAddress, LEFT);
  t.true(socket.send(Buffer.from('nobody there')));
  await until(() => errors.length === 1);
  t.deepEqual(errors, [['ECONNREFUSED', 'recvmsg', right, 7, 3, RIGHT]]);
  const other = pair.right.udp.createSocket({ port: 8 }, {});
  other.send(...send('stranger'), left, socket.localPort);
  const peer = pair.right.udp.createSocket({ port: 7 }, {});
  peer.send(...send('friend'), left, socket.localPort);
  await until(() => got.length === 1);
  t.deepEqual(got, [['friend', right, 7]]);
  socket.disconnect();
  t.is(socket.remotePort, 0);
  await pair.close();
});

test('udp: with receiveErrors a socket of no peer is told which datagram it was', async (t) => {
  const pair = makePair();
  const { handler, errors } = notes();
  const deaf = pair.left.udp.createSocket({}, handler);
  const socket = pair.left.udp.createSocket({ receiveErrors: true }, handler);
  deaf.send(...send('x'), right, 8);
  socket.send(...send('x'), right, 9);
  await until(() => errors.length === 1);
  await rounds();
  t.deepEqual(errors, [['ECONNREFUSED', 'recvmsg', right, 9, 3, RIGHT]]);
  await pair.close();
});

/** A stack on a device of the test's, and what the device may tell it. */
function stackOn(
  ends: { read?: (at: number) => number; write: () => boolean },
  options: { slots?: number } = {},
): { stack: Stack; user: DeviceUser } {
  const users: DeviceUser[] = [];
  const device: Device = {
    name: 'test',
    medium: 'ip',
    mtu: 1500,
    headerLength: 0,
    maxPacket: 1500,
    offload: { checksum: false, tso4: false, uso4: false },
    start: (user) => users.push(user),
    read: (at) => ends.read?.(at) ?? 0,
    write: ends.write,
    flush: () => {},
    close: async () => {},
  };
  const stack = createStack({ device, address: `${LEFT}/24`, ...options });
  const [user] = users;
  if (user === undefined) throw new Error('the device was not started');
  return { stack, user };
}

for (const [what, slots, most] of [
  ['the queue of the device', 4096, 1024],
  ['the packet slots', 256, 256],
] as const) {
  test(`udp: ${what} bounds what is sent, and writable tells when it goes on`, async (t) => {
    let open = false;
    let sent = 0;
    const write = (): boolean => {
      if (open) sent++;
      return open;
    };
    const { stack, user } = stackOn({ write }, { slots });
    let told = 0;
    const socket = stack.udp.createSocket({}, { writable: () => void told++ });
    let taken = 0;
    while (socket.send(...send('x'), right, 7)) taken++;
    t.is(taken, most);
    t.is(socket.failure, 'ENOBUFS');
    t.false(socket.send(...send('x'), right, 7));
    await rounds();
    t.is(told, 0);
    open = true;
    user.writable();
    await rounds();
    t.is(told, 1);
    t.is(sent, most);
    t.true(socket.send(...send('x'), right, 7));
    await rounds();
    t.is(told, 1, 'and it is not told again');
    await stack.close();
  });
}

test('udp: what is kept stays where it is, until it is given back', async (t) => {
  const pair = makePair({ slots: 64 });
  const kept: [Uint8Array, number, number][] = [];
  let refused = 0;
  pair.right.udp.createSocket(
    { port: 7 },
    {
      message(socket, bytes, at, length) {
        if (socket.keep(bytes, at)) kept.push([bytes, at, length]);
        else {
          refused++;
          socket.drop();
        }
      },
    },
  );
  const socket = pair.left.udp.createSocket({}, {});
  for (let i = 0; i < 100; i++) {
    socket.send(...send(`number ${i}`), right, 7);
    await rounds();
  }
  await until(() => kept.length + refused === 100);
  t.true(kept.length >= 32 && kept.length <= 48, `${kept.length} of 64 slots`);
  const texts = kept.map(([bytes, at, n]) => Buffer.from(bytes.subarray(at, at + n)).toString());
  t.deepEqual(
    texts,
    kept.map((_, i) => `number ${i}`),
  );
  t.is(pair.right.stats().drops['udpQueueFull'], refused);
  t.is(pair.right.stats().UdpRcvbufErrors, refused);
  const keeper = pair.right.udp.createSocket({}, {});
  for (const [, at] of kept.splice(0)) keeper.giveBack(at);
  socket.send(...send('again'), right, 7);
  await until(() => kept.length === 1);
  t.pass();
  await pair.close();
});

test('udp: what was put together from fragments cannot be kept, and is whole', async (t) => {
  const pair = makePair();
  const seen: [boolean, number][] = [];
  pair.right.udp.createSocket(
    { port: 7 },
    { message: (socket, bytes, at, length) => seen.push([socket.keep(bytes, at), length]) },
  );
  const socket = pair.left.udp.createSocket({}, {});
  t.true(socket.send(Buffer.alloc(5000), 0, 5000, right, 7));
  await until(() => seen.length === 1);
  t.deepEqual(seen, [[false, 5000]]);
  socket.dontFragment = true;
  t.false(socket.send(Buffer.alloc(5000), 0, 5000, right, 7));
  t.is(socket.failure, 'EMSGSIZE');
  await pair.close();
});

test('udp: a batch is so many datagrams, the last one shorter', async (t) => {
  const pair = makePair();
  const { handler, got } = notes();
  pair.right.udp.createSocket({ port: 7 }, handler);
  const socket = pair.left.udp.createSocket({ port: 5000 }, {});
  t.true(socket.sendBatch(Buffer.from('abcdefg'), 0, 7, 3, right, 7));
  await until(() => got.length === 3);
  t.deepEqual(got, [
    ['abc', left, 5000],
    ['def', left, 5000],
    ['g', left, 5000],
  ]);
  await pair.close();
});

test('udp: groups and broadcasts, by their numbers', async (t) => {
  const pair = makePair();
  const { handler, got } = notes();
  const member = pair.right.udp.createSocket({ port: 7 }, handler);
  member.addMembership('239.1.2.3');
  t.throws(() => member.addMembership('239.1.2.3'), { code: 'EADDRINUSE' });
  t.throws(() => member.addMembership('10.0.0.1'), { code: 'EINVAL' });
  t.throws(() => member.addMembership('239.1.2.3', '192.0.2.1'), { code: 'ENODEV' });
  const socket = pair.left.udp.createSocket({ port: 5000 }, {});
  socket.setMulticastInterface(LEFT);
  const all = fromOctets(10, 0, 0, 255);
  t.true(socket.send(...send('group'), fromOctets(239, 1, 2, 3), 7));
  t.false(socket.send(...send('all'), all, 7));
  t.is(socket.failure, 'EACCES');
  socket.broadcast = true;
  t.true(socket.send(...send('all'), all, 7));
  await until(() => got.length === 2);
  t.deepEqual(got, [
    ['group', left, 5000],
    ['all', left, 5000],
  ]);
  member.dropMembership('239.1.2.3');
  t.throws(() => member.dropMembership('239.1.2.3'), { code: 'EADDRNOTAVAIL' });
  await pair.close();
});

test('udp: it is closed once, by itself or with the stack, and its port is free again', async (t) => {
  const pair = makePair();
  const closed: string[] = [];
  const first = pair.right.udp.createSocket({ port: 7 }, { close: () => closed.push('first') });
  t.throws(() => pair.right.udp.createSocket({ port: 7 }, {}), {
    code: 'EADDRINUSE',
    message: 'bind EADDRINUSE 0.0.0.0:7',
  });
  t.throws(() => first.bind(8), { code: 'EINVAL' });
  first.close();
  first.close();
  t.true(first.closed);
  t.false(first.send(...send('x'), left, 7));
  t.is(first.failure, 'EBADF');
  t.throws(() => first.bind(8), { code: 'EBADF' });
  t.throws(() => first.addMembership('239.1.2.3'), { code: 'EBADF' });
  pair.right.udp.createSocket({ port: 7 }, { close: () => closed.push('second') });
  await pair.close();
  t.deepEqual(closed, ['first', 'second']);
});

test('udp: bad calls are refused at the door', async (t) => {
  const { left: stack, close } = makePair();
  const create = (options: object): unknown => stack.udp.createSocket(options, {});
  t.throws(() => create({ port: 70_000 }), { code: 'ERR_SOCKET_BAD_PORT' });
  t.throws(() => create({ address: 'example.org' }), { code: 'ERR_INVALID_IP_ADDRESS' });
  t.throws(() => create({ address: '192.0.2.1' }), { code: 'EADDRNOTAVAIL' });
  t.throws(() => create({ remotePort: 7 }), { code: 'ERR_MISSING_ARGS' });
  t.throws(() => create({ remoteAddress: '192.0.2.1', remotePort: 7 }), { code: 'ENETUNREACH' });
  t.throws(() => create({ ttl: 256 }), { code: 'ERR_OUT_OF_RANGE' });
  t.throws(() => create({ multicastTtl: -1 }), { code: 'ERR_OUT_OF_RANGE' });
  t.throws(() => create(null as never), { code: 'ERR_INVALID_ARG_TYPE' });
  t.throws(() => stack.udp.createSocket({}, undefined as unknown as UdpHandler), {
    code: 'ERR_INVALID_ARG_TYPE',
  });
  const socket = stack.udp.createSocket({}, {});
  const bytes = new Uint8Array(10);
  for (const [at, length] of [
    [5, 6],
    [-1, 2],
    [0, -1],
    [Number.NaN, 1],
  ] as const) {
    t.throws(() => socket.send(bytes, at, length, right, 7), { code: 'ERR_OUT_OF_RANGE' });
  }
  t.throws(() => socket.connect(70_000, RIGHT), { code: 'ERR_SOCKET_BAD_PORT' });
  t.throws(() => socket.send(bytes), { code: 'ERR_SOCKET_BAD_PORT' }, 'it is not connected');
  t.throws(() => socket.send(bytes, 0, 1, right, 1.5), { code: 'ERR_SOCKET_BAD_PORT' });
  for (const size of [0, 1.5, 65_508]) {
    t.throws(() => socket.sendBatch(bytes, 0, 10, size, right, 7), { code: 'ERR_OUT_OF_RANGE' });
  }
  t.false(socket.send(bytes, 0, 10, fromOctets(192, 0, 2, 1), 7));
  t.is(socket.failure, 'ENETUNREACH');
  await close();
});

test.serial('udp: what a handler throws is an uncaughtException, and harms nobody', async (t) => {
  const pair = makePair();
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  const thrown = once(process, 'uncaughtException');
  let calls = 0;
  pair.right.udp.createSocket(
    { port: 7 },
    {
      message() {
        calls++;
        if (calls === 1) throw new Error('mine');
      },
    },
  );
  const socket = pair.left.udp.createSocket({}, {});
  socket.send(...send('x'), right, 7);
  t.like((await thrown)[0], { message: 'mine' });
  for (const listener of listeners) process.on('uncaughtException', listener);
  socket.send(...send('x'), right, 7);
  await until(() => calls === 2);
  await pair.close();
});

/** A stack that is given 64 datagrams by each `turn`, for port 7. */
function flooded(): { stack: Stack; turn(): void; answers(): number } {
  const packet = new Uint8Array(28 + 64);
  const view = new DataView(packet.buffer);
  ipv4.write(view, 0, 0, packet.length, 1, 0, 64, ipv4.Protocol.UDP, right, left);
  ipv4.setChecksum(view, 0, checksum.internet(packet, 0, ipv4.MIN_LEN));
  wire.write(view, ipv4.MIN_LEN, 5000, 7, packet.length - ipv4.MIN_LEN);
  let waiting = 0;
  let answers = 0;
  const { stack, user } = stackOn({
    read(at) {
      if (waiting === 0) return 0;
      waiting--;
      for (let i = 0; i < packet.length; i++) user.memory[at + i] = packet[i] as number; // inside
      return packet.length;
    },
    write() {
      answers++;
      return true;
    },
  });
  const turn = (): void => {
    waiting = 64;
    user.readable();
  };
  return { stack, turn, answers: () => answers };
}

test.serial('udp: an echo leaves no garbage, and one object would be seen', async (t) => {
  const kept: object[] = [];
  for (const keeps of [false, true]) {
    const { stack, turn, answers } = flooded();
    stack.udp.createSocket(
      { port: 7 },
      {
        message(socket, bytes, at, length, address, port) {
          socket.send(bytes, at, length, address, port);
          if (keeps) kept[0] = { at };
        },
      },
    );
    turn();
    t.is(answers(), 64);
    // A batch leaves some numbers too large to be small ones, as the time; a datagram nothing.
    const allowed = 64 * LEFT_BY_ENGINE;
    const bytes = garbage(turn, { allowed, turns: 500, runs: keeps ? 50 : 300 });
    t.is(bytes <= allowed, !keeps, `${bytes / 64} bytes a datagram`);
    await stack.close();
  }
});
