/**
 * The commands that look at a running one: `ss`, `nstat`, `capture`, `dump` and `top`.
 * @module
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { packetFilter, type SocketLine, type StackStats } from '../../index.ts';
import { ask, findControl, finish, open } from '../control/client.ts';
import type { About } from '../control/server.ts';
import { Progress } from '../progress.ts';
import type { Screen } from '../screen.ts';
import { plural } from '../words.ts';
import { dumpLine } from './dump-line.ts';
import { changes, History, nstatLines } from './nstat.ts';
import type { DumpOptions, NstatOptions, SsOptions, TopOptions } from './options.ts';
import { readCapture } from './pcap-reader.ts';
import { socketFilter } from './ss-filter.ts';
import { ssLines } from './ss-lines.ts';
import { Top } from './top.ts';

/** The sockets of a running command, as `ss` shows them. */
export async function ss(options: SsOptions, screen: Screen): Promise<number> {
  const { tcp, udp, info, timers, all, listening } = options;
  const test = socketFilter(options.filter, { all, listening });
  const wanted = { tcp: tcp || !udp, udp: udp || !tcp };
  const socket = await findControl(options);
  const sockets = await ask<SocketLine[]>(socket, `/v1/sockets${info ? '?info' : ''}`);
  const found = sockets.filter(
    (one) => wanted[one.protocol] && isVersion(one, options.version) && test(one),
  );
  if (options.json) {
    screen.line(JSON.stringify(found));
    return 0;
  }
  const columns = { netid: wanted.tcp && wanted.udp, header: options.header, timers, info };
  for (const line of ssLines(found, columns)) screen.line(line);
  return 0;
}

function isVersion(
  { localAddress, remoteAddress }: SocketLine,
  version: 4 | 6 | undefined,
): boolean {
  if (version === undefined || (localAddress === '*' && remoteAddress === '*')) return true;
  const isSix = (localAddress === '*' ? remoteAddress : localAddress).includes(':');
  return isSix === (version === 6);
}

/** The counters of a running command, as `nstat` shows them. */
export async function nstat(options: NstatOptions, screen: Screen): Promise<number> {
  const socket = await findControl(options);
  const stats = await ask<StackStats>(socket, '/v1/stats');
  const history = new History(socket);
  const before = options.absolute || options.reset ? undefined : history.read();
  const shown = changes(stats, before, options);
  if (options.json) screen.line(JSON.stringify({ tunstack: Object.fromEntries(shown) }));
  else for (const line of nstatLines(shown)) screen.line(line);
  if (options.update) history.write(stats);
  return 0;
}

/** Write what passes to a file, or print it, until it is stopped or there are enough. */
export async function dump(
  options: DumpOptions,
  screen: Screen,
  stopped: Promise<unknown>,
): Promise<number> {
  packetFilter(options.filter); // what is wrong with it is said before anything is opened
  const stream = await source(options);
  void stopped.then(() => {
    if (stream instanceof IncomingMessage) finish(stream);
    else stream.destroy();
  });
  if (options.write !== undefined) return writeFile(stream, options.write, screen);
  const count = await print(stream, options, screen);
  screen.note(`${plural(count, 'packet')}`);
  return 0;
}

async function source(options: DumpOptions): Promise<Readable> {
  if (options.read !== undefined) return createReadStream(options.read);
  const filter = encodeURIComponent(options.filter);
  return open(await findControl(options), `/v1/capture?filter=${filter}`);
}

async function print(stream: Readable, options: DumpOptions, screen: Screen): Promise<number> {
  // What comes from the socket is filtered there.
  const filter = options.read === undefined ? undefined : packetFilter(options.filter);
  let count = 0;
  try {
    for await (const packet of readCapture(stream)) {
      const { bytes, isFrame } = packet;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      if (filter?.matches(view, 0, bytes.length, isFrame) === false) continue;
      screen.line(dumpLine(packet));
      if (++count >= options.count) break;
    }
  } catch (error) {
    if (!isEnd(error)) throw error;
  }
  return count;
}

async function writeFile(stream: Readable, path: string, screen: Screen): Promise<number> {
  const file =
    path === '-' ? process.stdout : createWriteStream(path, { flags: 'wx', mode: 0o600 });
  stream.on('error', () => {}); // an end is no failure: what came is in the file
  let bytes = 0;
  stream.on('data', (piece: Buffer) => {
    bytes += piece.length;
  });
  const poll = (): number => Math.floor(bytes / 1000);
  const progress = new Progress({ what: `capture to ${path}`, unit: 'kB', poll });
  try {
    stream.pipe(file, { end: path !== '-' });
    await Promise.race([finished(file, { readable: false }), closed(stream)]);
    if (path !== '-') file.end();
    if (path !== '-') await finished(file, { readable: false });
  } catch (error) {
    stream.destroy();
    screen.complain((error as Error).message);
    return 1;
  } finally {
    progress.end();
  }
  return 0;
}

const closed = (stream: Readable): Promise<void> =>
  new Promise((resolve) => {
    stream.once('close', resolve);
  });

const isEnd = (error: unknown): boolean =>
  ['ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE', 'ABORT_ERR'].includes(
    (error as NodeJS.ErrnoException).code ?? '',
  );

/** Who moves how much, again and again. */
export async function top(
  options: TopOptions,
  screen: Screen,
  stopped: Promise<unknown>,
): Promise<number> {
  const socket = await findControl(options);
  const about = await ask<About>(socket, '/v1/about');
  const view = new Top(about, options, process.stdin, process.stdout);
  let isOver = false;
  void Promise.race([stopped, view.quit]).then(() => {
    isOver = true;
  });
  try {
    for (let round = 0; round < options.rounds && !isOver; round++) {
      const [stats, sockets] = await Promise.all([
        ask<StackStats>(socket, '/v1/stats'),
        ask<SocketLine[]>(socket, '/v1/sockets?info'),
      ]);
      view.show(stats, sockets);
      if (round + 1 < options.rounds) await view.wait(stopped);
    }
    return 0;
  } finally {
    view.close();
    void screen;
  }
}
