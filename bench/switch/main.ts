/**
 * `npm run bench:switch -- [ROUNDS [SECONDS]]`: a stack on a TAP against the same on a TUN; and what passes between two network
 * namespaces through a switch of ours with a TAP in each, through a C program that copies from one TAP to the other,
 * and through the kernel's own bridge. Medians of rounds in which all have their turn, as rows of Markdown.
 * @module
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Progress } from '../../src/cli/progress.ts';
import { createSwitch, openTap } from '../../src/index.ts';
import { buildTools, toolPath } from '../link/native.ts';
import { setUpNetwork } from '../link/network.ts';
import { placeOf, stackSpec } from '../link/subject.ts';
import { blast, type Direction } from '../link/throughput.ts';

const ROUNDS = Number(process.argv[2] ?? 3);
const SECONDS = Number(process.argv[3] ?? 2);
/** Seconds until all is compiled. */
const WARM = 1;
const NEAR = '10.93.0.1';
const FAR = '10.93.0.2';
/** The shortest frame that there is, without its check sequence. */
const SHORT = 60;

function run(...words: string[]): string {
  const [program = '', ...rest] = words;
  const done = spawnSync(program, rest, { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${words.join(' ')}: ${done.stderr}`);
  return done.stdout;
}

/** A program to its end, while what is measured runs here. */
async function output(...words: string[]): Promise<string> {
  const [program = '', ...rest] = words;
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  await once(child, 'close');
  return text;
}

const LINKS = ['tap', 'tun'] as const;
type Link = (typeof LINKS)[number];

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

/** Ends all that was begun. */
type End = () => Promise<unknown>;

/**
 * Gbit/s of one stream of a stack on one of both, in a process of its own, warm. A process of Node's that has become fast or slow
 * stays so, by a third and more, and so none serves two rounds.
 */
async function alone(link: Link, offload: boolean, way: Direction): Promise<number> {
  const subject = await stackSpec('callback', { offload, link }).start(
    placeOf(LINKS.indexOf(link)),
  );
  await blast(subject, way, 1, WARM);
  const { gbits = Number.NaN } = await blast(subject, way, 1, SECONDS);
  await subject.stop();
  return gbits;
}

/** Two namespaces. */
class Places {
  readonly #holders: ChildProcess[] = [];

  static async open(): Promise<Places> {
    const places = new Places();
    for (let i = 0; i < 2; i++) {
      const holder = spawn('unshare', ['-n', 'sh', '-c', 'echo up; exec sleep 900'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(holder.stdout, 'data');
      places.#holders.push(holder);
    }
    return places;
  }

  pid(place: number): string {
    return String(this.#holders[place]?.pid);
  }

  inside(place: number, ...words: string[]): string[] {
    return ['nsenter', `--net=/proc/${this.pid(place)}/ns/net`, ...words];
  }

  /** Move an interface there, and give it its address. */
  take(place: number, name: string): void {
    run('ip', 'link', 'set', name, 'netns', this.pid(place));
    const address = place === 0 ? NEAR : FAR;
    run(...this.inside(place, 'ip', 'addr', 'add', `${address}/24`, 'dev', name));
    run(...this.inside(place, 'ip', 'link', 'set', name, 'txqueuelen', '4096', 'up'));
  }

  close(): void {
    for (const holder of this.#holders) holder.kill('SIGKILL');
  }
}

/** What joins the two, and the names of their interfaces. */
interface Way {
  readonly names: readonly [string, string];
  readonly end: End;
  /** Seconds of CPU of the process that carries; undefined: the kernel does. */
  readonly cpu?: () => number;
}

/** Fields 14 and 15 of proc(5)'s stat, in hundredths: all threads of it. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

const TAPS = ['swa', 'swb'] as const;

const ways = {
  async switch(places: Places, offload: boolean): Promise<Way> {
    const bridge = createSwitch();
    for (const [i, name] of TAPS.entries()) {
      bridge.plug(await openTap({ name, offload }));
      places.take(i, name);
    }
    return { names: TAPS, end: () => bridge.close(), cpu: () => cpuOf(process.pid) };
  },
  async copy(places: Places, offload: boolean): Promise<Way> {
    const words = ['copy', ...TAPS, ...(offload ? ['offload'] : [])];
    const child = spawn(toolPath('frames'), words, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    for (const [i, name] of TAPS.entries()) places.take(i, name);
    const end = async (): Promise<void> => {
      child.kill('SIGKILL');
      await once(child, 'close');
    };
    return { names: TAPS, end, cpu: () => cpuOf(child.pid ?? 0) };
  },
  async kernel(places: Places): Promise<Way> {
    run('ip', 'link', 'add', 'brb', 'type', 'bridge');
    run('ip', 'link', 'set', 'brb', 'up');
    const names = ['vea', 'veb'] as const;
    for (const [i, name] of names.entries()) {
      run('ip', 'link', 'add', `${name}p`, 'type', 'veth', 'peer', 'name', name);
      run('ip', 'link', 'set', `${name}p`, 'master', 'brb', 'up');
      places.take(i, name);
    }
    const end = async (): Promise<void> => {
      for (const name of names) run('ip', 'link', 'del', `${name}p`);
      run('ip', 'link', 'del', 'brb');
    };
    return { names, end };
  },
};

type WayName = keyof typeof ways;

interface LinkLine {
  readonly address: string;
  readonly stats64: { readonly rx: { readonly packets: number } };
}

function look(places: Places, place: number, name: string): LinkLine {
  const said = run(...places.inside(place, 'ip', '-s', '-j', 'link', 'show', name));
  return (JSON.parse(said) as [LinkLine])[0];
}

/** The two hear of each other before anything is measured. */
const meet = (places: Places): Promise<string> =>
  output(...places.inside(0, 'ping', '-q', '-c', '2', '-i', '0.2', '-w', '10', FAR));

/** The shortest frames for so many seconds. */
function pour(places: Places, from: string, to: string, seconds: number): Promise<string> {
  const words = ['send', from, to, String(SHORT), String(seconds)];
  return output(...places.inside(0, toolPath('frames'), ...words));
}

/** Of the table that is printed, without its first. */
let columns = 2;

/** What frames cost who carries them, in µs of CPU, by way and round. */
const costs = new Map<string, number[]>();

/** Thousands of the shortest frames that arrive in a second. */
async function frames(way: WayName): Promise<number> {
  const places = await Places.open();
  const { names, end, cpu } = await ways[way](places, false);
  await meet(places);
  const { address } = look(places, 1, names[1]);
  await pour(places, names[0], address, WARM);
  const before = look(places, 1, names[1]).stats64.rx.packets;
  const used = cpu?.() ?? 0;
  await pour(places, names[0], address, SECONDS);
  const took = (cpu?.() ?? Number.NaN) - used;
  const arrived = look(places, 1, names[1]).stats64.rx.packets - before;
  costs.set(way, [...(costs.get(way) ?? []), (took * 1e6) / arrived]);
  await end();
  places.close();
  return arrived / SECONDS / 1000;
}

const SERVER = `require('node:net').createServer((s) => s.resume()).listen(9, () => console.log('ready'))`;

/** Gbit/s of one stream of TCP from one namespace to the other. */
async function stream(way: WayName, offload: boolean): Promise<number> {
  const places = await Places.open();
  const { end } = await ways[way](places, offload);
  await meet(places);
  const [program = '', ...rest] = places.inside(1, process.execPath, '-e', SERVER);
  const server = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(server.stdout, 'data');
  const words = [toolPath('blast'), FAR, '9', String(SECONDS), 'send'];
  const said = await output(...places.inside(0, ...words));
  server.kill('SIGKILL');
  await end();
  places.close();
  return (JSON.parse(said) as { gbits: number }).gbits;
}

/** All in turn, round by round; the median of each. */
async function compare(
  title: string,
  names: readonly string[],
  measure: (name: string) => Promise<number>,
): Promise<void> {
  const found = new Map(names.map((name) => [name, [] as number[]]));
  const total = ROUNDS * names.length;
  const progress = new Progress({ what: `bench:switch, ${title}`, total, unit: 'runs' });
  for (let round = 0; round < ROUNDS; round++) {
    // Who goes first changes: what one leaves behind is the other's as often.
    const order = round % 2 === 0 ? names : names.toReversed();
    for (const [i, name] of order.entries()) {
      progress.at(round * names.length + i, name);
      found.get(name)?.push(await measure(name));
    }
  }
  progress.end();
  print(title, names, found);
}

/** Medians, and the first one's share of each: the median over the rounds, from the least to the most. */
function print(
  title: string,
  names: readonly string[],
  found: ReadonlyMap<string, readonly number[]>,
): void {
  const digits = (figure: number): string => figure.toFixed(figure < 10 ? 2 : figure < 100 ? 1 : 0);
  const first = found.get(names[0] ?? '') ?? [];
  const cells = names.map((name, i) => {
    const all = found.get(name) ?? [];
    const figure = digits(median(all));
    const shares = all.map((one, round) => (first[round] ?? Number.NaN) / one);
    const [least, most] = [Math.min(...shares), Math.max(...shares)].map((one) => one.toFixed(2));
    return i === 0 ? figure : `${figure} (${median(shares).toFixed(2)}, ${least}–${most})`;
  });
  while (cells.length < columns) cells.push('–');
  console.log(`| ${title} | ${cells.join(' | ')} |`);
}

const problem = buildTools();
if (problem !== undefined) throw new Error(problem);
setUpNetwork();

console.log('| Gbit/s, one stream | TAP | TUN (TAP / TUN) |');
console.log('|---|---|---|');
for (const offload of [true, false]) {
  const how = offload ? 'offload' : 'no offload';
  for (const [way, title] of [
    ['recv', 'kernel to stack'],
    ['send', 'stack to kernel'],
  ] as const) {
    await compare(`${title}, ${how}`, LINKS, (link) => alone(link as Link, offload, way));
  }
}
console.log(
  '\n| between two TAPs | switch | C copy (switch / C) | kernel bridge, veth (switch / kernel) |',
);
console.log('|---|---|---|---|');
columns = 3;
const all = ['switch', 'copy', 'kernel'];
await compare('thousand frames of 64 bytes a second', all, (way) => frames(way as WayName));
print('µs of CPU a frame, who carries', ['switch', 'copy'], costs);
await compare('Gbit/s, one stream, offload', all, (way) => stream(way as WayName, true));
await compare('Gbit/s, one stream, no offload', ['switch', 'copy'], (way) =>
  stream(way as WayName, false),
);
process.exit();
