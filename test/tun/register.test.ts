/**
 * `node --import tunstack/register`: programs that were never written for a stack, on a stack, tried by the
 * kernel's own clients and servers.
 * @module
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as https from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { cert, key } from '../../examples/certificate.ts';
import { Running, run } from '../support/process.ts';
import { root } from '../support/root.ts';
import { tunTest } from './namespace.ts';
import { testWith } from './serving.ts';

const curlTest = testWith('curl');

/** A program from test/programs, on a stack; it ends with the test at the latest. */
function program(
  t: ExecutionContext,
  name: string,
  args: readonly string[] = [],
  settings: Readonly<Record<string, string>> = {},
): Running {
  const words = ['--import', 'tunstack/register', join(root, 'test/programs', name), ...args];
  const running = new Running(process.execPath, words, settings);
  t.teardown(() => running.stop('SIGKILL').then(() => {}));
  return running;
}

/** A folder for a moment, with the certificate and its key. */
function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'tunstack-'));
  t.teardown(() => rmSync(path, { recursive: true }));
  writeFileSync(join(path, 'cert.pem'), cert);
  writeFileSync(join(path, 'key.pem'), key);
  return path;
}

const curl = async (...args: string[]): Promise<string> => {
  const { out, err } = await run('curl', '-sS', '-m', '30', ...args);
  return out.trimEnd() || err;
};

curlTest('register: an http server answers, and its program ends when it is done', async (t) => {
  const running = program(t, 'http-server.cjs');
  t.is(await running.line(), 'port 80');
  t.is(await curl('http://10.83.0.2/'), 'hello 10.83.0.1');
  t.is(await curl('http://10.83.0.2/stop'), 'hello 10.83.0.1');
  const { code, err } = await running.ended;
  t.is(code, 0, err);
  t.is(err, '');
});

const BOTH = {
  TUNSTACK_ADDRESS: '10.83.0.2/24,fd83::2/64',
  TUNSTACK_HOST_ADDRESS: '10.83.0.1/24,fd83::1/64',
};

// Node documentation, "server.listen()": without a host a server listens on `::`, and hears IPv4 too.
curlTest(
  'register: a program that listens without a host is reached over both families',
  async (t) => {
    await program(t, 'http-server.cjs', [], BOTH).line();
    t.is(await curl('http://10.83.0.2/'), 'hello ::ffff:10.83.0.1');
    t.is(await curl('-g', 'http://[fd83::2]/'), 'hello fd83::1');
  },
);

curlTest('register: a stack that has IPv6 alone serves all the same', async (t) => {
  const settings = { TUNSTACK_ADDRESS: 'fd83::2/64', TUNSTACK_HOST_ADDRESS: 'fd83::1/64' };
  await program(t, 'express-app.mjs', [], settings).line();
  t.is(await curl('-g', 'http://[fd83::2]/'), 'hello fd83::1');
});

curlTest('register: a module with named imports serves https and HTTP/2', async (t) => {
  const files = folder(t);
  const running = program(t, 'https-server.mjs', [`${files}/key.pem`, `${files}/cert.pem`]);
  await running.line();
  const trusted = ['--cacert', `${files}/cert.pem`, 'https://10.83.0.2/'];
  t.is(await curl('--http2', ...trusted), 'HTTP/2.0 for 10.83.0.1');
  t.is(await curl('--http1.1', ...trusted), 'HTTP/1.1 for 10.83.0.1');
});

curlTest('register: an express application listens on the stack', async (t) => {
  await program(t, 'express-app.mjs').line();
  t.is(await curl('http://10.83.0.2/'), 'hello 10.83.0.1');
});

tunTest('register: TCP, UDP, classes of its own, and the stack’s own loopback', async (t) => {
  t.is(await program(t, 'echo.mjs').line(), 'ready true');
  for (const port of [7, 8]) {
    const socket = connect(port, '10.83.0.2');
    socket.write(`to ${port}`);
    const [answer] = await once(socket, 'data');
    t.is(String(answer), `to ${port}`);
    socket.destroy();
  }
  const udp = createSocket('udp4');
  udp.send('datagram', 7, '10.83.0.2');
  const [message, { address }] = await once(udp, 'message');
  t.is(`${message} from ${address}`, 'datagram from 10.83.0.2');
  udp.close();
});

tunTest('register: clients of every kind leave from the stack', async (t) => {
  const files = folder(t);
  // The kernel's address comes into being with the program, so listen on all.
  const greet: http.RequestListener = (request, response) => {
    response.end(`for ${request.socket.remoteAddress?.replace('::ffff:', '')}`);
  };
  const plain = http.createServer(greet).listen(8080);
  const secure = https.createServer({ cert, key }, greet).listen(8443);
  const second = http2.createServer((request, response) => {
    response.end(`for ${request.socket.remoteAddress?.replace('::ffff:', '')}`);
  });
  second.listen(8081);
  t.teardown(() => {
    for (const server of [plain, secure, second]) server.close();
  });
  writeFileSync(join(files, 'ca.pem'), cert);
  const urls = ['http://10.83.0.1:8080/', 'https://10.83.0.1:8443/'];
  const running = program(t, 'client.cjs', [...urls, join(files, 'ca.pem')]);
  const { code, out, err } = await running.ended;
  t.is(err, '');
  t.is(code, 0);
  t.deepEqual(out.trimEnd().split('\n'), [
    'http for 10.83.0.2',
    'agent for 10.83.0.2',
    'fetch for 10.83.0.2',
    'https for 10.83.0.2',
    'http2 for 10.83.0.2 10.83.0.1',
    'net for 10.83.0.2',
    'connected 10.83.0.1 true',
    'tls for 10.83.0.2',
    'TLSSocket for 10.83.0.2',
  ]);
});

tunTest('register: paths, pipes to children and terminals stay with the kernel', async (t) => {
  const { code, out, err } = await program(t, 'local.cjs', [join(folder(t), 'socket')]).ended;
  t.is(err, '');
  t.is(code, 0);
  const all = out.trimEnd().split('\n');
  // A child that was told the same as we are says that its sockets are the kernel's.
  t.regex(out, /error \(node:\d+\) \[TUNSTACK_CHILD\] Warning: process \d+ has the stack/);
  const lines = all.filter((line) => line !== '' && !/^(error|\(Use)/.test(line)).sort();
  t.deepEqual(lines, [
    'Socket by path true',
    'child through pipes',
    'connect by path true',
    'connected false open',
    'createConnection by path true',
    'end',
    'http GET by path',
    'node 2',
    'tty true',
  ]);
});

tunTest('register: the workers of a cluster are served by the kernel', async (t) => {
  const { code, out, err } = await program(t, 'cluster.cjs').ended;
  t.is(code, 0, err);
  t.is(out, 'worker 127.0.0.1\n');
});

curlTest('register: a child with settings of its own has a stack of its own', async (t) => {
  const running = program(t, 'http-server.cjs', [], {
    ...{ TUNSTACK_PID: `${process.pid}`, TUNSTACK_OWNED: '[["TUNSTACK_TUN","other0"]]' },
    ...{ TUNSTACK_TUN: 'child0', TUNSTACK_ADDRESS: '10.99.0.2/30' },
    TUNSTACK_HOST_ADDRESS: '10.99.0.1/30',
  });
  await running.line();
  t.is(await curl('http://10.99.0.2/stop'), 'hello 10.99.0.1');
  t.is((await running.ended).code, 0);
});

curlTest('register: the settings are the environment’s', async (t) => {
  const pcap = join(folder(t), 'capture.pcapng');
  const running = program(t, 'http-server.cjs', [], {
    TUNSTACK_TUN: 'mine0',
    TUNSTACK_ADDRESS: '10.99.0.2/30',
    TUNSTACK_HOST_ADDRESS: '10.99.0.1/30',
    TUNSTACK_MTU: '1280',
    TUNSTACK_OFFLOAD: 'off',
    TUNSTACK_PCAP: pcap,
  });
  await running.line();
  const { out } = await run('ip', '-o', 'link', 'show', 'mine0');
  t.regex(out, /mtu 1280/);
  t.is(await curl('http://10.99.0.2/stop'), 'hello 10.99.0.1');
  const { code, err } = await running.ended;
  t.is(code, 0, err);
  t.true(statSync(pcap).size > 1000, 'the capture is whole');
});

test('register: a setting that is wrong is named, and the program does not run', async (t) => {
  for (const [name, value] of [
    ['TUNSTACK_MTU', '12'],
    ['TUNSTACK_OFFLOAD', 'perhaps'],
    ['TUNSTACK_WAITING', 'long'],
    ['TUNSTACK_FD', 'x'],
  ] as const) {
    const { code, err } = await program(t, 'http-server.cjs', [], { [name]: value }).ended;
    t.is(code, 1);
    t.regex(err, new RegExp(`${name} is '${value}': it must be`));
  }
});
