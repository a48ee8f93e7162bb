/**
 * V8 keeps small integers and doubles differently, and gives up all compiled code that knows a class when the first
 * double is stored in a field of it that was born an integer (`src/stack/base/real.ts`). It says so itself.
 * @module
 */
import test, { type ExecutionContext } from 'ava';
import { NOTHING_SENT } from '../../src/stack/tcp/tcb/sent.ts';
import { chaos } from '../sim/chaos.ts';
import { traced } from '../support/traced.ts';

const SEEDS = 40;
const INDEX = new URL('../../src/index.js', import.meta.url).href;
const CHAOS = new URL('../sim/chaos.js', import.meta.url).href;
/** As the machine's clock does, time begins with a fraction of a microsecond. */
const PROGRAM = `import { chaos } from '${CHAOS}';
for (let seed = 1; seed <= ${SEEDS}; seed++) chaos(seed, {}, 1e6 + 0.25);`;
const NODE = Number(process.versions.node.split('.')[0]);
/** It cannot name functions that are compiled. */
const OPTIONS = ['--trace-generalization', '--no-opt', '--no-sparkplug'].concat(
  NODE >= 22 ? ['--no-maglev'] : [],
);

/** Fields that grew from an integer to a double, of classes in `folders`, while `program` ran. */
function grown(t: ExecutionContext, program: string, ...folders: string[]): string[] {
  const said = traced(OPTIONS, program);
  t.regex(said, /generalizing/, 'it tells what it learns');
  return said
    .split('\n')
    .filter((line) => /:s\{[^}]*\}->[dt]\{|:d\{[^}]*\}->t\{/.test(line))
    .filter((line) => folders.some((folder) => line.includes(`/dist/src/stack/${folder}`)));
}

test('representation: no field of a connection is born an integer and becomes a double, whatever its life', (t) => {
  t.deepEqual(grown(t, PROGRAM, 'tcp/'), []);
});

test('representation: nor is one of a neighbour, of a datagram in pieces, or of a socket’s idle timer', (t) => {
  const program = `
    import { once } from 'node:events';
    import { createPipe, createStack } from '${INDEX}';
    const [a, b] = createPipe({ medium: 'ethernet' })
      .map((device, i) => createStack({ device, address: '10.0.0.' + (i + 1) + '/24' }));
    a.net.createServer((socket) => socket.pipe(socket)).listen(7);
    const socket = b.net.connect(7, '10.0.0.1').setTimeout(60_000);
    socket.write('x');
    await once(socket, 'data');
    const taker = a.dgram.createSocket('udp4').bind(9);
    const sender = b.dgram.createSocket('udp4');
    sender.send(Buffer.alloc(4000), 9, '10.0.0.1');
    await once(taker, 'message');
    process.exit();`;
  t.deepEqual(grown(t, program, 'link/neighbour', 'ip/', 'api/net/idle'), []);
});

test('representation: what is known of text sent is nobody’s until something was', (t) => {
  Object.freeze(NOTHING_SENT);
  t.notThrows(() => {
    for (let seed = 1; seed <= 10; seed++) chaos(seed);
  });
});
