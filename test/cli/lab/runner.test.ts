/** The pace of the lab, and what is kept of it: without a clock, time being told. */
import test from 'ava';
import { obey } from '../../../src/cli/lab/orders.ts';
import { COLUMNS, Runner } from '../../../src/cli/lab/runner.ts';

const never = (): boolean => false;

test('lab runner: time passes at its speed, to the microsecond', (t) => {
  const runner = new Runner({}, 0.25, 10);
  for (let i = 0; i < 1000; i++) runner.pass(1333.3, never);
  t.true(Math.abs(runner.state.now - 0.333325) < 2e-6, `${runner.state.now}`);
  t.is(runner.state.pace, 1);
});

test('lab runner: what cannot be done in time is told and not made up for', (t) => {
  const runner = new Runner({}, 10, 10);
  runner.pass(40_000, () => true);
  t.is(runner.state.now, 0.002);
  t.true(runner.state.pace < 0.1);
  runner.pass(1000, never);
  t.is(runner.state.now, 0.012);
});

test('lab runner: it pauses by itself, goes on for as long again, and steps', (t) => {
  const runner = new Runner({}, Number.POSITIVE_INFINITY, 0.5);
  runner.pass(1, never);
  t.deepEqual([runner.state.now, runner.state.isPlaying], [0.5, false]);
  runner.pass(1, never);
  t.is(runner.state.now, 0.5);
  runner.step();
  t.true(runner.state.now > 0.5 && runner.state.now < 1);
  runner.play();
  const { now } = runner.state;
  runner.pass(1, never);
  t.true(Math.abs(runner.state.now - now - 0.5) < 1e-9);
});

test('lab runner: who comes later has the whole run, in bounds; another run begins anew', (t) => {
  const runner = new Runner({ preset: 'bufferbloat' }, Number.POSITIVE_INFINITY, 120);
  for (let i = 0; i < 200; i++) {
    let slices = 0;
    runner.pass(1, () => ++slices === 300);
    runner.take();
  }
  const { rows, a, b, run } = runner.history;
  t.is(runner.state.now, 120);
  t.true(rows.length > 3000 && rows.length <= 8000, `${rows.length}`);
  t.is(rows[0]?.[0], 0);
  t.true((rows.at(-1)?.[0] ?? 0) > 119);
  t.true(rows.every((row) => row.length === COLUMNS.length));
  t.true(a.length <= 20_000 && b.length <= 20_000);
  runner.restart();
  t.deepEqual(runner.history, { run: run + 1, rows: [], a: [], b: [], missed: 0 });
  t.is(runner.state.isPlaying, true);
});

test('lab runner: orders are done, or refused with what may be asked', (t) => {
  const runner = new Runner({}, 1, 10);
  const order = (what: unknown): void => obey(JSON.stringify(what), runner);
  order({ do: 'pause' });
  t.false(runner.state.isPlaying);
  order({ do: 'play' });
  t.true(runner.state.isPlaying);
  order({ do: 'set', name: 'loss', value: 2 });
  t.is(runner.state.settings.loss, 2);
  order({ do: 'speed', speed: null });
  t.is(runner.state.speed, null);
  order({ do: 'restart', preset: 'outage', seed: 9, congestion: 'newreno', sack: false });
  t.is(runner.state.command, 'tunstack lab outage --seed 9 --congestion newreno --no-sack');
  for (const [what, message] of [
    [[], /give an object/],
    [{}, /do: play, pause/],
    [{ do: '__proto__' }, /do: play, pause/],
    [{ do: 'set', name: 'toString', value: 1 }, /name: loss, delay/],
    [{ do: 'set', name: 'loss', value: '1' }, /value: give a number/],
    [{ do: 'set', name: 'loss', value: 1e9 }, /loss: give 0 to 100 %/],
    [{ do: 'speed', speed: 0 }, /speed: give 0.01 to 100/],
    [{ do: 'restart', preset: 'x' }, /no lesson x/],
    [{ do: 'restart', seed: 1e300 }, /seed: give a whole number/],
    [{ do: 'restart', congestion: 'bbr' }, /congestion: cubic or newreno/],
  ] as const) {
    t.throws(() => order(what), { message });
  }
  t.throws(() => obey('{', runner), { instanceOf: SyntaxError });
  t.is(runner.state.preset, 'outage', 'what was refused has changed nothing');
});
