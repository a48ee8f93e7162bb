/**
 * What an end says of itself in key method 2: the list of its options, which the other compares, and lines of peer
 * info, by which ciphers and extensions are agreed on (ssl.c, `push_peer_info`).
 * @module
 */
import type { Endpoint } from '../endpoint.ts';
import { DATA_OVERHEAD } from './session/data.ts';
import type { KeyFields } from './session/key-method.ts';

/** What an end can, as bits of `IV_PROTO` (ssl.h). */
export const Proto = {
  DATA_V2: 2,
  REQUEST_PUSH: 4,
  TLS_EKM: 8,
  PENDING: 16,
  CC_EXIT: 128,
  FAIL_TEMP: 256,
  DYNAMIC: 512,
} as const;

/** What of an end's settings is told. */
export interface Introduced {
  readonly mtu: number;
  readonly isStream: boolean;
  readonly ciphers: readonly string[];
  /** A client that takes its network from the server. */
  readonly pulls: boolean;
  /** Further lines of peer info. */
  readonly info: readonly string[];
}

/** The message of an end whose packets go to, or come from, `to`; without user and password. */
export function introduction(end: Introduced, to: Endpoint, role: 'client' | 'server'): KeyFields {
  const { mtu, isStream, ciphers } = end;
  const stream = role === 'client' ? '_CLIENT' : '_SERVER';
  const proto = `${isStream ? 'TCP' : 'UDP'}v${to.family}${isStream ? stream : ''}`;
  const options = [
    ...['V4', 'dev-type tun', `link-mtu ${mtu + 49}`, `tun-mtu ${mtu}`, `proto ${proto}`],
    ...[`cipher ${ciphers[0] ?? ''}`, 'auth [null-digest]', 'keysize 256', 'key-method 2'],
    `tls-${role}`,
  ].join(',');
  return { options, user: '', password: '', info: role === 'client' ? peerInfo(end) : '' };
}

function peerInfo({ mtu, ciphers, pulls, info }: Introduced): string {
  const { DATA_V2, REQUEST_PUSH, TLS_EKM, PENDING, CC_EXIT, FAIL_TEMP, DYNAMIC } = Proto;
  const can = DATA_V2 | TLS_EKM | PENDING | CC_EXIT | FAIL_TEMP | DYNAMIC;
  const isBoth = ciphers.includes('AES-128-GCM') && ciphers.includes('AES-256-GCM');
  const lines = [
    ...['IV_VER=2.6.0', 'IV_TCPNL=1', `IV_MTU=${Math.max(1600, mtu)}`],
    ...(isBoth ? ['IV_NCP=2'] : []),
    ...[`IV_CIPHERS=${ciphers.join(':')}`, `IV_PROTO=${pulls ? can | REQUEST_PUSH : can}`, ...info],
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** The value of a line of peer info, or undefined. */
export const infoOf = (info: string, name: string): string | undefined =>
  info
    .split('\n')
    .find((line) => line.startsWith(`${name}=`))
    ?.slice(name.length + 1);

/** True for what `--route-nopull` leaves out. */
export const isRoute = (option: string): boolean =>
  /^(route(-ipv6)?|redirect-(gateway|private)|dhcp-option) /.test(`${option} `);

/** The longest IP packet inside that fits `mssfix` outside; 0 where there is no such bound. */
export function longestInside(
  settings: { readonly mssfix: number; readonly isStream: boolean },
  to: Endpoint,
): number {
  const { mssfix, isStream } = settings;
  if (mssfix === 0) return 0;
  const outside = (to.family === 6 ? 40 : 20) + (isStream ? 20 + 2 : 8);
  return mssfix - outside - DATA_OVERHEAD;
}
