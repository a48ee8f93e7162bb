/**
 * `npm run soak`: gigabytes over a TUN, to the stack and from it, through `stack.net`, and whether the
 * memory of the process that has the stack stays flat. What arrives is compared with what was sent.
 *
 *     npm run soak -- [--gib N] [--mtu N] [--no-offload]      N GiB each way, default 10
 *     npm run soak -- network [--minutes N] [--virtual]       a network of guests, an hour, or eight in virtual time
 *
 * It runs itself three times: here, to set up; as the kernel's side, in a network namespace of its own;
 * and as the stack. Ends with 1 if something was lost or changed, or if memory grew.
 */
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './build.mjs';
import { privateNetwork } from './namespace.mjs';
import { runToEnd } from './run.mjs';
import { setUp } from './setup.mjs';
import { readWords } from './words.mjs';

const HOST = '10.83.0.1/24';
const ADDRESS = '10.83.0.2';
const SINK = 9;
const SOURCE = 19;
const SAMPLE_MILLIS = 100;
const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
/** What memory may have grown by between the second quarter of a run and its last. */
const ROOM = { rss: 40 * MIB, heap: 4 * MIB };

if (process.argv[2] === 'network') process.exit(await liveNetwork(process.argv.slice(3)));

const values = readWords('soak', {
  gib: { type: 'string', default: '10' },
  mtu: { type: 'string', default: '1500' },
  'no-offload': { type: 'boolean', default: false },
  role: { type: 'string', default: 'start' },
});
const total = Math.round(Number(values.gib) * GIB);
if (!(total > 0)) {
  console.error(`--gib ${values.gib}: give a number above 0`);
  process.exit(1);
}

/** A stream without an end, whose bytes follow from their place in it. */
const PIECE = 65_521; // prime: no buffer of ours ends where a piece does
const pattern = Buffer.alloc(2 * PIECE);
for (let i = 0; i < pattern.length; i++) pattern[i] = ((i % PIECE) * 167 + 13) >> 3;

/** Compares a stream with the pattern. */
class Checker {
  bytes = 0;
  wrong = -1;

  take(chunk) {
    for (let at = 0; at < chunk.length && this.wrong < 0; ) {
      const from = this.bytes % PIECE;
      const length = Math.min(chunk.length - at, pattern.length - from);
      const same = pattern.compare(chunk, at, at + length, from, from + length) === 0;
      if (!same) this.wrong = this.bytes;
      at += length;
      this.bytes += length;
    }
  }
}

/** Until there is room again, or nobody wants more. */
const drained = (socket) =>
  new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
  });

/** Write the pattern until `length` bytes are written or nobody wants more. */
async function pour(socket, length) {
  let sent = 0;
  while (sent < length && socket.writable) {
    const size = Math.min(PIECE, length - sent);
    sent += size;
    if (!socket.write(pattern.subarray(0, size))) await drained(socket);
  }
}

/** The stack: a sink and a source, and a sample of its memory from time to time. */
async function beStack() {
  const { createStack, openTun } = await import('../dist/src/index.js');
  const tun = await openTun({
    hostAddress: HOST,
    mtu: Number(values.mtu),
    offload: values['no-offload'] ? false : 'auto',
  });
  const stack = createStack({ device: tun, address: `${ADDRESS}/24` });
  const say = (message) => process.send(message);
  stack.net
    .createServer((socket) => {
      const checker = new Checker();
      socket.on('data', (chunk) => checker.take(chunk));
      socket.on('error', () => {});
      socket.on('end', () => say({ taken: checker.bytes, wrong: checker.wrong }));
    })
    .listen(SINK);
  stack.net
    .createServer((socket) => {
      socket.on('error', () => {});
      pour(socket, Number.POSITIVE_INFINITY);
    })
    .listen(SOURCE);
  setInterval(() => {
    const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
    say({ sample: { rss, heapUsed, external, arrayBuffers } });
  }, SAMPLE_MILLIS);
  process.on('message', (message) => {
    if (message !== 'heap') return;
    globalThis.gc();
    say({ heap: process.memoryUsage().heapUsed });
  });
  process.on('disconnect', () => process.exit());
  say({ ready: true });
}

const median = (list) => {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
};
const mib = (bytes) => `${(bytes / MIB).toFixed(1)} MiB`;

/** The kernel's side: send, receive, and judge. */
async function bePeer() {
  const self = fileURLToPath(import.meta.url);
  const child = spawn(
    process.execPath,
    ['--expose-gc', self, ...process.argv.slice(2), '--role', 'stack'],
    {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    },
  );
  let samples = [];
  const answers = [];
  let wake = () => {};
  child.on('message', (message) => {
    if (message.sample) samples.push(message.sample);
    else answers.push(message);
    wake();
  });
  const next = async () => {
    while (answers.length === 0) {
      await new Promise((resolve) => {
        wake = resolve;
      });
    }
    return answers.shift();
  };
  const heap = async () => {
    child.send('heap');
    return next();
  };
  await next();

  const runs = {
    'to the stack': async () => {
      const socket = connect(SINK, ADDRESS);
      passed = () => socket.bytesWritten;
      await pour(socket, total);
      socket.end();
      const { taken, wrong } = await next();
      if (taken !== total) throw new Error(`${total} bytes were sent, ${taken} came`);
      if (wrong >= 0) throw new Error(`what came differs from byte ${wrong} on`);
    },
    'from the stack': async () => {
      const socket = connect(SOURCE, ADDRESS);
      const checker = new Checker();
      passed = () => checker.bytes;
      for await (const chunk of socket) {
        checker.take(chunk);
        if (checker.bytes >= total || checker.wrong >= 0) break;
      }
      if (checker.wrong >= 0) throw new Error(`what came differs from byte ${checker.wrong} on`);
      if (checker.bytes < total) throw new Error(`it ended after ${checker.bytes} bytes`);
    },
  };

  const { withProgress } = await import('../dist/src/cli/progress.js');
  /** Bytes of this run, as the kernel's side counts them. */
  let passed = () => 0;
  let flat = true;
  for (const [name, run] of Object.entries(runs)) {
    const before = await heap();
    samples = [];
    const start = performance.now();
    const told = { what: `soak, ${name}`, total: Math.round(total / MIB), unit: 'MiB' };
    await withProgress({ ...told, poll: () => Math.round(passed() / MIB) }, run);
    const seconds = (performance.now() - start) / 1000;
    const gigabits = (total * 8) / seconds / 1e9;
    const mine = samples;
    const after = await heap();
    const quarter = (n, key) =>
      median(
        mine
          .filter((_, i) => (i * 4) / mine.length >= n && (i * 4) / mine.length < n + 1)
          .map((one) => one[key]),
      );
    console.log(`${name}: ${mib(total)} in ${seconds.toFixed(1)} s, ${gigabits.toFixed(1)} Gbit/s`);
    for (const key of ['rss', 'heapUsed', 'external', 'arrayBuffers']) {
      const line = [0, 1, 2, 3].map((n) => mib(quarter(n, key))).join('  ');
      console.log(
        `  ${key.padEnd(12)} ${line}   most ${mib(Math.max(...mine.map((one) => one[key])))}`,
      );
    }
    const grown = { rss: quarter(3, 'rss') - quarter(1, 'rss'), heap: after.heap - before.heap };
    console.log(`  after collection the heap is ${mib(after.heap)}, it was ${mib(before.heap)}`);
    for (const [what, room] of Object.entries(ROOM)) {
      if (grown[what] <= room) continue;
      console.log(`  ${what} grew by ${mib(grown[what])}: more than ${mib(room)}`);
      flat = false;
    }
  }
  console.log(flat ? 'memory is flat' : 'memory grows');
  child.disconnect();
  process.exitCode = flat ? 0 : 1;
}

/** Build what is missing, and run a program in a network namespace of its own; how it ends. */
function inPrivate(words) {
  setUp();
  const { wrap, reason } = privateNetwork();
  if (wrap === undefined) {
    console.error(`this needs a TUN in a network namespace of its own: ${reason}`);
    return 1;
  }
  const line = wrap([process.execPath, ...words]);
  return runToEnd(line, { cwd: root });
}

function liveNetwork(words) {
  return inPrivate([join(root, 'dist/test/soak/main.js'), ...words]);
}

function start() {
  const self = fileURLToPath(import.meta.url);
  return inPrivate([self, ...process.argv.slice(2), '--role', 'peer']);
}

if (values.role === 'stack') await beStack();
else if (values.role === 'peer') await bePeer();
else process.exitCode = await start();
