/**
 * `npm run siege`: nmap's scans and hping3's floods against `tunstack serve`, the longest packets, and
 * `tunstack forward` under load. In a network namespace of its own, where scripts/siege.mjs starts it.
 * Ends with 1 if anything is not as it should be.
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { constants, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Progress, span } from '../../src/cli/progress.ts';
import { endAll } from '../support/process.ts';
import { root } from '../support/root.ts';
import { BOUNDS, bounds } from './bounds.ts';
import { besiege, type Campaign, FORTRESS, FORTRESS6, type Outcome } from './campaign.ts';
import type { Finding } from './finding.ts';
import { FORWARD, forwardBy, WAYS } from './gateway.ts';
import { faults, fillAll, PARTS, type Part, type Report, tables } from './page.ts';
import { longPingsOut } from './sizes.ts';

const PAGES = ['docs/internet.md', 'docs/security.md'];
const USAGE = `npm run siege -- [options]

  --seconds N    of each flood, 1 to 60 (default 5)
  --only WORDS   what has one of them in its name: SYN, nmap, fragments; or storms, ipv6, forward, bounds
                 (default: all)
  --list         say what would run, and about how long it takes
  --docs         write the tables into docs/internet.md and docs/security.md as well: of whole parts
  --no-install   do not install nmap, hping3 and what else is missing
`;
const MOST_SECONDS = 60;
/**
 * About how long things take, in seconds: what warms up, a scan, what each flood takes beyond its time, the longest
 * packets, one way of `forward`, a hostile host.
 */
const Takes = { WARM: 20, SCAN: 8, BESIDE: 3, SIZES: 10, WAY: 25, HOSTILE: 140 } as const;
const WARM_UP = 'every flood briefly, to warm up';

interface Options {
  readonly seconds: number;
  readonly docs: boolean;
  readonly list: boolean;
  wanted(name: string): boolean;
  /** All of them, if `storms` are wanted, or `ipv6`. */
  wantedStorm(part: Part, name: string): boolean;
}

function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: 'string', default: '5' },
      only: { type: 'string', default: '' },
      docs: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
    },
  });
  const seconds = Number(values.seconds);
  if (!(seconds >= 1 && seconds <= MOST_SECONDS)) {
    throw new RangeError(`--seconds ${values.seconds}: give 1 to ${MOST_SECONDS}`);
  }
  const words = values.only.split(',').filter((word) => word !== '');
  if (values.docs && !words.every((word) => (PARTS as readonly string[]).includes(word))) {
    throw new RangeError(`--docs wants whole parts: ${PARTS.join(', ')}`);
  }
  const wanted = (name: string): boolean =>
    words.length === 0 || words.some((word) => name.toLowerCase().includes(word.toLowerCase()));
  const wantedStorm = (part: Part, name: string): boolean => wanted(part) || wanted(name);
  return { seconds, docs: values.docs, list: values.list, wanted, wantedStorm };
}

/** What would run: by name, with about how many seconds and findings. */
interface Step {
  readonly name: string;
  readonly seconds: number;
  readonly findings: number;
}

/** The two that are stormed, and how many findings of the longest packets there are at each. */
const STORMED = [
  { part: 'storms', fortress: FORTRESS, sizes: 3 },
  { part: 'ipv6', fortress: FORTRESS6, sizes: 2 },
] as const;

function stormSteps(
  { part, fortress, sizes }: (typeof STORMED)[number],
  { seconds, wantedStorm }: Options,
): Step[] {
  const { scans, floods } = fortress.storms(seconds, '');
  const steps: Step[] = [
    ...scans.map(({ name }) => ({ name, seconds: Takes.SCAN, findings: 1 })),
    ...floods.map(({ name }) => ({ name, seconds: seconds + Takes.BESIDE, findings: 1 })),
  ].filter(({ name }) => wantedStorm(part, name));
  if (steps.length === 0) return [];
  return [
    { name: WARM_UP, seconds: Takes.WARM, findings: 0 },
    ...steps,
    { name: 'the longest packets', seconds: Takes.SIZES, findings: sizes },
  ];
}

function plan(options: Options): Step[] {
  const { wanted } = options;
  const steps = STORMED.flatMap((stormed) => stormSteps(stormed, options));
  for (const { name } of wanted('forward') ? WAYS : []) {
    steps.push({ name: `tunstack forward, ${name}`, seconds: Takes.WAY, findings: FORWARD });
  }
  if (wanted('bounds')) {
    steps.push({ name: 'a hostile host', seconds: Takes.HOSTILE, findings: BOUNDS });
  }
  return steps;
}

const total = (steps: readonly Step[], of: 'seconds' | 'findings'): number =>
  steps.reduce((sum, step) => sum + step[of], 0);

/** Says each finding as it is there, how many of how many, and on a terminal when the last one comes. */
class Teller {
  readonly #total: number;
  readonly #progress: Progress;
  readonly #began: number = Date.now();
  #told = 0;

  constructor(steps: readonly Step[]) {
    this.#total = total(steps, 'findings');
    this.#progress = new Progress({ what: 'siege', total: this.#total, unit: 'findings' });
    const time = span(total(steps, 'seconds'));
    console.error(`${steps.length} parts, ${this.#total} findings, about ${time}`);
  }

  readonly storm = ({ storm, packets, during, after, wrong }: Outcome): void => {
    const lost = during.lost > 0 ? ` (${during.lost} of ${during.sent} lost)` : '';
    this.#say(
      `${storm.name}: ${packets} packets, echo ${during.p50} ms${lost}, then ${after.p50}, ` +
        `at most ${after.max} ms${wrong === '' ? '' : `: ${wrong}`}`,
    );
  };

  readonly finding = ({ what, found, good }: Finding): void => {
    this.#say(`${what}: ${found}${good ? '' : ' - NOT GOOD'}`);
  };

  end(): void {
    this.#progress.end();
  }

  #say(text: string): void {
    this.#told++;
    console.error(
      `${this.#told} of ${this.#total}, ${span((Date.now() - this.#began) / 1000)}: ${text}`,
    );
    this.#progress.at(this.#told);
  }
}

/** The storms of one part; none if none is wanted. */
async function campaignOf(
  stormed: (typeof STORMED)[number],
  options: Options,
  teller: Teller,
): Promise<Campaign | undefined> {
  if (stormSteps(stormed, options).length === 0) return undefined;
  const { part, fortress } = stormed;
  const isWanted = (name: string): boolean => options.wantedStorm(part, name);
  return besiege(fortress, options.seconds, isWanted, teller.storm);
}

async function all(options: Options, steps: readonly Step[], command: string): Promise<Report> {
  const { wanted } = options;
  const began = new Date();
  const teller = new Teller(steps);
  try {
    const campaign = await campaignOf(STORMED[0], options, teller);
    const campaign6 = await campaignOf(STORMED[1], options, teller);
    campaign6?.sizes.forEach(teller.finding);
    const sizes = campaign === undefined ? [] : [...campaign.sizes, await longPingsOut()];
    sizes.forEach(teller.finding);
    const ways: { name: string; findings: Finding[] }[] = [];
    for (const way of wanted('forward') ? WAYS : []) {
      console.error(`tunstack forward, ${way.name}`);
      ways.push({ name: way.name, findings: await forwardBy(way, teller.finding) });
    }
    if (wanted('bounds')) console.error('a hostile host');
    const hostile = wanted('bounds') ? await bounds(teller.finding) : [];
    const took = (Date.now() - began.getTime()) / 1000;
    const started = began.toISOString();
    return { campaign, campaign6, sizes, ways, hostile, command, started, seconds: took };
  } finally {
    teller.end();
  }
}

/** What was started here ends with this: by a signal, by a failure, and when who started this is gone. */
function leaveNothing(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      endAll();
      process.exit(128 + constants.signals[signal]);
    });
  }
  process.on('exit', endAll);
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.exit(1);
  }, 1000).unref();
}

async function main(args: string[]): Promise<number> {
  const options = readOptions(args);
  const steps = plan(options);
  if (steps.length === 0) throw new RangeError('--only: nothing has such a name');
  if (options.list) {
    for (const { name, seconds } of steps) console.log(`${`${seconds} s`.padStart(6)}  ${name}`);
    console.log(`about ${span(total(steps, 'seconds'))}`);
    return 0;
  }
  const foreign = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  if (foreign.some((one) => !one.internal)) {
    console.error('this floods a network, so it runs only in one of its own: npm run siege');
    return 1;
  }
  leaveNothing();
  const words = args.filter((word) => word !== '--docs').join(' ');
  const report = await all(options, steps, `npm run siege${words === '' ? '' : ` -- ${words}`}`);
  const text = tables(report);
  console.log(`\n${text}`);
  if (options.docs) {
    for (const page of PAGES.map((name) => join(root, name))) {
      writeFileSync(page, fillAll(readFileSync(page, 'utf8'), report));
      console.error(page);
    }
  }
  const wrong = faults(report);
  console.log(wrong.length === 0 ? '\nall is good' : `\nNOT GOOD\n${wrong.join('\n')}`);
  return wrong.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`siege: ${(error as Error).message}`);
  if (error instanceof RangeError || error instanceof TypeError) console.error(USAGE);
  process.exitCode = 1;
}
