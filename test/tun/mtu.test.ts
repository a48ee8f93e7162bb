/**
 * The MTU of an interface changes while a device on it is open (`ip link set mtu`): the stack follows.
 * RFC 1122 §3.3.2 (EMTU_S) and §3.3.3: what is sent is no longer than the interface carries.
 * @module
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Device } from '../../src/device/device.ts';
import { openTun } from '../../src/device/linux/tun.ts';
import { Wrapper } from '../../src/device/wrap/wrapper.ts';
import { createStack, type Stack } from '../../src/index.ts';
import { Collector, until } from '../device/support.ts';
import { Running, run } from '../support/process.ts';
import { testWith } from './serving.ts';

const withIp = testWith('ip');
const withUnshare = testWith('ip', 'unshare');
const HOST = '10.83.0.1';
const OURS = '10.83.0.2';

async function ip(...words: string[]): Promise<void> {
  const { code, err } = await run('ip', ...words);
  if (code !== 0) throw new Error(err);
}

/** Keeps the length of the longest packet that was sent. */
class Longest extends Wrapper {
  length = 0;

  override write(at: number, length: number): boolean {
    this.length = Math.max(this.length, length);
    return super.write(at, length);
  }
}

const stackOn = (device: Device, mtu?: number): Stack =>
  createStack({ device, address: `${OURS}/24`, ...(mtu !== undefined && { mtu }) });

/** Have the kernel take 50 kB from `stack`. */
async function send(stack: Stack): Promise<void> {
  const server = createServer((socket) => socket.resume());
  server.listen(0, HOST);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const socket = stack.net.connect(port, HOST);
  socket.end(Buffer.alloc(50_000));
  await once(socket, 'close');
  server.close();
}

withIp('mtu: a device tells of the change, and what it is then', async (t) => {
  const tun = await openTun({ name: 'mtu0', hostAddress: `${HOST}/24` });
  t.teardown(() => tun.close());
  const told: number[] = [];
  const user = Object.assign(new Collector(tun), { mtuChanged: () => told.push(tun.mtu) });
  tun.start(user);
  for (const mtu of [1400, 9000]) {
    await ip('link', 'set', 'mtu0', 'mtu', `${mtu}`);
    await until(() => tun.mtu === mtu, 'the change');
    t.is(tun.maxPacket, mtu);
  }
  t.deepEqual(told, [1400, 9000]);
});

withIp('mtu: a change between open and start is known', async (t) => {
  const tun = await openTun({ name: 'mtu1', hostAddress: `${HOST}/24` });
  t.teardown(() => tun.close());
  await ip('link', 'set', 'mtu1', 'mtu', '1300');
  tun.start(new Collector(tun));
  t.is(tun.mtu, 1300);
});

withIp('mtu: what a stack sends is no longer than the interface is then', async (t) => {
  const tun = await openTun({ name: 'mtu2', hostAddress: `${HOST}/24` });
  const device = new Longest(tun);
  const stack = stackOn(device);
  t.teardown(() => stack.close());
  await send(stack);
  t.is(device.length, 1500);
  await ip('link', 'set', 'mtu2', 'mtu', '1000');
  await until(() => device.mtu === 1000, 'the change');
  device.length = 0;
  await send(stack);
  t.is(device.length, 1000);
  await ip('link', 'set', 'mtu2', 'mtu', '1500');
  await until(() => device.mtu === 1500, 'the way back');
  device.length = 0;
  await send(stack);
  t.is(device.length, 1500);
});

withIp('mtu: the one that a stack was told stays the most', async (t) => {
  const tun = await openTun({ name: 'mtu3', hostAddress: `${HOST}/24` });
  const device = new Longest(tun);
  const stack = stackOn(device, 1200);
  t.teardown(() => stack.close());
  await ip('link', 'set', 'mtu3', 'mtu', '1400');
  await until(() => device.mtu === 1400, 'the change');
  await send(stack);
  t.is(device.length, 1200);
});

withIp('mtu: with offload a datagram of the new length comes in one packet', async (t) => {
  const tun = await openTun({ name: 'mtu4', hostAddress: `${HOST}/24`, offload: 'auto' });
  const stack = stackOn(tun);
  const socket = stack.dgram.createSocket('udp4').bind(9);
  const kernel = createSocket('udp4');
  t.teardown(async () => {
    kernel.close();
    await stack.close();
  });
  await once(socket, 'listening');
  await ip('link', 'set', 'mtu4', 'mtu', '9000');
  await until(() => tun.mtu === 9000, 'the change');
  const before = stack.stats().packetsIn;
  kernel.send(Buffer.alloc(8000, 'x'), 9, OURS);
  const [text] = (await once(socket, 'message')) as [Buffer];
  t.is(text.length, 8000);
  t.is(stack.stats().packetsIn, before + 1);
});

withIp(
  'mtu: without offload the sender of what is too long then is told what passes',
  async (t) => {
    const tun = await openTun({ name: 'mtu6', hostAddress: `${HOST}/24` });
    const stack = stackOn(tun);
    const socket = stack.dgram.createSocket('udp4').bind(9);
    const kernel = createSocket('udp4');
    kernel.on('error', () => {}); // that it was told
    t.teardown(async () => {
      kernel.close();
      await stack.close();
    });
    await once(socket, 'listening');
    await ip('link', 'set', 'mtu6', 'mtu', '9000');
    await until(() => tun.mtu === 9000, 'the change');
    const came = once(socket, 'message');
    const again = setInterval(() => kernel.send(Buffer.alloc(4000, 'x'), 9, OURS), 20);
    const [text] = (await came) as [Buffer];
    clearInterval(again);
    t.is(text.length, 4000);
    t.true((stack.stats().drops['tooLong'] ?? 0) >= 1);
  },
);

withUnshare('mtu: an interface of the same name in this network is another', async (t) => {
  const other = new Running('unshare', ['-n', 'sh', '-c', 'echo here; exec sleep 600']);
  await other.line();
  const tun = await openTun({ name: 'mtu5' });
  t.teardown(async () => {
    await tun.close();
    await other.stop();
  });
  tun.start(new Collector(tun));
  await ip('link', 'set', 'mtu5', 'netns', `${other.child.pid}`);
  const namesake = await openTun({ name: 'mtu5', mtu: 1111 });
  t.teardown(() => namesake.close());
  namesake.start(new Collector(namesake));
  await ip('link', 'set', 'mtu5', 'mtu', '1222');
  await until(() => namesake.mtu === 1222, 'the change of the other');
  t.is(tun.mtu, 1500);
});
