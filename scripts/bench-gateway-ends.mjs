/**
 * Both ends of `npm run bench:gateway` where there is no C compiler, as bench/native/gateway.c has them: a server that
 * sends (1), takes (2) and answers (3), and clients that measure one each and print megabytes a second or microseconds.
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';

const [, , what, host, given] = process.argv;
const PIECE = Buffer.alloc(1 << 20, 'x');
const MB = 1e6;

function serve() {
  createServer((socket) => {
    const go = () => {
      while (socket.writable && socket.write(PIECE));
    };
    socket.on('drain', go).on('error', () => {});
    go();
  }).listen(1);
  createServer((socket) => {
    let bytes = 0;
    socket.on('data', (piece) => {
      bytes += piece.length;
    });
    // Said now and then, and not at an end: not every gateway carries half-closed connections.
    const timer = setInterval(() => socket.write(`${bytes}\n`), 20);
    socket.on('error', () => {}).on('close', () => clearInterval(timer));
  }).listen(2);
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end('x'.repeat(100)));
  });
  server.listen(3, () => console.log('up'));
}

/** From the first byte on: what comes in so many seconds. */
async function down(seconds) {
  const socket = connect(1, host);
  await once(socket, 'data');
  let bytes = 0;
  socket.on('data', (piece) => {
    bytes += piece.length;
  });
  const began = performance.now();
  await new Promise((done) => setTimeout(done, seconds * 1000));
  const took = (performance.now() - began) / 1000;
  socket.destroy();
  return bytes / took / MB;
}

/** What the server says that it has got, after so many seconds. */
async function up(seconds) {
  const socket = connect({ port: 2, host, noDelay: true });
  await once(socket, 'connect');
  let bytes = 0;
  createInterface({ input: socket }).on('line', (line) => {
    bytes = Number(line);
  });
  const began = performance.now();
  while (performance.now() - began < seconds * 1000) {
    if (!socket.write(PIECE)) await once(socket, 'drain');
  }
  const took = (performance.now() - began) / 1000;
  socket.destroy();
  return bytes / took / MB;
}

/** Connect, ask, and read to the end: the median. */
async function request(count) {
  const times = [];
  for (let i = 0; i < count; i++) {
    const began = performance.now();
    const socket = connect({ port: 3, host, noDelay: true });
    socket.write('GET');
    await once(socket.resume(), 'close');
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b)[count >> 1] * 1000;
}

if (what === 'serve') serve();
else {
  console.log(await { down, up, request }[what](Number(given)));
  process.exit();
}
