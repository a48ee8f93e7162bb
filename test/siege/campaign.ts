/**
 * Storm after storm against one `tunstack serve`, and what is left of it.
 * @module
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { StackStats } from '../../src/index.ts';
import { Running, run, tunstack } from '../support/process.ts';
import type { Finding } from './finding.ts';
import { longDatagrams, longPingsIn } from './sizes.ts';
import { floods, type Storm, scans } from './storms.ts';
import {
  type Echoes,
  EchoWatch,
  echoesFor,
  inboundDrops,
  linkOf,
  readStats,
  residentBytes,
  sum,
} from './watch.ts';

const DEVICE = 'siege0';
const HOST = '10.83.0.1/24';
const ADDRESS = '10.83.0.2';
const MIB = 1 << 20;

/** The bound on an echo once a storm is over, in milliseconds. */
export const ECHO_BOUND = 5;
/** What memory may differ by before and after. */
export const MEMORY_ROOM: number = 24 * MIB;
/** How long echoes are counted after a storm, and how often more, should one of them be late. */
const CALM = 1000;
const MORE_LOOKS = 5;
/** Seconds that a program which was told to end has for it. */
const GRACE = 5;
/** Slots that the request for the counters may be in. */
const IN_USE = 8;
/** Packets that reading the counters may cost between the kernel's count and the stack's. */
const READING = 64;

export interface Outcome {
  readonly storm: Storm;
  readonly seconds: number;
  /** Packets that the stack has read in the storm, and that the device's queue had no room for. */
  readonly packets: number;
  readonly overflowed: number;
  readonly drops: Readonly<Record<string, number>>;
  readonly during: Echoes;
  readonly after: Echoes;
  /** How many times echoes were counted afterwards: more than once if one was late. */
  readonly looks: number;
  readonly resident: number;
  /** What is wrong; '' if nothing is. */
  readonly wrong: string;
}

export interface Campaign {
  readonly outcomes: readonly Outcome[];
  /** The longest packets, afterwards. */
  readonly sizes: readonly Finding[];
  /** Resident bytes. */
  readonly before: number;
  readonly after: number;
  readonly wrong: readonly string[];
}

/** What holds of the counters at any time; '' if it does. */
function reckon(stats: StackStats, most: number, least: number): string {
  const { packetsIn, packetsUsed, drops, ignored } = stats;
  const dropped = sum(inboundDrops(drops));
  const others = sum(ignored);
  if (packetsIn !== packetsUsed + others + dropped) {
    return `${packetsIn} in, ${packetsUsed} used, ${others} ignored and ${dropped} dropped`;
  }
  if (packetsIn < least || packetsIn > most) {
    return `the kernel gave ${least} to ${most} packets, the stack counts ${packetsIn}`;
  }
  if (stats.slotsFree < stats.slots - IN_USE) {
    return `${stats.slotsFree} of ${stats.slots} packet slots are free`;
  }
  return '';
}

const isLate = ({ max, lost }: Echoes): boolean => lost > 0 || max > ECHO_BOUND;

class Besieged {
  readonly #serving: Running;
  readonly pid: number;

  constructor(serving: Running) {
    this.#serving = serving;
    this.pid = serving.child.pid ?? 0;
  }

  static async start(): Promise<Besieged> {
    const serving = tunstack('serve', '--tun', DEVICE, '--host-address', HOST);
    await serving.line();
    return new Besieged(serving);
  }

  /** The counters, and whether they add up with the kernel's. */
  async look(): Promise<{ stats: StackStats; wrong: string }> {
    const { exitCode, signalCode } = this.#serving.child;
    if (exitCode !== null || signalCode !== null) {
      throw new Error(`tunstack serve ended by itself: ${this.#serving.err.trim()}`);
    }
    const least = linkOf(DEVICE).read;
    const stats = await readStats(ADDRESS);
    const most = linkOf(DEVICE).read;
    return { stats, wrong: reckon(stats, most, Math.min(least, most - READING)) };
  }

  async face(storm: Storm): Promise<Outcome> {
    const drops = (await this.look()).stats.drops;
    const link = linkOf(DEVICE);
    const watch = new EchoWatch(ADDRESS);
    const began = performance.now();
    const fault = await rage(storm);
    const seconds = (performance.now() - began) / 1000;
    const during = await watch.end();
    const passed = linkOf(DEVICE);
    let after = await echoesFor(ADDRESS, CALM);
    let looks = 1;
    for (; isLate(after) && looks <= MORE_LOOKS; looks++) after = await echoesFor(ADDRESS, CALM);
    const { stats, wrong } = await this.look();
    const late = isLate(after) ? `an echo takes ${after.max} ms afterwards` : '';
    return {
      ...{ storm, seconds, during, after, looks },
      packets: passed.read - link.read,
      overflowed: passed.lost - link.lost,
      drops: difference(stats.drops, drops),
      resident: residentBytes(this.pid),
      wrong: [fault, wrong, late].filter((one) => one !== '').join('; '),
    };
  }

  stop(): Promise<unknown> {
    return this.#serving.stop();
  }
}

/** Run the storm's program, at most for its time. Says what was wrong with it. */
async function rage({ words, seconds, isFlood, judge }: Storm): Promise<string> {
  const [program = '', ...args] = words;
  const running = new Running(program, args, { LC_ALL: 'C' });
  const timers = [
    setTimeout(() => running.child.kill('SIGINT'), seconds * 1000),
    setTimeout(() => running.child.kill('SIGKILL'), (seconds + GRACE) * 1000),
  ];
  const { code, signal, out, err } = await running.ended;
  timers.forEach(clearTimeout);
  if (isFlood) return signal === null && out === '' && err === '' ? `${program} said nothing` : '';
  if (code !== 0) return `${program} ended with ${code ?? signal}: ${err.trim()}`;
  return judge(out);
}

function difference(
  now: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
): Record<string, number> {
  const entries = Object.entries(now).map(([name, n]) => [name, n - (before[name] ?? 0)] as const);
  return Object.fromEntries(entries.filter(([, n]) => n > 0));
}

/**
 * What the first storms cost a process once, code to compile and a heap to grow, is no growth: so all
 * floods come twice, briefly before the first look at memory.
 */
async function warmUp(): Promise<void> {
  await echoesFor(ADDRESS, CALM);
  for (const storm of floods(ADDRESS, 1)) await rage(storm);
  await run('nmap', '-n', '-Pn', '-T4', '-sT', '-p1-5000', ADDRESS);
  await readStats(ADDRESS);
  await pause(CALM);
}

/** Each flood for so many `seconds`, and the scans; `tell` gets each outcome as it is there. */
export async function besiege(
  seconds: number,
  wanted: (name: string) => boolean,
  tell: (outcome: Outcome) => void,
): Promise<Campaign> {
  const besieged = await Besieged.start();
  const outcomes: Outcome[] = [];
  try {
    await warmUp();
    const before = residentBytes(besieged.pid);
    for (const storm of [...scans(ADDRESS), ...floods(ADDRESS, seconds)]) {
      if (!wanted(storm.name)) continue;
      const outcome = await besieged.face(storm);
      outcomes.push(outcome);
      tell(outcome);
    }
    await pause(CALM);
    const after = residentBytes(besieged.pid);
    const sizes = [await longPingsIn(ADDRESS), await longDatagrams(ADDRESS)];
    const wrong = outcomes.filter((one) => one.wrong !== '').map((one) => faultOf(one));
    const grown = after - before;
    if (grown > MEMORY_ROOM) wrong.push(`memory grew by ${Math.round(grown / MIB)} MiB`);
    return { outcomes, sizes, before, after, wrong };
  } finally {
    await besieged.stop();
  }
}

const faultOf = ({ storm, wrong }: Outcome): string => `${storm.name}: ${wrong}`;
