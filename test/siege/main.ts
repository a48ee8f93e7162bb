/**
 * `npm run siege`: nmap's scans and hping3's floods against `tunstack serve`, the longest packets, and
 * `tunstack forward` under load. In a network namespace of its own, where scripts/siege.mjs starts it.
 * Ends with 1 if anything is not as it should be.
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Progress } from '../../src/cli/progress.ts';
import { root } from '../support/root.ts';
import { bounds } from './bounds.ts';
import {
  besiege,
  type Campaign,
  FORTRESS,
  FORTRESS6,
  type Fortress,
  type Outcome,
} from './campaign.ts';
import type { Finding } from './finding.ts';
import { forwardBy, WAYS } from './gateway.ts';
import { faults, fillAll, PARTS, type Part, type Report, tables } from './page.ts';
import { longPingsOut } from './sizes.ts';

const PAGES = ['docs/internet.md', 'docs/security.md'];
const USAGE = `npm run siege -- [options]

  --seconds N    of each flood, 1 to 60 (default 5)
  --only WORDS   what has one of them in its name: SYN, nmap, fragments; or storms, ipv6, forward, bounds
                 (default: all)
  --docs         write the tables into docs/internet.md and docs/security.md as well: of whole parts
  --no-install   do not install nmap, hping3 and what else is missing
`;
const MOST_SECONDS = 60;

interface Options {
  readonly seconds: number;
  readonly docs: boolean;
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
  return { seconds, docs: values.docs, wanted, wantedStorm };
}

function tellStorm({ storm, packets, during, after, wrong }: Outcome): void {
  const lost = during.lost > 0 ? ` (${during.lost} of ${during.sent} lost)` : '';
  console.error(
    `${storm.name}: ${packets} packets, echo ${during.p50} ms${lost}, then ${after.p50}, ` +
      `at most ${after.max} ms${wrong === '' ? '' : `: ${wrong}`}`,
  );
}

function tell({ what, found, good }: Finding): void {
  console.error(`${what}: ${found}${good ? '' : ' - NOT GOOD'}`);
}

/** The storms of one part; none if none is wanted. */
async function campaignOf(
  part: Part,
  fortress: Fortress,
  { seconds, wantedStorm }: Options,
): Promise<Campaign | undefined> {
  const played = fortress.storms(seconds, '');
  const isWanted = (name: string): boolean => wantedStorm(part, name);
  const storms = [...played.scans, ...played.floods].map(({ name }) => name).filter(isWanted);
  if (storms.length === 0) return undefined;
  const progress = new Progress({ what: 'siege', total: storms.length, unit: 'storms' });
  let over = 0;
  const tellOver = (outcome: Outcome): void => {
    tellStorm(outcome);
    progress.at(++over, storms[over] ?? '');
  };
  return besiege(fortress, seconds, isWanted, tellOver).finally(() => progress.end());
}

async function all(options: Options, command: string): Promise<Report> {
  const { wanted } = options;
  const began = new Date();
  const campaign = await campaignOf('storms', FORTRESS, options);
  const campaign6 = await campaignOf('ipv6', FORTRESS6, options);
  campaign6?.sizes.forEach(tell);
  const sizes = campaign === undefined ? [] : [...campaign.sizes, await longPingsOut()];
  sizes.forEach(tell);
  const ways: { name: string; findings: Finding[] }[] = [];
  for (const way of wanted('forward') ? WAYS : []) {
    console.error(`tunstack forward, ${way.name}`);
    ways.push({ name: way.name, findings: await forwardBy(way, tell) });
  }
  if (wanted('bounds')) console.error('a hostile host');
  const hostile = wanted('bounds') ? await bounds(tell) : [];
  const took = (Date.now() - began.getTime()) / 1000;
  const started = began.toISOString();
  return { campaign, campaign6, sizes, ways, hostile, command, started, seconds: took };
}

async function main(args: string[]): Promise<number> {
  const options = readOptions(args);
  const foreign = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  if (foreign.some((one) => !one.internal)) {
    console.error('this floods a network, so it runs only in one of its own: npm run siege');
    return 1;
  }
  const words = args.filter((word) => word !== '--docs').join(' ');
  const report = await all(options, `npm run siege${words === '' ? '' : ` -- ${words}`}`);
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
