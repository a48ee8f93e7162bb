/**
 * `tunstack forward`: every TCP and UDP flow of a TUN, carried out through this host's own sockets or a
 * SOCKS5 proxy, until it is stopped.
 * @module
 */

import type { Facts } from '../../page/live/watched.ts';
import { createGateway, type GatewayCounters, type SocksProxy, sayRules } from '../../services.ts';
import { moveInto, moveIPv6 } from '../netns.ts';
import { pageOnHost } from '../page.ts';
import type { Screen } from '../screen.ts';
import { hostOf, named, openSession, type Session } from '../session.ts';
import { showStatus } from '../status.ts';
import { plural, size } from '../words.ts';
import type { ForwardOptions } from './options.ts';

/** What the ready line calls the places that only a rule opens that names them. */
const CLOSED = 'this-host,loopback,link-local,metadata';

/** The last line. */
export function forwardedLine(carried: GatewayCounters): string {
  return [
    `forwarded ${plural(carried.tcp, 'TCP flow')}`,
    `${plural(carried.udp, 'UDP flow')}`,
    `${size(carried.bytesOut)} out`,
    `${size(carried.bytesIn)} in`,
    `refused ${carried.denied} by rule, ${carried.failed} at the far end, ${carried.full} for want of room`,
    ...(carried.looped > 0 ? [`${carried.looped} that came back by the TUN`] : []),
  ].join(', ');
}

const sayPlace = ({ host, port }: SocksProxy): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

/** What the ready line says of IPv6; nothing where the namespace has none, and nobody has asked for it. */
async function placeIPv6(
  { stack, tun, hostAddress6, address6 }: Session,
  { netns, tap, isDefault6 }: ForwardOptions,
  screen: Screen,
): Promise<{ host6?: string; address6?: string }> {
  if (hostAddress6 === undefined || address6 === undefined) return {};
  stack.addRoute('::/0', tap ? { gateway: hostOf(hostAddress6) } : { device: tun.name });
  if (netns === undefined) return { host6: hostAddress6, address6 };
  try {
    const via = tap ? address6 : undefined;
    await moveIPv6(netns, { name: tun.name, address: hostAddress6, via });
    return { host6: hostAddress6, address6 };
  } catch (error) {
    if (!isDefault6) throw error;
    screen.complain(`IPv4 only: ${(error as Error).message}`);
    return {};
  }
}

/** What was carried, as a table of the page. */
export const flowFacts = (carried: GatewayCounters): Facts => ({
  title: 'Flows',
  columns: ['', 'count'],
  rows: [
    ['TCP, open now', carried.tcpOpen],
    ['TCP, all', carried.tcp],
    ['UDP, open now', carried.udpOpen],
    ['UDP, all', carried.udp],
    ['out', size(carried.bytesOut)],
    ['in', size(carried.bytesIn)],
    ['refused by a rule', carried.denied],
    ['failed at the far end', carried.failed],
    ['refused for want of room', carried.full],
  ],
});

/** Forward until `stopped` settles or the device is gone. Gives the exit code. */
export async function forward(
  options: ForwardOptions,
  screen: Screen,
  stopped: Promise<unknown>,
): Promise<number> {
  const { socks5, netns, json } = options;
  const session = await openSession({ ...options, gateway: false }, screen, {
    command: 'forward',
    isMoved: netns !== undefined,
  });
  const { stack, tun, lost, close } = session;
  const { hostAddress = options.hostAddress, address = options.address } = session;
  let closePage = async (): Promise<void> => {};
  try {
    const way = options.tap ? { gateway: hostOf(hostAddress) } : { device: tun.name };
    stack.addRoute('0.0.0.0/0', way);
    if (netns !== undefined) {
      const via = options.tap ? address : undefined;
      await moveInto(netns, { name: tun.name, address: hostAddress, mtu: tun.mtu, via });
    }
    const ipv6 = await placeIPv6(session, options, screen);
    const gateway = createGateway(stack, {
      ...{ socks5, from: options.from, rules: options.rules },
      ...{ flows: options.flows, udpIdle: options.udpIdle },
      complain: (text) => screen.complain(text),
    });
    const page = await pageOnHost(options, () => ({
      ...{ stack, device: session.device, about: session.about },
      facts: () => [flowFacts(gateway.carried())],
    }));
    closePage = page.close;
    const via = socks5 === undefined ? 'direct' : `socks5://${sayPlace(socks5)}`;
    const device = { ...named(options, tun), host: hostAddress, address, mtu: tun.mtu };
    const place = { ...device, ...ipv6, via };
    const ways = { open: sayRules(options.rules), closed: CLOSED };
    const ready = { ...place, ...ways, ...page.ready, ...(netns !== undefined && { netns }) };
    const words = Object.entries(ready).map(([name, value]) => `${name}=${value}`);
    screen.line(json ? JSON.stringify({ event: 'ready', ...ready }) : `ready ${words.join(' ')}`);
    const endStatus = showStatus(
      screen,
      () => stack.stats(),
      () => gateway.counters.tcpOpen + gateway.counters.udpOpen,
    );
    const error = await Promise.race([lost, stopped.then(() => undefined)]);
    endStatus();
    const carried = gateway.carried();
    screen.line(
      json
        ? JSON.stringify({ event: 'forwarded', ...carried, stack: stack.stats() })
        : forwardedLine(carried),
    );
    if (error === undefined) return 0;
    screen.complain(error.message);
    return 1;
  } finally {
    await closePage();
    await close();
  }
}
