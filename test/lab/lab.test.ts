/**
 * The lab's engine: a run is a function of its seed, its settings and the times at which they were moved. All in
 * virtual time.
 */
import test from 'ava';
import { Lab, type LabBatch, type LabOptions, PRESETS } from '../../src/lab.ts';

const SECOND = 1e6;

/** Everything that a run has shown, as text. */
function shown(lab: Lab, pieces: readonly number[]): string {
  const batches: LabBatch[] = [];
  for (const piece of pieces) {
    lab.run(piece);
    batches.push(lab.take());
  }
  return JSON.stringify({
    samples: batches.flatMap(({ samples }) => samples),
    a: batches.flatMap(({ events }) => events.a),
    b: batches.flatMap(({ events }) => events.b),
  });
}

const LOSSY: LabOptions = { preset: 'random-loss', seed: 7, settings: { loss: 3, reorder: 2 } };

test('lab: the same seed gives the same samples and events, another seed others', (t) => {
  const first = shown(new Lab(LOSSY), [3 * SECOND]);
  t.true(first.includes('resent'));
  t.is(shown(new Lab(LOSSY), [3 * SECOND]), first);
  t.not(shown(new Lab({ ...LOSSY, seed: 8 }), [3 * SECOND]), first);
});

test('lab: in what pieces time passes changes nothing', (t) => {
  const whole = shown(new Lab(LOSSY), [2 * SECOND]);
  const pieces = Array.from({ length: 300 }, (_, i) => 1 + ((i * 7919) % 13_000));
  pieces.push(2 * SECOND - pieces.reduce((sum, one) => sum + one, 0));
  t.is(shown(new Lab(LOSSY), pieces), whole);
});

test('lab: what was moved by hand is played again at its time, to the microsecond', (t) => {
  const lab = new Lab(LOSSY);
  const first: string[] = [shown(lab, [777_777])];
  lab.change('loss', 20);
  first.push(shown(lab, [500_001]));
  lab.step(SECOND);
  lab.change('delay', 90);
  lab.change('delay', 95);
  lab.change('reader', 1);
  const until = 3 * SECOND - lab.now;
  first.push(shown(lab, [until]));
  t.deepEqual(
    lab.changes.map(({ name, value }) => [name, value]),
    [
      ['loss', 20],
      ['delay', 95],
      ['reader', 1],
    ],
  );
  t.true(lab.changes.every(({ at }) => Number.isInteger(at)));
  const again = new Lab({ ...LOSSY, changes: lab.changes });
  again.run(3 * SECOND);
  lab.run(SECOND);
  again.run(SECOND);
  t.deepEqual(again.take().samples.at(-1), lab.take().samples.at(-1));
  t.deepEqual(again.words(), lab.words());
});

test('lab: a step lets time pass until a packet has left or arrived, and no further', (t) => {
  const lab = new Lab({ preset: 'slow-start' });
  lab.step(SECOND);
  t.deepEqual(
    lab.take().events.a.map(({ kind }) => kind),
    ['syn'],
  );
  lab.step(SECOND);
  const { events } = lab.take();
  t.deepEqual(
    events.b.map(({ kind }) => kind),
    ['syn', 'acked'],
    'and is answered at once',
  );
  t.true(lab.now >= 100_000 && lab.now < 101_000, `${lab.now}`);
});

test('lab: what nobody takes is bounded, and what was left out is counted', (t) => {
  const lab = new Lab({ preset: 'slow-start', settings: { delay: 1, rate: 100, queue: 1000 } });
  lab.run(8 * SECOND);
  const { events, missed } = lab.take();
  t.is(events.a.length, 50_000);
  t.is(events.b.length, 50_000);
  t.true(missed > 0);
  t.is(lab.take().samples.length, 0);
});

test('lab: another run keeps what was moved to, and what is said otherwise', (t) => {
  const lab = new Lab({ preset: 'zero-window', seed: 5 });
  lab.run(3 * SECOND);
  lab.change('queue', 20);
  const again = lab.again({ congestion: 'newreno' });
  t.is(again.now, 0);
  t.is(again.settings.queue, 20);
  t.is(again.settings.reader, 1000, 'what the lesson moves it moves again');
  t.is(again.congestion, 'newreno');
  t.deepEqual(again.words().slice(2), [
    ...['zero-window', '--seed', '5', '--queue', '20', '--congestion', 'newreno'],
  ]);
  t.is(lab.again({ preset: 'outage' }).settings.queue, 100);
});

test('lab: text that ends closes the connection, and the end says so', (t) => {
  const lab = new Lab({ bytes: 100_000 });
  lab.run(5 * SECOND);
  t.true(lab.isOver);
  t.is(lab.received, 100_000);
  const last = lab.take().samples.at(-1);
  t.is(last?.a.state, 'CLOSED');
  t.is(last?.a.failure, '');
});

test('lab: what cannot be is refused with words that say what can', (t) => {
  const refused = (options: LabOptions, message: RegExp): void => {
    t.throws(() => new Lab(options), { instanceOf: RangeError, message });
  };
  refused({ preset: 'none' }, /no lesson none: slow-start, fast-recovery/);
  refused({ seed: 1.5 }, /seed: give a whole number/);
  refused({ settings: { loss: 101 } }, /loss: give 0 to 100 %/);
  refused({ settings: { rate: Number.NaN } }, /rate: give 0.1 to 100 Mbit\/s/);
  refused({ changes: [{ at: -1, name: 'loss', value: 1 }] }, /a time from 0 on/);
  const lab = new Lab();
  t.throws(() => lab.change('toString' as 'loss', 1), { message: /no setting toString/ });
});

test('lab: every lesson has words, settings within their bounds, and its name once', (t) => {
  t.is(new Set(PRESETS.map(({ name }) => name)).size, PRESETS.length);
  for (const { name, look, tries, changes, seconds } of PRESETS) {
    t.notThrows(() => new Lab({ preset: name }));
    t.true(look.length > 0 && tries.length > 0 && seconds > 0, name);
    t.true(
      changes.every(({ at }) => at < seconds * SECOND),
      name,
    );
  }
});
