/**
 * What received text leaves to the collector, by who reads it: a GiB from one stack to another over a pipe with
 * segments of 64 KiB. Counted is what large memory is asked for received text, and what
 * the collector does meanwhile: counts, which a busy machine moves less than a time.
 *
 *     node dist/bench/readers.bench.js
 * @module
 */
import { once } from 'node:events';
import { PerformanceObserver } from 'node:perf_hooks';
import { createPipe, createStack, type Socket, type SocketOptions } from '../src/index.ts';

const GIB = 2 ** 30;
const WARM = 2 ** 26;
const LARGE = 16 * 1024;

let asked = 0;
for (const name of ['allocUnsafe', 'allocUnsafeSlow'] as const) {
  const allocate = Buffer[name];
  Buffer[name] = (size: number): Buffer<ArrayBuffer> => {
    if (size >= LARGE && (size & (size - 1)) !== 0) asked += size; // those are the senders'
    return allocate.call(Buffer, size);
  };
}

/** Of the collector: kinds as `perf_hooks` has them. */
const MINOR = 1;
const MAJOR = 4;
let scavenges = 0;
let marks = 0;
let paused = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const { kind } = (entry as unknown as { detail: { kind: number } }).detail;
    if (kind === MINOR) scavenges++;
    else if (kind === MAJOR) marks++;
    paused += entry.duration;
  }
}).observe({ entryTypes: ['gc'] });

const text = Buffer.alloc(256 * 1024, 'text');

async function pour(socket: Socket, total: number): Promise<void> {
  for (let sent = 0; sent < total; sent += text.length) {
    if (!socket.write(text)) await once(socket, 'drain');
  }
}

/** `reads` sets the reader up; `options` are its socket's. */
async function measure(
  name: string,
  reads: (socket: Socket) => unknown,
  options: Partial<SocketOptions> = {},
): Promise<void> {
  const [a, b] = createPipe({ offload: true });
  const left = createStack({ device: a, address: '10.0.0.1/24' });
  const right = createStack({ device: b, address: '10.0.0.2/24' });
  const server = left.net.createServer().listen(7);
  const reader = right.net.connect({ port: 7, host: '10.0.0.1', ...options });
  const [writer] = (await once(server, 'connection')) as [Socket];
  reads(reader);
  const until = async (total: number): Promise<void> => {
    while (reader.bytesRead < total) await new Promise(setImmediate);
  };
  await pour(writer, WARM);
  await until(WARM);
  asked = scavenges = marks = paused = 0;
  await pour(writer, GIB);
  await until(WARM + GIB);
  await new Promise((done) => setTimeout(done, 100)); // the observer tells late
  const columns = [
    name.padEnd(28),
    (asked / 2 ** 20).toFixed(1).padStart(10),
    `${scavenges}`.padStart(12),
    `${marks}`.padStart(8),
    paused.toFixed(1).padStart(12),
  ];
  console.log(columns.join(''));
  await Promise.all([left.close(), right.close()]);
}

console.log(`Node ${process.version}; of 1 GiB:`);
console.log(`${''.padEnd(28)}MiB asked   scavenges   marks   paused, ms`);
await measure('data', (socket) => socket.on('data', () => {}));
await measure('data, setEncoding(latin1)', (socket) =>
  socket.setEncoding('latin1').on('data', () => {}),
);
await measure('onread', (socket) => socket.resume(), {
  onread: { buffer: Buffer.alloc(64 * 1024), callback: () => true },
});
await measure('resume()', (socket) => socket.resume());
