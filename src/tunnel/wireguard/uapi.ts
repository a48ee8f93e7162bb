/**
 * The text by which `wg` asks and tells a userspace implementation: `get=1`, `set=1`, one setting a line, an empty line
 * at the end. wireguard.com/xplatform, "Configuration Protocol".
 *
 * Requests are text, answers are text; only another port is waited for. The socket is `control.ts`'s.
 * @module
 */
import { Endpoint, splitEndpoint } from '../endpoint.ts';
import { formatPrefix, type Prefix, parsePrefix } from '../prefix.ts';
import { formatHexKey, parseHexKey } from './keys.ts';
import type { PeerChange } from './options.ts';
import type { WireGuard } from './wireguard.ts';

/** What a request may change besides peers and keys; each gives 0, or a number of `Errno`. */
export interface UapiHost {
  readonly listenPort: number;
  readonly fwMark: number;
  /** Secret key in force, 32 bytes. */
  readonly privateKey: Uint8Array;
  setPrivateKey(key: Uint8Array): void;
  /** 0: any port that is free. */
  setListenPort(port: number): Promise<number>;
  setFwMark(mark: number): number;
}

/** Numbers of errors as the protocol has them, negated: errno(3) of Linux. */
export const Errno = {
  EPERM: -1,
  EIO: -5,
  EACCES: -13,
  EINVAL: -22,
  EPROTO: -71,
  EOPNOTSUPP: -95,
  EADDRINUSE: -98,
} as const;

/** The answer to a request, which is without its last, empty line. */
export async function answer(
  request: string,
  core: WireGuard,
  host: UapiHost,
  now: number,
): Promise<string> {
  const [first = '', ...lines] = request.split('\n');
  if (first === 'get=1')
    return `${lines.length > 0 ? '' : describe(core, host)}errno=${lines.length > 0 ? Errno.EINVAL : 0}\n\n`;
  if (first === 'set=1') return `errno=${await change(lines, core, host, now)}\n\n`;
  return `errno=${Errno.EPROTO}\n\n`;
}

function describe(core: WireGuard, host: UapiHost): string {
  const lines: string[] = [];
  const { privateKey, listenPort, fwMark } = host;
  lines.push(`private_key=${formatHexKey(privateKey)}`);
  if (listenPort !== 0) lines.push(`listen_port=${listenPort}`);
  if (fwMark !== 0) lines.push(`fwmark=${fwMark}`);
  for (const peer of core.peers()) {
    const seconds = Math.floor(peer.lastHandshake / 1000);
    lines.push(
      `public_key=${formatHexKey(peer.publicKey)}`,
      `preshared_key=${formatHexKey(peer.presharedKey)}`,
      'protocol_version=1',
    );
    if (peer.endpoint !== undefined) lines.push(`endpoint=${peer.endpoint}`);
    lines.push(
      `last_handshake_time_sec=${seconds}`,
      `last_handshake_time_nsec=${Math.floor(peer.lastHandshake % 1000) * 1_000_000}`,
      `tx_bytes=${peer.sentBytes}`,
      `rx_bytes=${peer.receivedBytes}`,
      `persistent_keepalive_interval=${peer.timers.persistent / 1e6}`,
    );
    for (const prefix of core.allowedIps(peer)) lines.push(`allowed_ip=${formatPrefix(prefix)}`);
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** A peer as a request names it, until the next. */
interface Draft {
  readonly publicKey: Uint8Array;
  isRemoved: boolean;
  isUpdate: boolean;
  presharedKey?: Uint8Array;
  endpoint?: Endpoint;
  persistentKeepalive?: number;
  replaceAllowedIps?: boolean;
  allowedIps: Prefix[];
}

function whole(text: string, most: number): number | undefined {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return value <= most ? value : undefined;
}

/** Do what the lines say, up to the first that is wrong: 0, or what is wrong. */
async function change(
  lines: readonly string[],
  core: WireGuard,
  host: UapiHost,
  now: number,
): Promise<number> {
  let peer: Draft | undefined;
  const done = (): number => (peer === undefined ? 0 : apply(peer, core, now));
  for (const line of lines) {
    const equals = line.indexOf('=');
    if (equals < 1) return Errno.EPROTO;
    const key = line.slice(0, equals);
    const value = line.slice(equals + 1);
    if (key === 'public_key') {
      const failed = done();
      if (failed !== 0) return failed;
      const publicKey = parseHexKey(value);
      if (publicKey === undefined) return Errno.EINVAL;
      peer = { publicKey, isRemoved: false, isUpdate: false, allowedIps: [] };
      continue;
    }
    const failed =
      peer === undefined ? await setOwn(key, value, core, host) : setPeer(key, value, peer);
    if (failed !== 0) return failed;
  }
  return done();
}

async function setOwn(
  key: string,
  value: string,
  core: WireGuard,
  host: UapiHost,
): Promise<number> {
  switch (key) {
    case 'private_key': {
      const secret = parseHexKey(value);
      if (secret === undefined) return Errno.EINVAL;
      host.setPrivateKey(secret);
      return 0;
    }
    case 'listen_port': {
      const port = whole(value, 65_535);
      return port === undefined ? Errno.EINVAL : host.setListenPort(port);
    }
    case 'fwmark': {
      const mark = whole(value, 0xffff_ffff);
      return mark === undefined ? Errno.EINVAL : host.setFwMark(mark);
    }
    case 'replace_peers':
      if (value !== 'true') return Errno.EINVAL;
      for (const { publicKey } of [...core.peers()]) core.removePeer(publicKey);
      return 0;
    default:
      return Errno.EINVAL;
  }
}

function setPeer(key: string, value: string, peer: Draft): number {
  switch (key) {
    case 'remove':
    case 'update_only':
    case 'replace_allowed_ips': {
      if (value !== 'true') return Errno.EINVAL;
      if (key === 'remove') peer.isRemoved = true;
      else if (key === 'update_only') peer.isUpdate = true;
      else {
        peer.replaceAllowedIps = true;
        peer.allowedIps = [];
      }
      return 0;
    }
    case 'preshared_key': {
      const secret = parseHexKey(value);
      if (secret === undefined) return Errno.EINVAL;
      peer.presharedKey = secret;
      return 0;
    }
    case 'endpoint': {
      const found = splitEndpoint(value);
      try {
        if (found === undefined) return Errno.EINVAL;
        peer.endpoint = new Endpoint(found.host, found.port);
        return 0;
      } catch {
        return Errno.EINVAL; // a name: whoever asks has looked it up
      }
    }
    case 'persistent_keepalive_interval': {
      const seconds = whole(value, 65_535);
      if (seconds === undefined) return Errno.EINVAL;
      peer.persistentKeepalive = seconds;
      return 0;
    }
    case 'allowed_ip': {
      const prefix = parsePrefix(value);
      if (prefix === undefined) return Errno.EINVAL;
      peer.allowedIps.push(prefix);
      return 0;
    }
    case 'protocol_version':
      return value === '1' ? 0 : Errno.EINVAL;
    default:
      return Errno.EINVAL;
  }
}

function apply(peer: Draft, core: WireGuard, now: number): number {
  const { publicKey, isRemoved, isUpdate, ...rest } = peer;
  if (isRemoved) {
    core.removePeer(publicKey);
    return 0;
  }
  if (isUpdate && core.peer(publicKey) === undefined) return 0;
  // Our own key is no peer's: wireguard-go passes over it, too.
  if (Buffer.from(publicKey).equals(core.publicKey)) return 0;
  try {
    core.setPeer(publicKey, rest satisfies PeerChange, now);
    return 0;
  } catch {
    return Errno.EINVAL;
  }
}
