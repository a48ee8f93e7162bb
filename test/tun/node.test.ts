/**
 * The examples of what of Node runs on a stack, as programs on a real TUN, tried by clients that know the
 * kernel only: curl, openssl, Node's https in a process of its own, `ws`.
 * @module
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { WebSocket } from 'ws';
import { cert } from '../../examples/certificate.ts';
import { Running, run } from '../support/process.ts';
import { root } from '../support/root.ts';
import { tunTest } from './namespace.ts';
import { testWith } from './serving.ts';

const ADDRESS = '10.83.0.2';

/** An example that has said that it is ready; it ends with the test at the latest. */
async function example(t: ExecutionContext, name: string): Promise<Running> {
  const running = new Running(process.execPath, [join(root, 'dist/examples', `${name}.js`)]);
  t.teardown(() => running.stop('SIGKILL').then(() => {}));
  t.regex(await running.line(), /^try: /);
  return running;
}

/** The certificate in a file, for programs that want it so. */
function certificateFile(t: ExecutionContext): string {
  const file = join(root, 'dist', `certificate-${process.pid}.pem`);
  writeFileSync(file, cert);
  t.teardown(() => rmSync(file, { force: true }));
  return file;
}

const curlTest = testWith('curl');

curlTest('node: curl gets from the https server, and trusts it', async (t) => {
  await example(t, 'https-server');
  const { out, err } = await run(
    'curl',
    ...['-sS', '--cacert', certificateFile(t), `https://${ADDRESS}/safe`],
  );
  t.is(out, 'Hello 10.83.0.1, this is /safe by TLSv1.3.\n', err);
});

curlTest('node: curl gets by HTTP/2 and by HTTP/1.1 from one port', async (t) => {
  await example(t, 'http2-server');
  for (const [flag, version] of [
    ['--http2', '2.0'],
    ['--http1.1', '1.1'],
  ] as const) {
    const { out, err } = await run('curl', '-sSk', flag, `https://${ADDRESS}/`);
    t.is(out, `Hello 10.83.0.1, this is HTTP/${version}.\n`, err);
  }
});

curlTest('node: curl gets from the express application, and posts to it', async (t) => {
  await example(t, 'express-app');
  const got = await run('curl', '-sS', `http://${ADDRESS}/hello/you`);
  t.deepEqual(JSON.parse(got.out), { hello: 'you', from: '10.83.0.1' });
  const json = ['-H', 'content-type: application/json', '-d', '[1, 2, 39]'];
  const posted = await run('curl', '-sS', ...json, `http://${ADDRESS}/sum`);
  t.deepEqual(JSON.parse(posted.out), { sum: 42 });
});

tunTest('node: Node’s own https client, in a process of its own, gets the same', async (t) => {
  await example(t, 'https-server');
  const client = `
    const { get } = require('node:https');
    const ca = require('node:fs').readFileSync(process.argv[1]);
    get('https://${ADDRESS}/node', { ca }, (response) => response.pipe(process.stdout));
  `;
  const { out, err } = await run(process.execPath, '-e', client, certificateFile(t));
  t.is(out, 'Hello 10.83.0.1, this is /node by TLSv1.3.\n', err);
});

testWith('openssl')('node: openssl s_client talks to the TLS server', async (t) => {
  await example(t, 'tls-echo');
  const place = ['-connect', `${ADDRESS}:7443`, '-CAfile', certificateFile(t)];
  const client = spawn('openssl', ['s_client', ...place, '-verify_return_error', '-quiet']);
  t.teardown(() => client.kill('SIGKILL'));
  client.stdin.write('hello\n');
  const [answer] = await once(client.stdout, 'data');
  t.is(String(answer), 'HELLO\n');
});

tunTest('node: ws clients of the kernel’s side chat', async (t) => {
  await example(t, 'websocket-chat');
  const sockets = [1, 2].map(() => new WebSocket(`ws://${ADDRESS}/`));
  await Promise.all(sockets.map((socket) => once(socket, 'open')));
  const heard = Promise.all(sockets.map((socket) => once(socket, 'message')));
  const long = 'x'.repeat(100_000);
  sockets[0]?.send(long);
  t.deepEqual(
    (await heard).map(([message]) => String(message)),
    Array(2).fill(`10.83.0.1: ${long}`),
  );
  for (const socket of sockets) socket.close();
});

tunTest('node: fetch gets from a server of the kernel’s', async (t) => {
  const { code, out, err } = await run(process.execPath, join(root, 'dist/examples/fetch.js'));
  t.is(code, 0, err);
  t.is(out, 'Hello 10.83.0.2, this is the kernel.\n');
});
