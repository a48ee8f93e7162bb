/**
 * An ICMP error about a packet of ours, for whoever sent that. RFC 1122 §3.2.2.1, §4.1.3.3.
 * @module
 */
import { failureCode } from '../../base/failure.ts';
import type { Host } from '../../host/host.ts';
import type { IcmpError } from '../../ip/ip.ts';
import { textOf } from '../door/text.ts';

/** An ICMP error about a packet of ours. Anybody can make one up: believe what fits what was sent. */
export interface IcmpReport {
  /** RFC 792's numbers: 3 is "destination unreachable", 11 "time exceeded". */
  readonly type: number;
  /** RFC 792's numbers: what the type means more closely. */
  readonly code: number;
  /** What a socket would fail with: `ECONNREFUSED`, `EHOSTUNREACH`, `EMSGSIZE`, ... */
  readonly error: string;
  /** In bytes, what the path takes, if that is what it is about; else 0. */
  readonly mtu: number;
  /** Who says so, as text: dotted decimal, or RFC 5952's form, with its device if it is link-local. */
  readonly reporter: string;
  /** Whom our packet was for, likewise. */
  readonly destination: string;
  /** What it quotes of our packet behind the IP header, 8 bytes at least; yours to keep. */
  readonly data: Buffer;
}

/** What is known of `error`, copied out of the packet. */
export function makeReport(host: Host, error: IcmpError): IcmpReport {
  const { type, code, mtu, body, bodyLength } = error;
  const { bytes } = host.core.slots;
  return {
    type,
    code,
    error: mtu > 0 ? 'EMSGSIZE' : failureCode(error.failure),
    mtu,
    reporter: textOf(host.core.ip, error.reporter),
    destination: textOf(host.core.ip, error.destination),
    data: Buffer.from(bytes.subarray(body, body + bodyLength)),
  };
}
