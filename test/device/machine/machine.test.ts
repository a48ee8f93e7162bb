/**
 * Ports for machines: streams of frames over Unix and TCP sockets, as server and as client. QEMU
 * `net/stream.c`; VPNKit's greeting as gvproxy `pkg/virtualnetwork/vpnkit.go` has it.
 * @module
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { Deframer, QEMU } from '../../../src/device/machine/framing.ts';
import {
  connectMachine,
  createStack,
  createSwitch,
  type FrameStream,
  fromFrames,
  listenForMachines,
} from '../../../src/index.ts';
import { deviceSuite, type Link } from '../suite.ts';
import { Collector, payloadOf, settle, udpPacket, until } from '../support.ts';

function folder(t: Pick<ExecutionContext, 'teardown'>): string {
  const made = mkdtempSync(join(tmpdir(), 'tunstack-machine-'));
  t.teardown(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** A machine by hand: sends frames, keeps those that come. */
class Machine {
  readonly frames: Uint8Array[] = [];
  readonly socket: Socket;
  readonly #inbound = new Deframer(QEMU);

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      this.#inbound.push(chunk);
      for (let length = this.#inbound.next(); length > 0; length = this.#inbound.next()) {
        const frame = new Uint8Array(length);
        this.#inbound.take(frame, 0, length);
        this.frames.push(frame);
      }
    });
  }

  send(frame: Uint8Array): void {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(frame.length);
    this.socket.write(Buffer.concat([length, frame]));
  }
}

/** A device that has connected to a server of ours, which holds the far end. */
async function streamLink(how: 'path' | 'port'): Promise<Link> {
  const cleanups: (() => void)[] = [];
  const path = join(folder({ teardown: (fn) => cleanups.push(fn as () => void) }), 's');
  const server = createServer().listen(how === 'path' ? { path } : { port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const device = connectMachine(how === 'path' ? { path } : { port });
  const [socket] = (await once(server, 'connection')) as [Socket];
  const machine = new Machine(socket);
  await until(() => device.connected, 'it is connected');
  return {
    device,
    send: (payload) => machine.send(udpPacket(payload, '10.83.0.1', '10.83.0.2')),
    get received() {
      return machine.frames.map((frame) => payloadOf(frame));
    },
    close: async () => {
      await device.close();
      server.close();
      for (const cleanup of cleanups) cleanup();
    },
  };
}

deviceSuite(test, 'machine at a Unix socket', () => streamLink('path'));
deviceSuite(test, 'machine at a TCP socket', () => streamLink('port'));

/** A server of machines, and those that came. */
async function serve(
  t: ExecutionContext,
  options: Partial<Parameters<typeof listenForMachines>[0]> = {},
): Promise<{ path: string; devices: FrameStream[] }> {
  const path = join(folder(t), 'vm.sock');
  const devices: FrameStream[] = [];
  const server = await listenForMachines({ path, ...options }, (device) => devices.push(device));
  t.is(server.address, path);
  t.teardown(async () => {
    await server.close();
    await Promise.all(devices.map((device) => device.close()));
  });
  return { path, devices };
}

test('machine: a server makes a device of each that connects, and it ends with its stream', async (t) => {
  const { path, devices } = await serve(t);
  const sockets = [connect(path), connect(path)];
  await until(() => devices.length === 2, 'two devices');
  t.deepEqual(
    devices.map(({ name }) => name),
    ['machine0', 'machine1'],
  );
  const user = new Collector(devices[0] as FrameStream);
  devices[0]?.start(user);
  for (const socket of sockets) socket.destroy();
  await until(() => user.ends.length > 0, 'the device has ended');
  t.regex(String(user.ends[0]), /ENODEV.*the other end has closed it/);
});

test('machine: two stacks at one socket of a switch reach each other', async (t) => {
  const bridge = createSwitch();
  const path = join(folder(t), 'vm.sock');
  const server = await listenForMachines({ path, mtu: 9000 }, (device) => bridge.plug(device));
  const stacks = [1, 2].map((last) =>
    createStack({ device: connectMachine({ path, mtu: 9000 }), address: `10.9.0.${last}/24` }),
  );
  t.teardown(async () => {
    await Promise.all([...stacks.map((stack) => stack.close()), server.close()]);
    await bridge.close();
  });
  t.true(((await stacks[0]?.ping('10.9.0.2', { size: 8000 }))?.rtt ?? 0) > 0);
  const echo = stacks[1]?.net.createServer((socket) => socket.pipe(socket)).listen(7);
  await once(echo as unknown as Server, 'listening');
  const socket = stacks[0]?.net.connect(7, '10.9.0.2') as unknown as Socket;
  const sent = Buffer.alloc(4 << 20, 'frames in a stream');
  socket.end(sent);
  const pieces: Buffer[] = [];
  for await (const piece of socket) pieces.push(piece as Buffer);
  t.true(Buffer.concat(pieces).equals(sent));
});

test('machine: a client connects again, to a server that came late or came back', async (t) => {
  const path = join(folder(t), 's');
  const links: boolean[] = [];
  const device = connectMachine({ path, reconnect: 5, onLink: (up) => links.push(up) });
  const user = new Collector(device);
  device.start(user);
  t.true(user.write(udpPacket('nobody is there')));
  t.is(device.counters.down, 1);
  for (let round = 1; round <= 2; round++) {
    const server = createServer().listen(path);
    const [socket] = (await once(server, 'connection')) as [Socket];
    const machine = new Machine(socket);
    await until(() => device.connected, 'connected');
    machine.send(udpPacket(`round ${round}`));
    await until(() => user.packets.length === round, 'a frame');
    user.write(udpPacket(`answer ${round}`));
    device.flush();
    await until(() => machine.frames.length === 1, 'an answer');
    t.is(payloadOf(machine.frames[0] as Uint8Array), `answer ${round}`);
    socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    await until(() => !device.connected, 'not connected');
  }
  t.deepEqual(links, [true, false, true, false]);
  t.deepEqual(user.ends, []);
  await device.close();
  t.deepEqual(user.ends, [undefined]);
});

test('machine: a client that is not to connect again ends with the reason', async (t) => {
  const device = connectMachine({ path: join(folder(t), 'nobody'), reconnect: false });
  const user = new Collector(device);
  device.start(user);
  await until(() => user.ends.length > 0, 'the device has ended');
  t.regex(String(user.ends[0]), /ENOENT/);
});

test('machine: a machine that stops reading blocks its own port, up to a bound', async (t) => {
  const { path, devices } = await serve(t);
  const socket = connect(path);
  socket.pause();
  t.teardown(() => socket.destroy());
  await until(() => devices.length === 1, 'a device');
  const device = devices[0] as FrameStream;
  const user = new Collector(device);
  device.start(user);
  let taken = 0;
  const frame = udpPacket('x'.repeat(1400));
  for (let turn = 0; turn < 100; turn++) {
    while (taken < 10_000 && user.write(frame)) taken++;
    device.flush();
    await settle();
  }
  t.true(taken > 100 && taken < 5000, `${taken} frames were taken`);
  socket.resume();
  await until(() => user.writables > 0, 'it may write again');
  t.true(user.write(frame));
});

test('machine: a length that lies ends its stream, and no other one', async (t) => {
  const { path, devices } = await serve(t);
  const [liar, other] = [connect(path), connect(path)].map((socket) => new Machine(socket));
  await until(() => devices.length === 2, 'two devices');
  const users = devices.map((device) => new Collector(device));
  for (const [i, device] of devices.entries()) device.start(users[i] as Collector);
  liar?.socket.write(Buffer.from('ffffffff00', 'hex'));
  await until(() => users.some((user) => user.ends.length > 0), 'the stream has ended');
  other?.send(udpPacket('still here'));
  await until(() => users.some((user) => user.packets.length > 0), 'a frame of the other one');
  t.deepEqual(devices.map((device) => device.counters.lying).sort(), [0, 1]);
});

test('machine: frames longer than the port carries are counted, and the next one comes', async (t) => {
  const { path, devices } = await serve(t);
  const machine = new Machine(connect(path));
  await until(() => devices.length === 1, 'a device');
  const user = new Collector(devices[0] as FrameStream);
  devices[0]?.start(user);
  machine.send(udpPacket('y'.repeat(3000)));
  machine.send(udpPacket('short'));
  await until(() => user.packets.length > 0, 'the short one');
  t.deepEqual(user.payloads, ['short']);
  t.is(devices[0]?.counters.refused, 1);
  machine.socket.destroy();
});

test('machine: more machines than may be are turned away', async (t) => {
  const { path, devices } = await serve(t, { most: 1 });
  const first = connect(path);
  t.teardown(() => first.destroy());
  await until(() => devices.length === 1, 'a device');
  const second = connect(path);
  second.on('error', () => {});
  await once(second, 'close');
  t.is(devices.length, 1);
});

test('machine: a socket that was left behind is taken over, and one that is used is not', async (t) => {
  const path = join(folder(t), 'vm.sock');
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await once(spawn(process.execPath, ['-e', script], { stdio: 'ignore' }), 'close');
  const server = await listenForMachines({ path }, () => {});
  await t.throwsAsync(
    listenForMachines({ path }, () => {}),
    { code: 'EADDRINUSE' },
  );
  await server.close();
});

test('machine: VPNKit and we greet each other as its protocol has it', async (t) => {
  const plugged: FrameStream[] = [];
  const path = join(folder(t), 'vpnkit');
  const server = await listenForMachines({ path, framing: 'vpnkit', mtu: 1400 }, (device) =>
    plugged.push(device),
  );
  t.teardown(() => server.close());
  const device = connectMachine({ path, framing: 'vpnkit' });
  t.teardown(() => device.close());
  const user = new Collector(device);
  device.start(user);
  await until(() => device.connected && plugged.length === 1, 'both are connected');
  const far = new Collector(plugged[0] as FrameStream);
  plugged[0]?.start(far);
  far.write(udpPacket('from the network'));
  plugged[0]?.flush();
  await until(() => user.packets.length > 0, 'a frame');
  t.deepEqual(user.payloads, ['from the network']);
  // By hand: what is sent back, and the terms.
  const socket = connect(path);
  const greeting = Buffer.alloc(49, 'x');
  greeting.write('VMN3T');
  const command = Buffer.alloc(41, '0');
  command[0] = 1;
  socket.write(Buffer.concat([greeting, command]));
  const pieces: Buffer[] = [];
  socket.on('data', (piece) => pieces.push(piece));
  await until(() => Buffer.concat(pieces).length >= 49 + 258, 'an answer');
  const answer = Buffer.concat(pieces);
  t.true(answer.subarray(0, 49).equals(greeting));
  t.is(answer[49], 1);
  t.deepEqual([answer.readUInt16LE(50), answer.readUInt16LE(52)], [1400, 1414]);
  socket.destroy();
  const rude = connect(path);
  rude.write(Buffer.alloc(100, '?'));
  rude.on('error', () => {});
  await once(rude, 'close');
  t.is(plugged.length, 2);
  await plugged[0]?.close();
});

test('machine: the standard streams of a program are a device too, with gvproxy’s two bytes', async (t) => {
  const written: Buffer[] = [];
  const wire = new Duplex({
    read() {},
    write: (chunk, _encoding, done) => {
      written.push(chunk);
      done();
    },
  });
  const device = fromFrames(wire, { framing: 'gvproxy' });
  const user = new Collector(device);
  device.start(user);
  wire.push(Buffer.from([3, 0, 1, 2, 3, 1, 0]));
  wire.push(Buffer.from([9]));
  await until(() => user.packets.length === 2, 'two frames');
  t.deepEqual(
    user.packets.map((packet) => [...packet]),
    [[1, 2, 3], [9]],
  );
  user.write(Uint8Array.of(7, 7));
  user.write(Uint8Array.of(8));
  device.flush();
  t.deepEqual([...Buffer.concat(written)], [2, 0, 7, 7, 1, 0, 8]);
  t.is(written.length, 1, 'a batch is one write');
  await device.close();
  t.throws(() => fromFrames(wire, { framing: 'vpnkit' }), { code: 'ERR_INVALID_ARG_VALUE' });
});

test('machine: what cannot be meant is refused at the door', async (t) => {
  t.throws(() => connectMachine({}), { code: 'ERR_INVALID_ARG_VALUE' });
  t.throws(() => connectMachine({ path: '/x', port: 1 }), { code: 'ERR_INVALID_ARG_VALUE' });
  t.throws(() => connectMachine({ port: 0 }), { code: 'ERR_OUT_OF_RANGE' });
  t.throws(() => connectMachine({ path: '/x', mtu: 1 }), { code: 'ERR_OUT_OF_RANGE' });
  t.throws(() => connectMachine({ path: '/x', reconnect: 0 }), { code: 'ERR_OUT_OF_RANGE' });
  await t.throwsAsync(
    listenForMachines({ path: '/x', framing: 'x' as 'qemu' }, () => {}),
    {
      code: 'ERR_INVALID_ARG_VALUE',
    },
  );
});
