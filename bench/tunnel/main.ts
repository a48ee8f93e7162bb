/**
 * A tunnel from TUN to TUN, through both ends, against Debian's wireguard-go and openvpn on the same machine in the same
 * run: one TCP stream each way, the round trip, CPU seconds a gigabyte, and what the cipher alone would do. Ratios are of
 * rounds that follow each other.
 *
 *     npm run bench:tunnel [-- --rounds 3 --seconds 3]
 *     npm run bench:tunnel -- spike
 * @module
 */
import { execFile } from 'node:child_process';
import { cpus } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { Progress } from '../../src/cli/progress.ts';
import { type Spread, spread } from '../support/spread.ts';
import { ceilings } from './ceiling.ts';
import { Places } from './places.ts';
import { cleanUp, SUBJECTS, type Subject } from './subjects.ts';

const run = promisify(execFile);
const PINGS = 200;

interface Round {
  /** Gbit/s. */
  readonly forth: number;
  readonly back: number;
  /** Seconds of both ends a gigabyte, and ms. */
  readonly cpuForth: number;
  readonly cpuBack: number;
  readonly p50: number;
}

/** One TCP stream for so long: Gbit/s, and CPU seconds of the tunnel a gigabyte. */
async function stream(
  places: Places,
  target: string,
  seconds: number,
  back: boolean,
): Promise<[number, number]> {
  const server = places.startInFar('iperf3', '-s', '-1');
  await pause(300);
  const before = places.cpu();
  const words = ['-c', target, '-t', `${seconds}`, '-O', '0', '-J', ...(back ? ['-R'] : [])];
  const limits = { maxBuffer: 64 << 20, timeout: (seconds + 20) * 1000 };
  const { stdout } = await run('iperf3', words, limits);
  const spent = places.cpu() - before;
  server.kill('SIGTERM');
  const { sum_received: sum } = (
    JSON.parse(stdout) as { end: { sum_received: { bits_per_second: number; bytes: number } } }
  ).end;
  return [sum.bits_per_second / 1e9, spent / (sum.bytes / 1e9)];
}

/** The median round trip, in ms. */
async function trips(target: string): Promise<number> {
  const { stdout } = await run('ping', ['-c', `${PINGS}`, '-i', '0.005', target]);
  const times = [...stdout.matchAll(/time=([\d.]+) ms/g)].map(([, time]) => Number(time));
  return spread(times)?.median ?? Number.NaN;
}

async function round(places: Places, subject: Subject, seconds: number): Promise<Round> {
  await subject.open(places);
  try {
    await run('ping', ['-c', '3', '-i', '0.3', subject.target]);
    const [forth, cpuForth] = await stream(places, subject.target, seconds, false);
    const [back, cpuBack] = await stream(places, subject.target, seconds, true);
    // Last: what was compiled a moment ago runs as it does for the rest of its life.
    const p50 = await trips(subject.target);
    return { forth, back, cpuForth, cpuBack, p50 };
  } finally {
    await places.close();
  }
}

const say = (found: Spread | undefined, digits = 2): string =>
  found === undefined
    ? '–'
    : `${found.median.toFixed(digits)} (${found.min.toFixed(digits)}–${found.max.toFixed(digits)})`;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    /** Only those whose names have this in them. */
    only: { type: 'string' },
  },
});
const places = new Places();
const subjects = SUBJECTS.filter(
  ({ name, missing }) =>
    values.only === undefined || (missing === undefined && name.includes(values.only)),
).filter(({ name, missing }) => {
  if (missing !== undefined) console.log(`without ${name}: ${missing}`);
  return missing === undefined;
});
const found = new Map<Subject, Round[]>(subjects.map((subject) => [subject, []]));
const progress = new Progress({
  what: 'bench:tunnel',
  total: Number(values.rounds) * subjects.length,
  unit: 'runs',
});
let done = 0;
try {
  await places.join();
  for (let i = 0; i < Number(values.rounds); i++) {
    for (const subject of subjects) {
      progress.at(done++, subject.name);
      found.get(subject)?.push(await round(places, subject, Number(values.seconds)));
    }
  }
} finally {
  progress.end();
  places.end();
  cleanUp();
}

const cores = cpus();
console.log(`Node ${process.version} on ${cores.length} x ${cores[0]?.model ?? 'unknown CPU'}, `);
console.log(`${values.rounds} rounds of ${values.seconds} s each way: median (least–most)\n`);
console.log('| | forth, Gbit/s | back, Gbit/s | CPU s/GB forth | CPU s/GB back | echo p50, ms |');
console.log('|---|---|---|---|---|---|');
for (const [subject, rounds] of found) {
  const of = (pick: (one: Round) => number): string => say(spread(rounds.map(pick)));
  const cells = [
    of((r) => r.forth),
    of((r) => r.back),
    of((r) => r.cpuForth),
    of((r) => r.cpuBack),
  ];
  console.log(
    `| ${subject.name} | ${cells.join(' | ')} | ${say(spread(rounds.map((r) => r.p50)), 3)} |`,
  );
}
for (const [subject, rounds] of found) {
  const base = [...found].find(([{ name }]) => name === subject.base)?.[1];
  if (base === undefined) continue;
  const ratio = (pick: (one: Round) => number): string =>
    say(spread(rounds.map((one, i) => pick(one) / pick(base[i] ?? one))));
  const cells = [
    ratio((r) => r.forth),
    ratio((r) => r.back),
    ratio((r) => r.cpuForth),
    ratio((r) => r.cpuBack),
    ratio((r) => r.p50),
  ];
  console.log(`| ${subject.name} : ${subject.base} | ${cells.join(' | ')} |`);
}
console.log(
  '\nThe ceiling: one core that does nothing but seal packets of 1420 bytes, or open them.\n',
);
console.log('| cipher | seal, Gbit/s | open, Gbit/s |\n|---|---|---|');
for (const { name, seal, open } of await ceilings()) {
  console.log(`| ${name} | ${say(spread(seal))} | ${say(spread(open))} |`);
}
