/**
 * What keeps a process: a socket that reads, or has something to deliver. One that has nothing to wait for
 * does not, as an idle handle of libuv's; the kernel's sockets tell what is right.
 *
 * libuv documentation: "uv_handle_t", "uv_is_active()"; Node documentation: "socket.ref()".
 * @module
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import test from 'ava';
import { root } from '../support/root.ts';

const DOOR = JSON.stringify(join(root, 'dist/src/index.js'));

const WORLDS = {
  'the kernel': `
    import net from 'node:net';
    const [client, server, host] = [net, net, '127.0.0.1'];
  `,
  'the stack': `
    import { createPipe, createStack } from ${DOOR};
    const [a, b] = createPipe();
    const client = createStack({ device: a, address: '10.0.0.1/24' }).net;
    const server = createStack({ device: b, address: '10.0.0.2/24' }).net;
    const host = '10.0.0.2';
  `,
};

/** A connection whose client keeps nothing; `accepted` is what may keep the process. */
const connected = (options: string, then: string, behind = ''): string => `
  const listener = server.createServer(${options}, (accepted) => {
    listener.close();
    ${then}
  }).listen(0, host, () => {
    const socket = client.connect(listener.address().port, host);
    socket.unref();
    ${behind}
  });
`;

/** Programs, and whether they end by themselves. */
const PROGRAMS: Record<string, [program: string, ends: boolean]> = {
  'that reads': [connected('{}', ''), false],
  'that is paused from the start': [connected('{ pauseOnConnect: true }', ''), true],
  'that was paused and reads again': [
    connected('{ pauseOnConnect: true }', 'accepted.resume();'),
    false,
  ],
  'whose peer has ended': [
    connected('{ allowHalfOpen: true }', 'accepted.resume();', 'socket.end();'),
    true,
  ],
  'whose text was read by nobody until it was enough': [
    connected('{ highWaterMark: 1000 }', '', 'socket.write(Buffer.alloc(5000));'),
    true,
  ],
};

/** Whether `program` ends within a moment; one that does not is stopped. */
function ends(program: string, patience: number): Promise<boolean> {
  return new Promise((done) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: 'inherit',
    });
    const timer = setTimeout(() => child.kill(), patience);
    child.on('close', (code) => {
      clearTimeout(timer);
      done(code === 0);
    });
  });
}

for (const [name, [program, expected]] of Object.entries(PROGRAMS)) {
  for (const [world, start] of Object.entries(WORLDS)) {
    test.serial(`idle: a socket ${name}, on ${world}`, async (t) => {
      t.is(await ends(start + program, expected ? 15_000 : 2_000), expected);
    });
  }
}

for (const [world, start] of Object.entries(WORLDS)) {
  test.serial(
    `idle: a server that is unref’d before its host was looked up, on ${world}`,
    async (t) => {
      const program = `server.createServer().listen(0, host).unref();`;
      t.true(await ends(start + program, 15_000));
    },
  );
}

test.serial('idle: the same of a server of Node’s that is carried', async (t) => {
  const program = `
    import http from 'node:http';
    import { createPipe, createStack } from ${DOOR};
    const [device] = createPipe();
    const stack = createStack({ device, address: '10.0.0.1/24' });
    stack.carry(http.createServer()).listen(80, '10.0.0.1').unref();
  `;
  t.true(await ends(program, 15_000));
});
