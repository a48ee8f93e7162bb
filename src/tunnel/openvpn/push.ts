/**
 * What a server tells a client about the network: `PUSH_REPLY,route 10.0.0.0 255.0.0.0,ping 10,…`, read and written.
 *
 * Each word of it is an option as a profile has it (openvpn(8), "Server Mode": `--push`). What is not there is named.
 * @module
 */
import ipaddr from 'ipaddr.js';
import { CIPHERS } from './session/data.ts';

/** A network, by its first address and the length of its prefix. */
export interface Route {
  /** `10.0.0.0/8`, `2001:db8::/32`. */
  readonly network: string;
  /** Undefined: the gateway of the tunnel. `net_gateway`, the host's own: keep it out of the tunnel. */
  readonly gateway: string | undefined;
  /** Which of two routes to the same network counts: the lower. Undefined: the system's default. */
  readonly metric: number | undefined;
}

/** The network as a client is told of it. Times are seconds. */
export interface Pushed {
  /** `10.8.0.2/24`; undefined where the tunnel carries no IPv4. */
  address: string | undefined;
  address6: string | undefined;
  gateway: string | undefined;
  gateway6: string | undefined;
  topology: 'subnet' | 'net30' | 'p2p' | undefined;
  readonly routes: Route[];
  readonly dns: string[];
  readonly search: string[];
  /** The flags of `redirect-gateway`, if it was said. */
  redirect: readonly string[] | undefined;
  mtu: number | undefined;
  ping: number | undefined;
  pingRestart: number | undefined;
  pingExit: number | undefined;
  peerId: number | undefined;
  cipher: string | undefined;
  ekm: boolean;
  dynamic: boolean;
  exitByControl: boolean;
  exitNotify: boolean | undefined;
  authToken: string | undefined;
  authTokenUser: string | undefined;
  /** One line for each option that is not there. */
  readonly notes: string[];
  /** Why it cannot be: nothing may be used then. */
  refused: string | undefined;
}

export const nothingPushed = (): Pushed => ({
  address: undefined,
  address6: undefined,
  gateway: undefined,
  gateway6: undefined,
  topology: undefined,
  routes: [],
  dns: [],
  search: [],
  redirect: undefined,
  mtu: undefined,
  ping: undefined,
  pingRestart: undefined,
  pingExit: undefined,
  peerId: undefined,
  cipher: undefined,
  ekm: false,
  dynamic: false,
  exitByControl: false,
  exitNotify: undefined,
  authToken: undefined,
  authTokenUser: undefined,
  notes: [],
  refused: undefined,
});

const isV4 = (text: string | undefined): text is string =>
  text !== undefined && ipaddr.IPv4.isValidFourPartDecimal(text);

/** The prefix length of `255.255.255.0`; undefined where it is none. */
export function prefixOf(mask: string | undefined): number | undefined {
  if (!isV4(mask)) return undefined;
  return ipaddr.IPv4.parse(mask).prefixLengthFromSubnetMask() ?? undefined;
}

/** `10.8.3.0/24` of an address in it; undefined where either is wrong. */
export function networkOf(address: string, prefix: number): string | undefined {
  try {
    const parsed = ipaddr.parse(address);
    const longest = parsed.kind() === 'ipv4' ? 32 : 128;
    if (!(prefix >= 0 && prefix <= longest)) return undefined;
    const bytes = parsed.toByteArray().map((byte, i) => {
      const bits = Math.min(8, Math.max(0, prefix - i * 8));
      return byte & (0xff00 >> bits) & 0xff;
    });
    return `${ipaddr.fromByteArray(bytes).toString()}/${prefix}`;
  } catch {
    return undefined;
  }
}

const whole = (text: string | undefined, most: number): number | undefined =>
  text !== undefined && /^\d{1,9}$/.test(text) && Number(text) <= most ? Number(text) : undefined;

type Reader = (into: Pushed, words: readonly string[]) => boolean | undefined;

/** Options that a peer may send and that change nothing here: buffers, timers of its own, hints. */
const WITHOUT_EFFECT = new Set([
  ...['sndbuf', 'rcvbuf', 'socket-flags', 'persist-key', 'persist-tun', 'tun-ipv6', 'verb', 'mute'],
  ...['route-delay', 'txqueuelen', 'ip-win32', 'register-dns', 'block-ipv6', 'block-outside-dns'],
  ...['setenv', 'setenv-safe', 'push-continuation', 'mssfix', 'rcvbuf', 'explicit-exit-notify'],
]);

const COMPRESSION = new Set(['comp-lzo', 'compress', 'comp-noadapt']);

const READERS: Readonly<Record<string, Reader>> = {
  ifconfig(into, [, local, second]) {
    if (!isV4(local)) return false;
    const prefix = prefixOf(second);
    const isSubnet =
      into.topology === 'subnet' || (into.topology === undefined && prefix !== undefined);
    // net30 and p2p: the second address is the peer's, and all that is on the link.
    into.address = `${local}/${isSubnet ? (prefix ?? 32) : 32}`;
    if (!isSubnet && isV4(second)) into.gateway ??= second;
    return isSubnet ? prefix !== undefined : true;
  },
  'ifconfig-ipv6'(into, [, local = '', gateway]) {
    const [address = '', bits = '64'] = local.split('/');
    if (!ipaddr.IPv6.isValid(address) || whole(bits, 128) === undefined) return false;
    into.address6 = `${address}/${bits}`;
    if (gateway !== undefined && ipaddr.IPv6.isValid(gateway)) into.gateway6 = gateway;
    return true;
  },
  topology(into, [, what]) {
    if (what !== 'subnet' && what !== 'net30' && what !== 'p2p') return false;
    into.topology = what;
    return true;
  },
  route(into, [, network = '', mask = '255.255.255.255', gateway, metric]) {
    const prefix = prefixOf(mask === 'default' ? '255.255.255.255' : mask);
    const found = isV4(network) && prefix !== undefined ? networkOf(network, prefix) : undefined;
    if (found === undefined) return false;
    const by = gateway === 'vpn_gateway' || gateway === 'default' ? undefined : gateway;
    if (by !== undefined && by !== 'net_gateway' && !isV4(by)) return false;
    into.routes.push({ network: found, gateway: by, metric: whole(metric, 65_535) });
    return true;
  },
  'route-ipv6'(into, [, network = '', gateway, metric]) {
    const [address = '', bits = '128'] = network.split('/');
    const found = ipaddr.IPv6.isValid(address) ? networkOf(address, Number(bits)) : undefined;
    if (found === undefined) return false;
    const by = gateway === 'default' ? undefined : gateway;
    into.routes.push({ network: found, gateway: by, metric: whole(metric, 65_535) });
    return true;
  },
  'route-gateway'(into, [, gateway]) {
    if (!isV4(gateway)) return false;
    into.gateway = gateway;
    return true;
  },
  'redirect-gateway'(into, [, ...flags]) {
    into.redirect = flags;
    return true;
  },
  'redirect-private'(into, [, ...flags]) {
    into.redirect ??= [...flags, 'private'];
    return true;
  },
  'dhcp-option'(into, [, kind, value]) {
    if (value === undefined) return false;
    if (kind === 'DNS' || kind === 'DNS6') {
      if (!ipaddr.isValid(value)) return false;
      if (!into.dns.includes(value)) into.dns.push(value);
      return true;
    }
    if (kind !== 'DOMAIN' && kind !== 'DOMAIN-SEARCH' && kind !== 'ADAPTER_DOMAIN_SUFFIX')
      return undefined;
    if (!into.search.includes(value)) into.search.push(value);
    return true;
  },
  'tun-mtu'(into, [, mtu]) {
    into.mtu = whole(mtu, 65_535);
    return into.mtu !== undefined && into.mtu >= 576;
  },
  ping(into, [, seconds]) {
    into.ping = whole(seconds, 86_400);
    return into.ping !== undefined;
  },
  'ping-restart'(into, [, seconds]) {
    into.pingRestart = whole(seconds, 86_400);
    return into.pingRestart !== undefined;
  },
  'ping-exit'(into, [, seconds]) {
    into.pingExit = whole(seconds, 86_400);
    return into.pingExit !== undefined;
  },
  'peer-id'(into, [, id]) {
    into.peerId = whole(id, 0xff_ffff);
    return into.peerId !== undefined;
  },
  cipher(into, [, name = '']) {
    const cipher = name.toUpperCase();
    if (CIPHERS[cipher] === undefined) {
      into.refused ??= `the server wants the cipher ${name}: only ${Object.keys(CIPHERS).join(', ')} are there`;
      return true;
    }
    into.cipher = cipher;
    return true;
  },
  'key-derivation'(into, [, how]) {
    into.ekm = how === 'tls-ekm';
    return into.ekm;
  },
  'protocol-flags'(into, [, ...flags]) {
    for (const flag of flags) {
      if (flag === 'tls-ekm') into.ekm = true;
      else if (flag === 'cc-exit') into.exitByControl = true;
      else if (flag === 'dyn-tls-crypt') into.dynamic = true;
      else into.refused ??= `the server uses ${flag}, which is not there`;
    }
    return true;
  },
  'auth-token'(into, [, token]) {
    into.authToken = token;
    return token !== undefined;
  },
  'auth-token-user'(into, [, user]) {
    into.authTokenUser = user === undefined ? undefined : Buffer.from(user, 'base64').toString();
    return user !== undefined;
  },
};

/** Split an option into words, as in a profile: quotes, and a backslash before what stands for itself. */
export function wordsOf(text: string): string[] {
  const words: string[] = [];
  const pattern = /"((?:\\.|[^"\\])*)"|'([^']*)'|((?:\\.|[^\s"'\\])+)/g;
  for (const [, double, single, plain] of text.matchAll(pattern)) {
    words.push(single ?? (double ?? plain ?? '').replace(/\\(.)/g, '$1'));
  }
  return words;
}

/** Read one option into `into`: what it is, where it is not as it should be, is noted there. */
export function readPushed(into: Pushed, option: string): void {
  const words = wordsOf(option);
  const name = words[0];
  if (name === undefined) return;
  if (COMPRESSION.has(name)) {
    const isOff = words[1] === 'migrate';
    if (!isOff)
      into.refused ??= `the server wants compression («${option}»): it is not there, and unsafe (VORACLE)`;
    return;
  }
  if (name === 'fragment') {
    into.refused ??= `the server wants «${option}»: fragments of OpenVPN's own are not there`;
    return;
  }
  if (WITHOUT_EFFECT.has(name)) {
    if (name === 'explicit-exit-notify') into.exitNotify = true;
    return;
  }
  const reader = READERS[name];
  const read = reader?.(into, words);
  if (read === undefined) into.notes.push(`pushed «${option}»: not there, without effect`);
  else if (!read) into.notes.push(`pushed «${option}»: not understood, without effect`);
}

/** The options of one `PUSH_REPLY`: those after the first comma. `topology` counts before what depends on it. */
export function readPushReply(into: Pushed, options: readonly string[]): void {
  for (const option of options) if (option.startsWith('topology ')) readPushed(into, option);
  for (const option of options) if (!option.startsWith('topology ')) readPushed(into, option);
}

/** Bytes of one string of the control channel, with its NUL (common.h, PUSH_BUNDLE_SIZE). */
const BUNDLE = 1024;
/** `,push-continuation 2` */
const CONTINUATION = 21;

/** The strings that push `options`: as many as are needed, each but the last says that more will come. */
export function writePushReply(options: readonly string[]): string[] {
  const bundles: string[] = [];
  let text = 'PUSH_REPLY';
  for (const option of options) {
    if (text.length + 1 + option.length + CONTINUATION >= BUNDLE) {
      bundles.push(`${text},push-continuation 2`);
      text = 'PUSH_REPLY';
    }
    text += `,${option}`;
  }
  return [...bundles, bundles.length > 0 ? `${text},push-continuation 1` : text];
}
