/**
 * V8 keeps small integers and doubles differently, and gives up all compiled code that knows a class when the first
 * double is stored in a field of it that was born an integer (`src/stack/base/real.ts`). It says so itself.
 * @module
 */
import { execFileSync } from 'node:child_process';
import test from 'ava';
import { NOTHING_SENT, Sent } from '../../src/stack/tcp/tcb/sent.ts';

const SEEDS = 40;
const CHAOS = new URL('../sim/chaos.js', import.meta.url).href;
/** As the machine's clock does, time begins with a fraction of a microsecond. */
const PROGRAM = `import { chaos } from '${CHAOS}';
for (let seed = 1; seed <= ${SEEDS}; seed++) chaos(seed, {}, 1e6 + 0.25);`;
/** It cannot name functions that are compiled. */
const INTERPRETED = ['--no-opt', '--no-sparkplug'];
const NODE = Number(process.versions.node.split('.')[0]);

test('representation: no field of a connection is born an integer and becomes a double, whatever its life', (t) => {
  const said = execFileSync(
    process.execPath,
    [
      ...INTERPRETED,
      ...(NODE >= 22 ? ['--no-maglev'] : []),
      '--trace-generalization',
      ...['--input-type=module', '-e', PROGRAM],
    ],
    { encoding: 'latin1', maxBuffer: 64 << 20 },
  );
  t.regex(said, /generalizing/, 'it tells what it learns');
  const grown = said
    .split('\n')
    .filter((line) => /:s\{[^}]*\}->[dt]\{|:d\{[^}]*\}->t\{/.test(line))
    .filter((line) => line.includes('/dist/src/stack/tcp/'));
  t.deepEqual(grown, []);
});

test('representation: what is known of text sent is nobody’s until something was', (t) => {
  t.deepEqual({ ...NOTHING_SENT }, { ...new Sent() }, 'and others have written nothing there');
});
