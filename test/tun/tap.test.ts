/**
 * A stack on a TAP: what is true on a TUN is true here, with a kernel that has to be asked who has which
 * address.
 * @module
 */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { endianness } from 'node:os';
import type { ExecutionContext } from 'ava';
import { loadLibc, Pinned } from '../../src/device/linux/libc.ts';
import { createPipe, createStack, createSwitch, openTap, type Stack } from '../../src/index.ts';
import { Collector, until } from '../device/support.ts';
import { pinged } from '../support/pinged.ts';
import { Running, run, tunstack } from '../support/process.ts';
import { Namespace } from './forwarding.ts';
import { tunTest } from './namespace.ts';

const HOST = '10.86.0.1';
const OURS = '10.86.0.2';
const SIZE = 16 * 1024 * 1024;

async function open(t: ExecutionContext, offload: boolean): Promise<Stack> {
  const tap = await openTap({ name: 'tap9', hostAddress: `${HOST}/24`, offload });
  const stack = createStack({ device: tap, address: `${OURS}/24`, mac: '02:00:5e:00:53:02' });
  t.teardown(() => stack.close());
  return stack;
}

/** Send `SIZE` bytes and read as many back. */
async function echo(t: ExecutionContext, port: number): Promise<void> {
  const socket = connect(port, OURS);
  const chunk = Buffer.alloc(1 << 16, 'tunstack');
  let read = 0;
  let good = true;
  socket.on('data', (data) => {
    for (let i = 0; i < data.length && good; i += 997) {
      good = data[i] === chunk[(read + i) % chunk.length];
    }
    read += data.length;
  });
  for (let sent = 0; sent < SIZE; sent += chunk.length) {
    if (!socket.write(chunk)) await once(socket, 'drain');
  }
  socket.end();
  await once(socket, 'end');
  t.is(read, SIZE);
  t.true(good, 'it came back as it was');
}

for (const offload of [false, true]) {
  const how = offload ? 'with offload' : 'without offload';

  tunTest.serial(`tap: kernel and stack ping each other, ${how}`, async (t) => {
    const stack = await open(t, offload);
    const { out } = await run('ping', '-f', '-q', '-c', '1000', '-w', '30', OURS);
    t.true(pinged(out).received >= 1000, out);
    const { rtt } = await stack.ping(HOST);
    t.true(rtt > 0);
    const known = await run('ip', 'neigh', 'show', OURS);
    t.regex(known.out, /lladdr 02:00:5e:00:53:02/);
    t.deepEqual(
      stack.neighbours.map(({ address, device }) => ({ address, device })),
      [{ address: HOST, device: 'tap9' }],
    );
    await stack.close();
  });

  tunTest.serial(`tap: text passes both ways unchanged, ${how}`, async (t) => {
    const stack = await open(t, offload);
    const server = stack.net.createServer((socket) => socket.pipe(socket)).listen(7);
    await once(server, 'listening');
    await echo(t, 7);
    await stack.close();
  });

  tunTest.serial(`tap: datagrams of all sizes come back, ${how}`, async (t) => {
    const stack = await open(t, offload);
    const socket = stack.dgram.createSocket('udp4').bind(9);
    socket.on('message', (text, { port, address }) => socket.send(text, port, address));
    await once(socket, 'listening');
    const client = createSocket('udp4');
    client.connect(9, OURS);
    await once(client, 'connect');
    for (const size of [0, 1, 17, 18, 1472, 1473, 9000, 65_507]) {
      client.send(Buffer.alloc(size, 5));
      const [text] = (await once(client, 'message')) as [Buffer];
      t.is(text.length, size);
    }
    client.close();
    await stack.close();
  });
}

tunTest.serial('tap: a host that is not there is EHOSTUNREACH, as the kernel has it', async (t) => {
  const stack = await open(t, false);
  const socket = stack.net.connect(80, '10.86.0.77');
  const [error] = await once(socket, 'error');
  t.is((error as NodeJS.ErrnoException).code, 'EHOSTUNREACH');
  await stack.close();
});

tunTest.serial('tap: two stacks and the kernel on one switch reach each other', async (t) => {
  const tap = await openTap({ name: 'tap9', hostAddress: `${HOST}/24` });
  const bridge = createSwitch();
  bridge.plug(tap);
  const stacks = [2, 3].map((last) => {
    const [near, far] = createPipe({ medium: 'ethernet' });
    bridge.plug(near);
    return createStack({ device: far, address: `10.86.0.${last}/24` });
  }) as [Stack, Stack];
  t.teardown(() => Promise.all([...stacks.map((stack) => stack.close()), bridge.close()]));
  t.true((await stacks[0].ping('10.86.0.3')).rtt > 0);
  t.true((await stacks[1].ping(HOST)).rtt > 0);
  const { out } = await run('ping', '-q', '-c', '3', '-i', '0.1', '-w', '20', '10.86.0.3');
  t.true(pinged(out).received >= 3, out);
  t.is(bridge.stations().length, 3);
});

tunTest.serial('tap: the commands serve and ping run on one', async (t) => {
  const running = tunstack('serve', '--tap', 'tap8');
  t.teardown(() => running.stop('SIGKILL').then(() => {}));
  t.is(
    await running.line(),
    'ready tap=tap8 host=10.83.0.1/24 address=10.83.0.2 mtu=1500 host6=fd83::1/64 address6=fd83::2',
  );
  const { out } = await run('ping', '-q', '-c', '3', '-i', '0.1', '-w', '20', '10.83.0.2');
  t.true(pinged(out).received >= 3, out);
  const asked = await tunstack('ping', '--tap', 'tap7', '-c', '1', '10.83.1.1').ended;
  t.is(asked.code, 0, asked.out + asked.err);
  t.is((await running.stop('SIGTERM')).code, 0);
});

tunTest.serial('tap: traceroute and forward run on one', async (t) => {
  const found = await tunstack('traceroute', '--tap', 'tap7', '-q', '1', '10.83.0.1').ended;
  t.is(found.code, 0, found.out + found.err);
  t.regex(found.out, /^ *1 +10\.83\.0\.1 /m);
  await run('ip', 'addr', 'add', '10.84.0.1/32', 'dev', 'lo');
  t.teardown(() => run('ip', 'addr', 'del', '10.84.0.1/32', 'dev', 'lo').then(() => {}));
  const server = createServer((socket) => socket.end('hello')).listen(7, '10.84.0.1');
  t.teardown(() => void server.close());
  const space = await Namespace.make(t);
  const words = ['--tap', 'tap8', '--netns', `${space.pid}`, '--allow', '10.84.0.1:7'];
  const running = tunstack('forward', ...words);
  t.teardown(() => running.stop('SIGKILL').then(() => {}));
  t.regex(await running.line(), /^ready tap=tap8 /);
  const program =
    "require('node:net').connect(7, '10.84.0.1').on('data', (text) => process.stdout.write(text))";
  const { out } = await space.run(process.execPath, '-e', program);
  t.is(out.trim(), 'hello');
  t.is((await running.stop('SIGTERM')).code, 0);
});

tunTest.serial('tap: an unmodified program runs on one by register', async (t) => {
  const program =
    "require('node:net').createServer((s) => s.end('hello')).listen(80, () => console.log('ready'))";
  const env = {
    TUNSTACK_TAP: 'tap6',
    TUNSTACK_ADDRESS: `${OURS}/24`,
    TUNSTACK_HOST_ADDRESS: `${HOST}/24`,
  };
  const running = new Running(
    process.execPath,
    ['--import', 'tunstack/register', '-e', program],
    env,
  );
  t.teardown(() => running.stop('SIGKILL').then(() => {}));
  t.is(await running.line(), 'ready');
  const [text] = await once(connect(80, OURS).setEncoding('utf8'), 'data');
  t.is(text, 'hello');
});

tunTest.serial('tap: nmap finds the stack by ARP', async (t) => {
  const there = spawn('nmap', ['--version'], { stdio: 'ignore' });
  const found = await new Promise<boolean>((resolve) => {
    there.on('error', () => resolve(false));
    there.on('close', (code) => resolve(code === 0));
  });
  if (!found) {
    t.log('not tried: nmap is not installed');
    t.pass();
    return;
  }
  const stack = await open(t, false);
  const { out } = await run('nmap', '-sn', '-PR', '-n', OURS);
  t.regex(out, /1 host up/);
  await stack.close();
});

/** Have the kernel keep no more than so many bytes of ours on their way by this descriptor: TUNSETSNDBUF. */
async function boundSending(fd: number, bytes: number): Promise<number> {
  const libc = await loadLibc();
  const value = new Pinned(libc, new Uint8Array(128));
  value.view.setInt32(0, bytes, endianness() === 'LE');
  return libc.ioctl(fd, 0x400454d4, value.address);
}

// The kernel's bridge hands what we send to an interface that sends it slowly: until then it counts as ours.
tunTest.serial(
  'tap: a batch that the kernel has no room for waits, and does not hold the process',
  async (t) => {
    const tap = await openTap({ name: 'full0' });
    t.teardown(() => tap.close());
    for (const words of [
      'link add fullbr type bridge forward_delay 0',
      'link set fullbr up',
      'link set full0 master fullbr up',
      'link add fulla type veth peer name fullb',
      'link set fulla master fullbr up',
      'link set fullb up',
    ]) {
      t.is((await run('ip', ...words.split(' '))).code, 0, words);
    }
    t.teardown(() =>
      run('ip', 'link', 'del', 'fulla').then(() => run('ip', 'link', 'del', 'fullbr')),
    );
    const shape = 'qdisc add dev fulla root tbf rate 64kbit burst 2000 limit 10000000';
    const shaped = await run('tc', ...shape.split(' '));
    if (shaped.code !== 0) {
      t.log(`not tried: ${shaped.err}`);
      t.pass();
      return;
    }
    t.is(await boundSending(tap.fd, 20_000), 0);
    const user = new Collector(tap);
    tap.start(user);
    const bytes = new Uint8Array(1000);
    bytes.set([2, 0, 0, 0, 0, 7, 2, 0, 0, 0, 0, 9, 0x88, 0xb5]); // to a station that nobody knows
    // Until one is not taken: it takes a while until the bridge forwards.
    const fill = (): boolean => {
      for (let i = 0; i < 20; i++) if (!user.write(bytes)) return true;
      tap.flush();
      return tap.counters.waits > 0;
    };
    await until(fill, 'a frame for which there is no room');
    t.false(user.write(bytes), 'what comes after waits too');
    await until(() => user.writables > 0, 'room');
    t.true(user.write(bytes));
  },
);
