/**
 * `tunstack serve`: a stack on a TUN with the small services and the page, until it is stopped.
 * @module
 */
import { performance } from 'node:perf_hooks';
import type { StackStats } from '../../index.ts';
import type { Facts } from '../../page/live/watched.ts';
import type { PageServer } from '../../page/server.ts';
import { carriedLine, counted } from '../forward/carried.ts';
import type { TunOptions } from '../options-tun.ts';
import { openPage, type PageOptions } from '../page.ts';
import type { Screen } from '../screen.ts';
import { named, openSession } from '../session.ts';
import { showStatus } from '../status.ts';
import { size } from '../words.ts';
import { type Carried, startServices } from './services.ts';

/** Connections that the page and its JSON list; of the others only the number is told. */
const MOST_CONNECTIONS = 100;

/** What each service has carried, as a table of the page. */
const carriedFacts = (carried: Readonly<Record<string, Carried>>): Facts => ({
  title: 'Services',
  columns: ['service', 'open', 'connections', 'in', 'out', 'datagrams in', 'out'],
  rows: Object.entries(carried).map(([name, one]) => [
    ...[name, one.open, one.connections, size(one.bytesIn), size(one.bytesOut)],
    ...[one.datagramsIn, one.datagramsOut],
  ]),
});

/** Serve until `stopped` settles or the device is gone. Gives the exit code. */
export async function serve(
  options: TunOptions & PageOptions,
  screen: Screen,
  stopped: Promise<unknown>,
): Promise<number> {
  const started = performance.now();
  const session = await openSession(options, screen, { command: 'serve' });
  const { stack, tun, hostAddress, address, hostAddress6, address6, lost, close } = session;
  let page: PageServer | undefined;
  try {
    const read = (): StackStats => stack.stats();
    const { device, about } = session;
    const opened = await openPage(options, {
      ...{ stack, device, about, facts: () => [carriedFacts(services.carried())] },
      numbers: () => ({
        tun: tun.name,
        address: address ?? address6 ?? '',
        offload: tun.offload.tso4,
        uptimeSeconds: Math.round((performance.now() - started) / 1000),
        stack: read(),
        services: services.carried(),
        connections: stack.connections(MOST_CONNECTIONS),
      }),
    });
    page = opened.server;
    const services = await startServices({
      net: stack.net,
      dgram: stack.dgram,
      address: address6 === undefined ? (address ?? '::') : '::', // of both families
      now: () => new Date(),
      page: page.connected,
    });
    const both = address6 === undefined ? {} : { host6: hostAddress6, address6 };
    const ready = {
      ...named(options, tun),
      ...(address !== undefined && { host: hostAddress, address }),
      mtu: tun.mtu,
      ...both,
      ...opened.ready,
    };
    const words = Object.entries(ready).map(([name, value]) => `${name}=${value}`);
    screen.line(
      options.json ? JSON.stringify({ event: 'ready', ...ready }) : `ready ${words.join(' ')}`,
    );
    const endStatus = showStatus(screen, read, () => services.open);
    const error = await Promise.race([lost, stopped.then(() => undefined)]);
    endStatus();
    const stats = read();
    const carried = services.carried();
    const connections = stack.connections(MOST_CONNECTIONS);
    await services.close();
    screen.line(
      options.json
        ? JSON.stringify({ event: 'carried', stack: stats, services: carried, connections })
        : carriedLine(counted(stats), carried),
    );
    if (error === undefined) return 0;
    screen.complain(error.message);
    return 1;
  } finally {
    await page?.close();
    await close();
  }
}
