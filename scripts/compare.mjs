/**
 * `npm run bench:compare -- FOLDER`: the stack of this tree against that of another checkout, which is built: two stacks
 * on a pipe, one stream, text by reference, by turns in processes of their own.
 *
 *     npm run bench:compare -- FOLDER [--runs N] [--mib N]
 *
 * Told is the processor's time for each packet, the least of all runs of each: what else a machine does only adds to it.
 */
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { root } from './build.mjs';

const PIECE = 1 << 20;
/** MiB that a process sends before it counts. */
const WARM = 64;

/** In a child: send so many MiB, and print microseconds of processor a packet. */
async function measure(folder, mib) {
  const { createPipe, createStack } = await import(
    pathToFileURL(join(folder, 'dist/src/index.js'))
  );
  const [a, b] = createPipe();
  const left = createStack({ device: a, address: '10.0.0.1/24' });
  const right = createStack({ device: b, address: '10.0.0.2/24' });
  const bytes = new Uint8Array(PIECE);
  let received = 0;
  let wanted = 0;
  let reached = () => {};
  right.tcp.createListener({ port: 9 }, () => ({
    data: (_connection, _bytes, _at, length) => {
      received += length;
      if (received >= wanted) reached();
    },
  }));
  let unsent = 0;
  const more = (connection) => {
    while (unsent > 0) {
      const taken = connection.write(bytes, 0, Math.min(unsent, PIECE));
      if (taken === 0) return;
      unsent -= taken;
    }
  };
  const connection = await new Promise((done) => {
    left.tcp.createConnection({ address: '10.0.0.2', port: 9 }, { open: done, writable: more });
  });
  const send = (length) =>
    new Promise((done) => {
      wanted = received + length;
      unsent = length;
      reached = done;
      more(connection);
    });
  await send(WARM * PIECE);
  const segments = () => connection.info().segsOut + connection.info().segsIn;
  const before = segments();
  const from = process.cpuUsage();
  await send(mib * PIECE);
  const { user, system } = process.cpuUsage(from);
  const packets = segments() - before;
  console.log(JSON.stringify({ cost: (user + system) / packets }));
  process.exit(0);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '10' },
    mib: { type: 'string', default: '256' },
    measure: { type: 'boolean', default: false },
  },
});
const mib = Number(values.mib);
const [other] = positionals;
if (other === undefined) {
  console.error('bench:compare: name the folder of another checkout, which is built');
  process.exitCode = 2;
} else if (values.measure) {
  await measure(resolve(other), mib);
} else {
  const folders = [root, resolve(other)];
  const costs = folders.map(() => []);
  for (let run = 0; run < Number(values.runs); run++) {
    folders.forEach((folder, i) => {
      const words = [fileURLToPath(import.meta.url), '--measure', '--mib', values.mib, folder];
      const { stdout, stderr, status } = spawnSync(process.execPath, words, { encoding: 'utf8' });
      if (status !== 0) throw new Error(`${folder}: ${stderr}`);
      costs[i].push(JSON.parse(stdout).cost);
    });
  }
  const least = costs.map((list) => Math.min(...list));
  folders.forEach((folder, i) => {
    const sorted = costs[i].toSorted((x, y) => x - y);
    const median = sorted[sorted.length >> 1];
    console.log(
      `${folder}: ${least[i].toFixed(3)} µs a packet at least, median ${median.toFixed(3)}`,
    );
  });
  console.log(`ratio of the least: ${(least[0] / least[1]).toFixed(3)}`);
}
