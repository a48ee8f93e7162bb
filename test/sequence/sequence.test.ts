/**
 * A connection as an onlooker sees it: what is new, what is sent again, what SACK names, round trips, and what is in
 * flight. RFC 2018 §3, RFC 2883 §4, RFC 6298 §3 (Karn's rule), RFC 7323 §2.2; the words are those of tcptrace.
 */
import test from 'ava';
import { type SeenSegment, Sequence, type SequenceEvent } from '../../src/lab.ts';

const NONE: SeenSegment = {
  seq: 0,
  ack: 0,
  isAck: false,
  isSyn: false,
  isFin: false,
  isReset: false,
  length: 0,
  window: 0,
  windowScale: -1,
  sackCount: 0,
  sackLeft: [],
  sackRight: [],
};
/** So that the numbers wrap within the first segments. */
const ISS = -1500 | 0;

function watch() {
  const events: SequenceEvent[] = [];
  const sequence = new Sequence((event) => events.push(event));
  sequence.text(0, { ...NONE, seq: ISS, isSyn: true });
  const at = (place: number): number => (ISS + place) | 0;
  return {
    sequence,
    text: (time: number, place: number, length: number) =>
      sequence.text(time, { ...NONE, seq: at(place), length }),
    answer: (time: number, place: number, window = 100, sacks: [number, number][] = []) =>
      sequence.answer(
        time,
        {
          ...NONE,
          isAck: true,
          ack: at(place),
          window,
          sackCount: sacks.length,
          sackLeft: sacks.map(([from]) => at(from)),
          sackRight: sacks.map(([, to]) => at(to)),
        },
        7,
      ),
    of: <K extends SequenceEvent['kind']>(...kinds: K[]) =>
      events.filter(({ kind }) => (kinds as string[]).includes(kind)),
  };
}

test('sequence: numbers count from the SYN on and do not wrap', (t) => {
  const { text, answer, of } = watch();
  answer(1, 1);
  text(10, 1, 1000);
  text(20, 1001, 1000);
  answer(30, 2001);
  t.deepEqual(of('syn', 'sent', 'acked'), [
    { at: 0, kind: 'syn', seq: 0 },
    { at: 1, kind: 'acked', seq: 1, edge: 1 + 100 * 128 },
    { at: 10, kind: 'sent', seq: 1, length: 1000 },
    { at: 20, kind: 'sent', seq: 1001, length: 1000 },
    { at: 30, kind: 'acked', seq: 2001, edge: 2001 + 100 * 128 },
  ]);
});

test('sequence: text that has passed before is sent again, what fills a hole was not seen', (t) => {
  const { sequence, text, of } = watch();
  text(1, 1, 1000);
  text(2, 2001, 1000);
  text(3, 1001, 1000);
  text(4, 1001, 1000);
  t.deepEqual(
    of('sent', 'resent', 'filled').map(({ at, kind }) => [at, kind]),
    [
      [1, 'sent'],
      [2, 'sent'],
      [3, 'filled'],
      [4, 'resent'],
    ],
  );
  t.is(sequence.bytes, 4000);
  t.is(sequence.resent, 1000);
});

test('sequence: what was acknowledged and comes again is sent again (RFC 9293 §3.10.7.4)', (t) => {
  const { text, answer, of } = watch();
  text(1, 1, 1000);
  answer(2, 1001);
  text(3, 1, 1000);
  t.deepEqual(of('resent'), [{ at: 3, kind: 'resent', seq: 1, length: 1000 }]);
});

test('sequence: a round trip is that of text sent once (RFC 6298 §3)', (t) => {
  const { text, answer, of } = watch();
  text(100, 1, 1000);
  answer(150, 1001);
  text(200, 1001, 1000);
  text(400, 1001, 1000);
  answer(450, 2001);
  t.deepEqual(of('rtt'), [{ at: 150, kind: 'rtt', micros: 50 }]);
});

test('sequence: text behind a hole is timed by SACK, not by the ACK that waited for the hole', (t) => {
  const { text, answer, of } = watch();
  text(100, 1, 1000);
  text(110, 1001, 1000);
  answer(160, 1, 100, [[1001, 2001]]);
  text(300, 1, 1000);
  answer(350, 2001);
  t.deepEqual(of('rtt'), [{ at: 160, kind: 'rtt', micros: 50 }]);
});

test('sequence: in flight is what neither ACK nor SACK names', (t) => {
  const { text, answer, of } = watch();
  text(1, 1, 1000);
  text(2, 1001, 1000);
  text(3, 2001, 1000);
  answer(4, 1001);
  answer(5, 1001, 100, [[2001, 3001]]);
  answer(6, 3001);
  t.deepEqual(
    of('flight').map((event) => 'bytes' in event && event.bytes),
    [1000, 2000, 3000, 2000, 1000, 0],
  );
});

test('sequence: a first block below the ACK, or within the second, tells of a double (RFC 2883 §4)', (t) => {
  const { text, answer, of } = watch();
  for (let i = 0; i < 6; i++) text(i, 1 + 1000 * i, 1000);
  answer(10, 3001, 100, [[1001, 2001]]);
  answer(11, 3001, 100, [
    [4001, 4501],
    [4001, 5001],
  ]);
  t.deepEqual(
    of('sacked', 'doubled').map((event) => [event.kind, 'seq' in event && event.seq]),
    [
      ['doubled', 1001],
      ['doubled', 4001],
      ['sacked', 4001],
    ],
  );
});

test('sequence: who looked away takes what comes next as it comes, and counts on', (t) => {
  const { sequence, text, answer, of } = watch();
  answer(1, 1);
  text(2, 1, 1000);
  sequence.lookAway();
  text(10, 5_000_001, 1000); // far beyond the window that was known
  answer(11, 4_999_001);
  t.deepEqual(
    of('sent', 'acked').map(({ at }) => at),
    [1, 2, 10, 11],
  );
  t.is(sequence.resent, 0);
  t.deepEqual(of('rtt'), [], 'nobody knows when it was sent');
});

test('sequence: damaged numbers, which no end takes, move nothing; what goes on is believed', (t) => {
  const { text, answer, of } = watch();
  answer(1, 1);
  text(2, 1, 1000);
  text(3, 1_000_000, 1000);
  answer(4, 500_000);
  answer(5, 1, 100, [[900_001, 901_001]]);
  text(6, 1001, 1000);
  t.deepEqual(
    of('sent', 'sacked').map(({ at }) => at),
    [2, 6],
  );
  t.is(of('acked').length, 1);
  // A capture that has lost much: the same again and again.
  for (let i = 0; i < 4; i++) text(10 + i, 1_000_000 + 1000 * i, 1000);
  t.is(of('sent').at(-1)?.at, 13);
});
