/**
 * What listens on the kernel although the program is on a stack: it is told once, or refused. A thread or a
 * child cannot have the stack of another, and a program that is meant to be isolated must not listen on
 * the kernel's addresses without a word.
 * @module
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import test from 'ava';
import { root } from '../support/root.ts';

const OUTSIDE = JSON.stringify(join(root, 'dist/src/register/outside.js'));

/** Listens, binds and only sends; prints what came of each, and every warning. */
const program = (outside: string): string => `
  import net from 'node:net';
  import dgram from 'node:dgram';
  import { once } from 'node:events';
  import { Guard, watch } from ${OUTSIDE};
  const said = [];
  process.on('warning', ({ code, message }) => said.push(code + ': ' + message.split(':')[0]));
  watch(new Guard('${outside}', 'a worker thread'));
  const outcome = (emitter, event) =>
    once(emitter, event).then(() => event, ({ code, syscall }) => syscall + ' ' + code);
  const server = net.createServer();
  const bound = dgram.createSocket('udp4');
  const results = [
    await outcome(server.listen(0, '127.0.0.1'), 'listening'),
    await outcome(bound.bind(0, '127.0.0.1'), 'listening'),
    await new Promise((done) => {
      const socket = dgram.createSocket('udp4');
      socket.send('x', 9, '127.0.0.1', (error) => {
        socket.close();
        done(error?.code ?? 'sent');
      });
    }),
    await outcome(net.createServer().listen('/tmp/tunstack-' + process.pid), 'listening'),
  ];
  console.log(JSON.stringify({ results, said }));
  process.exit();
`;

function run(outside: string): Promise<unknown> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program(outside)], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  return new Promise((done) => child.on('close', () => done(JSON.parse(out))));
}

const ALL = ['listening', 'listening', 'sent', 'listening'];
const CASES = {
  warn: {
    results: ALL,
    said: ['TUNSTACK_KERNEL: a worker thread listens on the addresses of the kernel'],
  },
  allow: { results: ALL, said: [] },
  refuse: { results: ['listen EPERM', 'bind EPERM', 'sent', 'listening'], said: [] },
};

for (const [outside, expected] of Object.entries(CASES)) {
  test(`outside: ${outside}, of what listens on the kernel in a thread without a stack`, async (t) => {
    t.deepEqual(await run(outside), expected);
  });
}
