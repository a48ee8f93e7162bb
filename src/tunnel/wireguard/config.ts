/**
 * Configuration files as `wg` and `wg-quick` have them: wg(8), wg-quick(8). What is wrong is refused with its line and
 * the reason; nothing is left out silently.
 * @module
 */
import { splitEndpoint } from '../endpoint.ts';
import { type Prefix, parsePrefix } from '../prefix.ts';
import { formatKey, parseKey } from './keys.ts';

/** A file, read. */
export interface WireGuardConfig {
  /** 32 bytes. */
  readonly privateKey: Uint8Array;
  /** 1 to 65 535; undefined: one that is free. */
  readonly listenPort?: number | undefined;
  /** SO_MARK of what leaves; 0: none. */
  readonly fwMark?: number | undefined;
  /** Our addresses inside, each with the length of its prefix. */
  readonly addresses: readonly string[];
  /** Servers of DNS, and domains that are searched. */
  readonly dns: readonly string[];
  /** Domains that are searched: `DNS` has both. */
  readonly search: readonly string[];
  /** The longest IP packet in bytes, 576 to 65 535; undefined: 1420. */
  readonly mtu?: number | undefined;
  /** Where the routes go: the main table or, for a default route, one of its own (`auto`); nowhere (`off`); a table. */
  readonly table: 'auto' | 'off' | number;
  /** What is to be run, by which setting. */
  readonly commands: readonly WireGuardCommand[];
  /** `SaveConfig`: read, and not acted on. */
  readonly saveConfig: boolean;
  /** In the order of the file. */
  readonly peers: readonly WireGuardPeerConfig[];
}

/** A command that a file asks for. A device never runs it; `tunstack tunnel up --allow-commands` does. */
export interface WireGuardCommand {
  /** The setting that asks for it. */
  readonly when: 'PreUp' | 'PostUp' | 'PreDown' | 'PostDown';
  /** For a shell; `%i` is the interface's name. */
  readonly command: string;
}

/** A peer, as the file describes it. */
export interface WireGuardPeerConfig {
  /** 32 bytes each. */
  readonly publicKey: Uint8Array;
  /** 32 bytes; undefined: none. */
  readonly presharedKey?: Uint8Array | undefined;
  /** Which addresses inside are its: where packets to them go, and whose packets it may send. */
  readonly allowedIps: readonly Prefix[];
  /** A name or an address, and a port. */
  readonly endpoint?: { readonly host: string; readonly port: number } | undefined;
  /** Seconds; 0: none. */
  readonly persistentKeepalive: number;
}

/** What is wrong with a file, and where. */
export class ConfigError extends Error {
  override readonly name: string = 'ConfigError';
  /** That of Node for a wrong argument. */
  readonly code: string = 'ERR_INVALID_ARG_VALUE';
  /** From 1; 0 for what is missing in the whole. */
  readonly line: number;

  constructor(line: number, reason: string) {
    super(line > 0 ? `line ${line}: ${reason}` : reason);
    this.line = line;
  }
}

interface Draft {
  privateKey?: Uint8Array;
  listenPort?: number;
  fwMark?: number;
  addresses: string[];
  dns: string[];
  search: string[];
  mtu?: number;
  table: 'auto' | 'off' | number;
  commands: WireGuardCommand[];
  saveConfig: boolean;
}

interface PeerDraft {
  line: number;
  publicKey?: Uint8Array;
  presharedKey?: Uint8Array;
  allowedIps: Prefix[];
  endpoint?: { host: string; port: number };
  persistentKeepalive: number;
}

/** Longer than any that people write; beyond it a file is none of theirs. */
const LONGEST_FILE = 4 << 20;

type Setter<D> = (draft: D, value: string) => string | undefined;

const KEY = 'a key is 32 bytes in base64, 44 characters as `wg genkey` prints them';

function number(text: string, least: number, most: number): number | undefined {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return value >= least && value <= most ? value : undefined;
}

const list = (value: string): string[] => value.split(',').map((each) => each.trim());

function command(when: WireGuardCommand['when']): Setter<Draft> {
  return (draft, value) => {
    draft.commands.push({ when, command: value });
    return undefined;
  };
}

/** Each takes a value, or says what is wrong with it. Names in lower case: they are compared so. */
const INTERFACE: Readonly<Record<string, Setter<Draft>>> = {
  privatekey(draft, value) {
    const key = parseKey(value);
    if (key !== undefined) draft.privateKey = key;
    return key === undefined ? KEY : undefined;
  },
  listenport(draft, value) {
    const port = number(value, 0, 65_535);
    if (port !== undefined) draft.listenPort = port;
    return port === undefined ? 'a port is from 0 to 65535' : undefined;
  },
  fwmark(draft, value) {
    const mark = /^0x[0-9a-f]{1,8}$/i.test(value)
      ? Number(value)
      : value === 'off'
        ? 0
        : number(value, 0, 0xffff_ffff);
    if (mark !== undefined) draft.fwMark = mark;
    return mark === undefined ? 'a mark has 32 bits, or is off' : undefined;
  },
  address(draft, value) {
    for (const each of list(value)) {
      if (parsePrefix(each) === undefined) return `${each || 'nothing'} is no address`;
      draft.addresses.push(each);
    }
    return undefined;
  },
  dns(draft, value) {
    for (const each of list(value)) {
      const isAddress = parsePrefix(each) !== undefined && !each.includes('/');
      if (isAddress) draft.dns.push(each);
      else if (/^[a-z0-9_]([a-z0-9_.-]*)$/i.test(each)) draft.search.push(each);
      else return `${each || 'nothing'} is neither an address nor a domain`;
    }
    return undefined;
  },
  mtu(draft, value) {
    const mtu = number(value, 576, 65_535);
    if (mtu !== undefined) draft.mtu = mtu;
    return mtu === undefined ? 'an MTU is from 576 to 65535' : undefined;
  },
  table(draft, value) {
    const table = value === 'auto' || value === 'off' ? value : number(value, 1, 0xffff_ffff);
    if (table !== undefined) draft.table = table;
    return table === undefined ? 'a table is a number, auto or off' : undefined;
  },
  preup: command('PreUp'),
  postup: command('PostUp'),
  predown: command('PreDown'),
  postdown: command('PostDown'),
  saveconfig(draft, value) {
    draft.saveConfig = value === 'true';
    return value === 'true' || value === 'false' ? undefined : 'it is true or false';
  },
};

const PEER: Readonly<Record<string, Setter<PeerDraft>>> = {
  publickey(draft, value) {
    const key = parseKey(value);
    if (key !== undefined) draft.publicKey = key;
    return key === undefined ? KEY : undefined;
  },
  presharedkey(draft, value) {
    const key = parseKey(value);
    if (key !== undefined) draft.presharedKey = key;
    return key === undefined ? KEY : undefined;
  },
  allowedips(draft, value) {
    if (value === '') return undefined;
    for (const each of list(value)) {
      const prefix = parsePrefix(each);
      if (prefix === undefined) return `${each || 'nothing'} is no prefix, such as 10.8.0.0/24`;
      draft.allowedIps.push(prefix);
    }
    return undefined;
  },
  endpoint(draft, value) {
    const endpoint = splitEndpoint(value);
    if (endpoint !== undefined) draft.endpoint = endpoint;
    return endpoint === undefined
      ? 'an endpoint is a host and a port: vpn.example.com:51820, [2001:db8::1]:51820'
      : undefined;
  },
  persistentkeepalive(draft, value) {
    const seconds = value === 'off' ? 0 : number(value, 0, 65_535);
    if (seconds !== undefined) draft.persistentKeepalive = seconds;
    return seconds === undefined ? 'it is off, or from 1 to 65535 seconds' : undefined;
  },
};

/** Settings that may stand more than once in their part. */
const MANY = new Set(['address', 'dns', 'allowedips', 'preup', 'postup', 'predown', 'postdown']);

/** Read a file's text. Throws a `ConfigError`. */
export function parseConfig(text: string): WireGuardConfig {
  if (text.length > LONGEST_FILE)
    throw new ConfigError(0, 'this is far too long for a file of WireGuard');
  const draft: Draft = {
    addresses: [],
    dns: [],
    search: [],
    table: 'auto',
    commands: [],
    saveConfig: false,
  };
  const peers: PeerDraft[] = [];
  let part: 'interface' | 'peer' | undefined;
  let interfaces = 0;
  let seen = new Set<string>();
  text.split(/\r?\n/).forEach((whole, index) => {
    const line = index + 1;
    const content = whole.replace(/#.*$/, '').trim();
    if (content === '') return;
    if (content.startsWith('[')) {
      const name = content.toLowerCase();
      seen = new Set();
      if (name === '[interface]') {
        if (interfaces++ > 0) throw new ConfigError(line, 'there is an [Interface] already');
        part = 'interface';
      } else if (name === '[peer]') {
        part = 'peer';
        peers.push({ line, allowedIps: [], persistentKeepalive: 0 });
      } else throw new ConfigError(line, `${content} is neither [Interface] nor [Peer]`);
      return;
    }
    const equals = content.indexOf('=');
    if (equals < 1) throw new ConfigError(line, `${content} is no setting, such as MTU = 1420`);
    const name = content.slice(0, equals).trim();
    const value = content.slice(equals + 1).trim();
    const key = name.toLowerCase();
    if (part === undefined) throw new ConfigError(line, `${name} stands before [Interface]`);
    if (seen.has(key) && !MANY.has(key)) throw new ConfigError(line, `${name} is set twice`);
    seen.add(key);
    const wrong =
      part === 'interface'
        ? set(INTERFACE, draft, name, value, '[Interface]')
        : set(PEER, peers.at(-1) as PeerDraft, name, value, '[Peer]'); // `part` says that there is one
    if (wrong !== undefined) throw new ConfigError(line, wrong);
  });
  return finish(draft, peers, interfaces);
}

function set<D>(
  setters: Readonly<Record<string, Setter<D>>>,
  draft: D,
  name: string,
  value: string,
  where: string,
): string | undefined {
  const key = name.toLowerCase();
  const setter = Object.hasOwn(setters, key) ? setters[key] : undefined;
  if (setter === undefined) return `${name} is no setting of ${where}`;
  const wrong = setter(draft, value);
  // A key that is wrong is not repeated: it may be nearly right.
  const shown = key.endsWith('key') ? name : `${name} = ${value}`;
  return wrong === undefined ? undefined : `${shown}: ${wrong}`;
}

function finish(draft: Draft, drafts: readonly PeerDraft[], interfaces: number): WireGuardConfig {
  if (interfaces === 0) throw new ConfigError(0, 'there is no [Interface]');
  const { privateKey } = draft;
  if (privateKey === undefined) throw new ConfigError(0, '[Interface] has no PrivateKey');
  const known = new Set<string>();
  const peers = drafts.map(({ line, publicKey, ...rest }) => {
    if (publicKey === undefined) throw new ConfigError(line, 'this [Peer] has no PublicKey');
    const key = formatKey(publicKey);
    if (known.has(key)) throw new ConfigError(line, `there is a [Peer] ${key} already`);
    known.add(key);
    return { publicKey, ...rest };
  });
  return { ...draft, privateKey, peers };
}
