/**
 * examples/nat.ts between two network namespaces: the kernel of one reaches servers in the other, ours.
 * @module
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { Running } from '../support/process.ts';
import { root } from '../support/root.ts';
import { Namespace } from './forwarding.ts';
import { testWith } from './serving.ts';

const OUTSIDE = '10.86.0.1';
const OURS = '10.86.0.2';
const withIp = testWith('ip', 'nsenter', 'unshare', 'ping');

/** The translator's program, and a namespace behind it. */
async function behind(t: ExecutionContext): Promise<Namespace> {
  const nat = new Running(process.execPath, [join(root, 'dist/examples/nat.js')]);
  t.teardown(() => nat.stop('SIGKILL').then(() => {}));
  t.regex(await nat.line(), /^try: /);
  const space = await Namespace.make(t);
  await space.adopt('nat-in');
  await space.ip('addr', 'add', '10.85.0.2/24', 'dev', 'nat-in');
  await space.ip('link', 'set', 'nat-in', 'up');
  await space.ip('route', 'add', 'default', 'via', '10.85.0.1');
  return space;
}

/** A program for the client: all that `port` of the server says, and its length. */
const fetchAll = (port: number): string =>
  `let n = 0; require('net').connect(${port}, '${OUTSIDE}')
    .on('data', (d) => { n += d.length; }).on('end', () => console.log(n))`;

/** One that sends a datagram of so many bytes, and says how long the answer is. */
const ask = (port: number, bytes: number): string =>
  `const s = require('dgram').createSocket('udp4'); s.send(Buffer.alloc(${bytes}), ${port}, '${OUTSIDE}');
    s.on('message', (m) => { console.log(m.length); s.close(); })`;

withIp('nat: the kernel behind it reaches servers by TCP and UDP, and pings', async (t) => {
  const space = await behind(t);
  const clients: (string | undefined)[] = [];
  const server = createServer((socket) => {
    clients.push(socket.remoteAddress);
    socket.end(Buffer.alloc(10_000_000, 'tunstack'));
  }).listen(8080, OUTSIDE);
  t.teardown(() => server.close());
  const echo = createSocket('udp4').on('message', (message, { port, address }) => {
    clients.push(address);
    echo.send(message, port, address);
  });
  echo.bind(7, OUTSIDE);
  await once(echo, 'listening');
  t.teardown(() => echo.close());
  const run = (code: string) => space.run(process.execPath, '-e', code);
  t.is((await run(fetchAll(8080))).out, '10000000\n');
  t.is((await run(ask(7, 100))).out, '100\n');
  t.is((await run(ask(7, 9000))).out, '9000\n', 'in fragments');
  t.deepEqual(clients, [OURS, OURS, OURS]);
  for (const size of ['56', '4000']) {
    const { code, out } = await space.run('ping', '-c', '3', '-i', '0.2', '-s', size, OUTSIDE);
    t.is(code, 0, out);
  }
});

withIp('nat: the kernel behind it hears that nobody listens, and nobody gets to it', async (t) => {
  const space = await behind(t);
  const code = `const s = require('dgram').createSocket('udp4'); s.connect(9, '${OUTSIDE}', () => s.send('x'));
    s.on('error', (e) => { console.log(e.code); s.close(); })`;
  t.is((await space.run(process.execPath, '-e', code)).out, 'ECONNREFUSED\n');
  const { code: ended } = await new Running('ping', ['-c', '1', '-W', '1', OURS]).ended;
  t.is(ended, 1, 'its own address answers nobody outside');
});
