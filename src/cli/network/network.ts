/**
 * `tunstack network`: a switch for machines, and a gateway that gives them addresses, names and a way out by this
 * host's own sockets, until it is stopped.
 * @module
 */
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import {
  type DatagramOptions,
  type Device,
  listenForMachines,
  type MachineServer,
  openDatagrams,
  openTap,
  type SwitchPort,
} from '../../index.ts';
import type { Facts } from '../../page/live/watched.ts';
import {
  type AuditLine,
  Control,
  createNetwork,
  type Network,
  type NetworkStatus,
  type PolicyOptions,
  Recorder,
  type Rule,
  readStatus,
  sayRules,
} from '../../services.ts';
import { flowFacts } from '../forward/forward.ts';
import { moveInto, moveIPv6 } from '../netns.ts';
import { pageOnHost } from '../page.ts';
import type { Screen } from '../screen.ts';
import { hostOf } from '../session.ts';
import { plural, size } from '../words.ts';
import type { ListenPlace, NetworkCommand } from './options.ts';
import { joinPolicies } from './policy-file.ts';

/** Of a file that is slow to be written, so much waits in memory. */
const WAITING = 64 << 20;
const STATUS_EVERY = 1000; // milliseconds

/** What to paste into a shell, by where machines connect. QEMU 7.2 and later. */
export function qemuOption({ path, host = '', port = 0, datagrams = false }: ListenPlace): string {
  const address =
    path === undefined
      ? `addr.type=inet,addr.host=${host},addr.port=${port}`
      : `addr.type=unix,addr.path=${comma(path)}`;
  const cable = datagrams
    ? `dgram,id=net0,local.type=unix,local.path=${comma(`${path}.vm`)},remote.type=unix,remote.path=${comma(path ?? '')}`
    : `stream,id=net0,server=off,${address}`;
  return `-netdev ${quoted(cable)} -device virtio-net-pci,netdev=net0`;
}

/** A comma ends an option of QEMU's, unless there are two. */
const comma = (path: string): string => path.replaceAll(',', ',,');

/** As a shell takes it for one word. */
const quoted = (word: string): string =>
  /^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** The last line. */
export function networkLine({ flows, leases, dhcp, dns, guests }: NetworkStatus): string {
  const spoofed = guests.spoofed + guests.rogueDhcp + guests.rogueRouter + guests.tooMany;
  return [
    `carried ${plural(flows.tcp, 'TCP flow')}`,
    plural(flows.udp, 'UDP flow'),
    `${size(flows.bytesOut)} out`,
    `${size(flows.bytesIn)} in`,
    `refused ${flows.denied} by the policy, ${flows.failed} at the far end, ${flows.full} for want of room`,
    `cut ${flows.cut}`,
    `lent ${dhcp.ack}, ${leases.length} now`,
    `answered ${dns.local + dns.cached + dns.resolved} of ${dns.queries} names, refused ${dns.refused}`,
    ...(spoofed > 0 ? [`dropped ${spoofed} frames from addresses of others`] : []),
  ].join(', ');
}

/** The status line. */
const statusText = ({ flows, leases, ports }: NetworkStatus): string =>
  [
    `${plural(ports.length - 1, 'port')}`,
    plural(leases.length, 'lease'),
    `${plural(flows.tcpOpen + flows.udpOpen, 'open flow')}`,
    `out ${size(flows.bytesOut)}`,
    `in ${size(flows.bytesIn)}`,
    `refused ${flows.denied}`,
  ].join('  ');

/** A file of lines, which is not waited for. */
interface LineFile {
  take(line: string): boolean;
  end(): Promise<void>;
}

function lineFile(path: string, flags: 'a' | 'w', screen: Screen): LineFile {
  const stream = createWriteStream(path, { flags, mode: 0o600 });
  stream.on('error', (error) => screen.complain(`${path} has ended: ${error.message}`));
  return {
    take: (line) => {
      if (stream.errored || stream.writableLength > WAITING) return false;
      stream.write(line);
      return true;
    },
    end: () =>
      new Promise((done) => {
        if (stream.errored) done();
        else stream.end(() => done());
      }),
  };
}

const pick = ({ clock, random }: Recorder): Pick<Recorder, 'clock' | 'random'> => ({
  clock,
  random,
});

/** Machines, by all the ways that the options name. */
async function plugAll(
  network: Network,
  options: NetworkCommand,
  screen: Screen,
): Promise<Place[]> {
  const { mtu, framing, record } = options;
  const offload = record === undefined ? 'auto' : false;
  for (const name of options.taps) network.plug(await openTap({ name, mtu, offload }), { name });
  for (const netns of options.netns) {
    const tap = await openTap({ mtu, offload });
    network.plug(tap, { name: netns });
    const bits = options.address.split('/')[1];
    const index = options.netns.indexOf(netns);
    const address = `${freeAddress(network.address, index)}/${bits}`;
    await moveInto(netns, { name: tap.name, address, mtu, via: network.address });
    const via6 = network.address6;
    if (via6 === undefined) continue;
    const { name } = tap;
    try {
      await moveIPv6(netns, { name, address: `${freeAddress6(via6, index)}/64`, via: via6 });
    } catch {
      screen.note(`tunstack: ${netns} has no IPv6`); // by its sysctls: it has IPv4
    }
  }
  const servers: Place[] = [];
  let count = 0;
  const plug = (device: Device): SwitchPort | undefined => {
    try {
      const plugged = network.plug(device);
      void plugged.unplugged.then((error) => {
        if (error) screen.complain(`${plugged.name} is gone: ${error.message}`);
      });
      return plugged;
    } catch (error) {
      screen.complain((error as Error).message);
      void device.close();
      return undefined;
    }
  };
  for (const { path, host, port, datagrams } of options.listen) {
    if (datagrams) {
      servers.push(datagramPlace({ path: path as string, mtu, name: `m${count++}` }, plug, screen));
      continue;
    }
    const place = path === undefined ? { port: port as number, host: host as string } : { path };
    const server = await listenForMachines({ ...place, framing, mtu, name: `m${count++}-` }, plug);
    servers.push(server);
  }
  return servers;
}

/** Where machines plug in. */
type Place = Pick<MachineServer, 'address' | 'close'>;

/** A socket of datagrams has one machine, and when that is gone the next one. */
function datagramPlace(
  options: DatagramOptions,
  plug: (device: Device) => SwitchPort | undefined,
  screen: Screen,
): Place {
  const ending = new AbortController();
  const { signal } = ending;
  let next: Promise<Device>;
  const serve = async (): Promise<void> => {
    while (!signal.aborted) {
      next = openDatagrams({ ...options, signal });
      await plug(await next)?.unplugged;
    }
  };
  serve().catch((error: Error) => {
    if (!signal.aborted) screen.complain(`${options.path} has ended: ${error.message}`);
  });
  return {
    address: options.path,
    close: async () => {
      ending.abort();
      await next.catch(() => {});
    },
  };
}

/** For a namespace, which asks nobody: an address below the pool, the second and on. */
function freeAddress(gateway: string, index: number): string {
  const octets = hostOf(`${gateway}/`).split('.').map(Number);
  octets[3] = (octets[3] as number) + 1 + index; // it has four
  return octets.join('.');
}

/** The same of IPv6. */
function freeAddress6(gateway: string, index: number): string {
  const parsed = ipaddr.IPv6.parse(gateway);
  parsed.parts[7] = ((parsed.parts[7] as number) + 1 + index) & 0xffff; // it has eight
  return parsed.toString();
}

/** Leases, ports, flows and names, as tables of the page. */
const networkFacts = ({ leases, ports, flows, dns, dhcp, guests }: NetworkStatus): Facts[] => [
  {
    title: 'Leases',
    columns: ['address', 'hardware address', 'name', 'left', 'of IPv6'],
    rows: leases.map(({ address, mac, name, left, addresses6 }) => [
      ...[address, mac, name === '' ? '–' : name, `${Math.round(left)} s`],
      addresses6.length === 0 ? '–' : addresses6.join(' '),
    ]),
  },
  {
    title: 'Ports',
    columns: ['port', 'frames in', 'out', 'in', 'out', 'queued', 'stations'],
    rows: ports.map((port) => [
      ...[port.name, port.framesIn, port.framesOut, size(port.bytesIn), size(port.bytesOut)],
      ...[port.queued, port.stations],
    ]),
  },
  flowFacts(flows),
  {
    title: 'Names and addresses',
    columns: ['', 'count'],
    rows: Object.entries({ ...dns, ...dhcp, ...guests })
      .filter(([, count]) => typeof count === 'number' && count > 0)
      .map(([name, count]) => [name, count as number]),
  },
];

/** Serve until `stopped` settles. Gives the exit code. */
export async function network(
  options: NetworkCommand,
  screen: Screen,
  stopped: Promise<unknown>,
): Promise<number> {
  const { json, policyFile, publish, control: path } = options;
  const audit = options.audit === undefined ? undefined : lineFile(options.audit, 'a', screen);
  const readPolicy = async (): Promise<PolicyOptions> =>
    joinPolicies(
      options.policy,
      policyFile === undefined ? undefined : await readFile(policyFile, 'utf8'),
    );
  const given = {
    ...{ address: options.address, leaseTime: options.leaseTime, mtu: options.mtu },
    ...(options.address6 !== undefined && { address6: options.address6 }),
    ...{ reservations: options.reservations, domain: options.domain },
    ...(options.pool && { pool: options.pool }),
    dns: { names: options.names, ...(options.servers && { servers: options.servers }) },
    policy: await readPolicy(),
    ...{ flows: options.flows, udpIdle: options.udpIdle },
    ...{ isolated: options.isolated, guard: options.guard },
  };
  const record = options.record === undefined ? undefined : lineFile(options.record, 'w', screen);
  const recorder = record && new Recorder(given, record.take);
  const made = createNetwork({
    ...(recorder ? { ...recorder.options, recorder, ...pick(recorder) } : given),
    ...{ socks5: options.socks5, from: options.from },
    ...(audit && { audit: (line: AuditLine) => audit.take(`${JSON.stringify(line)}\n`) }),
    ...(options.pcap !== undefined && { pcap: options.pcap }),
    complain: (text) => screen.complain(text),
  });
  const reload = async (): Promise<number> => made.replacePolicy(await readPolicy());
  const hangUp = (): void => {
    reload().then(
      (cut) => screen.note(`tunstack: the policy was read again, ${plural(cut, 'flow')} cut`),
      (error: Error) => screen.complain(`the policy stays as it was: ${error.message}`),
    );
  };
  const control = new Control(made, policyFile === undefined ? {} : { reload });
  const began = performance.now();
  let servers: Place[] = [];
  let closePage = async (): Promise<void> => {};
  try {
    await made.ready;
    servers = await plugAll(made, options, screen);
    for (const one of publish) await made.publish(one);
    if (path !== undefined) await control.listen(path);
    process.on('SIGHUP', hangUp);
    const page = await pageOnHost(options, () => ({
      ...{ stack: made.stack, device: made.uplink, facts: () => networkFacts(readStatus(made)) },
      about: () => ({
        ...{ command: 'network', device: 'gateway', medium: 'ethernet' },
        ...{ addresses: made.stack.addresses, uptime: (performance.now() - began) / 1000 },
      }),
    }));
    closePage = page.close;
    sayReady(made, options, servers, screen, page.ready);
    const timer = screen.live
      ? setInterval(() => screen.status(statusText(readStatus(made))), STATUS_EVERY)
      : undefined;
    await stopped;
    clearInterval(timer);
    screen.status('');
    const status = readStatus(made);
    screen.line(json ? JSON.stringify({ event: 'carried', ...status }) : networkLine(status));
    return 0;
  } finally {
    process.off('SIGHUP', hangUp);
    await closePage();
    await control.close();
    await Promise.all(servers.map((server) => server.close()));
    await made.close();
    await Promise.all([audit?.end(), record?.end()]);
    if (recorder && recorder.lost > 0) screen.complain('the recording is not whole');
  }
}

const bracketed = (address: string): string => (isIPv6(address) ? `[${address}]` : address);

function sayReady(
  { address, hostAlias, address6, hostAlias6, mtu, published, policy }: Network,
  { listen, taps, netns, control, json, policyFile, socks5 }: NetworkCommand,
  servers: readonly Place[],
  screen: Screen,
  page: Readonly<Record<string, string>>,
): void {
  const places = listen.map((place, i) => {
    const at = servers[i]?.address;
    return typeof at === 'object' && at !== null ? { ...place, port: at.port } : place;
  });
  const ports = published.map(
    ({ options: { protocol, host = '127.0.0.1', guest, guestPort }, port }) =>
      `${bracketed(host)}:${port}:${bracketed(guest)}:${guestPort}/${protocol ?? 'tcp'}`,
  );
  const { rules = [], default: otherwise } = policy.options;
  const open = sayRules(rules.filter((rule): rule is Rule => typeof rule === 'object'));
  const ready = {
    gateway: address,
    ...(hostAlias !== undefined && { host: hostAlias }),
    ...(address6 !== undefined && { gateway6: address6 }),
    ...(hostAlias6 !== undefined && { host6: hostAlias6 }),
    mtu,
    via: socks5 === undefined ? 'direct' : `socks5://${socks5.host}:${socks5.port}`,
    ...(policyFile === undefined ? { open } : { policy: policyFile }),
    ...(otherwise && { default: otherwise }),
    ...(taps.length > 0 && { taps: taps.join(',') }),
    ...(netns.length > 0 && { netns: netns.join(',') }),
    ...(ports.length > 0 && { published: ports.join(',') }),
    ...(control !== undefined && { control }),
    ...page,
  };
  const options = places.map(qemuOption);
  if (json) {
    screen.line(
      JSON.stringify({ event: 'ready', ...ready, ...(options.length > 0 && { qemu: options }) }),
    );
    return;
  }
  const words = Object.entries(ready).map(([name, value]) => `${name}=${value}`);
  screen.line(`ready ${words.join(' ')}`);
  for (const option of options) screen.line(`qemu ${option}`);
}
