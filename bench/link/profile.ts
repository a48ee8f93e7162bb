/**
 * `npm run profile -- WORK [--offload] [--net] [--streams N] [--seconds S] [--out FOLDER]`: where the time of
 * the stack goes, by function and by room; by `perf`, or by V8's own sampler where that is missing. WORK
 * is `recv` or `send` (streams), `connections` (32 at a time), `echo` (TCP), `udp`, or `http` (with
 * --net).
 * @module
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { client, wrk } from './client.ts';
import { type CpuProfile, summarize } from './cpu-profile.ts';
import { buildTools } from './native.ts';
import { setUpNetwork } from './network.ts';
import { root } from './paths.ts';
import { lacksPerf, PERF_ARGS, Perf } from './perf.ts';
import { type Profile, profileName, type Work } from './profile-file.ts';
import { placeOf, type Subject, stackSpec } from './subject.ts';
import { blast } from './throughput.ts';

const INTERVAL = 250;
const FUNCTIONS = 25;

const monotonic = (): number => Number(process.hrtime.bigint() / 1000n);

/** Do it for so long; Gbit/s, or how many a second. */
const WORKS: Readonly<
  Record<Work, (subject: Subject, streams: number, seconds: number) => Promise<number>>
> = {
  recv: async (...on) => (await blast(on[0], 'recv', on[1], on[2]))['gbits'] ?? 0,
  send: async (...on) => (await blast(on[0], 'send', on[1], on[2]))['gbits'] ?? 0,
  connections: async (subject, _streams, seconds) =>
    (await client('connrate', subject, 'echo', [seconds, 32]))['rate'] ?? 0,
  echo: async (subject, _streams, seconds) =>
    (await client('rtt', subject, 'echo', [seconds, 64, 'tcp']))['rate'] ?? 0,
  udp: async (subject, _streams, seconds) =>
    (await client('udprate', subject, 'udp', [seconds, 64, 64]))['rate'] ?? 0,
  http: async (subject, _streams, seconds) => (await wrk(subject, seconds))['rate'] ?? 0,
};

const isWork = (word: string | undefined): word is Work => word !== undefined && word in WORKS;

function read(): {
  work: Work;
  offload: boolean;
  face: 'callback' | 'net';
  streams: number;
  seconds: number;
  out: string;
} {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      offload: { type: 'boolean', default: false },
      net: { type: 'boolean', default: false },
      streams: { type: 'string', default: '1' },
      seconds: { type: 'string', default: '3' },
      out: { type: 'string', default: 'bench/results' },
    },
  });
  const [work] = positionals;
  if (!isWork(work)) {
    const words = Object.keys(WORKS).join('|');
    throw new RangeError(`npm run profile -- ${words} [--offload] [--net] [--streams N]`);
  }
  const { offload, net, streams, seconds, out } = values;
  const face = net ? 'net' : 'callback';
  return { work, offload, face, streams: Number(streams), seconds: Number(seconds), out };
}

function print(profile: Profile): void {
  const { work, offload, face, streams, rate, packets, busyMicros, idleMicros } = profile;
  const link = offload ? 'offload' : 'no offload';
  const isStream = work === 'recv' || work === 'send';
  const what = isStream ? `${work}, ${streams} at a time` : work;
  const figure = isStream ? `${rate.toFixed(2)} Gbit/s` : `${rate.toFixed(0)} a second`;
  console.log(`${what}, ${link}, ${face}: ${figure} while profiled`);
  const idle = (idleMicros / (busyMicros + idleMicros)) * 100;
  const each = (busyMicros * 1000) / packets;
  console.log(`${packets} packets, ${each.toFixed(0)} ns each; idle ${idle.toFixed(0)} %\n`);
  const row = (part: number, micros: number, name: string): string =>
    `${(part * 100).toFixed(1).padStart(6)} % ${((micros * 1000) / packets).toFixed(0).padStart(8)} ns  ${name}`;
  for (const { name, part, micros } of profile.rooms) console.log(row(part, micros, name));
  console.log('');
  for (const { name, room, part, micros } of profile.functions) {
    console.log(row(part, micros, `${room.padEnd(22)} ${name}`));
  }
}

function readProfile(folder: string, complaint: string): CpuProfile {
  const file = readdirSync(folder).find((name) => name.endsWith('.cpuprofile'));
  if (file === undefined) throw new Error(`no profile was written: ${complaint}`);
  return JSON.parse(readFileSync(join(folder, file), 'utf8')) as CpuProfile; // V8's own
}

async function main(): Promise<void> {
  const { work, offload, face, streams, seconds, out } = read();
  const missing = buildTools();
  if (missing !== undefined) throw new Error(missing);
  setUpNetwork();
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-profile-'));
  const lack = lacksPerf();
  if (lack !== undefined) console.error(`by V8's own sampler: ${lack}`);
  const ownSampler = ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-interval=${INTERVAL}`];
  const nodeArgs = lack === undefined ? PERF_ARGS : ownSampler;
  const subject = await stackSpec(face, { offload, nodeArgs }).start(placeOf(0));
  await WORKS[work](subject, streams, Math.min(1, seconds)); // until it is compiled
  const before = await subject.mark();
  const perf = lack === undefined ? new Perf(subject.child.pid) : undefined;
  const used = subject.child.cpu();
  const from = monotonic();
  const rate = await WORKS[work](subject, streams, seconds);
  const to = monotonic();
  const sampled = await perf?.stop(subject.child.cpu() - used, (to - from) / 1e6);
  const after = await subject.mark();
  await subject.stop();
  const summary = sampled ?? summarize(readProfile(folder, subject.child.complaint), from, to);
  rmSync(folder, { recursive: true });
  const profile: Profile = {
    work,
    offload,
    face,
    streams,
    rate,
    packets: Math.max(1, (after?.packets ?? 0) - (before?.packets ?? 0)),
    ...summary,
    functions: summary.functions.slice(0, FUNCTIONS),
  };
  print(profile);
  const place = resolve(root, out);
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, profileName(profile)), `${JSON.stringify(profile, undefined, 1)}\n`);
}

try {
  await main();
} catch (error) {
  console.error(`profile: ${(error as Error).message}`);
  process.exitCode = 1;
}
