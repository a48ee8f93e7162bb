/**
 * `tunstack tunnel up`: the tunnel that a file describes, on a TUN of this host or in a stack of this process, until it is
 * stopped.
 * @module
 */
import { performance } from 'node:perf_hooks';
import {
  capture,
  type Device,
  joinDevices,
  openTun,
  type Stack,
  type TapDevice,
  type TunDevice,
  tap,
} from '../../index.ts';
import type { Facts } from '../../page/live/watched.ts';
import { pageOnHost } from '../page.ts';
import type { Screen } from '../screen.ts';
import { size } from '../words.ts';
import { nameFor, readTunnelFile } from './file.ts';
import { DEFAULT_TABLE, HostSide, runCommands } from './host.ts';
import type { OpenedTunnel, TunnelFile } from './kind.ts';
import type { TunnelUpOptions } from './options.ts';
import { endedLine, report } from './report.ts';
import { openRootless } from './rootless.ts';
import { ago } from './show.ts';

/** Bring it up until `stopped` settles or it is gone. Gives the exit code. */
export async function tunnelUp(
  options: TunnelUpOptions,
  screen: Screen,
  stopped: Promise<unknown>,
): Promise<number> {
  const file = readTunnelFile(options.file);
  const { commands } = file;
  if (commands.length > 0 && !options.allowCommands) {
    const names = [...new Set(commands.map(({ when }) => when))].join(', ');
    throw new Error(`${options.file} asks for commands to be run (${names}): see --allow-commands`);
  }
  const name = options.tun ?? nameFor(options.file);
  return options.rootless
    ? await upRootless(file, name, options, screen, stopped)
    : await upOnHost(file, name, options, screen, stopped);
}

async function upRootless(
  file: TunnelFile,
  name: string,
  options: TunnelUpOptions,
  screen: Screen,
  stopped: Promise<unknown>,
): Promise<number> {
  const tunnel = await file.open({ name, offload: true, mark: 0, control: false });
  for (const note of tunnel.notes) screen.complain(note);
  const device = tap(captured(tunnel.device, options.pcap));
  const inside = await openRootless({ ...tunnel, device }, options).catch(async (error) => {
    await tunnel.close();
    throw error;
  });
  const ready = {
    ...{ tunnel: file.kind, address: tunnel.addresses.join(','), mtu: tunnel.device.mtu },
    ...inside.ready,
  };
  try {
    tunnel.connect();
    const watched = { name, device, stack: inside.stack };
    return await waitFor(tunnel, watched, ready, options, screen, inside.lost, stopped);
  } finally {
    await inside.close();
    await tunnel.close();
  }
}

async function upOnHost(
  file: TunnelFile,
  name: string,
  options: TunnelUpOptions,
  screen: Screen,
  stopped: Promise<unknown>,
): Promise<number> {
  await runCommands(file.commands, 'PreUp', name);
  const { offload, spin } = options;
  const waiting = spin > 0 ? 'adaptive' : 'event';
  const tun = await openTun({ name, mtu: file.mtu, offload, waiting, spinMicros: spin });
  const host = new HostSide();
  let tunnel: OpenedTunnel | undefined;
  let isUp = false;
  try {
    const isDefault = file.table === 'auto' && file.routes.some((route) => route.endsWith('/0'));
    const mark = isDefault ? DEFAULT_TABLE : 0;
    tunnel = await file.open({ name, offload: tun.headerLength > 0, mark, control: true });
    const device = tap(captured(tun, options.pcap));
    const joint = joinDevices(device, tunnel.device);
    const notes = [...tunnel.notes, ...(await host.set(name, tunnel))];
    for (const note of notes) screen.complain(note);
    await runCommands(file.commands, 'PostUp', name);
    isUp = true;
    const ready = {
      ...{ tunnel: file.kind, tun: name, address: tunnel.addresses.join(',') },
      ...{ mtu: tun.mtu, routes: tunnel.routes.join(',') },
    };
    const lost = joint.ended.then((error) => error ?? new Error(`${name} was closed`));
    return await waitFor(tunnel, { name, device }, ready, options, screen, lost, stopped);
  } finally {
    if (isUp) await ranLast(file, 'PreDown', name, screen);
    await host.end();
    await closeAll(tun, tunnel);
    if (isUp) await ranLast(file, 'PostDown', name, screen);
  }
}

async function closeAll(tun: TunDevice, tunnel: OpenedTunnel | undefined): Promise<void> {
  await tunnel?.close();
  await tun.close();
}

/** A command at the end that fails keeps nothing up. */
async function ranLast(
  { commands }: TunnelFile,
  when: string,
  name: string,
  screen: Screen,
): Promise<void> {
  await runCommands(commands, when, name).catch((error: Error) => screen.complain(error.message));
}

/** What a page may look at. */
interface Inside {
  readonly name: string;
  readonly device: TapDevice;
  readonly stack?: Stack;
}

/** The peers, as a table of the page. */
const peerFacts = (peers: ReturnType<OpenedTunnel['peers']>): Facts => ({
  title: 'Peers',
  columns: ['peer', 'endpoint', 'handshake', 'in', 'out', 'lost'],
  rows: peers.map(({ name, endpoint = '–', lastHandshake, receivedBytes, sentBytes, loss }) => [
    ...[name, endpoint],
    lastHandshake === 0 ? 'none yet' : ago((Date.now() - lastHandshake) / 1000),
    ...[size(receivedBytes), size(sentBytes), `${(loss * 100).toFixed(1)} %`],
  ]),
});

/** Say that it is ready, then how it stands, until it ends. */
async function waitFor(
  tunnel: OpenedTunnel,
  { name, device, stack }: Inside,
  place: Readonly<Record<string, string | number>>,
  options: TunnelUpOptions,
  screen: Screen,
  lost: Promise<Error>,
  stopped: Promise<unknown>,
): Promise<number> {
  const { json, interval } = options;
  const began = performance.now();
  const bytes = (of: 'receivedBytes' | 'sentBytes'): number =>
    tunnel.peers().reduce((sum, peer) => sum + peer[of], 0);
  const page = await pageOnHost(options, () => ({
    ...(stack && { stack }),
    device,
    about: () => ({
      ...{ command: 'tunnel', device: name, medium: 'ip', addresses: tunnel.addresses },
      uptime: (performance.now() - began) / 1000,
    }),
    totals: () => ({ bytesIn: bytes('receivedBytes'), bytesOut: bytes('sentBytes') }),
    facts: () => [peerFacts(tunnel.peers())],
  }));
  const ready = { ...place, ...page.ready };
  const words = Object.entries(ready).map(([key, value]) => `${key}=${value}`);
  screen.line(json ? JSON.stringify({ event: 'ready', ...ready }) : `ready ${words.join(' ')}`);
  const end = report(screen, tunnel, { json, interval });
  const error = await Promise.race([lost, stopped.then(() => undefined)]);
  await page.close();
  end();
  const peers = tunnel.peers();
  screen.line(json ? JSON.stringify({ event: 'ended', peers }) : endedLine(peers));
  if (error === undefined) return 0;
  screen.complain(error.message);
  return 1;
}

const captured = (device: Device, pcap: string | undefined): Device =>
  pcap === undefined ? device : capture(device, pcap);
