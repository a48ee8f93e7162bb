/**
 * The paths of gvproxy's API, so that what drives gvproxy (podman machine, crc, lima, container2wasm) drives a
 * network of ours. Its names, its words and its codes: 400 for what is no request, 500 for what failed.
 * @module
 */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { isIP, isIPv6 } from 'node:net';
import { fromFrames, type SwitchPort } from '../../index.ts';
import { relay } from '../gateway/relay.ts';
import { type Answer, asObject, Refused, type Request } from './asked.ts';
import { gvproxyStats } from './gvproxy-stats.ts';
import type { Network } from './network.ts';
import type { Published } from './publish.ts';
import { notRecorded } from './recorded.ts';

/** Every address of this host, as `:6443` has it: of both families, where it has two. */
const ANY = ['::', '0.0.0.0'];
/** What a system without IPv6 says. */
const NO_IPV6 = ['EAFNOSUPPORT', 'EADDRNOTAVAIL'];
const HIJACK = /^(?:GET|POST) (\/(?:tunnel|connect)(?:\?\S*)?) HTTP\/1\.[01]\r\n/;
const LONGEST_HEAD = 16_384;
/** Milliseconds that a guest may take to answer. */
const DIAL = 30_000;

/** What a body says of `name`, whatever letters are small: so Go reads JSON. */
function fieldOf(body: Record<string, unknown>, name: string): unknown {
  if (Object.hasOwn(body, name)) return body[name];
  const small = name.toLowerCase();
  const found = Object.entries(body).find(([key]) => key.toLowerCase() === small);
  return found?.[1];
}

/** The same, a text; empty if there is none. */
function textOf(body: Record<string, unknown>, name: string): string {
  const found = fieldOf(body, name) ?? '';
  if (typeof found !== 'string') throw new Refused(400, `${name} must be a string`);
  return found;
}

/** `HOST:PORT`, where HOST may be empty; undefined: it is none. */
function readPlace(text: string): { host: string; port: number } | undefined {
  const [, host = '', port = ''] = /^\[?([^\]]*?)\]?:(\d{1,5})$/.exec(text) ?? [];
  return port === '' || Number(port) > 65_535 ? undefined : { host, port: Number(port) };
}

const sayPlace = (host: string, port: number): string =>
  isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;

type Protocol = 'tcp' | 'udp' | 'unix';

/** What a port was exposed with, as it was said. */
interface Told {
  readonly local: string;
  readonly remote: string;
  readonly protocol: Protocol;
}

const told = new WeakMap<Published, Told>();

function readProtocol(body: Record<string, unknown>): Protocol {
  const protocol = textOf(body, 'protocol') || 'tcp';
  if (protocol === 'tcp' || protocol === 'udp' || protocol === 'unix') return protocol;
  throw new Refused(500, `unknown protocol ${protocol}`);
}

/** Where a guest is to be reached. A socket's remote is a URL, those of other ports are none. */
function readRemote(protocol: Protocol, remote: string): { guest: string; guestPort: number } {
  const [, scheme = 'tcp', rest = ''] = /^(?:([a-z-]+):\/\/)?(.*)$/.exec(remote) ?? [];
  if (protocol === 'unix' && scheme !== 'tcp') {
    const message = `remote protocol for unix forwarder is not implemented: ${scheme}`;
    throw new Refused(500, message);
  }
  const place = scheme === 'tcp' ? readPlace(rest) : undefined;
  // Without a host gvproxy takes the caller's, which is a guest there; nobody here is.
  if (place === undefined || place.host === '') {
    throw new Refused(400, `invalid remote address: ${remote}`);
  }
  if (isIP(place.host) === 0) throw new Refused(500, 'invalid remote addr');
  return { guest: place.host, guestPort: place.port };
}

/** Where this host listens: the first of these that it has. */
function readLocal(protocol: Protocol, local: string): { hosts: string[]; port?: number } {
  if (protocol === 'unix') return { hosts: [local] };
  const place = readPlace(local);
  if (place === undefined) throw new Refused(500, `listen ${protocol}: invalid address ${local}`);
  const { host, port } = place;
  return { hosts: host === '' ? ANY : [host === 'localhost' ? '127.0.0.1' : host], port };
}

function exposed(published: Published): Told {
  const { options, port } = published;
  const { protocol = 'tcp', host = '127.0.0.1', guest, guestPort } = options;
  const said = told.get(published);
  // A port that was chosen here is one to be known.
  if (said !== undefined) return { ...said, local: said.local.replace(/:0$/, `:${port}`) };
  const local = protocol === 'unix' ? host : sayPlace(host, port);
  const remote = sayPlace(guest, guestPort);
  return { local, remote: protocol === 'unix' ? `tcp://${remote}` : remote, protocol };
}

/** The port that was exposed with this `local`, or one at the same place. */
function findExposed(network: Network, protocol: Protocol, local: string): Published | undefined {
  const same = network.published.filter((one) => (one.options.protocol ?? 'tcp') === protocol);
  const place = protocol === 'unix' ? undefined : readPlace(local);
  const isAt = ({ options: { host = '127.0.0.1' }, port }: Published): boolean =>
    place !== undefined &&
    port === place.port &&
    (readLocal(protocol, local).hosts.includes(host) || host === place.host);
  return same.find((one) => exposed(one).local === local) ?? same.find(isAt);
}

async function expose(network: Network, body: Record<string, unknown>): Promise<Answer> {
  const protocol = readProtocol(body);
  const [local, remote] = [textOf(body, 'local'), textOf(body, 'remote')];
  const guest = readRemote(protocol, remote);
  const { hosts, port } = readLocal(protocol, local);
  if (port !== 0 && findExposed(network, protocol, local) !== undefined) {
    throw new Refused(500, `proxy already running for ${protocol} on ${local}`);
  }
  for (const [i, host] of hosts.entries()) {
    try {
      const options = { protocol, host, ...(port !== undefined && { port }), ...guest };
      told.set(await network.publish(options), { local, remote, protocol });
      break;
    } catch (error) {
      const { code = '', message } = error as NodeJS.ErrnoException;
      if (i + 1 < hosts.length && NO_IPV6.includes(code)) continue;
      throw new Refused(500, message);
    }
  }
  return {};
}

async function unexpose(network: Network, body: Record<string, unknown>): Promise<Answer> {
  const published = findExposed(network, readProtocol(body), textOf(body, 'local'));
  if (published === undefined) throw new Refused(500, 'proxy not found');
  await network.unpublish({ ...published.options, port: published.port });
  return {};
}

/** An address, or none. */
function addressOf(body: Record<string, unknown>, name: string): string {
  const address = textOf(body, name);
  if (address === '' || isIP(address) !== 0) return address;
  throw new Refused(400, `invalid IP address: ${address}`);
}

async function addZone(network: Network, body: Record<string, unknown>): Promise<Answer> {
  const name = textOf(body, 'Name');
  if (name === '') throw new Refused(400, 'the zone has no Name');
  const given = fieldOf(body, 'Records') ?? [];
  if (!Array.isArray(given)) throw new Refused(400, 'Records must be a list');
  const byName = new Map<string, string[]>();
  for (const record of given.map(asObject)) {
    // Go's expressions take linear time, and JavaScript's what a guest's question makes them take.
    if (fieldOf(record, 'Regexp')) throw new Refused(400, 'records by Regexp are not supported');
    const IP = addressOf(record, 'IP');
    if (IP === '') throw new Refused(400, 'a record has no IP');
    const label = textOf(record, 'Name').toLowerCase();
    byName.set(label, [...(byName.get(label) ?? []), IP]); // of both families, perhaps
  }
  const other = addressOf(body, 'DefaultIP');
  network.dns.names.addZone({
    ...{ name, records: Object.fromEntries(byName) },
    ...(other !== '' && { default: other }),
  });
  return {};
}

/** Zones as gvproxy shows them, those of single names included. */
function zonesOf({ dns: { names } }: Network): unknown[] {
  const zones = new Map<string, { Name: string; IP: string }[]>();
  for (const [name, addresses] of Object.entries(names.list())) {
    const dot = name.indexOf('.');
    const zone = dot < 0 ? '' : name.slice(dot + 1);
    const records = zones.get(zone) ?? [];
    for (const IP of addresses) records.push({ Name: dot < 0 ? name : name.slice(0, dot), IP });
    zones.set(zone, records);
  }
  const single = [...zones].map(([zone, Records]) => ({
    Name: `${zone}.`,
    Records,
    DefaultIP: '',
  }));
  const own = names.zones.map((zone) => ({
    Name: `${zone.name}.`,
    Records: Object.entries(zone.records).flatMap(([Name, its]) =>
      [its].flat().map((IP) => ({ Name, IP })),
    ),
    DefaultIP: zone.default ?? '',
  }));
  return [...single, ...own];
}

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

const byLocal = (one: Told, other: Told): number =>
  compare(one.local, other.local) || compare(one.protocol, other.protocol);

/** Whose each address is: the gateway's, those that are kept, and those that are lent. */
function leasesOf(network: Network): Record<string, string> {
  const { dhcp, address, stack, reservations } = network;
  return {
    [address]: stack.hardwareAddress() ?? '',
    ...Object.fromEntries(
      Object.entries(reservations).map(([mac, kept]) => [
        kept,
        mac.toLowerCase().replaceAll('-', ':'),
      ]),
    ),
    ...Object.fromEntries(dhcp.leases.map((lease) => [lease.address, lease.mac])),
  };
}

/** Numbers of ports, which stay theirs while others come and go. */
const numbers = new WeakMap<SwitchPort, number>();
const counts = new WeakMap<Network, number>();

/** At which machine's port each station was heard; the gateway's own is none. */
function stationsOf(network: Network): Record<string, number> {
  for (const port of network.machines) {
    if (numbers.has(port)) continue;
    const number = counts.get(network) ?? 0;
    numbers.set(port, number);
    counts.set(network, number + 1);
  }
  const found = network.switch
    .stations()
    .map(({ mac, port }) => [mac, numbers.get(port)] as const)
    .filter((one): one is [string, number] => one[1] !== undefined);
  return Object.fromEntries(found);
}

/** Of one of gvproxy's paths; undefined: it is none. */
export async function answerGvproxy(
  network: Network,
  { method, path, body }: Request,
): Promise<Answer | undefined> {
  const posts = ['/services/forwarder/expose', '/services/forwarder/unexpose', '/services/dns/add'];
  if (posts.includes(path) && method !== 'POST') throw new Refused(400, 'post only');
  switch (path) {
    case '/services/forwarder/expose':
      return expose(network, asObject(body));
    case '/services/forwarder/unexpose':
      return unexpose(network, asObject(body));
    case '/services/forwarder/all':
      return { json: network.published.map(exposed).sort(byLocal) };
    case '/services/dns/add':
      return addZone(network, asObject(body));
    case '/services/dns/all':
      return { json: zonesOf(network) };
    case '/services/dhcp/leases':
    case '/leases':
      return { json: leasesOf(network) };
    case '/cam':
      return { json: stationsOf(network) };
    case '/stats':
      return { json: gvproxyStats(network.carried, network.stack.stats()) };
    default:
      return undefined;
  }
}

/** Whether a connection's first text asks for the connection itself. */
export const isHijack = (begin: Uint8Array): boolean =>
  HIJACK.test(Buffer.from(begin.subarray(0, 2048)).toString('latin1'));

/** Give the connection what it asks for: a guest's port (`/tunnel`), or a port of the switch (`/connect`). */
export async function hijack(network: Network, socket: Socket): Promise<void> {
  const head = await readHead(socket);
  const url = head && HIJACK.exec(head)?.[1];
  if (url === undefined) {
    socket.destroy();
    return;
  }
  const { pathname, searchParams } = new URL(url, 'http://network');
  if (pathname === '/connect') {
    network.plug(fromFrames(socket, { framing: 'gvproxy', mtu: network.mtu }));
    return;
  }
  const [host = '', port] = [searchParams.get('ip') ?? '', Number(searchParams.get('port'))];
  const isGood = isIP(host) !== 0 && port >= 1 && port <= 65_535;
  if (!isGood || network.isRecorded) {
    const bad = host === '' ? 'ip is mandatory' : `invalid address: ${host}:${port}`;
    const why = isGood ? notRecorded('what comes by a tunnel').message : bad;
    const head = `content-type: text/plain; charset=utf-8\r\ncontent-length: ${why.length + 1}`;
    socket.end(`HTTP/1.1 500 Internal Server Error\r\n${head}\r\n\r\n${why}\n`);
    return;
  }
  socket.write('OK'); // and no more: this is no answer of HTTP
  const guest = network.stack.net.connect({
    host,
    port,
    allowHalfOpen: true,
    noDelay: true,
    zeroCopy: true,
  });
  try {
    await once(guest, 'connect', { signal: AbortSignal.timeout(DIAL) });
    relay(socket, guest, () => {});
  } catch {
    guest.on('error', () => {}).destroy();
    socket.destroy();
  }
}

/** The head of a request; what follows stays in the socket. Undefined if it does not come. */
async function readHead(socket: Socket): Promise<string | undefined> {
  let head = Buffer.alloc(0);
  for (;;) {
    const piece: Buffer | null = socket.read();
    if (piece === null) {
      if (socket.destroyed || socket.readableEnded) return undefined;
      await Promise.race([once(socket, 'readable'), once(socket, 'close')]).catch(() => {});
      continue;
    }
    head = Buffer.concat([head, piece]);
    const end = head.indexOf('\r\n\r\n');
    if (end >= 0) {
      if (head.length > end + 4) socket.unshift(head.subarray(end + 4));
      return head.subarray(0, end + 4).toString('latin1');
    }
    if (head.length > LONGEST_HEAD) return undefined;
  }
}
