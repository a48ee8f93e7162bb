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
import { floods6, scans6 } from './storms6.ts';
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

/** Who is besieged, and where. */
export interface Fortress {
  readonly device: string;
  /** The address that is asked for echoes and counters. */
  readonly address: string;
  /** The words after `tunstack serve`. */
  readonly words: readonly string[];
  /** What there is to play, each flood for so many seconds; `mac`: its hardware address, '' on a TUN. */
  storms(seconds: number, mac: string): { scans: readonly Storm[]; floods: readonly Storm[] };
  /** The longest packets, afterwards. */
  sizes(): Promise<Finding[]>;
  /** Before the first look: what compiles the code. */
  readonly warm: readonly string[];
}

const HOST = '10.83.0.1/24';
const ADDRESS = '10.83.0.2';
const WARM_SCAN = ['nmap', '-n', '-Pn', '-T4', '-sT', '-p1-5000'];

/** IPv4 on a TUN. */
export const FORTRESS: Fortress = {
  device: 'siege0',
  address: ADDRESS,
  words: ['--tun', 'siege0', '--host-address', HOST],
  storms: (seconds) => ({ scans: scans(ADDRESS), floods: floods(ADDRESS, seconds) }),
  sizes: async () => [await longPingsIn(ADDRESS), await longDatagrams(ADDRESS)],
  warm: [...WARM_SCAN, ADDRESS],
};

const HOST6 = 'fd83::1';
const ADDRESS6 = 'fd83::2';

/** IPv6 on a TAP, where there are neighbours and routers. */
export const FORTRESS6: Fortress = {
  device: 'siege6',
  address: ADDRESS6,
  words: [
    ...['--tap', 'siege6', '--host-address', '10.87.0.1/24'],
    ...['--host-address6', `${HOST6}/64`, '--address6', ADDRESS6],
  ],
  storms: (seconds, mac) => {
    const link = { device: 'siege6', address: ADDRESS6, mac, peer: HOST6 };
    return { scans: scans6(ADDRESS6), floods: floods6(link, seconds) };
  },
  sizes: async () => [await longPingsIn(ADDRESS6), await longDatagrams(ADDRESS6)],
  warm: ['nmap', '-6', ...WARM_SCAN.slice(1), ADDRESS6],
};
const MIB = 1 << 20;

/** The bound on an echo once a storm is over, in milliseconds. */
export const ECHO_BOUND = 5;
/** What memory may differ by before and after. */
export const MEMORY_ROOM: number = 24 * MIB;
/** How long echoes are counted after a storm, and how often more, should one of them be late. */
const CALM = 1000;
const MORE_LOOKS = 5;
/** Of each flood before the first look at memory. */
const WARM_SECONDS = 1;
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
  readonly #device: string;
  readonly #address: string;
  readonly pid: number;

  constructor(serving: Running, { device, address }: Fortress) {
    this.#serving = serving;
    this.#device = device;
    this.#address = address;
    this.pid = serving.child.pid ?? 0;
  }

  static async start(fortress: Fortress): Promise<Besieged> {
    const serving = tunstack('serve', ...fortress.words);
    await serving.line();
    return new Besieged(serving, fortress);
  }

  /** The counters, and whether they add up with the kernel's. */
  async look(): Promise<{ stats: StackStats; wrong: string }> {
    const { exitCode, signalCode } = this.#serving.child;
    if (exitCode !== null || signalCode !== null) {
      throw new Error(`tunstack serve ended by itself: ${this.#serving.err.trim()}`);
    }
    const least = linkOf(this.#device).read;
    const stats = await readStats(this.#address);
    const most = linkOf(this.#device).read;
    return { stats, wrong: reckon(stats, most, Math.min(least, most - READING)) };
  }

  async face(storm: Storm): Promise<Outcome> {
    const prepared = storm.prepares && (await begin(storm));
    const drops = (await this.look()).stats.drops;
    const link = linkOf(this.#device);
    const watch = new EchoWatch(this.#address);
    const began = performance.now();
    const fault = await rage(storm, prepared || (await begin(storm)));
    const seconds = (performance.now() - began) / 1000;
    const during = await watch.end();
    const passed = linkOf(this.#device);
    let after = await echoesFor(this.#address, CALM);
    let looks = 1;
    for (; isLate(after) && looks <= MORE_LOOKS; looks++) {
      after = await echoesFor(this.#address, CALM);
    }
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

/** Start the storm's program; one that prepares is ready then, and waits. */
async function begin({ words, prepares }: Storm): Promise<Running> {
  const [program = '', ...args] = words;
  const running = new Running(program, args, { LC_ALL: 'C' });
  if (prepares) await running.line();
  return running;
}

/** Let the storm's program run, at most for its time. Says what was wrong with it. */
async function rage(storm: Storm, running: Running): Promise<string> {
  const { words, seconds, isFlood, judge } = storm;
  const [program] = words;
  if (storm.prepares) running.child.kill('SIGUSR1');
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
async function warmUp({ address, warm, storms }: Fortress, mac: string): Promise<void> {
  await echoesFor(address, CALM);
  for (const storm of storms(WARM_SECONDS, mac).floods) await rage(storm, await begin(storm));
  const [program = '', ...words] = warm;
  await run(program, ...words);
  await readStats(address);
  await pause(CALM);
}

/** The hardware address behind `address`, as the kernel knows it; '' where it has none. */
async function macOf({ device, address }: Fortress): Promise<string> {
  await echoesFor(address, CALM / 10);
  const { out } = await run('ip', 'neigh', 'show', address, 'dev', device);
  return /lladdr (\S+)/.exec(out)?.[1] ?? '';
}

/** Each flood for so many `seconds`, and the scans; `tell` gets each outcome as it is there. */
export async function besiege(
  fortress: Fortress,
  seconds: number,
  wanted: (name: string) => boolean,
  tell: (outcome: Outcome) => void,
): Promise<Campaign> {
  const besieged = await Besieged.start(fortress);
  const outcomes: Outcome[] = [];
  try {
    const mac = await macOf(fortress);
    await warmUp(fortress, mac);
    const before = residentBytes(besieged.pid);
    const played = fortress.storms(seconds, mac);
    for (const storm of [...played.scans, ...played.floods]) {
      if (!wanted(storm.name)) continue;
      const outcome = await besieged.face(storm);
      outcomes.push(outcome);
      tell(outcome);
    }
    await pause(CALM);
    const after = residentBytes(besieged.pid);
    const sizes = await fortress.sizes();
    const wrong = outcomes.filter((one) => one.wrong !== '').map((one) => faultOf(one));
    const grown = after - before;
    if (grown > MEMORY_ROOM) wrong.push(`memory grew by ${Math.round(grown / MIB)} MiB`);
    return { outcomes, sizes, before, after, wrong };
  } finally {
    await besieged.stop();
  }
}

const faultOf = ({ storm, wrong }: Outcome): string => `${storm.name}: ${wrong}`;
