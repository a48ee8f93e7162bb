/**
 * The host: what keeps a process alive, what a listener that throws does, and fairness. Each in a
 * process of its own where it is about the process.
 * @module
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import test from 'ava';
import { makePair, next, RIGHT, until } from '../api/worlds.ts';
import { root } from '../support/root.ts';

const DOOR = JSON.stringify(join(root, 'dist/src/index.js'));
const PATIENCE = 20_000;

const TWO_STACKS = `
  import { createPipe, createStack } from ${DOOR};
  const [a, b] = createPipe();
  const left = createStack({ device: a, address: '10.0.0.1/24' });
  const right = createStack({ device: b, address: '10.0.0.2/24' });
`;

interface Outcome {
  readonly code: number | null;
  readonly out: string;
}

/** Run a program with two stacks; `code` is null if it had to be stopped. */
function run(program: string, patience = PATIENCE): Promise<Outcome> {
  return new Promise((done) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', TWO_STACKS + program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    const timer = setTimeout(() => child.kill(), patience);
    child.on('close', (code) => {
      clearTimeout(timer);
      done({ code, out });
    });
  });
}

test('host: a process with nothing open ends', async (t) => {
  t.is((await run('')).code, 0);
});

test('host: a server that listens keeps the process, unless it is unref’d', async (t) => {
  const listen = 'const server = right.net.createServer().listen(7);';
  t.is((await run(listen, 1500)).code, null);
  t.is((await run(`${listen} server.unref();`)).code, 0);
});

test('host: a bound datagram socket keeps the process, unless it is unref’d', async (t) => {
  const bind = `const socket = right.dgram.createSocket('udp4').bind(7);`;
  t.is((await run(bind, 1500)).code, null);
  t.is((await run(`${bind} socket.unref();`)).code, 0);
});

test('host: a UDP socket of the callback interface keeps the process, unless it is unref’d', async (t) => {
  const create = 'const socket = right.udp.createSocket({ port: 7 }, {});';
  t.is((await run(create, 1500)).code, null);
  t.is((await run(`${create} socket.unref();`)).code, 0);
  t.is((await run(`${create} socket.close();`)).code, 0);
});

test('host: stack.ref keeps the process', async (t) => {
  t.is((await run('right.ref();', 1500)).code, null);
  t.is((await run('right.ref(); right.unref();')).code, 0);
});

test('host: a process waits until what it wrote was delivered', async (t) => {
  const { code, out } = await run(`
    const server = right.net.createServer({ allowHalfOpen: true }, (socket) => {
      let length = 0;
      socket.on('data', (piece) => { length += piece.length; });
      socket.on('end', () => { console.log(length); socket.destroy(); });
      socket.unref();
      server.close();
    }).listen(7, () => {
      server.unref();
      const socket = left.net.connect(7, '10.0.0.2');
      socket.end(Buffer.alloc(300_000));
      socket.on('finish', () => socket.destroy());
    });
  `);
  t.deepEqual([code, out], [0, '300000\n']);
});

test('host: what a listener throws is an uncaughtException, and the stack goes on', async (t) => {
  const { code, out } = await run(`
    process.on('uncaughtException', (error) => console.log('caught', error.message));
    right.net.createServer((socket) => {
      socket.pipe(socket);
      socket.once('data', () => { throw new Error('in data'); });
      throw new Error('in connection');
    }).listen(7);
    const socket = left.net.connect(7, '10.0.0.2');
    socket.write('one');
    socket.once('data', (text) => {
      console.log('echo', String(text));
      const udp = right.dgram.createSocket('udp4').bind(9, () => left.dgram.createSocket('udp4').send('x', 9, '10.0.0.2'));
      udp.on('message', () => {
        setImmediate(() => { console.log('over'); process.exit(0); });
        throw new Error('in message');
      });
    });
  `);
  t.is(code, 0);
  t.deepEqual(out.trim().split('\n').sort(), [
    'caught in connection',
    'caught in data',
    'caught in message',
    'echo one',
    'over',
  ]);
});

test('host: two sockets of one stack that talk do not keep others waiting', async (t) => {
  const pair = makePair();
  const { left } = pair;
  const server = left.net.createServer((socket) => {
    socket.on('data', (piece) => socket.write(piece));
  });
  server.listen(7);
  const socket = await left.tcp.connect(7, '127.0.0.1');
  let trips = 0;
  socket.on('data', async (piece) => {
    trips++;
    await null; // so that the next write comes from a microtask
    socket.write(piece);
  });
  socket.write('ball');
  await until(() => trips > 200); // a timer, which must have its turn
  t.pass();
  await pair.close();
});

test('host: listeners run in the asynchronous context of who opened the socket', async (t) => {
  const { AsyncLocalStorage } = await import('node:async_hooks');
  const storage = new AsyncLocalStorage<string>();
  const pair = makePair();
  const server = pair.right.net.createServer((socket) => socket.end('x')).listen(7);
  await next(server, 'listening');
  const seen: (string | undefined)[] = [];
  await new Promise<void>((done) => {
    storage.run('mine', () => {
      const socket = pair.left.net.connect(7, RIGHT);
      for (const event of ['connect', 'data', 'end', 'close']) {
        socket.on(event, () => seen.push(storage.getStore()));
      }
      socket.on('close', () => done());
    });
  });
  t.deepEqual(seen, ['mine', 'mine', 'mine', 'mine']);
  await pair.close();
});
