/**
 * What the channels of `channels.ts` publish about a connection.
 *
 * Node documentation: "Diagnostics Channel".
 * @module
 */
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
