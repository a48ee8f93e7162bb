/**
 * One client at a server: who it is, whether it may in, what it was given.
 * @module
 */
import type { Endpoint } from '../../endpoint.ts';
import { NEVER } from '../../tunnel.ts';
import { infoOf, Proto } from '../introduction.ts';
import type { Link } from '../link.ts';
import { CIPHERS } from '../session/data.ts';
import type { KeyMessage } from '../session/key-method.ts';
import type { Lease, Pool } from './pool.ts';

/** Who wants in. */
export interface Candidate {
  /** Common name of the certificate; undefined where none was asked for. */
  readonly name: string | undefined;
  /** By `auth-user-pass`; empty where none was said. */
  readonly user: string;
  /** With it, in the clear. */
  readonly password: string;
  /** Where it speaks from. */
  readonly from: Endpoint;
}

/** True: it may in. A text: it may not, and is told why. */
export type Verdict = boolean | string;

/** What a client's message says that it can. */
export interface Abilities {
  readonly proto: number;
  readonly ciphers: readonly string[];
  /** The longest packet inside that it takes; undefined if it does not say. */
  readonly mtu: number | undefined;
}

const MTU_OF_OTHERS = 1500;

/** Read peer info and, for old clients, the list of options. */
export function abilities(message: KeyMessage): Abilities {
  const { info, options } = message;
  const listed = infoOf(info, 'IV_CIPHERS');
  const occ = /(?:^|,)cipher ([^,]+)/.exec(options)?.[1];
  const ciphers =
    listed?.toUpperCase().split(':') ??
    (infoOf(info, 'IV_NCP') === '2'
      ? ['AES-256-GCM', 'AES-128-GCM']
      : occ === undefined
        ? []
        : [occ]);
  const mtu = Number(infoOf(info, 'IV_MTU') ?? Number.NaN);
  return {
    proto: Number(infoOf(info, 'IV_PROTO') ?? 0) | 0,
    ciphers,
    mtu: Number.isInteger(mtu) && mtu >= 576 ? mtu : undefined,
  };
}

/** The first of the server's ciphers that the client has too. */
export const shared = (ours: readonly string[], theirs: readonly string[]): string | undefined =>
  ours.find((cipher) => CIPHERS[cipher] !== undefined && theirs.includes(cipher));

/** One client. A plain record: `OpenVpnServer` does what is done with it. */
export class Instance {
  readonly peerId: number;
  readonly link: Link;
  /** Its address and port, as a key. */
  place: string;
  abilities: Abilities | undefined;
  cipher: string | undefined;
  /** For whom addresses and duplicates are kept: the certificate's name, or the user's. */
  name = '';
  user = '';
  lease: Lease | undefined;
  /** It may in, and the network was set up for it. */
  isUp = false;
  /** The network was pushed. */
  isPushed = false;
  /** Why it may not in. */
  refusal: string | undefined;
  /** When it is forgotten, whatever it says. */
  dies: number = NEVER;
  since: number = NEVER;
  tls = '';

  constructor(peerId: number, link: Link, place: string) {
    this.peerId = peerId;
    this.link = link;
    this.place = place;
  }

  deadline(ping: number, restart: number): number {
    const { control, sentAt, heardAt } = this.link;
    let soonest = Math.min(control.deadline(), this.dies);
    if (this.isUp && ping > 0) soonest = Math.min(soonest, sentAt + ping);
    if (restart > 0) soonest = Math.min(soonest, heardAt + restart);
    return soonest;
  }
}

/** What all are told of a server. */
export interface Told {
  readonly push: readonly string[];
  readonly mtu: number;
  readonly ping: number;
  readonly pingRestart: number;
}

/** The options to push: those for all, and those of this client. */
export function pushedTo(
  client: Instance,
  { push, mtu, ping, pingRestart }: Told,
  pool: Pool,
): string[] {
  const { lease, abilities: can, cipher = '' } = client;
  const proto = can?.proto ?? 0;
  return [
    ...push,
    ...[`route-gateway ${pool.address}`, 'topology subnet'],
    ...(ping > 0 ? [`ping ${ping}`] : []),
    // A client gives up in half the time that we do: it is the one who begins again.
    ...(pingRestart > 0 ? [`ping-restart ${Math.max(1, Math.floor(pingRestart / 2))}`] : []),
    ...(lease?.address6 === undefined
      ? []
      : [`ifconfig-ipv6 ${lease.address6}/${pool.prefix6} ${pool.address6}`]),
    ...(lease === undefined ? [] : [`ifconfig ${lease.address} ${maskOf(pool.prefix)}`]),
    ...[`peer-id ${client.peerId}`, `cipher ${cipher}`, ...keyOptions(proto)],
    ...(can?.mtu === undefined || mtu === MTU_OF_OTHERS
      ? []
      : [`tun-mtu ${Math.min(mtu, can.mtu)}`]),
  ];
}

/** How keys are made, as the client can: those of before 2.6 know only the one word. */
function keyOptions(proto: number): string[] {
  const flags = [
    ...((proto & Proto.CC_EXIT) !== 0 ? ['cc-exit'] : []),
    ...((proto & Proto.TLS_EKM) !== 0 ? ['tls-ekm'] : []),
    ...((proto & Proto.DYNAMIC) !== 0 ? ['dyn-tls-crypt'] : []),
  ];
  if ((proto & (Proto.CC_EXIT | Proto.DYNAMIC)) !== 0) return [`protocol-flags ${flags.join(' ')}`];
  return (proto & Proto.TLS_EKM) !== 0 ? ['key-derivation tls-ekm'] : [];
}

/** `255.255.255.0` of 24. */
export function maskOf(prefix: number): string {
  const mask = prefix === 0 ? 0 : (-1 << (32 - prefix)) >>> 0;
  return [mask >>> 24, (mask >>> 16) & 0xff, (mask >>> 8) & 0xff, mask & 0xff].join('.');
}
