/**
 * `tunstack tunnel serve`: the other end of a tunnel. It makes the keys and the files that are missing, prints those of its
 * peers, with a code for a phone's camera, and brings its own up.
 * @module
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import qr from 'qrcode-terminal';
import {
  formatAddress,
  formatKey,
  formatPrefix,
  makePresharedKey,
  makePrivateKey,
  type Prefix,
  parsePrefix,
  publicKeyFrom,
  systemRandom,
} from '../../tunnel.ts';
import type { Screen } from '../screen.ts';
import type { TunnelServeOptions } from './options.ts';
import { tunnelUp } from './up.ts';

const SERVER_FILE = 'tunnel-server.conf';
/** Files that hold keys are for their owner only. */
const SECRET = 0o600;

/** Make what is missing, and bring it up until `stopped` settles. Gives the exit code. */
export async function tunnelServe(
  options: TunnelServeOptions,
  screen: Screen,
  stopped: Promise<unknown>,
): Promise<number> {
  const file = join(options.folder, SERVER_FILE);
  const { json } = options.up;
  const tell = (event: object, ...lines: string[]): void => {
    for (const line of json ? [JSON.stringify(event)] : lines) screen.line(line);
  };
  if (existsSync(file)) tell({ event: 'uses', path: file }, `uses ${file}, which is there`);
  else {
    for (const { path, text } of makeFiles(options)) {
      if (path === file) tell({ event: 'made', path }, `made ${path}`);
      else tell({ event: 'made', path, text }, `made ${path}`, ...text.trimEnd().split('\n'));
      if (path === file || json || !options.qr) continue;
      qr.generate(text, { small: true }, (code) => screen.line(code));
    }
  }
  return tunnelUp({ ...options.up, file, tun: options.up.tun ?? 'tunnel-server' }, screen, stopped);
}

interface MadeFile {
  readonly path: string;
  readonly text: string;
}

/** Write the server's file and its peers'. Throws for a network that has no room for them. */
function makeFiles(options: TunnelServeOptions): MadeFile[] {
  const { endpoint, listenPort, address, peers, folder, dns } = options;
  const prefix = parsePrefix(address);
  if (prefix === undefined || !address.includes('/')) {
    throw new Error(
      `option '--address' argument '${address}' is invalid: give one like 10.66.0.1/24`,
    );
  }
  const allowed = options.allowedIps || formatPrefix(network(prefix));
  for (const each of allowed.split(',')) {
    if (parsePrefix(each.trim()) === undefined) {
      throw new Error(`option '--allowed-ips' argument '${each}' is invalid: give prefixes`);
    }
  }
  const secret = makePrivateKey(systemRandom);
  const host = endpoint.includes(':') ? `[${endpoint}]` : endpoint;
  const server = [
    '[Interface]',
    `PrivateKey = ${formatKey(secret)}`,
    `ListenPort = ${listenPort}`,
    `Address = ${address}`,
  ];
  const made: MadeFile[] = [];
  for (let i = 1; i <= peers; i++) {
    const own = makePrivateKey(systemRandom);
    const shared = formatKey(makePresharedKey(systemRandom));
    const inside = formatAddress(neighbour(prefix, i));
    const bits = prefix.octets.length * 8;
    server.push(
      ...['', '[Peer]', `# peer ${i}`, `PublicKey = ${formatKey(publicKeyFrom(own))}`],
      ...[`PresharedKey = ${shared}`, `AllowedIPs = ${inside}/${bits}`],
    );
    const text = [
      ...['[Interface]', `PrivateKey = ${formatKey(own)}`, `Address = ${inside}/${bits}`],
      ...(dns === undefined ? [] : [`DNS = ${dns}`]),
      ...['', '[Peer]', `PublicKey = ${formatKey(publicKeyFrom(secret))}`],
      ...[`PresharedKey = ${shared}`, `AllowedIPs = ${allowed}`],
      ...[`Endpoint = ${host}:${listenPort}`, 'PersistentKeepalive = 25', ''],
    ].join('\n');
    made.push({ path: join(folder, `tunnel-peer${i}.conf`), text });
  }
  made.push({ path: join(folder, SERVER_FILE), text: `${server.join('\n')}\n` });
  mkdirSync(folder, { recursive: true });
  for (const { path, text } of made) writeFileSync(path, text, { mode: SECRET, flag: 'wx' });
  return made;
}

/** The prefix without the bits of the host. */
function network({ octets, bits }: Prefix): Prefix {
  return {
    octets: octets.map(
      (octet, i) => octet & (0xff << (8 - Math.min(Math.max(bits - i * 8, 0), 8))),
    ),
    bits,
  };
}

/** The address `n` after ours. Throws where it is not on our network. */
function neighbour(prefix: Prefix, n: number): Uint8Array {
  const octets = Uint8Array.from(prefix.octets);
  let carry = n;
  for (let i = octets.length - 1; i >= 0 && carry > 0; i--) {
    carry += octets[i] as number; // `i` is below the length
    octets[i] = carry & 255;
    carry >>= 8;
  }
  const same =
    formatPrefix(network({ octets, bits: prefix.bits })) === formatPrefix(network(prefix));
  const isBroadcast = octets.length === 4 && prefix.bits < 31 && isLast(octets, prefix.bits);
  if (!same || isBroadcast) {
    throw new Error(`option '--peers': there is no room for so many in ${formatPrefix(prefix)}`);
  }
  return octets;
}

const isLast = (octets: Uint8Array, bits: number): boolean =>
  octets.every((octet, i) => {
    const host = 0xff >> Math.min(Math.max(bits - i * 8, 0), 8);
    return (octet & host) === host;
  });
