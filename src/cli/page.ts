/**
 * The live page of a command on an address of this host: `--page` and `--page-capture`.
 * @module
 */
import { isIP } from 'node:net';
import { type Command, InvalidArgumentError } from 'commander';
import { liveServer } from '../page/live/live.ts';
import type { Watched } from '../page/live/watched.ts';
import type { PageServer } from '../page/server.ts';
import { numberFrom } from './values.ts';

/** Where the page listens on this host. */
export interface PagePlace {
  readonly host: string;
  readonly port: number;
}

/** What commands with a page have been told. */
export interface PageOptions {
  /** Undefined: nowhere on this host. */
  readonly page: PagePlace | undefined;
  /** A capture may be begun from it. */
  readonly pageCapture: boolean;
}

/** What commander has read. */
export interface PageRead {
  page?: PagePlace;
  pageCapture?: true;
}

function parsePlace(text: string): PagePlace {
  const [, host = '', port = ''] = /^\[?([^\]]*?)\]?:(\d+)$/.exec(text) ?? [];
  if (isIP(host) !== 0) return { host, port: numberFrom(port, 0, 65_535, true) };
  throw new InvalidArgumentError('Give ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080.');
}

/** Add the options. */
export const withPage = (command: Command): Command =>
  command
    .option('--page <address:port>', 'a live page on this address of this host', parsePlace)
    .option('--page-capture', 'let who looks at the page capture packets, 32 MiB at most');

export const pageOptions = ({ page, pageCapture }: PageRead): PageOptions => ({
  ...{ page, pageCapture: pageCapture === true },
});

/** A page that is open, and its address for the ready line. */
export interface OpenedPage {
  readonly server: PageServer;
  readonly ready: Readonly<Record<string, string>>;
}

/** The page of a command that has none but where it is asked for. */
export async function pageOnHost(
  options: PageOptions,
  watched: () => Watched,
): Promise<{ readonly ready: OpenedPage['ready']; close(): Promise<void> }> {
  if (options.page === undefined) return { ready: {}, close: async () => {} };
  const { server, ready } = await openPage(options, watched());
  return { ready, close: server.close };
}

/** Serve the page of what is watched. Throws where it cannot listen, with the way out in the message. */
export async function openPage(
  { page, pageCapture }: PageOptions,
  watched: Watched,
): Promise<OpenedPage> {
  const server = liveServer(watched, { capture: pageCapture });
  if (page === undefined) return { server, ready: {} };
  const { host, port } = page;
  try {
    const got = await server.listen(port, host);
    return { server, ready: { page: `http://${host.includes(':') ? `[${host}]` : host}:${got}/` } };
  } catch (error) {
    throw new Error(`option '--page': ${(error as Error).message}`);
  }
}
