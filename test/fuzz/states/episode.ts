/**
 * An episode: a stack of its own, an enemy with some hundred moves, a look at everything now and then, a
 * stranger who means well, and the end, after which nothing may be left. All of it follows from two
 * numbers, so that what failed can be played again.
 * @module
 */
import { type Drop, dropName } from '../../../src/stack/base/drop.ts';
import { below, SeededRandom } from '../../../src/stack/base/random.ts';
import { Enemy } from './enemy.ts';
import { Rig } from './rig.ts';

/** What episodes have come to, added up. */
export interface Report {
  episodes: number;
  packets: number;
  /** Packets that left. */
  sent: number;
  opened: number;
  /** Octets that applications read, and that they wrote. */
  received: number;
  written: number;
  /** Packets by what became of them. */
  readonly fates: Record<string, number>;
  /** Segments by the state of the connection that they were for, from CLOSED on. */
  readonly states: number[];
}

export const newReport = (): Report => ({
  episodes: 0,
  packets: 0,
  sent: 0,
  opened: 0,
  received: 0,
  written: 0,
  fates: {},
  states: new Array(11).fill(0),
});

/** Moves between two looks at everything. */
const LOOK = 16;

/** Play one; throws, with how to repeat it, if anything is wrong. */
export function play(seed: number, episode: number, report: Report = newReport()): Report {
  const random = new SeededRandom(
    (Math.imul(seed, 0x9e3779b1) ^ Math.imul(episode, 0x85ebca6b)) | 0,
  );
  const moves = 100 + below(random, 500);
  let done = 0;
  try {
    const rig = new Rig(random);
    const enemy = new Enemy(rig, random);
    for (; done < moves; done++) {
      enemy.move();
      if (done % LOOK === 0) rig.look();
    }
    rig.look();
    rig.serveStranger((port) => enemy.greet(port));
    rig.end();
    add(report, rig);
  } catch (error) {
    const cause = error as Error;
    throw new Error(
      `${cause.message}\nafter ${done} moves of ${moves}; to repeat: npm run fuzz -- --seed ${seed} --episode ${episode}`,
      { cause },
    );
  }
  return report;
}

function add(report: Report, rig: Rig): void {
  report.episodes++;
  report.sent += rig.wire.sent;
  report.opened += rig.tally.opened;
  report.received += rig.tally.received;
  report.written += rig.tally.written;
  rig.fates.forEach((n, drop) => {
    if (n === 0) return;
    const name = dropName(drop as Drop); // the stack gave it
    report.packets += n;
    report.fates[name] = (report.fates[name] ?? 0) + n;
  });
  rig.states.forEach((n, state) => {
    if (n > 0) report.states[state] = (report.states[state] ?? 0) + n;
  });
}
