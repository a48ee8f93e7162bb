/**
 * What the command asks of a kind of tunnel: how a file of it is known and read, and what an open one tells.
 * @module
 */
import type { Device } from '../../index.ts';

/** A peer, as a status line and `--json` show it. */
export interface TunnelPeer {
  /** A key, a name or an address. */
  readonly name: string;
  readonly endpoint: string | undefined;
  /** Milliseconds since 1970; 0: none yet. */
  readonly lastHandshake: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Share of its packets that did not come, 0 to 1. */
  readonly loss: number;
}

/** A tunnel that is open: a device, and what it is to be in the host or in a stack. */
export interface OpenedTunnel {
  readonly device: Device;
  /** Our addresses, each with the length of its prefix. */
  readonly addresses: readonly string[];
  /** Prefixes that it leads to. */
  readonly routes: readonly string[];
  /** Name servers inside, and domains that are searched. */
  readonly dns: readonly string[];
  readonly search: readonly string[];
  /** The table for its routes; `auto`: the main one, or one of its own for a default route; `off`: none. */
  readonly table: 'auto' | 'off' | number;
  /** The mark of its datagrams (SO_MARK), which keeps them out of the tunnel; 0: none. */
  readonly mark: number;
  /** What is to be said of the file before it is used, a line each. */
  readonly notes: readonly string[];
  peers(): readonly TunnelPeer[];
  /** Begin handshakes now, instead of with the first packet. */
  connect(): void;
  /** Say goodbye, and release what it holds. */
  close(): Promise<void>;
}

/** What is asked of a file's tunnel. */
export interface OpenRequest {
  readonly name: string;
  /** Packets with a virtio header, of up to 64 KiB. */
  readonly offload: boolean;
  /** The mark to use where the file says none and routes need one. */
  readonly mark: number;
  /** Answer `wg` under the device's name. */
  readonly control: boolean;
}

/** What is known of a file before its tunnel is opened. */
export interface TunnelFile {
  readonly kind: string;
  readonly mtu: number;
  /** Prefixes that it leads to, as far as the file says. */
  readonly routes: readonly string[];
  readonly table: 'auto' | 'off' | number;
  /** What it wants to be run, and when. */
  readonly commands: readonly { readonly when: string; readonly command: string }[];
  open(request: OpenRequest): Promise<OpenedTunnel>;
}

/** A kind of file: whether a text is one, and what is made of it. Throws where it is wrong, with the line. */
export interface Kind {
  readonly name: string;
  matches(text: string): boolean;
  read(text: string, path: string): TunnelFile;
}
