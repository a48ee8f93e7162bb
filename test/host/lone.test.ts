/**
 * Packets that come one by one, as answers to requests in turn do: the device is not asked each time whether
 * there is another, which costs a system call, and none that come together is left or late.
 *
 * `Device.read`: "who stops before that is told again, in another turn".
 * @module
 */
import { createHook } from 'node:async_hooks';
import test, { type ExecutionContext } from 'ava';
import { createPipe, createStack, type Device, type Stack } from '../../src/index.ts';
import { next, portOf } from '../api/worlds.ts';

interface Counts {
  read: number;
  inVain: number;
}

/** `device`, whose reads are counted. */
function counted(device: Device, counts: Counts): Device {
  const { name, medium, mtu, headerLength, maxPacket, offload } = device;
  return {
    ...{ name, mtu, headerLength, maxPacket, offload },
    ...(medium !== undefined && { medium }),
    start: (user) => device.start(user),
    read: (at, room) => {
      const length = device.read(at, room);
      counts[length > 0 ? 'read' : 'inVain']++;
      return length;
    },
    write: (at, length) => device.write(at, length),
    flush: () => device.flush(),
    close: () => device.close(),
  };
}

function stacks(t: ExecutionContext): { left: Stack; right: Stack; counts: Counts } {
  const counts = { read: 0, inVain: 0 };
  const [a, b] = createPipe();
  const left = createStack({ device: a, address: '10.0.0.1/24' });
  const right = createStack({ device: counted(b, counts), address: '10.0.0.2/24' });
  t.teardown(() => Promise.all([left.close({ linger: 0 }), right.close({ linger: 0 })]));
  return { left, right, counts };
}

test('lone: a device that brings one packet at a time is seldom asked in vain', async (t) => {
  const { left, right, counts } = stacks(t);
  const server = right.net.createServer((socket) => socket.pipe(socket)).listen(7);
  const socket = left.net.connect(portOf(server), '10.0.0.2');
  for (let i = 0; i < 200; i++) {
    socket.write('request');
    await next(socket, 'data');
  }
  t.true(counts.read >= 200);
  t.true(counts.inVain < 40, `${counts.inVain} of ${counts.read} in vain`);
});

test('lone: what comes together after that is all taken', async (t) => {
  const { left, right } = stacks(t);
  const receiver = right.dgram.createSocket('udp4');
  await new Promise<void>((done) => receiver.bind(9, done));
  const sender = left.dgram.createSocket('udp4');
  await new Promise<void>((done) => sender.bind(0, done));
  const got: string[] = [];
  receiver.on('message', (message) => got.push(message.toString()));
  const wanted: string[] = [];
  for (let round = 0; round < 40; round++) {
    // One by one for a while, then several at once.
    const several = round % 20 < 15 ? 1 : 7;
    for (let i = 0; i < several; i++) {
      wanted.push(`${round}.${i}`);
      sender.send(`${round}.${i}`, 9, '10.0.0.2');
    }
    while (got.length < wanted.length) await next(receiver, 'message');
  }
  t.deepEqual(got, wanted);
});

test.serial('lone: an answer costs one turn, and no other is asked for', async (t) => {
  const { left, right } = stacks(t);
  const server = right.net.createServer((socket) => socket.pipe(socket)).listen(7);
  const socket = left.net.connect(portOf(server), '10.0.0.2');
  socket.write('request');
  await next(socket, 'data');
  let immediates = 0;
  const hook = createHook({
    init: (_id, type) => {
      if (type === 'Immediate') immediates++;
    },
  });
  hook.enable();
  for (let i = 0; i < 100; i++) {
    socket.write('request');
    await next(socket, 'data');
  }
  hook.disable();
  // One at each end is the pipe's, which tells of what was written.
  t.true(immediates < 250, `${immediates} immediates`);
});
