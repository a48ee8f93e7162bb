/**
 * A cable into a switch of VDE: against `vde_switch` itself where it is installed, and against one by hand.
 * vde-2 `src/lib/libvdeplug.c`.
 * @module
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext, type TestFn } from 'ava';
import { createStack, type Device, openVde, type Stack } from '../../../src/index.ts';
import { until } from '../support.ts';

const why =
  process.platform !== 'linux'
    ? `Unix sockets of datagrams are opened on Linux, and this is ${process.platform}`
    : undefined;
const lack = spawnSync('vde_switch', ['--version']).error ? 'no vde_switch (Debian: vde2)' : why;
if (lack !== undefined) console.log(`skipped, no switch of VDE: ${lack}`);
const handTest: TestFn = why === undefined ? test : (test.skip as unknown as TestFn);
const realTest: TestFn = lack === undefined ? test : (test.skip as unknown as TestFn);

function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-vde-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** `vde_switch` in a folder. */
async function realSwitch(t: ExecutionContext): Promise<{ path: string; child: ChildProcess }> {
  const path = join(folderOf(t), 'switch');
  // It ends when its console does.
  const child = spawn('vde_switch', ['-s', path], { stdio: ['pipe', 'ignore', 'ignore'] });
  t.teardown(() => child.kill('SIGKILL'));
  await until(() => existsSync(join(path, 'ctl')), 'its socket');
  return { path, child };
}

function stackOn(t: ExecutionContext, device: Device, last: number): Stack {
  const stack = createStack({ device, address: `10.95.0.${last}/24` });
  t.teardown(() => stack.close({ linger: 0 }));
  return stack;
}

realTest(
  'vde: two stacks reach each other by a vde_switch, with packets of all sizes',
  async (t) => {
    const { path } = await realSwitch(t);
    const one = stackOn(t, await openVde({ path }), 1);
    const two = stackOn(t, await openVde({ path, port: 7 }), 2);
    for (const size of [0, 56, 1472, 1473, 8000]) {
      t.true((await one.ping('10.95.0.2', { size, timeout: 5000 })).rtt > 0, String(size));
    }
    const server = two.net.createServer((socket) => socket.pipe(socket)).listen(7);
    await once(server, 'listening');
    const socket = one.net.connect(7, '10.95.0.2');
    const text = Buffer.alloc(1_000_000, 'over VDE ');
    socket.end(text);
    const heard: Buffer[] = [];
    for await (const piece of socket) heard.push(piece);
    t.true(Buffer.concat(heard).equals(text));
  },
);

realTest.serial('vde: the device ends with the switch, and leaves nothing behind', async (t) => {
  const { path, child } = await realSwitch(t);
  const folder = folderOf(t);
  const { TMPDIR } = process.env;
  process.env['TMPDIR'] = folder;
  const device = await openVde({ path });
  if (TMPDIR === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = TMPDIR;
  t.is(readdirSync(folder).length, 1);
  const ended = new Promise<NodeJS.ErrnoException | undefined>((closed) => {
    const [readable, writable] = [() => {}, () => {}];
    device.start({ memory: new Uint8Array(4096), readable, writable, closed });
  });
  child.kill('SIGKILL');
  t.is((await ended)?.code, 'ENODEV');
  t.deepEqual(readdirSync(folder), []);
});

/** A control socket that does with a request what it is told. */
async function byHand(t: ExecutionContext, answer: (socket: Socket, request: Buffer) => void) {
  const path = join(folderOf(t), 'ctl');
  const server: Server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (request) => answer(socket, request));
  });
  await once(server.listen(path), 'listening');
  t.teardown(() => void server.close());
  return path;
}

// struct request_v3: magic, version and type of four bytes each, struct sockaddr_un of 110, the description.
handTest('vde: the request is that of version 3, with the port above the type', async (t) => {
  let asked: Buffer = Buffer.alloc(0);
  const path = await byHand(t, (socket, request) => {
    asked = request;
    socket.destroy();
  });
  const local = join(folderOf(t), 'mine');
  const plug = { path, port: 5, local, description: 'a test' };
  await t.throwsAsync(openVde(plug), { code: 'ECONNRESET' });
  const view = new DataView(asked.buffer, asked.byteOffset, asked.length);
  t.deepEqual(
    [0, 4, 8].map((at) => view.getUint32(at, true)),
    [0xfeedface, 3, 5 << 8],
  );
  t.is(view.getUint16(12, true), 1);
  t.is(asked.subarray(14, 14 + local.length + 1).toString(), `${local}\0`);
  t.is(asked.subarray(122).toString(), 'a test\0');
  t.false(existsSync(local), 'our socket is gone again');
});

handTest('vde: a switch that names no socket, or never answers, is an error', async (t) => {
  const empty = await byHand(t, (socket) => socket.end(Buffer.alloc(110)));
  await t.throwsAsync(openVde({ path: empty }), { code: 'EPROTO' });
  const silent = await byHand(t, () => {});
  const signal = AbortSignal.timeout(100);
  await t.throwsAsync(openVde({ path: silent, signal }), { any: true, name: 'TimeoutError' });
  await t.throwsAsync(openVde({ path: '/nowhere/ctl' }), { code: 'ENOENT' });
  for (const port of [0, 65_536, 1.5]) {
    await t.throwsAsync(openVde({ path: silent, port }), { code: 'ERR_OUT_OF_RANGE' });
  }
  await t.throwsAsync(openVde({ path: '' }), { code: 'ERR_INVALID_ARG_VALUE' });
});
