/**
 * The options of an OpenVPN profile that are there, each with what it does to a `Profile`. openvpn(8).
 * @module
 */

import { nothingPushed, readPushed } from '../push.ts';
import { CIPHERS } from '../session/data.ts';
import { type Apply, type Asked, text, whole, word, wrong } from './asked.ts';
import { TLS_DIRECTIVES } from './directives-tls.ts';
import type { Profile } from './profile.ts';

const DAY = 86_400;
const LONG = 7 * DAY;

/** The same words as a server may push them: what they do to the network is one thing. */
const network: Apply = (profile, asked) => {
  const said = nothingPushed();
  said.topology = profile.topology;
  const quoted = asked.words.map((each) => (/[\s"'\\]/.test(each) ? JSON.stringify(each) : each));
  readPushed(said, [asked.name, ...quoted].join(' '));
  if (said.notes.some((note) => note.includes('not understood')))
    throw wrong(asked, 'not understood');
  for (const note of said.notes)
    profile.notes.push(`line ${asked.line}: ${note.replace('pushed ', '')}`);
  profile.address = said.address ?? profile.address;
  profile.address6 = said.address6 ?? profile.address6;
  profile.gateway = said.gateway ?? profile.gateway;
  profile.topology = said.topology ?? profile.topology;
  profile.routes.push(...said.routes);
  profile.dns.push(...said.dns);
  profile.search.push(...said.search);
  profile.redirect = said.redirect ?? profile.redirect;
};

const asClient: Apply = (profile) => {
  profile.mode = 'client';
};

function ciphers(profile: Profile, asked: Asked): void {
  const asks = word(asked)
    .toUpperCase()
    .split(':')
    .filter((name) => name !== 'DEFAULT');
  const there = asks
    .map((name) => name.replace(/^\?/, ''))
    .filter((name) => CIPHERS[name] !== undefined);
  const others = asks.filter((name) => !there.includes(name.replace(/^\?/, '')));
  if (there.length === 0 && others.length > 0) {
    throw wrong(
      asked,
      `none of these is there: CBC is refused, there are ${Object.keys(CIPHERS).join(', ')}`,
    );
  }
  if (others.length > 0) {
    profile.notes.push(
      `line ${asked.line}: not offered, since only AEAD is there: ${others.join(', ')}`,
    );
  }
  if (there.length > 0) profile.ciphers = there;
}

/** Options that set one number. */
const number =
  (
    field:
      | 'handWindow'
      | 'tranWindow'
      | 'renegBytes'
      | 'renegPackets'
      | 'ping'
      | 'pingRestart'
      | 'pingExit'
      | 'maxClients',
    least: number,
    most: number,
  ): Apply =>
  (profile, asked) => {
    profile[field] = whole(asked, 0, least, most);
  };

export const DIRECTIVES: Readonly<Record<string, Apply>> = {
  ...TLS_DIRECTIVES,
  client(profile, asked) {
    asClient(profile, asked);
    profile.pulls = true;
  },
  'tls-client': asClient,
  'tls-server'(profile) {
    profile.mode = 'server';
  },
  pull(profile) {
    profile.pulls = true;
  },
  mode(profile, asked) {
    if (word(asked) !== 'server')
      throw wrong(asked, 'peers without server and client are not there');
    profile.mode = 'server';
  },
  server(profile, asked) {
    profile.mode = 'server';
    const said = nothingPushed();
    said.topology = 'subnet';
    readPushed(said, `route ${word(asked)} ${word(asked, 1)}`);
    const [route] = said.routes;
    if (route === undefined) throw wrong(asked, 'no network and mask');
    profile.network = route.network;
    if (asked.words[2] === 'nopool')
      throw wrong(asked, 'addresses come from the pool: nopool is not there');
  },
  'server-ipv6'(profile, asked) {
    const said = nothingPushed();
    readPushed(said, `route-ipv6 ${word(asked)}`);
    const [route] = said.routes;
    if (route === undefined) throw wrong(asked, 'no network of IPv6');
    profile.network6 = route.network;
  },
  'ifconfig-pool'(profile, asked) {
    profile.range = [word(asked), word(asked, 1)];
  },
  push(profile, asked) {
    profile.push.push(word(asked));
  },
  'client-to-client'(profile) {
    profile.clientToClient = true;
  },
  'duplicate-cn'(profile) {
    profile.duplicates = true;
  },
  'max-clients': number('maxClients', 1, 65_536),
  'verify-client-cert'(profile, asked) {
    const how = asked.words[0] ?? 'require';
    if (how !== 'require' && how !== 'optional' && how !== 'none')
      throw wrong(asked, 'none, optional or require');
    profile.clientCertificate = how;
  },
  'username-as-common-name'(profile) {
    profile.userIsName = true;
  },
  'connect-freq-initial'(profile, asked) {
    profile.maxAnswers = Math.ceil((whole(asked, 0, 1, 100_000) * 10) / whole(asked, 1, 1, DAY));
  },
  keepalive(profile, asked) {
    profile.ping = whole(asked, 0, 1, DAY);
    profile.pingRestart = whole(asked, 1, 1, DAY);
    if (profile.pingRestart < profile.ping * 2)
      throw wrong(asked, 'the second must be twice the first at least');
  },
  dev(profile, asked) {
    const name = word(asked);
    if (name.startsWith('tap')) throw wrong(asked, 'only tunnels of IP packets (tun) are there');
    profile.device = name === 'tun' || name === 'null' ? profile.device : name;
  },
  'dev-type'(_, asked) {
    if (word(asked) !== 'tun') throw wrong(asked, 'only tunnels of IP packets (tun) are there');
  },
  proto(profile, asked) {
    profile.proto = word(asked);
    if (!/^(udp|tcp)[46]?(-client|-server)?$/.test(profile.proto)) throw wrong(asked, 'udp or tcp');
  },
  'proto-force'(profile, asked) {
    profile.proto = word(asked);
  },
  remote(profile, asked) {
    profile.remotes.push({
      host: word(asked),
      port: asked.words[1] === undefined ? undefined : whole(asked, 1, 1, 65_535),
      proto: asked.words[2],
      line: asked.line,
    });
  },
  'remote-random'(profile) {
    profile.isRandom = true;
  },
  'remote-random-hostname'(profile, asked) {
    profile.notes.push(`line ${asked.line}: «remote-random-hostname» is not there, without effect`);
  },
  port(profile, asked) {
    profile.port = whole(asked, 0, 1, 65_535);
    profile.localPort ??= profile.port;
  },
  rport(profile, asked) {
    profile.port = whole(asked, 0, 1, 65_535);
  },
  lport(profile, asked) {
    profile.localPort = whole(asked, 0, 0, 65_535);
  },
  nobind(profile) {
    profile.localPort = 0;
  },
  bind() {},
  local(profile, asked) {
    profile.localAddress = word(asked) === '*' ? undefined : word(asked);
  },
  float(profile) {
    profile.float = true;
  },
  'tun-mtu'(profile, asked) {
    profile.mtu = whole(asked, 0, 576, 65_535);
  },
  mssfix(profile, asked) {
    profile.mssfix = asked.words[0] === undefined ? 1492 : whole(asked, 0, 0, 65_535);
  },
  // With negotiation, which is all there is here, the old word counts only if data-ciphers has it too.
  cipher(profile, asked) {
    const name = word(asked).toUpperCase();
    if (CIPHERS[name] === undefined) {
      profile.notes.push(
        `line ${asked.line}: «cipher ${name}» is not offered, since only AEAD is there; data-ciphers counts`,
      );
    }
  },
  'data-ciphers': ciphers,
  'ncp-ciphers': ciphers,
  'ncp-disable'(_, asked) {
    throw wrong(asked, 'ciphers are always negotiated');
  },
  'auth-user-pass'(profile, asked) {
    if (asked.block === undefined && asked.words[0] === undefined) {
      profile.asksUser = true;
      return;
    }
    const [user = '', password] = text(asked).split(/\r?\n/);
    if (user === '') throw wrong(asked, 'no user in the first line');
    profile.user = user;
    profile.password = password === '' ? undefined : password;
    if (profile.password === undefined) profile.asksUser = true;
  },
  'auth-retry'(profile, asked) {
    profile.retryAuth = word(asked) !== 'none';
  },
  'hand-window': number('handWindow', 1, DAY),
  'tran-window': number('tranWindow', 1, LONG),
  'reneg-sec'(profile, asked) {
    profile.renegAfter = whole(asked, 0, 0, LONG);
  },
  'reneg-bytes': number('renegBytes', 0, Number.MAX_SAFE_INTEGER),
  'reneg-pkts': number('renegPackets', 0, Number.MAX_SAFE_INTEGER),
  ping: number('ping', 0, DAY),
  'ping-restart': number('pingRestart', 0, DAY),
  'ping-exit': number('pingExit', 0, DAY),
  'explicit-exit-notify'(profile, asked) {
    profile.exitNotify = asked.words[0] === undefined || whole(asked, 0, 0, 100) > 0;
  },
  'connect-retry'(profile, asked) {
    profile.retryWait = whole(asked, 0, 1, DAY);
    profile.retryMostWait = asked.words[1] === undefined ? 300 : whole(asked, 1, 1, DAY);
  },
  'connect-retry-max'(profile, asked) {
    profile.retryMost = whole(asked, 0, 1, 1_000_000);
  },
  'single-session'() {},
  topology: network,
  ifconfig: network,
  'ifconfig-ipv6': network,
  route: network,
  'route-ipv6': network,
  'route-gateway': network,
  'redirect-gateway': network,
  'redirect-private': network,
  'dhcp-option': network,
  'route-nopull'(profile) {
    profile.ignoreRoutes = true;
  },
  'pull-filter'(profile, asked) {
    const action = word(asked);
    if (action !== 'accept' && action !== 'ignore' && action !== 'reject')
      throw wrong(asked, 'accept, ignore or reject');
    profile.filters.push({ action, text: word(asked, 1) });
  },
  setenv(profile, asked) {
    const [name = '', ...value] = asked.words;
    if (/^(UV_|IV_GUI_VER|IV_SSO)/.test(name))
      profile.info.push(`${name}=${value.join(' ').replace(/[^\x20-\x7e]/g, '')}`);
    else
      profile.notes.push(
        `line ${asked.line}: «setenv ${name}» is without effect: there is no environment to set`,
      );
  },
  'setenv-safe'(profile, asked) {
    profile.notes.push(
      `line ${asked.line}: «setenv-safe» is without effect: there is no environment to set`,
    );
  },
};
