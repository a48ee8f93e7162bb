/**
 * What a network asks of who records it, and what cannot be done meanwhile: it would be missing where the recording
 * is played.
 * @module
 */
import type { Clock, Device } from '../../index.ts';
import type { Exchange } from '../dns/exchange.ts';
import type { Dialer } from '../gateway/dial.ts';
import type { AuditLine } from '../policy/audit.ts';
import type { PolicyOptions } from '../policy/read.ts';

/** What records a network. */
export interface NetworkRecorder {
  /** When its clock began, in milliseconds since 1970. */
  readonly epoch: number;
  made(): void;
  /** The clock of the gateway's stack, made of that of the network. */
  stackClock(clock: Clock): Clock;
  uplink(device: Device): Device;
  /** The switch's end of what leads to the gateway. */
  cable(device: Device): Device;
  device(device: Device, name: string): Device;
  dialer(dialer: Dialer): Dialer;
  exchange(exchange: Exchange): Exchange;
  policy(options: PolicyOptions): void;
  audit(line: AuditLine): void;
}

/** For who tries it. */
export const notRecorded = (what: string): Error =>
  Object.assign(new Error(`not while it is recorded: ${what} is not in a recording`), {
    code: 'EBUSY',
  });
