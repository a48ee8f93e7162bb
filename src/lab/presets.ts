/**
 * Lessons: what is staged, and what to look for in it.
 * @module
 */
import type { CongestionName } from '../stack/tcp/tcb/settings.ts';
import type { LabChange, LabSettings } from './settings.ts';

/** A lesson. */
export interface LabPreset {
  /** As `--preset` and `presetOf` take it. */
  readonly name: string;
  /** A few words. */
  readonly title: string;
  /** Those that it begins with. */
  readonly settings: LabSettings;
  /** `cubic` or `newreno`, of both ends. */
  readonly congestion: CongestionName;
  /** Octets of the receive buffer, which does not grow; undefined: as ever. */
  readonly receiveBuffer?: number;
  /** What happens by itself. */
  readonly changes: readonly LabChange[];
  /** How long there is something to see. */
  readonly seconds: number;
  /** What to look for, a sentence or a few each. */
  readonly look: readonly string[];
  /** What to try then. */
  readonly tries: readonly string[];
}

const SECOND = 1e6;

const LINK: LabSettings = {
  loss: 0,
  delay: 40,
  rate: 10,
  queue: 100,
  reorder: 0,
  late: 10,
  reader: 1000,
};

/** All lessons, the first of them the default. */
export const PRESETS: readonly LabPreset[] = [
  {
    name: 'slow-start',
    title: 'Slow start',
    settings: { ...LINK, delay: 100, rate: 20, queue: 400 },
    congestion: 'cubic',
    changes: [],
    seconds: 10,
    look: [
      'The congestion window begins with ten segments (RFC 6928) and doubles with every round trip: in the time-sequence graph each flight of strokes, 200 ms after the last, is twice as high.',
      'When round trips grow longer since the queue fills, HyStart++ (RFC 9406) ends the doubling before anything is lost: the window goes on in small steps, and ssthresh is set.',
      'The link is full when what is in flight is its rate times the round trip: 20 Mbit/s for 200 ms is 500 kB. All that is sent beyond stands in the queue.',
    ],
    tries: [
      'Set the queue to 20 packets and restart: it overflows before the round trip tells of it, and slow start ends with losses.',
      'Set the delay to 10 ms and restart: the same doubling is over before the eye sees it.',
    ],
  },
  {
    name: 'fast-recovery',
    title: 'Fast recovery',
    settings: { ...LINK, delay: 20, queue: 30 },
    congestion: 'newreno',
    changes: [],
    seconds: 30,
    look: [
      'Slow start runs over the short queue, and many packets are lost at once. After that each tooth of the saw loses one.',
      'The window grows by one segment each round trip until the queue of 30 packets overflows and a packet is lost: the saw-tooth of RFC 5681.',
      'The receiver acknowledges the same octet again and again and names by SACK what came behind the hole (violet). A round trip later the missing text is sent again (red) and the acknowledgement leaps.',
      'The window is halved, and no timer has run out: above the graphs "recovery" says Recovery as long, and time-outs stay at 0. What is in flight falls smoothly, since proportional rate reduction (RFC 6937) lets one segment go for every two that arrive.',
    ],
    tries: [
      'Choose cubic: it gives up less at a loss (30 %) and comes back along a curve that is flat where it lost last time (RFC 9438).',
      'Set the queue to 5 packets: the link is idle after each loss, since half a window is less than the path holds.',
    ],
  },
  {
    name: 'rack-reordering',
    title: 'RACK and reordering',
    settings: { ...LINK, rate: 20, delay: 20, queue: 300, reorder: 3, late: 25 },
    congestion: 'cubic',
    receiveBuffer: 131_072,
    changes: [],
    seconds: 20,
    look: [
      'Nothing is lost, yet three in a hundred packets come 25 ms late. At the receiver they fill holes; at the sender SACK names what came before them.',
      'At first the sender takes a hole that is a quarter of a round trip old for a loss (RFC 8985 §7): it sends again what was only late, and the receiver tells of the double by DSACK.',
      'For each such round trip RACK waits longer before it calls anything lost, and what was reduced for nothing is undone: sending again becomes rare, and the window grows again.',
    ],
    tries: [
      'Set "late by" to 60 ms, longer than a round trip: no wait of RACK reaches so far, and every late packet looks lost.',
      'Set loss to 1 %: the wait that reordering has taught makes each recovery later by as much.',
    ],
  },
  {
    name: 'bufferbloat',
    title: 'Bufferbloat',
    settings: { ...LINK, delay: 10, rate: 5, queue: 1000 },
    congestion: 'cubic',
    changes: [],
    seconds: 40,
    look: [
      'The path has 20 ms. Its queue holds 1000 packets, which are 2.4 s at 5 Mbit/s, and TCP fills whatever there is: the round trip follows the queue up.',
      'The throughput is the same as with a short queue: the link cannot do more than be busy. All that the long queue adds is waiting, for this connection and for all others on the link.',
      'When the queue overflows at last, the loss is learned seconds later, and what comes behind it waits: the program at b gets nothing for as long.',
    ],
    tries: [
      'Set the queue to 20 packets: the round trip falls to a tenth and less, and the goodput hardly changes.',
      'Set the rate to 50 Mbit/s: the same queue is a tenth of the time.',
    ],
  },
  {
    name: 'zero-window',
    title: 'A reader that stops',
    settings: { ...LINK, delay: 20 },
    congestion: 'cubic',
    receiveBuffer: 65_536,
    changes: [
      { at: 2 * SECOND, name: 'reader', value: 0 },
      { at: 6 * SECOND, name: 'reader', value: 1000 },
      { at: 8 * SECOND, name: 'reader', value: 1 },
    ],
    seconds: 14,
    look: [
      'After 2 s the program at b reads no more. Its buffer of 64 KiB fills, the window that b offers shrinks to 0, and the window edge (dashed) and the acknowledgements meet: the sender may send nothing, whatever its congestion window says.',
      'It asks now and then, with waits that double, whether that is still so (RFC 9293 §3.8.6.1): an answer might have been lost, and both would wait for ever.',
      'After 6 s the program reads again, b tells of the open window at once, and all goes on. From 8 s on it reads 1 Mbit/s: the sender goes at the pace of the reader, and the congestion window has no say in it.',
    ],
    tries: [
      'Move the reader to 0 by hand, wait a minute at ten times the speed, and move it back: the probes have become rare, and the news of the open window goes out all the same.',
      'Set the reader to 3 Mbit/s: what is in flight settles where the window lets it.',
    ],
  },
  {
    name: 'outage',
    title: 'An outage',
    settings: { ...LINK, delay: 30 },
    congestion: 'cubic',
    changes: [
      { at: 3 * SECOND, name: 'loss', value: 100 },
      { at: 6 * SECOND, name: 'loss', value: 0 },
      { at: 10 * SECOND, name: 'delay', value: 800 },
    ],
    seconds: 20,
    look: [
      'From 3 s to 6 s nothing comes through from a to b. No acknowledgement tells of it: a tail probe goes first (RFC 8985 §7), then the retransmission timer runs out, and each time it waits twice as long (RFC 6298 §5.5). That is why it notices the end of the outage late.',
      'After the outage the window begins with one segment, in slow start up to ssthresh.',
      'At 10 s the way becomes 770 ms longer. Nothing is lost, but the timer runs out; F-RTO (RFC 5682) sees from the acknowledgements that come that it was for nothing, and the window is given back.',
    ],
    tries: [
      'Make the outage shorter than 200 ms, by hand: the probe of the tail alone repairs it.',
    ],
  },
  {
    name: 'random-loss',
    title: 'Losses that are no congestion',
    settings: { ...LINK, rate: 50, loss: 1, queue: 200 },
    congestion: 'cubic',
    changes: [],
    seconds: 30,
    look: [
      'One packet in a hundred is lost, as on a bad radio link, and the queue is empty. TCP takes every loss for congestion: the window stays near what the losses allow, far below what the link could carry.',
      'By the formula of Mathis the rate goes with the segment size over round trip times the square root of the loss: a hundredth of the loss is ten times the rate.',
    ],
    tries: [
      'Set the delay to 5 ms: the same losses, eight times the goodput.',
      'Set loss to 0.01 %.',
    ],
  },
];

/** The lesson of that name. Throws a `RangeError` that lists them. */
export function presetOf(name: string): LabPreset {
  const found = PRESETS.find((preset) => preset.name === name);
  if (found !== undefined) return found;
  throw new RangeError(`no lesson ${name}: ${PRESETS.map((preset) => preset.name).join(', ')}`);
}
