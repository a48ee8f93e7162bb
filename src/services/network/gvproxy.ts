/**
 * The paths of gvproxy's API, so that what drives gvproxy (podman machine, crc, lima, container2wasm) drives a
 * network of ours. Its names, its words and its codes: 400 for what is no request, 500 for what failed.
 * @module
 */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { isIP, isIPv6 } from 'node:net';
import { fromFrames } from '../../index.ts';
import { relay } from '../gateway/relay.ts';
import { type Answer, asObject, Refused, type Request } from './asked.ts';
import type { Network } from './network.ts';
import type { Published, PublishOptions } from './publish.ts';

/** gvproxy's own for anybody's address: `:6443`. */
const ANY = '0.0.0.0';
const HIJACK = /^(?:GET|POST) (\/(?:tunnel|connect)(?:\?\S*)?) HTTP\/1\.[01]\r\n/;
const LONGEST_HEAD = 16_384;
/** Milliseconds that a guest may take to answer. */
const DIAL = 30_000;

/** `HOST:PORT`, where HOST may be empty. */
function readPlace(text: unknown): { host: string; port: number } {
  const [, host = '', port = ''] = /^\[?([^\]]*?)\]?:(\d{1,5})$/.exec(String(text ?? '')) ?? [];
  if (port === '' || Number(port) > 65_535) throw new Refused(400, `invalid address: ${text}`);
  return { host, port: Number(port) };
}

const sayPlace = (host: string, port: number): string =>
  isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;

type Protocol = 'tcp' | 'udp' | 'unix';

function readLocal({ local, protocol = 'tcp' }: Record<string, unknown>): {
  protocol: Protocol;
  host: string;
  port?: number;
} {
  if (protocol === 'unix') return { protocol, host: String(local ?? '') };
  if (protocol !== 'tcp' && protocol !== 'udp') {
    throw new Refused(500, `unknown protocol ${protocol}`);
  }
  const { host, port } = readPlace(local);
  return { protocol, host: host === '' ? ANY : host === 'localhost' ? '127.0.0.1' : host, port };
}

function readExpose(body: Record<string, unknown>): PublishOptions {
  const local = readLocal(body);
  const remote = String(body['remote'] ?? '').replace(/^tcp:\/\//, '');
  const { host, port } = readPlace(remote);
  // Without one gvproxy takes the caller's, which is a guest there; nobody here is.
  if (isIP(host) === 0) throw new Refused(400, `invalid remote address: ${remote}`);
  return { ...local, guest: host, guestPort: port };
}

function exposed({ options, port }: Published): Record<string, string> {
  const { protocol = 'tcp', host = '127.0.0.1', guest, guestPort } = options;
  const local = protocol === 'unix' ? host : sayPlace(host === ANY ? '' : host, port);
  return { local, remote: sayPlace(guest, guestPort), protocol };
}

async function addZone(network: Network, body: Record<string, unknown>): Promise<Answer> {
  const { Name, Records, DefaultIP } = body as Record<string, unknown>;
  if (typeof Name !== 'string' || Name === '') throw new Refused(400, 'the zone has no Name');
  const records = Array.isArray(Records) ? (Records as Record<string, unknown>[]) : [];
  for (const record of records) {
    if (isIP(String(record['IP'] ?? '')) === 0) throw new Refused(400, 'a record has no IP');
  }
  const byName = new Map<string, string[]>();
  for (const record of records) {
    const name = String(record['Name'] ?? '').toLowerCase();
    byName.set(name, [...(byName.get(name) ?? []), String(record['IP'])]); // of both families, perhaps
  }
  network.dns.names.addZone({
    name: Name,
    records: Object.fromEntries(byName),
    ...(typeof DefaultIP === 'string' && isIP(DefaultIP) !== 0 && { default: DefaultIP }),
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

const byLocal = (one: Record<string, string>, other: Record<string, string>): number =>
  `${one['local']} ${one['protocol']}`.localeCompare(`${other['local']} ${other['protocol']}`);

const leasesOf = ({ dhcp }: Network): Record<string, string> =>
  Object.fromEntries(dhcp.leases.map(({ address, mac }) => [address, mac]));

/** Of one of gvproxy's paths; undefined: it is none. */
export async function answerGvproxy(
  network: Network,
  { method, path, body }: Request,
): Promise<Answer | undefined> {
  const posts = ['/services/forwarder/expose', '/services/forwarder/unexpose', '/services/dns/add'];
  if (posts.includes(path) && method !== 'POST') throw new Refused(400, 'post only');
  switch (path) {
    case '/services/forwarder/expose':
      await network.publish(readExpose(asObject(body)));
      return {};
    case '/services/forwarder/unexpose':
      if (await network.unpublish(readLocal(asObject(body)))) return {};
      throw new Refused(500, 'proxy not found');
    case '/services/forwarder/all':
      return { json: network.published.map(exposed).sort(byLocal) };
    case '/services/dns/add':
      return addZone(network, asObject(body));
    case '/services/dns/all':
      return { json: zonesOf(network) };
    case '/services/dhcp/leases':
    case '/leases':
      return { json: leasesOf(network) };
    case '/cam': {
      const ports = network.switch.ports;
      const entries = network.switch.stations().map(({ mac, port }) => [mac, ports.indexOf(port)]);
      return { json: Object.fromEntries(entries) };
    }
    case '/stats': {
      const { bytesIn, bytesOut } = network.switch.ports
        .map((port) => port.stats())
        .reduce(
          (sum, one) => ({
            bytesIn: sum.bytesIn + one.bytesIn,
            bytesOut: sum.bytesOut + one.bytesOut,
          }),
          { bytesIn: 0, bytesOut: 0 },
        );
      const stack = network.stack.stats();
      return { json: { BytesSent: bytesOut, BytesReceived: bytesIn, ...stack } };
    }
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
  if (isIP(host) === 0 || !(port >= 1 && port <= 65_535)) {
    socket.end('HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n');
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
