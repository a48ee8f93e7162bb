/**
 * Profiles of OpenVPN, for the command: of a client, and of a server.
 * @module
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import {
  looksLikeProfile,
  type OpenVpnNetwork,
  openOpenVpn,
  openOpenVpnServer,
  type Profile,
  readProfile,
} from '../../tunnel.ts';
import type { Kind, OpenedTunnel, OpenRequest } from './kind.ts';

const DEFAULTS = ['0.0.0.0/0', '::/0'];

/** A profile has «client» or «server» in a line; a file of WireGuard has `[Interface]`. */
export const openvpnFile: Kind = {
  name: 'OpenVPN',
  matches: looksLikeProfile,
  read(text, path) {
    const folder = dirname(path);
    const profile = readProfile(text, (name) => readFileSync(resolve(folder, name)));
    // What a server will push is not known yet: it may be everything.
    const pushed = profile.pulls && !profile.ignoreRoutes ? DEFAULTS : [];
    return {
      kind: 'openvpn',
      mtu: profile.mtu,
      routes: [...profile.routes.map(({ network }) => network), ...pushed],
      table: 'auto',
      commands: [],
      open: (request) =>
        profile.mode === 'server' ? openServer(profile, request) : openClient(profile, request),
    };
  },
};

async function openClient(
  profile: Profile,
  { name, offload, mark }: OpenRequest,
): Promise<OpenedTunnel> {
  const notes: string[] = [];
  let first: OpenVpnNetwork | undefined;
  const login = profile.asksUser ? await ask(profile) : {};
  const device = await openOpenVpn(profile, {
    ...{ name, offload, mark: mark === 0 ? undefined : mark },
    ...login,
    log: (line) => notes.push(line),
    onUp(network) {
      first ??= network;
      // The host or the stack has the addresses of the first time: with others it would talk to nobody.
      if (network.addresses.join() !== first.addresses.join()) void device.close();
    },
  });
  const { network } = device;
  const routes = network.routes.filter(({ gateway }) => gateway !== 'net_gateway');
  for (const each of network.routes) {
    if (each.gateway === 'net_gateway')
      notes.push(`route ${each.network} past the tunnel: not set`);
  }
  const prefixes = [...new Set(routes.map((route) => route.network))];
  if (
    profile.proto.startsWith('tcp') &&
    mark !== 0 &&
    prefixes.some((each) => DEFAULTS.includes(each))
  ) {
    await device.close();
    throw new Error(
      'the server wants all traffic in the tunnel: over TCP its own would go there too; use UDP',
    );
  }
  return {
    device,
    ...{ addresses: network.addresses, routes: prefixes, dns: network.dns, search: network.search },
    ...{ table: 'auto', mark, notes },
    peers: () => {
      const { endpoint, lastHandshake, receivedBytes, sentBytes } = device.status();
      return [{ name: 'server', endpoint, lastHandshake, receivedBytes, sentBytes, loss: 0 }];
    },
    connect: () => {},
    close: () => device.close(),
  };
}

async function openServer(profile: Profile, { name, offload }: OpenRequest): Promise<OpenedTunnel> {
  const notes: string[] = [];
  const device = await openOpenVpnServer(profile, {
    name,
    offload,
    log: (line) => notes.push(line),
  });
  return {
    device,
    ...{ addresses: device.addresses, routes: profile.routes.map(({ network }) => network) },
    ...{ dns: [], search: [], table: 'auto', mark: 0, notes: [...notes] },
    peers: () =>
      device
        .status()
        .clients.map(({ name: client, endpoint, since, receivedBytes, sentBytes }) => ({
          ...{ name: client, endpoint, lastHandshake: since, receivedBytes, sentBytes, loss: 0 },
        })),
    connect: () => {},
    close: () => device.close(),
  };
}

/** User and password, from whoever sits at the terminal. */
async function ask({
  user,
}: Profile): Promise<{ readonly user: string; readonly password: string }> {
  if (!process.stdin.isTTY) {
    throw new Error(
      'it asks for user and password («auth-user-pass»), and there is no terminal: name a file after it',
    );
  }
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: true });
  try {
    const name = user ?? (await lines.question('User: '));
    const answer = lines.question('Password: ');
    // What is typed is not shown: readline writes it by this, which Node leaves open to be replaced.
    Object.assign(lines, { _writeToOutput: () => {} });
    const password = await answer;
    process.stderr.write('\n');
    return { user: name, password };
  } finally {
    lines.close();
  }
}
