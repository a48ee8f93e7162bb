#!/usr/bin/env node
/**
 * The command `tunstack`: reads its arguments, does what they ask, ends with the right exit code:
 * 0 for good, 1 where it failed or nothing answered, 2 where it was asked wrongly (255 in `tuntap`, as
 * `ip tuntap` has it).
 * @module
 */
import { readFileSync } from 'node:fs';
import { forward } from './forward/forward.ts';
import { network } from './network/network.ts';
import { parse } from './options.ts';
import { ping } from './ping.ts';
import { runReplay } from './replay.ts';
import { Screen } from './screen.ts';
import { serve } from './serve/serve.ts';
import { traceroute } from './traceroute.ts';
import { tunnelServe } from './tunnel/serve.ts';
import { tunnelUp } from './tunnel/up.ts';
import { runWg } from './tunnel/wg.ts';
import { runTuntap } from './tuntap.ts';
import { dump, nstat, ss, top } from './watch/watch.ts';

/** How long what is left over may hold up the end, in milliseconds. */
const LAST_GRACE = 2000;

function version(): string {
  const file = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** Settles with the first SIGINT or SIGTERM; the second one ends the process as it stands. */
function stopped(): Promise<void> {
  return new Promise((resolve) => {
    const signals = ['SIGINT', 'SIGTERM'] as const;
    const stop = (): void => {
      for (const signal of signals) process.off(signal, stop);
      resolve();
    };
    for (const signal of signals) process.on(signal, stop);
  });
}

async function main(args: readonly string[], screen: Screen): Promise<number> {
  const request = parse(args, version());
  switch (request.command) {
    case 'say':
      process.stdout.write(request.text);
      return 0;
    case 'refuse':
      screen.complain(request.reason);
      return 2;
    case 'serve':
      return serve(request.options, screen, stopped());
    case 'ping':
      return ping(request.options, screen, stopped());
    case 'forward':
      return forward(request.options, screen, stopped());
    case 'network':
      return network(request.options, screen, stopped());
    case 'replay':
      return runReplay(request.file, request.json, screen);
    case 'traceroute':
      return traceroute(request.options, screen, stopped());
    case 'ss':
      return ss(request.options, screen);
    case 'nstat':
      return nstat(request.options, screen);
    case 'top':
      return top(request.options, screen, stopped());
    case 'dump':
      return dump(request.options, screen, stopped());
    case 'tunnel-up':
      return tunnelUp(request.options, screen, stopped());
    case 'tunnel-serve':
      return tunnelServe(request.options, screen, stopped());
    case 'wg':
      return runWg(request.words, screen);
    case 'tuntap':
      return runTuntap(request.words, screen);
  }
}

// Whoever reads may go before we do (`tunstack serve | head -1`): that is no failure of ours.
for (const end of [process.stdout, process.stderr]) end.on('error', () => {});

const screen = new Screen(process.stdout, process.stderr);
try {
  process.exitCode = await main(process.argv.slice(2), screen);
} catch (error) {
  screen.status('');
  screen.complain(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
// All is closed, so the process ends by itself. Should anything hold it, it ends all the same.
setTimeout(() => process.exit(), LAST_GRACE).unref();
