/**
 * `npm run profile -- recv|send [--offload] [--net] [--streams N] [--seconds S] [--out FOLDER]`: where the
 * time of the stack goes while one or more streams run, by function and by room.
 * @module
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type CpuProfile, summarize } from './cpu-profile.ts';
import { buildTools } from './native.ts';
import { setUpNetwork } from './network.ts';
import { root } from './paths.ts';
import { type Profile, profileName } from './profile-file.ts';
import { placeOf, stackSpec } from './subject.ts';
import { blast, type Direction } from './throughput.ts';

const INTERVAL = 250;
const FUNCTIONS = 25;

const monotonic = (): number => Number(process.hrtime.bigint() / 1000n);

function read(): {
  direction: Direction;
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
  const [direction] = positionals;
  if (direction !== 'recv' && direction !== 'send') {
    throw new RangeError('npm run profile -- recv|send [--offload] [--net] [--streams N]');
  }
  const { offload, net, streams, seconds, out } = values;
  const face = net ? 'net' : 'callback';
  return { direction, offload, face, streams: Number(streams), seconds: Number(seconds), out };
}

function print(profile: Profile): void {
  const { direction, offload, face, streams, gbits, packets, busyMicros, idleMicros } = profile;
  const link = offload ? 'offload' : 'no offload';
  const count = `${streams} stream${streams === 1 ? '' : 's'}`;
  console.log(`${direction}, ${link}, ${face}, ${count}: ${gbits.toFixed(2)} Gbit/s (profiled)`);
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

async function main(): Promise<void> {
  const { direction, offload, face, streams, seconds, out } = read();
  const missing = buildTools();
  if (missing !== undefined) throw new Error(missing);
  setUpNetwork();
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-profile-'));
  const nodeArgs = ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-interval=${INTERVAL}`];
  const subject = await stackSpec(face, { offload, nodeArgs }).start(placeOf(0));
  await blast(subject, direction, streams, Math.min(1, seconds)); // until it is compiled
  const before = await subject.mark();
  const from = monotonic();
  const { gbits = 0 } = await blast(subject, direction, streams, seconds);
  const to = monotonic();
  const after = await subject.mark();
  await subject.stop();
  const file = readdirSync(folder).find((name) => name.endsWith('.cpuprofile'));
  if (file === undefined) throw new Error(`no profile was written: ${subject.child.complaint}`);
  const raw = JSON.parse(readFileSync(join(folder, file), 'utf8')) as CpuProfile; // V8's own
  rmSync(folder, { recursive: true });
  const summary = summarize(raw, from, to);
  const profile: Profile = {
    direction,
    offload,
    face,
    streams,
    gbits,
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
