/**
 * `npm run bench:switch`: a stack on a TAP against the same on a TUN; and what passes between two network
 * namespaces through a switch of ours with a TAP in each, through a C program that copies from one TAP to the other,
 * and through the kernel's own bridge. Medians of rounds in which all have their turn, as rows of Markdown.
 * @module
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { Progress } from '../../src/cli/progress.ts';
import { createStack, createSwitch, openTap, openTun, type Stack } from '../../src/index.ts';
import { buildTools, toolPath } from '../link/native.ts';
import { setUpNetwork } from '../link/network.ts';
import { Port } from '../link/protocol.ts';
import { type NetLike, serveNet } from '../link/services.ts';

const ROUNDS = Number(process.argv[2] ?? 3);
const SECONDS = Number(process.argv[3] ?? 2);
const HOST = '10.92.0.1';
const OURS = '10.92.0.2';
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

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

/** Ends all that was begun. */
type End = () => Promise<unknown>;

async function stackOn(kind: 'tun' | 'tap', offload: boolean): Promise<End> {
  const open = kind === 'tun' ? openTun : openTap;
  const device = await open({ name: `${kind}b`, hostAddress: `${HOST}/24`, offload });
  const stack: Stack = createStack({ device, address: `${OURS}/24` });
  await serveNet(stack.net as unknown as NetLike, OURS);
  return () => stack.close({ linger: 0 });
}

/** Gbit/s of text between the kernel and a stack. */
async function throughput(kind: 'tun' | 'tap', offload: boolean, verb: string): Promise<number> {
  const end = await stackOn(kind, offload);
  const port = verb === 'send' ? Port.DISCARD : Port.SOURCE;
  const said = await output(toolPath('blast'), OURS, String(port), String(SECONDS), verb);
  await end();
  return (JSON.parse(said) as { gbits: number }).gbits;
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
}

const TAPS = ['swa', 'swb'] as const;

const ways = {
  async switch(places: Places, offload: boolean): Promise<Way> {
    const bridge = createSwitch();
    for (const [i, name] of TAPS.entries()) {
      bridge.plug(await openTap({ name, offload }));
      places.take(i, name);
    }
    return { names: TAPS, end: () => bridge.close() };
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
    return { names: TAPS, end };
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

/** Thousands of the shortest frames that arrive in a second. */
async function frames(way: WayName): Promise<number> {
  const places = await Places.open();
  const { names, end } = await ways[way](places, false);
  await meet(places);
  const { address, stats64 } = look(places, 1, names[1]);
  const words = ['send', names[0], address, String(SHORT), String(SECONDS)];
  await output(...places.inside(0, toolPath('frames'), ...words));
  const arrived = look(places, 1, names[1]).stats64.rx.packets - stats64.rx.packets;
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
    for (const [i, name] of names.entries()) {
      progress.at(round * names.length + i, name);
      found.get(name)?.push(await measure(name));
    }
  }
  progress.end();
  const figures = names.map((name) => median(found.get(name) ?? []));
  const digits = (figure: number): string => figure.toFixed(figure < 10 ? 2 : figure < 100 ? 1 : 0);
  const [first = 0] = figures;
  const cells = figures.map((figure, i) =>
    i === 0 ? digits(figure) : `${digits(figure)} (${(first / figure).toFixed(2)})`,
  );
  console.log(`| ${title} | ${cells.join(' | ')} |`);
}

const problem = buildTools();
if (problem !== undefined) throw new Error(problem);
setUpNetwork();

console.log('| Gbit/s, one stream | TAP | TUN (TAP / TUN) |');
console.log('|---|---|---|');
for (const offload of [true, false]) {
  const how = offload ? 'offload' : 'no offload';
  for (const [verb, way] of [
    ['send', 'kernel to stack'],
    ['recv', 'stack to kernel'],
  ] as const) {
    await compare(`${way}, ${how}`, ['tap', 'tun'], (kind) =>
      throughput(kind as 'tap' | 'tun', offload, verb),
    );
  }
}
console.log(
  '\n| between two TAPs | switch | C copy (switch / C) | kernel bridge, veth (switch / kernel) |',
);
console.log('|---|---|---|---|');
const all = ['switch', 'copy', 'kernel'];
await compare('thousand frames of 64 bytes a second', all, (way) => frames(way as WayName));
await compare('Gbit/s, one stream, offload', all, (way) => stream(way as WayName, true));
await compare('Gbit/s, one stream, no offload', ['switch', 'copy'], (way) =>
  stream(way as WayName, false),
);
process.exit();
