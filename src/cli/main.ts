#!/usr/bin/env node
/**
 * The command `tunstack`: reads its arguments, does what they ask, ends with the right exit code:
 * 0 for good, 1 where it failed or nothing answered, 2 where it was asked wrongly (255 in `tuntap`, as
 * `ip tuntap` has it).
 * @module
 */
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { parse } from './options.ts';
import { Screen } from './screen.ts';

/** How long what is left over may hold up the end, in milliseconds. */
const LAST_GRACE = 2000;
/** Signals within so many milliseconds are one. */
const SAME = 500;

function version(): string {
  const file = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/**
 * Settles with the first SIGINT or SIGTERM; a second one ends the process as it stands. A terminal tells all programs
 * in front of it, and `npm` and `timeout` tell theirs once more: what comes at once is the same.
 */
function stopped(): Promise<void> {
  return new Promise((resolve) => {
    const signals = ['SIGINT', 'SIGTERM'] as const;
    let told: number | undefined;
    const stop = (signal: NodeJS.Signals): void => {
      const now = performance.now();
      told ??= now;
      resolve();
      if (now - told < SAME) return;
      for (const each of signals) process.off(each, stop);
      process.kill(process.pid, signal);
    };
    for (const signal of signals) process.on(signal, stop);
  });
}

/** Each command is loaded when it is asked for: what all of them import is half a thousand files. */
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
      return (await import('./serve/serve.ts')).serve(request.options, screen, stopped());
    case 'ping':
      return (await import('./ping.ts')).ping(request.options, screen, stopped());
    case 'forward':
      return (await import('./forward/forward.ts')).forward(request.options, screen, stopped());
    case 'network':
      return (await import('./network/network.ts')).network(request.options, screen, stopped());
    case 'replay':
      return (await import('./replay.ts')).runReplay(request.file, request.json, screen);
    case 'traceroute':
      return (await import('./traceroute.ts')).traceroute(request.options, screen, stopped());
    case 'lab':
      return (await import('./lab/lab.ts')).runLab(request.options, screen, stopped());
    case 'plot':
      return (await import('./plot/plot.ts')).runPlot(request.options, screen);
    case 'ss':
      return (await import('./watch/watch.ts')).ss(request.options, screen);
    case 'nstat':
      return (await import('./watch/watch.ts')).nstat(request.options, screen);
    case 'top':
      return (await import('./watch/watch.ts')).top(request.options, screen, stopped());
    case 'dump':
      return (await import('./watch/watch.ts')).dump(request.options, screen, stopped());
    case 'tunnel-up':
      return (await import('./tunnel/up.ts')).tunnelUp(request.options, screen, stopped());
    case 'tunnel-serve':
      return (await import('./tunnel/serve.ts')).tunnelServe(request.options, screen, stopped());
    case 'wg':
      return (await import('./tunnel/wg.ts')).runWg(request.words, screen);
    case 'tuntap':
      return (await import('./tuntap.ts')).runTuntap(request.words, screen);
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
