/** The control socket: what it tells, to whom, and what it says to who asks wrongly. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ask, findControl, finish, open } from '../../../src/cli/control/client.ts';
import { placeSocket, running } from '../../../src/cli/control/place.ts';
import { type About, type Control, openControl } from '../../../src/cli/control/server.ts';
import { readPackets } from '../../../src/cli/watch/pcapng-reader.ts';
import {
  createPipe,
  createStack,
  type SocketLine,
  type Stack,
  type StackStats,
  tap,
} from '../../../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'tunstack-control-'));
process.env['XDG_RUNTIME_DIR'] = folder;
/** Without the system's, where commands of other tests are. */
const ours = [join(folder, 'tunstack')];
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

interface Watched {
  readonly control: Control;
  readonly stack: Stack;
  readonly far: Stack;
}

async function watched(t: ExecutionContext): Promise<Watched> {
  const [left, right] = createPipe();
  const device = tap(left);
  const stack = createStack({ device, address: '10.9.0.2/24' });
  const far = createStack({ device: right, address: '10.9.0.1/24' });
  const about = (): About => ({
    ...{ pid: process.pid, command: 'test', device: 'pipe', medium: 'ip' },
    ...{ addresses: stack.addresses, uptime: 1 },
  });
  const control = await openControl({ stack, device, about });
  t.teardown(async () => {
    await Promise.all([control.close(), stack.close(), far.close()]);
  });
  return { control, stack, far };
}

test.serial(
  'control: only its owner may enter, and what stood there is taken away at the end',
  async (t) => {
    const { control } = await watched(t);
    t.is(statSync(control.path).mode & 0o777, 0o600);
    t.is(statSync(dirname(control.path)).mode & 0o777, 0o700);
    t.deepEqual([...(await running(ours))], [[process.pid, control.path]]);
    t.is(await findControl({}, ours), control.path);
    await control.close();
    t.false(existsSync(control.path));
    t.deepEqual([...(await running(ours))], []);
  },
);

test.serial(
  'control: tells of the command, its counters, sockets, routes and neighbours',
  async (t) => {
    const { control, stack, far } = await watched(t);
    const server = stack.net.createServer((socket) => socket.pipe(socket)).listen(7);
    const socket = far.net.connect(7, '10.9.0.2');
    await new Promise((resolve) => socket.once('connect', resolve));
    t.is((await ask<About>(control.path, '/v1/about')).command, 'test');
    t.is((await ask<StackStats>(control.path, '/v1/stats')).TcpCurrEstab, 1);
    const sockets = await ask<SocketLine[]>(control.path, '/v1/sockets?info');
    t.like(sockets, [
      { state: 'LISTEN', localAddress: '*', localPort: 7 },
      { state: 'ESTABLISHED', localAddress: '10.9.0.2', remoteAddress: '10.9.0.1', localPort: 7 },
    ]);
    t.is(sockets[1]?.info?.remotePort, sockets[1]?.remotePort);
    t.true((await ask<unknown[]>(control.path, '/v1/routes')).length > 0);
    t.deepEqual(await ask(control.path, '/v1/neighbours'), []);
    server.close();
    socket.destroy();
  },
);

test.serial(
  'control: a capture holds what its filter means from when it is asked for',
  async (t) => {
    const { control, far } = await watched(t);
    await far.ping('10.9.0.2');
    const stream = await open(
      control.path,
      `/v1/capture?filter=${encodeURIComponent('icmp and src 10.9.0.1')}`,
    );
    await far.ping('10.9.0.2');
    const seen: number[] = [];
    for await (const { bytes, direction, isFrame } of readPackets(stream)) {
      seen.push(direction, bytes.length, Number(isFrame));
      break;
    }
    stream.destroy();
    t.deepEqual(seen, [1, 20 + 8 + 56, 0]);
  },
);

test.serial('control: a capture that is stopped holds what passed before that', async (t) => {
  const { control, far } = await watched(t);
  const stream = await open(control.path, '/v1/capture?filter=icmp');
  await far.ping('10.9.0.2');
  finish(stream); // within the fifth of a second for which packets are gathered
  const directions: number[] = [];
  for await (const { direction } of readPackets(stream)) directions.push(direction);
  t.deepEqual(directions, [1, 2]);
});

test.serial('control: what is wrong is refused in one line, and harms nothing', async (t) => {
  const { control } = await watched(t);
  await t.throwsAsync(ask(control.path, '/v1/nothing'), { message: 'there is no /v1/nothing' });
  await t.throwsAsync(ask(control.path, '/v1/capture?filter=port%20http'), {
    message: /not a port/,
  });
  t.is((await ask<About>(control.path, '/v1/about')).command, 'test');
});

test.serial(
  'control: no more than sixteen capture at once, and their places come free',
  async (t) => {
    const { control } = await watched(t);
    const streams = await Promise.all(
      Array.from({ length: 16 }, () => open(control.path, '/v1/capture')),
    );
    await t.throwsAsync(open(control.path, '/v1/capture'), { message: /16 watch pipe/ });
    for (const stream of streams) stream.destroy();
    for (let left = 100; left > 0; left--) {
      try {
        (await open(control.path, '/v1/capture')).destroy();
        t.pass();
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
    t.fail('no place came free');
  },
);

test.serial('control: who cannot be found is named, and who could be meant', async (t) => {
  await t.throwsAsync(findControl({}, ours), { message: /is running: start one first/ });
  await t.throwsAsync(ask(join(folder, 'none.sock'), '/v1/about'), {
    message: /there is no control socket/,
  });
  await watched(t);
  await t.throwsAsync(findControl({ pid: 1 }, ours), {
    message: /process number 1: there is \d+$/,
  });
});

test.serial('control: what a killed process left is nobody’s, and goes in time', async (t) => {
  const { control } = await watched(t);
  // The number is that of a process that runs: numbers come again, and threads have some too.
  const left = join(dirname(control.path), `${process.ppid}.sock`);
  const listen = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', listen, left]);
  t.true(existsSync(left));
  t.is(await findControl({}, ours), control.path);
  t.true(existsSync(left), 'who made it may be about to listen');
  const before = new Date(Date.now() - 61_000);
  utimesSync(left, before, before);
  t.is(await findControl({}, ours), control.path);
  t.false(existsSync(left));
});

test('control: a folder that is a stranger’s, or open to others, is not believed', (t) => {
  const base = mkdtempSync(join(folder, 'place-'));
  const link = join(base, 'link');
  symlinkSync(base, link);
  t.throws(() => placeSocket([link]), { message: /is not a folder of ours/ });
  const wide = join(base, 'wide');
  mkdirSync(wide);
  chmodSync(wide, 0o777);
  t.is(placeSocket([link, wide]), join(wide, `${process.pid}.sock`));
  t.is(statSync(wide).mode & 0o777, 0o700);
});
