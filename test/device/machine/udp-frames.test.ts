/**
 * Machines at UDP sockets, one frame a datagram: QEMU's `-netdev dgram` with `type=inet`.
 * @module
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import { openUdpFrames } from '../../../src/index.ts';
import { deviceSuite } from '../suite.ts';
import { Collector, payloadOf, settle, udpPacket, until } from '../support.ts';

const HOST = '127.0.0.1';

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4').bind(0, HOST);
  await once(socket, 'listening');
  return socket;
}

/** A port that nobody has. */
async function freePort(): Promise<number> {
  const socket = await bound();
  const { port } = socket.address();
  socket.close();
  return port;
}

/** A machine, what it was sent, and the port of ours that it sends to. */
async function machine(t?: ExecutionContext) {
  const socket = await bound();
  const received: string[] = [];
  socket.on('message', (frame) => received.push(payloadOf(frame)));
  t?.teardown(() => socket.close());
  const port = await freePort();
  const send = (payload: string): void => socket.send(udpPacket(payload), port, HOST);
  return { socket, received, port, remote: { host: HOST, port: socket.address().port }, send };
}

deviceSuite(test, 'machine at a UDP socket', async () => {
  const { socket, received, port, remote, send } = await machine();
  const device = await openUdpFrames({ port, remote });
  const close = async (): Promise<void> => {
    await device.close();
    socket.close();
  };
  return { device, send, received, close };
});

test('machine: whoever speaks first at a UDP socket is the machine, and nobody else is heard', async (t) => {
  const [one, other] = [await machine(t), await bound()];
  t.teardown(() => other.close());
  const device = await openUdpFrames({ port: one.port });
  const user = new Collector(device);
  device.start(user);
  t.true(user.write(udpPacket('to nobody')));
  t.is(device.refused, 1);
  one.send('first');
  await until(() => user.packets.length === 1, 'a frame');
  other.send(udpPacket('of another'), one.port, HOST);
  one.send('second');
  await until(() => user.packets.length === 2, 'another frame');
  t.deepEqual(user.payloads, ['first', 'second']);
  user.write(udpPacket('answer'));
  await until(() => one.received.length > 0, 'an answer');
  t.deepEqual(one.received, ['answer']);
  await device.close();
});

// As one of QEMU's that is started after us, or anew: the kernel says ECONNREFUSED.
test('machine: one that is not there at a UDP socket loses frames and ends nothing', async (t) => {
  const [port, theirs] = [await freePort(), await freePort()];
  const device = await openUdpFrames({ port, remote: { host: HOST, port: theirs } });
  const user = new Collector(device);
  device.start(user);
  for (let i = 0; i < 3; i++) {
    t.true(user.write(udpPacket('to nobody')));
    await settle();
  }
  const late = createSocket('udp4').bind(theirs, HOST);
  await once(late, 'listening');
  t.teardown(() => late.close());
  late.send(udpPacket('here'), port, HOST);
  await until(() => user.packets.length === 1, 'a frame');
  t.deepEqual(user.ends, []);
  await device.close();
});

test('machine: what cannot be meant of a UDP socket is refused', async (t) => {
  const refused = async (options: object, code: string): Promise<void> => {
    await t.throwsAsync(openUdpFrames(options as { port: number }), { code });
  };
  await refused({ port: 0 }, 'ERR_OUT_OF_RANGE');
  await refused({ port: 5000, host: 'localhost' }, 'ERR_INVALID_ARG_VALUE');
  await refused({ port: 5000, remote: { host: HOST, port: 70_000 } }, 'ERR_OUT_OF_RANGE');
  await refused({ port: 5000, remote: { host: '', port: 1 } }, 'ERR_INVALID_ARG_VALUE');
  await refused({ port: 5000, mtu: 1 }, 'ERR_OUT_OF_RANGE');
  const { port } = (await bound()).unref().address();
  await refused({ port }, 'EADDRINUSE');
});
