/**
 * Objects that are made for each connection share their hidden classes. V8 11.3 (Node 20) gives one that is spread
 * and then added to a class of its own, and whoever reads it learns it anew each time: 9 us of the 43 that a
 * connection took. V8 says itself what classes it makes (`--log-maps`).
 * @module
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';

const INDEX = new URL('../../../src/index.js', import.meta.url).href;
const CONNECTIONS = 50;

/** How many hidden classes V8 makes in a process that runs `program`, which knows `N`. */
function classesOf(t: ExecutionContext, program: string, n: number): number {
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const log = join(folder, 'maps.log');
  execFileSync(process.execPath, [
    ...['--log-maps', `--logfile=${log}`, '--no-logfile-per-isolate'],
    ...['--input-type=module', '-e', `const N = ${n};${program}`],
  ]);
  const made = readFileSync(log, 'latin1').match(/^map,/gm)?.length ?? 0;
  t.true(made > 100, 'it tells what it makes');
  return made;
}

/** Its sockets are piped into themselves by who accepts, and asked once each by who connects. */
const PROGRAM = `
  import { once } from 'node:events';
  import { createPipe, createStack } from '${INDEX}';
  const [a, b] = createPipe().map((device, i) => createStack({ device, address: '10.0.0.' + (i + 1) + '/24' }));
  a.net.createServer({ noDelay: true }, (socket) => socket.pipe(socket)).listen(7);
  for (let i = 0; i < N; i++) {
    const socket = b.net.connect({ port: 7, host: '10.0.0.1' });
    socket.write('x');
    await once(socket, 'data');
    socket.destroy();
    await once(socket, 'close');
  }
  process.exit();`;

test('net: a further connection, opened or accepted, makes no hidden class', (t) => {
  const few = classesOf(t, PROGRAM, CONNECTIONS);
  const each = (classesOf(t, PROGRAM, 3 * CONNECTIONS) - few) / (2 * CONNECTIONS);
  t.true(each < 0.5, `${each} each`);
});
