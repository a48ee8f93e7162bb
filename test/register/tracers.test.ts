/**
 * What those who trace a program put on Node's prototypes is on the sockets and servers of a program that
 * runs on a stack, too: OpenTelemetry, dd-trace and others replace `connect`, `listen` and `emit` there.
 *
 * Node documentation: "Class: net.Socket", "Class: net.Server".
 * @module
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import test from 'ava';
import { root } from '../support/root.ts';

const from = (path: string): string => JSON.stringify(join(root, 'dist/src', path));

/** A program on two stacks of its own; it prints JSON. */
const PROGRAM = `
  import net from 'node:net';
  import http from 'node:http';
  import { createStack, createPipe } from ${from('index.js')};
  import { patch } from ${from('register/patch.js')};
  import { Guard } from ${from('register/outside.js')};

  const [device] = createPipe();
  const stack = createStack({ device, address: '10.0.0.1/24' });
  patch(stack, new Guard('allow', ''));

  const calls = [];
  for (const [name, proto, method] of [
    ['Socket', net.Socket.prototype, 'connect'],
    ['Socket', net.Socket.prototype, 'emit'],
    ['Server', net.Server.prototype, 'listen'],
    ['Server', net.Server.prototype, 'emit'],
  ]) {
    const native = proto[method];
    proto[method] = function (...args) {
      const what = method === 'emit' ? String(args[0]) : '';
      if (method !== 'emit' || /^(connect|connection|listening)$/.test(what)) {
        calls.push([name, method, what].join(' ').trim());
      }
      return native.apply(this, args);
    };
  }

  const server = http.createServer((request, response) => response.end('hello'));
  await new Promise((done) => server.listen(80, '10.0.0.1', done));
  const text = await new Promise((done) => http.get({ host: '10.0.0.1', agent: false }, (response) => {
    response.setEncoding('utf8').on('data', done);
  }));
  await new Promise((done) => server.close(done));
  const isSocket = net.connect(81, '10.0.0.1').on('error', () => {}) instanceof net.Socket;
  console.log(JSON.stringify({ text, isSocket, calls: [...new Set(calls)].sort() }));
  process.exit();
`;

test('tracers: what is put on the prototypes is on every socket and server', async (t) => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  await new Promise((done) => child.on('close', done));
  t.deepEqual(JSON.parse(out), {
    text: 'hello',
    isSocket: true,
    calls: [
      'Server emit connection',
      'Server emit listening',
      'Server listen',
      'Socket connect',
      'Socket emit connect',
    ],
  });
});
