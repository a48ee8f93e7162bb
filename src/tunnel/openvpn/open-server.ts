/**
 * An OpenVPN server that is open: one device of IP packets for all of its clients.
 * @module
 */
import { createServer } from 'node:net';
import { plain } from '../../stack/base/real.ts';
import { systemRandom } from '../clock.ts';
import type { AeadMaker } from '../crypto/aead.ts';
import { fastestAead } from '../crypto/fastest.ts';
import { TunnelDevice } from '../device.ts';
import type { DatagramTransport, RandomBytes, TunnelClock } from '../tunnel.ts';
import type { OpenVpnCounters } from './link.ts';
import { above0, hostTransport, noFile, waker } from './open.ts';
import type { ReadFile } from './profile/asked.ts';
import { ProfileError } from './profile/lines.ts';
import type { Profile } from './profile/profile.ts';
import { readProfile } from './profile/read.ts';
import type { Candidate, Instance, Verdict } from './server/instance.ts';
import { OpenVpnServer } from './server/server.ts';
import type { ServerUser } from './settings.ts';
import { type Given, serverSettings } from './setup.ts';
import { StreamServer } from './stream.ts';

const DEFAULT_PORT = 1194;

/** What is not in the profile. Everything has a default. */
export interface OpenVpnServerOptions {
  /** What the device is called; default `ovpn0`. */
  readonly name?: string | undefined;
  /**
   * Whether who is there may in, beside what TLS says of its certificate: true, false, or a text that it is told.
   * Default: all may.
   */
  readonly authorize?: ((who: Candidate) => Verdict | Promise<Verdict>) | undefined;
  /** Of the private key, where it is encrypted. */
  readonly passphrase?: string | undefined;
  /** Reads the files that the profile names; default: there are none beside it. */
  readonly readFile?: ReadFile | undefined;
  /** How datagrams travel; default sockets of this host on the profile's port. The device closes it. */
  readonly transport?: DatagramTransport | undefined;
  /** Take and give segments of up to 64 KiB, as a TUN with offload does. Default true. */
  readonly offload?: boolean | undefined;
  /** Packets that wait to be read before more are lost: 1 to 65 536. */
  readonly limit?: number | undefined;
  /** Handshakes at once, 1 to 65 536; default 256. More wait until some are done. */
  readonly maxHandshakes?: number | undefined;
  /** A line that people should see: who came, who went and why, what a file asks that is without effect. */
  readonly log?: ((line: string) => void) | undefined;
  /** A client is let in. */
  readonly onJoin?: ((client: OpenVpnPeer) => void) | undefined;
  /** A client is gone, and why. */
  readonly onLeave?: ((client: OpenVpnPeer, reason: string) => void) | undefined;
  /** For simulations: default this machine's. */
  readonly clock?: TunnelClock | undefined;
  /** For simulations: default `systemRandom`. */
  readonly random?: RandomBytes | undefined;
  /** Milliseconds since 1970; default `Date.now`. */
  readonly wall?: (() => number) | undefined;
  /** How packets are sealed; default the fastest way that works here. */
  readonly aead?: AeadMaker | undefined;
}

/** What is known of a client. */
export interface OpenVpnPeer {
  /** By which its data packets are told from others: 0 to 2²⁴ - 2. */
  readonly peerId: number;
  /** The certificate's common name, or the user's. */
  readonly name: string;
  /** As it was said with the password; empty where none was asked for. */
  readonly user: string;
  /** Where it was heard of last: `192.0.2.1:1194`, `[2001:db8::1]:1194`. */
  readonly endpoint: string;
  /** What it was given: `10.8.0.2`, `fd00::1000`. */
  readonly addresses: readonly string[];
  /** Of the data channel: `AES-256-GCM`. */
  readonly cipher: string | undefined;
  /** Protocol and suite of TLS. */
  readonly tls: string;
  /** When it was let in, in milliseconds since 1970. */
  readonly since: number;
  /** Bytes of IP packets. */
  readonly receivedBytes: number;
  /** Bytes of IP packets. */
  readonly sentBytes: number;
}

/** How a server of OpenVPN stands. */
export interface OpenVpnServerStatus {
  /** Where it listens. */
  readonly port: number;
  /** Those who are let in. */
  readonly clients: readonly OpenVpnPeer[];
  /** What came to nothing, by reason; what is above 0. */
  readonly drops: Readonly<Partial<OpenVpnCounters>>;
}

/** An open server. */
export class OpenVpnServerDevice extends TunnelDevice<OpenVpnServer> {
  /** What it was opened by. */
  readonly profile: Profile;
  readonly #wall: () => number;

  constructor(
    profile: Profile,
    options: OpenVpnServerOptions,
    transport: DatagramTransport,
    make: ConstructorParameters<typeof TunnelDevice<OpenVpnServer>>[1],
  ) {
    const { name = 'ovpn0', clock, offload = true, limit } = options;
    super({ name, mtu: profile.mtu, transport, clock, offload, limit }, make);
    this.profile = profile;
    this.#wall = options.wall ?? Date.now;
  }

  /** This end's addresses: `10.8.0.1/24`. */
  get addresses(): readonly string[] {
    const { address, prefix, address6, prefix6 } = this.protocol.pool;
    return [`${address}/${prefix}`, ...(address6 === undefined ? [] : [`${address6}/${prefix6}`])];
  }

  /** How it stands now; a copy. */
  status(): OpenVpnServerStatus {
    const clients = [...this.protocol.clients]
      .filter(({ isUp }) => isUp)
      .map((client) => peerOf(client, this.now(), this.#wall()));
    return { port: this.transport.port, clients, drops: above0(this.protocol.counters) };
  }

  /** Send a client away, which will come again; false if there is none with this peer id. */
  kick(peerId: number): boolean {
    const found = this.protocol.kick(peerId, this.now());
    this.turn();
    return found;
  }
}

function peerOf(client: Instance, now: number, wall: number): OpenVpnPeer {
  const { peerId, name, user, lease, cipher, tls, link } = client;
  const addresses = [lease?.address, lease?.address6].filter((address) => address !== undefined);
  return {
    ...{ peerId, name, user, addresses, cipher, tls, endpoint: link.endpoint.toString() },
    since: Math.round(wall - (now - client.since) / 1000),
    ...{ receivedBytes: plain(link.bytesIn), sentBytes: plain(link.bytesOut) },
  };
}

/**
 * Listen as a profile (its text, or what `readProfile` made of it) says. Rejects with a `ProfileError` (its line and
 * reason) where the profile cannot be, and with Node's error where the port cannot be bound.
 */
export async function openOpenVpnServer(
  file: string | Profile,
  options: OpenVpnServerOptions = {},
): Promise<OpenVpnServerDevice> {
  const { readFile = noFile, log = () => {}, maxHandshakes = 256 } = options;
  const profile = typeof file === 'string' ? readProfile(file, readFile) : file;
  if (profile.mode !== 'server')
    throw new ProfileError(0, 'a profile of a client: `openOpenVpn` takes it');
  for (const note of profile.notes) log(note);
  const given: Given = {
    random: options.random ?? systemRandom,
    aead: options.aead ?? (await fastestAead()),
    passphrase: options.passphrase,
    wall: options.wall ?? Date.now,
  };
  const isStream = profile.proto.startsWith('tcp');
  const settings = serverSettings(profile, given, isStream, options.authorize, maxHandshakes);
  const streams = isStream ? await listen(profile, maxHandshakes) : undefined;
  const port = profile.localPort ?? profile.port ?? DEFAULT_PORT;
  const transport =
    streams ??
    options.transport ??
    (await hostTransport({ localPort: port, localAddress: profile.localAddress }));
  const user: ServerUser = {
    joined(client) {
      log(`${client.name} from ${client.link.endpoint} has ${client.lease?.address ?? ''}`);
      options.onJoin?.(peerOf(client, device.now(), given.wall()));
    },
    left(client, reason) {
      log(`${client.name} has left: ${reason}`);
      options.onLeave?.(peerOf(client, device.now(), given.wall()), reason);
    },
    refused: (from, reason) => log(`${from} was not let in: ${reason}`),
    wake: waker(() => device),
    hangUp: (from) => streams?.hangUp(from),
  };
  const device: OpenVpnServerDevice = new OpenVpnServerDevice(
    profile,
    options,
    transport,
    (out) => new OpenVpnServer(settings, user, out),
  );
  if (streams !== undefined) {
    streams.onEnd = (from) => {
      device.protocol.gone(from, device.now());
      device.turn();
    };
    streams.isKnown = (from) => device.protocol.knows(from);
  }
  return device;
}

/** Connections on the profile's port. */
async function listen(profile: Profile, maxHandshakes: number): Promise<StreamServer> {
  const server = createServer();
  const port = profile.localPort ?? profile.port ?? DEFAULT_PORT;
  const host = profile.localAddress ?? (profile.proto.includes('4') ? '0.0.0.0' : undefined);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(host !== undefined && { host }) }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  server.on('error', () => {}); // one that cannot be accepted says nothing of the others
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  return new StreamServer(
    server,
    bound,
    profile.maxClients + maxHandshakes,
    profile.handWindow * 1000,
  );
}
