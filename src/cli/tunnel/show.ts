/**
 * What an interface says of itself, in the words of `wg show`.
 * @module
 */
import { formatKey, parseHexKey, publicKeyFrom } from '../../tunnel.ts';

interface Block {
  readonly values: Map<string, string>;
  readonly allowed: string[];
}

/** The lines for an answer to `get=1`; `now`: milliseconds since 1970. */
export function describeInterface(name: string, answer: string, now: number): string[] {
  const own: Block = { values: new Map(), allowed: [] };
  const peers: Block[] = [];
  for (const line of answer.split('\n')) {
    const equals = line.indexOf('=');
    if (equals < 1) continue;
    const key = line.slice(0, equals);
    const value = line.slice(equals + 1);
    if (key === 'public_key') peers.push({ values: new Map(), allowed: [] });
    const block = peers.at(-1) ?? own;
    if (key === 'allowed_ip') block.allowed.push(value);
    else block.values.set(key, value);
  }
  const lines = [`interface: ${name}`];
  const secret = parseHexKey(own.values.get('private_key') ?? '');
  if (secret?.some((octet) => octet !== 0)) {
    lines.push(`  public key: ${formatKey(publicKeyFrom(secret))}`, '  private key: (hidden)');
  }
  const port = own.values.get('listen_port');
  if (port !== undefined) lines.push(`  listening port: ${port}`);
  const mark = Number(own.values.get('fwmark') ?? 0);
  if (mark !== 0) lines.push(`  fwmark: 0x${mark.toString(16)}`);
  const latest = (peer: Block): number => Number(peer.values.get('last_handshake_time_sec') ?? 0);
  for (const peer of peers.toSorted((a, b) => latest(b) - latest(a))) {
    lines.push('', ...describePeer(peer, latest(peer), now));
  }
  return lines;
}

function describePeer({ values, allowed }: Block, latest: number, now: number): string[] {
  const lines = [`peer: ${base64(values.get('public_key'))}`];
  if (/[1-9a-f]/.test(values.get('preshared_key') ?? '')) lines.push('  preshared key: (hidden)');
  const endpoint = values.get('endpoint');
  if (endpoint !== undefined) lines.push(`  endpoint: ${endpoint}`);
  lines.push(`  allowed ips: ${allowed.length > 0 ? allowed.join(', ') : '(none)'}`);
  if (latest > 0) lines.push(`  latest handshake: ${ago(now / 1000 - latest)}`);
  const received = Number(values.get('rx_bytes') ?? 0);
  const sent = Number(values.get('tx_bytes') ?? 0);
  if (received > 0 || sent > 0) {
    lines.push(`  transfer: ${binary(received)} received, ${binary(sent)} sent`);
  }
  const every = Number(values.get('persistent_keepalive_interval') ?? 0);
  if (every > 0) lines.push(`  persistent keepalive: every ${span(every)}`);
  return lines;
}

const base64 = (hex = ''): string => formatKey(parseHexKey(hex) ?? new Uint8Array(0));

const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const;

/** 1 minute, 5 seconds. */
export function span(seconds: number): string {
  let left = Math.max(0, Math.floor(seconds));
  const parts: string[] = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(left / size);
    left %= size;
    if (count > 0) parts.push(`${count} ${unit}${count === 1 ? '' : 's'}`);
  }
  return parts.join(', ');
}

/** How long ago something was. */
export const ago = (seconds: number): string => (seconds < 1 ? 'Now' : `${span(seconds)} ago`);

function binary(bytes: number): string {
  const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < names.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${value} B` : `${value.toFixed(2)} ${names[unit]}`;
}
