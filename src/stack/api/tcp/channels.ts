/**
 * What a stack tells `node:diagnostics_channel`: connections that are opened, established, reset and
 * closed, and packets that are dropped. While nobody subscribes it costs a look at `hasSubscribers` an
 * event of a connection, and one a turn for drops.
 *
 *     import { subscribe } from 'node:diagnostics_channel';
 *     subscribe('tunstack:packet:drop', ({ reason, packet }) => ...);
 *
 * Node documentation: "Diagnostics Channel".
 * @module
 */
import { type Channel, channel } from 'node:diagnostics_channel';
import { type Drop, dropName } from '../../base/drop.ts';
import { Failure } from '../../base/failure.ts';
import type { DropWatcher } from '../../ip/internet.ts';
import type { Slots } from '../../memory/slots.ts';
import type { SystemError } from '../door/errors.ts';
import type { Connection } from './connection.ts';

/** `tunstack:connection:open`, when a connection comes to be, and `…:established`. */
export interface ConnectionMessage {
  /** The same object in all messages about a connection. */
  readonly connection: Connection;
  /** Whether this stack asked for the connection or was asked. */
  readonly side: 'client' | 'server';
  /** Dotted decimal. */
  readonly localAddress: string;
  /** 1 to 65535. */
  readonly localPort: number;
  /** Dotted decimal. */
  readonly remoteAddress: string;
  /** 1 to 65535. */
  readonly remotePort: number;
}

/** `tunstack:connection:reset`: an established connection ends by a RST. `…:close` follows. */
export interface ConnectionResetMessage extends ConnectionMessage {
  /** Who sent the RST. */
  readonly by: 'peer' | 'us';
}

/** `tunstack:connection:close`: the connection is gone, or in TIME-WAIT. */
export interface ConnectionCloseMessage extends ConnectionMessage {
  /** What a socket would have emitted; undefined after an orderly end. */
  readonly error: SystemError | undefined;
  /** Bytes of text, both ways. */
  readonly bytesRead: number;
  /** Bytes of text that were taken to be sent. */
  readonly bytesWritten: number;
}

/** `tunstack:packet:drop`. */
export interface PacketDropMessage {
  /** The name that `stack.stats().drops` has for it: `tcpChecksum`, `ipNoRoute`, `outNoSlot`, ... */
  readonly reason: string;
  /** How many packets; more than one if fragments are given up together. */
  readonly packets: number;
  /** The device that it came from; undefined for what was to be sent, or came in pieces. */
  readonly device: string | undefined;
  /** The IP packet as it came, yours to keep; undefined where `device` is. */
  readonly packet: Buffer | undefined;
}

const opened: Channel = channel('tunstack:connection:open');
const established: Channel = channel('tunstack:connection:established');
const reset: Channel = channel('tunstack:connection:reset');
const closed: Channel = channel('tunstack:connection:close');
const dropped: Channel = channel('tunstack:packet:drop');

const describe = (connection: Connection): ConnectionMessage => ({
  connection,
  side: connection.accepted ? 'server' : 'client',
  localAddress: connection.localAddress,
  localPort: connection.localPort,
  remoteAddress: connection.remoteAddress,
  remotePort: connection.remotePort,
});

export function tellOpened(connection: Connection): void {
  if (opened.hasSubscribers) opened.publish(describe(connection));
}

export function tellEstablished(connection: Connection): void {
  if (established.hasSubscribers) established.publish(describe(connection));
}

/** `failure` is why an established connection is gone. */
export function tellReset(connection: Connection, failure: Failure): void {
  if (!reset.hasSubscribers) return;
  if (failure !== Failure.RESET && failure !== Failure.ABORTED) return;
  const by = failure === Failure.RESET ? 'peer' : 'us';
  reset.publish({ ...describe(connection), by } satisfies ConnectionResetMessage);
}

/** Whether anyone listens to `…:close`: otherwise no error need be made. */
export const someoneAsks = (): boolean => closed.hasSubscribers;

export function tellClosed(connection: Connection, error: SystemError | undefined): void {
  const { bytesRead, bytesWritten } = connection;
  closed.publish({
    ...describe(connection),
    error,
    bytesRead,
    bytesWritten,
  } satisfies ConnectionCloseMessage);
}

/** What `Internet.onDrop` is while somebody subscribes to drops; null while nobody does. */
export function dropWatcher(tell: DropWatcher): DropWatcher | null {
  return dropped.hasSubscribers ? tell : null;
}

/** Publishes drops of the stack with these slots. */
export const makeDropWatcher =
  (slots: Slots): DropWatcher =>
  (reason: Drop, packets, iface, at, length) => {
    const start = at + (iface?.headerLength ?? 0);
    dropped.publish({
      reason: dropName(reason),
      packets,
      device: iface?.name,
      packet: iface ? Buffer.from(slots.bytes.subarray(start, at + length)) : undefined,
    } satisfies PacketDropMessage);
  };
