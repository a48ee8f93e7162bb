/**
 * An OpenVPN client that is open: a device of IP packets, on the network that its server has told.
 * @module
 */
import * as dgram from 'node:dgram';
import { lookup } from 'node:dns/promises';
import * as net from 'node:net';
import { DeviceError, invalid } from '../../device/errors.ts';
import { plain } from '../../stack/base/real.ts';
import { systemRandom } from '../clock.ts';
import type { AeadMaker } from '../crypto/aead.ts';
import { fastestAead } from '../crypto/fastest.ts';
import { TunnelDevice } from '../device.ts';
import { Endpoint } from '../endpoint.ts';
import type { DatagramTransport, RandomBytes, TunnelClock } from '../tunnel.ts';
import { openBatch } from '../udp/batch.ts';
import { openDgram } from '../udp/dgram.ts';
import { type ClientState, OpenVpnClient } from './client.ts';
import type { OpenVpnCounters } from './link.ts';
import type { ReadFile } from './profile/asked.ts';
import { ProfileError } from './profile/lines.ts';
import type { Profile, Remote } from './profile/profile.ts';
import { readProfile, remotesOf } from './profile/read.ts';
import type { Pushed, Route } from './push.ts';
import type { ClientUser } from './settings.ts';
import { clientSettings, type Given } from './setup.ts';
import { type NetMaker, StreamClient } from './stream.ts';

/** What is not in the profile. Everything has a default. */
export interface OpenVpnOptions {
  /** What the device is called; default `ovpn0`. */
  readonly name?: string | undefined;
  /** In place of the profile's, or where it asks (`auth-user-pass` without a file). */
  readonly user?: string | undefined;
  /** With `user`. */
  readonly password?: string | undefined;
  /** Of the private key, where it is encrypted. */
  readonly passphrase?: string | undefined;
  /** Reads the files that the profile names; default: there are none beside it. */
  readonly readFile?: ReadFile | undefined;
  /** How datagrams travel; default sockets of this host. The device closes it. For UDP only. */
  readonly transport?: DatagramTransport | undefined;
  /** The mark of our datagrams (SO_MARK), which keeps them out of the tunnel's own routes; default none. Linux, UDP. */
  readonly mark?: number | undefined;
  /** How a connection is made where the profile says TCP; default `node:net`. */
  readonly net?: NetMaker | undefined;
  /** Take and give segments of up to 64 KiB, as a TUN with offload does. Default true. */
  readonly offload?: boolean | undefined;
  /** Packets that wait to be read before more are lost: 1 to 65 536. */
  readonly limit?: number | undefined;
  /** How names of servers become addresses; default `dns.lookup`. */
  readonly resolve?: ((host: string, family: 0 | 4 | 6) => Promise<readonly string[]>) | undefined;
  /** How long to wait until the tunnel is up, in ms: 1 to 2³¹ - 1, default 120 000. */
  readonly timeout?: number | undefined;
  /** A line that people should see: what is down and why, what was pushed and is not there. */
  readonly log?: ((line: string) => void) | undefined;
  /** The tunnel is up, with this network; the first time too. */
  readonly onUp?: ((network: OpenVpnNetwork) => void) | undefined;
  /** The tunnel is down, and why; it is made again, unless that was the end. */
  readonly onDown?: ((reason: string) => void) | undefined;
  /** For simulations: default this machine's. */
  readonly clock?: TunnelClock | undefined;
  /** For simulations: default `systemRandom`. */
  readonly random?: RandomBytes | undefined;
  /** Milliseconds since 1970; default `Date.now`. */
  readonly wall?: (() => number) | undefined;
  /** How packets are sealed; default the fastest way that works here. */
  readonly aead?: AeadMaker | undefined;
}

/** The network inside, as profile and server have it. */
export interface OpenVpnNetwork {
  /** `10.8.0.2/24`, `fd00::2/64`. */
  readonly addresses: readonly string[];
  /** The router inside, `10.8.0.1`. */
  readonly gateway: string | undefined;
  /** Likewise of IPv6. */
  readonly gateway6: string | undefined;
  /** Networks that are reached through it; `0.0.0.0/0` and `::/0` where all is. */
  readonly routes: readonly Route[];
  /** Servers of names, inside. */
  readonly dns: readonly string[];
  /** Domains that are searched. */
  readonly search: readonly string[];
  /** The longest IP packet, in bytes. */
  readonly mtu: number;
}

/** What is known of a client's tunnel. */
export interface OpenVpnStatus {
  /** `connecting`; `pulling`, asking for its network; `up`; `waiting` for the next try; `stopped`. */
  readonly state: ClientState;
  /** The server that it speaks with, `192.0.2.1:1194`. */
  readonly endpoint: string | undefined;
  /** Of the data channel: `AES-256-GCM`; undefined until it is agreed on. */
  readonly cipher: string | undefined;
  /** Keys that were agreed on, the first one and each renegotiated one. */
  readonly handshakes: number;
  /** Milliseconds since 1970; 0: none yet. */
  readonly lastHandshake: number;
  /** Bytes of IP packets. */
  readonly receivedBytes: number;
  /** Bytes of IP packets. */
  readonly sentBytes: number;
  /** What came to nothing, by reason; what is above 0. */
  readonly drops: Readonly<Partial<OpenVpnCounters>>;
}

/** An open client. */
export class OpenVpnDevice extends TunnelDevice<OpenVpnClient> {
  /** What it was opened by. */
  readonly profile: Profile;
  readonly #wall: () => number;

  constructor(
    profile: Profile,
    options: OpenVpnOptions,
    transport: DatagramTransport,
    make: ConstructorParameters<typeof TunnelDevice<OpenVpnClient>>[1],
  ) {
    const { name = 'ovpn0', clock, offload = true, limit } = options;
    super({ name, mtu: profile.mtu, transport, clock, offload, limit }, make);
    this.profile = profile;
    this.#wall = options.wall ?? Date.now;
  }

  /** The network as the server has told it last. */
  get network(): OpenVpnNetwork {
    return networkOf(this.profile, this.protocol.network);
  }

  /** How it stands now; a copy. */
  status(): OpenVpnStatus {
    const { state, endpoint, network, handshakes, handshakeAt, bytesIn, bytesOut, counters } =
      this.protocol;
    const ago = Number.isFinite(handshakeAt) ? (this.now() - handshakeAt) / 1000 : -1;
    return {
      ...{ state, handshakes, endpoint: endpoint?.toString(), cipher: network.cipher },
      lastHandshake: ago < 0 ? 0 : Math.round(this.#wall() - ago),
      ...{ receivedBytes: plain(bytesIn), sentBytes: plain(bytesOut), drops: above0(counters) },
    };
  }

  /** Agree on another key now. */
  renegotiate(): void {
    this.protocol.renegotiate(this.now());
    this.turn();
  }
}

export const above0 = (counters: OpenVpnCounters): Partial<OpenVpnCounters> =>
  Object.fromEntries(Object.entries(counters).filter(([, count]) => count > 0));

/** Profile and push together: what is pushed comes after what the file says. */
export function networkOf(profile: Profile, pushed: Pushed): OpenVpnNetwork {
  const redirect = pushed.redirect ?? profile.redirect;
  const addresses = [pushed.address ?? profile.address, pushed.address6 ?? profile.address6];
  const all: Route[] = [];
  const route = (network: string): Route => ({ network, gateway: undefined, metric: undefined });
  if (redirect !== undefined && !redirect.includes('private')) {
    if (!redirect.includes('!ipv4')) all.push(route('0.0.0.0/0'));
    if (redirect.includes('ipv6')) all.push(route('::/0'));
  }
  return {
    addresses: addresses.filter((address) => address !== undefined),
    gateway: pushed.gateway ?? profile.gateway,
    gateway6: pushed.gateway6,
    routes: [...profile.routes, ...pushed.routes, ...all],
    dns: [...new Set([...profile.dns, ...pushed.dns])],
    search: [...new Set([...profile.search, ...pushed.search])],
    mtu: pushed.mtu ?? profile.mtu,
  };
}

/**
 * Connect as a profile (its text, or what `readProfile` made of it) says; settles when the tunnel is up.
 *
 * Rejects with a `ProfileError` (its line and reason) where the profile cannot be, with the lookup's error where no
 * server's name is known, with `ECONNREFUSED` where the server refuses user or certificate, and with `ETIMEDOUT` where
 * the tunnel is not up in time. After that it is made again whenever it goes down, until it is closed.
 */
export async function openOpenVpn(
  file: string | Profile,
  options: OpenVpnOptions = {},
): Promise<OpenVpnDevice> {
  const profile = typeof file === 'string' ? readProfile(file, options.readFile ?? noFile) : file;
  if (profile.mode !== 'client')
    throw new ProfileError(0, 'a profile of a server: `openOpenVpnServer` takes it');
  const { user, password, log = () => {}, timeout = 120_000 } = options;
  if (profile.asksUser && (user ?? profile.user) === undefined) {
    throw new ProfileError(0, 'auth-user-pass: user and password are asked for, and not given');
  }
  const remotes = remotesOf(profile);
  const [first] = remotes as [Remote, ...Remote[]]; // `readProfile` has seen that there is one
  const { isStream } = first;
  const usable = remotes.filter((remote) => remote.isStream === isStream);
  if (usable.length < remotes.length)
    log(
      `servers by ${isStream ? 'UDP' : 'TCP'} are left out: the first is by ${isStream ? 'TCP' : 'UDP'}`,
    );
  for (const note of profile.notes) log(note);
  const places = await resolveAll(usable, options.resolve ?? lookUp);
  const given: Given = {
    random: options.random ?? systemRandom,
    aead: options.aead ?? (await fastestAead()),
    passphrase: options.passphrase,
    wall: options.wall ?? Date.now,
  };
  if (profile.isRandom) shuffle(places, given.random);
  const settings = clientSettings(profile, given, places, isStream, { user, password });
  const stream = isStream ? new StreamClient(options.net ?? net) : undefined;
  const transport = stream ?? options.transport ?? (await hostTransport(profile, options.mark));
  let begun = (): void => {};
  let refused = (_: Error): void => {};
  const start = new Promise<void>((resolve, reject) => {
    begun = resolve;
    refused = reject;
  });
  const wake = waker(() => device);
  const client: ClientUser = {
    up(pushed) {
      const network = networkOf(profile, pushed);
      device.setMtu(network.mtu);
      options.onUp?.(network);
      begun();
    },
    down(reason) {
      log(`down: ${reason}`);
      options.onDown?.(reason);
    },
    ended(reason) {
      log(`ended: ${reason}`);
      options.onDown?.(reason);
      refused(new DeviceError('ECONNREFUSED', `${device.name}: ${reason}`));
      void device.close();
    },
    note: log,
    connecting: (to) => stream?.dial(to),
    wake,
  };
  const device: OpenVpnDevice = new OpenVpnDevice(
    profile,
    options,
    transport,
    (out) => new OpenVpnClient(settings, client, out),
  );
  if (stream !== undefined) {
    stream.onEnd = (reason) => {
      device.protocol.broken(reason, device.now());
      device.turn();
    };
  }
  const timer = setTimeout(() => {
    refused(new DeviceError('ETIMEDOUT', `${device.name}: not up within ${timeout} ms`));
  }, timeout);
  try {
    await start;
  } catch (error) {
    await device.close();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  return device;
}

/** Calls the protocol in a later turn of the event loop, once for all that asked in this one. */
export function waker(of: () => TunnelDevice): () => void {
  let isDue = false;
  return () => {
    if (isDue) return;
    isDue = true;
    setImmediate(() => {
      isDue = false;
      const device = of();
      device.protocol.expire(device.now());
      device.turn();
    });
  };
}

export const noFile: ReadFile = () => {
  throw new Error(
    'no folder is known that it could be in: give `readFile`, or put it into the profile',
  );
};

/** Sockets of this host: in batches where the system can, or by `dgram`. */
export async function hostTransport(
  { localPort = 0, localAddress }: Pick<Profile, 'localPort' | 'localAddress'>,
  mark?: number,
): Promise<DatagramTransport> {
  const where = { port: localPort, address: localAddress };
  const batch = await openBatch({ ...where, mark });
  if (batch !== undefined) return batch;
  if (mark !== undefined && mark !== 0) {
    throw invalid('mark', mark, 'datagrams can be marked on Linux only, with koffi installed');
  }
  return openDgram(dgram, where);
}

async function lookUp(host: string, family: 0 | 4 | 6): Promise<readonly string[]> {
  return (await lookup(host, { all: true, family })).map(({ address }) => address);
}

async function resolveAll(
  remotes: readonly Remote[],
  resolve: NonNullable<OpenVpnOptions['resolve']>,
): Promise<Endpoint[]> {
  const found: Endpoint[] = [];
  let failure: unknown;
  for (const { host, port, family } of remotes) {
    try {
      const addresses = net.isIP(host) > 0 ? [host] : await resolve(host, family);
      found.push(...addresses.map((address) => new Endpoint(address, port)));
    } catch (error) {
      failure = error; // another may be known
    }
  }
  if (found.length === 0) throw failure;
  return found;
}

function shuffle(list: unknown[], random: RandomBytes): void {
  const chance = new Uint32Array(list.length);
  random(new Uint8Array(chance.buffer));
  for (let i = list.length - 1; i > 0; i--) {
    const other = (chance[i] as number) % (i + 1); // as long as the list
    [list[i], list[other]] = [list[other], list[i]];
  }
}
