/**
 * The lessons: what each tells its reader to look for happens in it, with more than one seed.
 */
import test from 'ava';
import { Lab, type LabSample, type SequenceEvent } from '../../src/lab.ts';

const SECOND = 1e6;

interface Run {
  readonly samples: readonly LabSample[];
  readonly sender: readonly SequenceEvent[];
  readonly receiver: readonly SequenceEvent[];
  readonly at: (seconds: number) => LabSample;
  /** Mbit/s that the program at b read between two times. */
  readonly goodput: (from: number, to: number) => number;
}

function play(
  preset: string,
  seed: number,
  seconds: number,
  move: (lab: Lab) => void = () => {},
): Run {
  const lab = new Lab({ preset, seed });
  const samples: LabSample[] = [];
  const sender: SequenceEvent[] = [];
  const receiver: SequenceEvent[] = [];
  for (let second = 0; second < seconds; second++) {
    lab.run(SECOND);
    const batch = lab.take();
    samples.push(...batch.samples);
    sender.push(...batch.events.a);
    receiver.push(...batch.events.b);
    if (second === 0) move(lab);
  }
  const at = (time: number): LabSample => samples[Math.round(time * 100)] as LabSample;
  const goodput = (from: number, to: number): number =>
    ((at(to).b.received - at(from).b.received) * 8) / ((to - from) * 1e6);
  return { samples, sender, receiver, at, goodput };
}

for (const seed of [1, 2]) {
  test(`lessons: slow start doubles each round trip, and ends before anything is lost, seed ${seed}`, (t) => {
    const { at, samples, goodput } = play('slow-start', seed, 8);
    // RFC 6928: ten segments; then, a flight each 200 ms, twice as many (RFC 5681 §3.1).
    const windows = [0.35, 0.55, 0.75, 0.95, 1.15].map((time) => at(time).a.cwnd);
    t.is(windows[0], 10 * 1448);
    for (let i = 1; i < windows.length; i++) {
      const growth = (windows[i] as number) / (windows[i - 1] as number);
      t.true(growth > 1.8 && growth <= 2.05, `${windows}`);
    }
    t.is(at(1).a.ssthresh, null);
    t.not(at(8 - 0.1).a.ssthresh, null);
    t.is(samples.at(-1)?.forth.dropped, 0);
    t.true(goodput(4, 7.9) > 19);
  });

  test(`lessons: a lost packet is sent again by fast recovery, without a time-out, seed ${seed}`, (t) => {
    const { samples, sender } = play('fast-recovery', seed, 20);
    const last = samples.at(-1);
    t.is(last?.a.timeouts, 0);
    t.true((last?.forth.dropped ?? 0) > 10);
    t.true(samples.some(({ a }) => a.recovery === 'Recovery'));
    t.true(sender.some(({ kind }) => kind === 'sacked'));
    // RFC 5681 §3.1 (4): half of what was in flight.
    const begun = samples.findIndex(({ a, at }) => at > 4 * SECOND && a.recovery === 'Recovery');
    const before = samples[begun - 1]?.a.inFlight ?? 0;
    const { ssthresh } = samples[begun]?.a ?? { ssthresh: 0 };
    t.true(Math.abs((ssthresh ?? 0) / before - 0.5) < 0.05, `${ssthresh} of ${before}`);
  });

  test(`lessons: RACK learns how late packets come, and sends no more of them again, seed ${seed}`, (t) => {
    const { at, samples, receiver, sender } = play('rack-reordering', seed, 20);
    t.is((samples.at(-1)?.forth.lost ?? 1) + (samples.at(-1)?.forth.dropped ?? 1), 0);
    t.true(receiver.filter(({ kind }) => kind === 'filled').length > 100);
    t.true(sender.some(({ kind }) => kind === 'doubled'));
    const early = at(3).a.resent;
    const late = at(19.9).a.resent - early;
    t.true(early > 2 && late < early, `${early} in 3 s, ${late} in 17`);
  });

  test(`lessons: a long queue makes round trips long, and nothing faster, seed ${seed}`, (t) => {
    const long = play('bufferbloat', seed, 15);
    const short = play('bufferbloat', seed, 15, (lab) => lab.change('queue', 20));
    t.true((long.at(14).a.rtt ?? 0) > 1000);
    t.true((short.at(14).a.rtt ?? 9999) < 100);
    t.true(long.goodput(5, 14) > 4.5);
    t.true(short.goodput(5, 14) > 4.5);
  });

  test(`lessons: a reader that stops shuts the window, and the sender waits, seed ${seed}`, (t) => {
    const { at, goodput, sender } = play('zero-window', seed, 14);
    t.is(at(5).b.window, 0);
    t.is(at(5).b.unread, 65_536);
    t.is(goodput(3, 5.9), 0);
    t.true(goodput(6.5, 8) > 5);
    t.true(Math.abs(goodput(9, 13.5) - 1) < 0.3, `${goodput(9, 13.5)}`);
    t.true(sender.some((event) => event.kind === 'acked' && event.edge === event.seq));
  });

  test(`lessons: an outage ends with time-outs, a longer way with one that is undone, seed ${seed}`, (t) => {
    const { at, goodput } = play('outage', seed, 20);
    t.true(at(5.9).a.timeouts >= 2);
    t.true(at(5.9).a.cwnd <= 2 * 1448);
    t.true(goodput(7.5, 9.9) > 8);
    t.true(at(14).a.timeouts > at(9.9).a.timeouts);
    t.true(at(14).a.cwnd >= at(9.9).a.cwnd, 'what the time-out took was given back (RFC 5682)');
  });

  test(`lessons: losses that are no congestion keep the window small, seed ${seed}`, (t) => {
    const far = play('random-loss', seed, 20);
    const near = play('random-loss', seed, 20, (lab) => lab.change('delay', 5));
    t.true(far.goodput(2, 19.9) < 5);
    t.true(near.goodput(2, 19.9) > 3 * far.goodput(2, 19.9));
  });
}
