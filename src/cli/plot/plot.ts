/**
 * `tunstack plot`: a connection out of a capture, or out of a trace of `npm run sim`, as a picture.
 * @module
 */
import { createReadStream, statSync, writeFileSync } from 'node:fs';
import { packetFilter } from '../../index.ts';
import { Connections, type SeenConnection } from '../../lab.ts';
import { Progress } from '../progress.ts';
import type { Screen } from '../screen.ts';
import { readCapture } from '../watch/pcap-reader.ts';
import { plural, size } from '../words.ts';
import { between, fromTrace, type Life } from './life.ts';
import type { PlotOptions } from './options.ts';
import { plot } from './svg.ts';

/** A trace is text, which must be in memory at once. */
const LONGEST_TRACE = 2 ** 29;
const MIB = 2 ** 20;

/** Draw what was asked for. Gives the exit code. */
export async function runPlot(options: PlotOptions, screen: Screen): Promise<number> {
  const { file, from, to, out } = options;
  const filter = packetFilter(options.filter); // what is wrong with it is said before anything is read
  try {
    const head = await firstOctet(file);
    const isTrace = head === 0x7b || head === 0x5b; // { or [
    const life = isTrace
      ? fromTrace(JSON.parse(await textOf(file)), file)
      : await fromCapture(options, filter, screen);
    if (life === undefined) return 0;
    const part =
      from === undefined && to === undefined ? life : between(life, from ?? 0, to ?? Infinity);
    const picture = plot(part, from, to);
    if (out === undefined) process.stdout.write(picture);
    else writeFileSync(out, picture);
    return 0;
  } catch (error) {
    screen.complain(`${file}: ${(error as Error).message}`);
    return 1;
  }
}

async function firstOctet(file: string): Promise<number | undefined> {
  for await (const part of createReadStream(file, { end: 0 })) return (part as Buffer)[0];
  return undefined;
}

async function textOf(file: string): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of createReadStream(file)) {
    length += (part as Buffer).length;
    if (length > LONGEST_TRACE) throw new Error('the trace is too long');
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** The direction that has carried more. */
const mainOf = ({ directions: [forth, back] }: SeenConnection): 0 | 1 =>
  back.sequence.bytes > forth.sequence.bytes ? 1 : 0;

const carried = ({ directions: [forth, back] }: SeenConnection): number =>
  forth.sequence.bytes + back.sequence.bytes;

function lineOf({ from, to, packets, directions: [forth, back] }: SeenConnection): string {
  const say = ({ bytes, resent }: typeof forth.sequence): string =>
    `${size(bytes)}${resent > 0 ? ` (${size(resent)} again)` : ''}`;
  return `${from} > ${to}  ${plural(packets, 'packet')}, ${say(forth.sequence)} forth, ${say(back.sequence)} back`;
}

/** The connection that was meant, or of several the one that carried most; undefined after a list. */
async function fromCapture(
  { file, filter: words, reverse, list }: PlotOptions,
  filter: ReturnType<typeof packetFilter>,
  screen: Screen,
): Promise<Life | undefined> {
  const connections = new Connections();
  const stream = createReadStream(file);
  const total = Math.ceil(statSync(file).size / MIB);
  const poll = (): number => Math.floor(stream.bytesRead / MIB);
  const progress = new Progress({ what: `reading ${file}`, total, unit: 'MiB', poll });
  try {
    for await (const { bytes, micros, isFrame } of readCapture(stream)) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      if (words !== '' && !filter.matches(view, 0, bytes.length, isFrame)) continue;
      connections.take(micros, view, 0, bytes.length, isFrame);
    }
  } finally {
    progress.end();
  }
  const { all } = connections;
  if (list) for (const one of all) screen.line(lineOf(one));
  if (list) return undefined;
  const [first] = all;
  if (first === undefined) {
    throw new Error(words === '' ? 'no TCP is in it' : `no TCP in it is ${words}`);
  }
  const chosen = all.reduce((most, one) => (carried(one) > carried(most) ? one : most), first);
  if (all.length > 1) {
    screen.note(`${plural(all.length, 'connection')}; this is the one that carried most:`);
    screen.note(lineOf(chosen));
  }
  const way = (mainOf(chosen) ^ (reverse ? 1 : 0)) as 0 | 1;
  const { events } = chosen.directions[way];
  const [source, destination] = way === 0 ? [chosen.from, chosen.to] : [chosen.to, chosen.from];
  const began = Math.min(...chosen.directions.map((one) => one.events[0]?.at ?? Infinity));
  return { title: `${source} > ${destination}`, began, events, knowsSack: true };
}
