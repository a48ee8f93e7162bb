/**
 * WebSockets as devices, one frame a message: v86, jslinux, and the relays that they know. RFC 6455 §5.6.
 * @module
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { createWebSocketStream, WebSocket, WebSocketServer } from 'ws';
import {
  createStack,
  createSwitch,
  fromFrames,
  fromMessages,
  type MessageSocket,
} from '../../../src/index.ts';
import { deviceSuite } from '../suite.ts';
import { Collector, payloadOf, settle, udpPacket, until } from '../support.ts';

async function connected(): Promise<[WebSocket, WebSocket, () => void]> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = new WebSocket(`ws://127.0.0.1:${port}`);
  const [[socket]] = (await Promise.all([once(server, 'connection'), once(client, 'open')])) as [
    [WebSocket],
    unknown,
  ];
  return [client, socket, () => server.close()];
}

deviceSuite(test, 'machine behind a WebSocket', async () => {
  const [client, socket, close] = await connected();
  const received: string[] = [];
  socket.on('message', (data: Buffer) => received.push(payloadOf(data)));
  return {
    device: fromMessages(client as MessageSocket),
    send: (payload) => socket.send(udpPacket(payload)),
    received,
    close: async () => {
      client.terminate();
      close();
    },
  };
});

test('machine: what is no frame in a message is counted, and the end is told', async (t) => {
  const [client, socket, close] = await connected();
  t.teardown(close);
  const device = fromMessages(client as MessageSocket, { mtu: 1000 });
  const user = new Collector(device);
  device.start(user);
  socket.send('a text');
  socket.send(new Uint8Array(0));
  socket.send(new Uint8Array(1019));
  socket.send(udpPacket('a frame'));
  await until(() => user.packets.length > 0, 'the frame');
  t.is(device.refused, 3);
  socket.close();
  await until(() => user.ends.length > 0, 'the end');
  t.regex(String(user.ends[0]), /ENODEV/);
});

test('machine: frames behind a WebSocket that nobody reads are bounded', async (t) => {
  const [client, socket, close] = await connected();
  t.teardown(close);
  const device = fromMessages(client as MessageSocket);
  const user = new Collector(device);
  user.budget = 0;
  device.start(user);
  for (let i = 0; i < 1500; i++) socket.send(udpPacket(`${i}`));
  await until(() => device.refused > 0, 'some are lost');
  await settle();
  user.budget = Number.POSITIVE_INFINITY;
  user.drain();
  await until(() => user.packets.length + device.refused === 1500, 'all are accounted for');
  t.is(user.packets.length, 1024);
  // And what is written to one that reads nothing.
  socket.pause();
  let taken = 0;
  const long = udpPacket('x'.repeat(1400));
  for (let turn = 0; turn < 50; turn++) {
    while (taken < 20_000 && user.write(long)) taken++;
    await settle();
  }
  t.true(taken < 20_000);
  socket.resume();
  await until(() => user.writables > 0, 'it may write again');
  await device.close();
  t.deepEqual(user.ends, [undefined]);
});

test('machine: stacks behind WebSockets reach each other over a switch, by messages and by QEMU’s stream', async (t) => {
  const bridge = createSwitch();
  const [first, firstFar, closeFirst] = await connected();
  const [second, secondFar, closeSecond] = await connected();
  bridge.plug(fromMessages(firstFar as MessageSocket));
  bridge.plug(fromFrames(createWebSocketStream(secondFar)));
  const one = createStack({ device: fromMessages(first as MessageSocket), address: '10.9.1.1/24' });
  const two = createStack({
    device: fromFrames(createWebSocketStream(second)),
    address: '10.9.1.2/24',
  });
  t.teardown(async () => {
    await Promise.all([one.close(), two.close(), bridge.close()]);
    closeFirst();
    closeSecond();
  });
  t.true((await one.ping('10.9.1.2')).rtt > 0);
});
