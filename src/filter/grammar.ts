/**
 * The grammar of a filter, read word by word. pcap-filter(7).
 * @module
 */
import ipaddr from 'ipaddr.js';
import { Protocol } from '../stack/wire/protocol.ts';
import { Family } from './facts.ts';
import {
  and,
  inNet,
  type Net,
  not,
  notLonger,
  notShorter,
  ofFamily,
  ofProtocol,
  onPort,
  or,
  type Side,
  type Term,
} from './terms.ts';

type Kind = 'host' | 'net' | 'port' | 'portrange' | 'proto';

/** What stands before an address or a port, and is kept for the next that has none. */
interface Qualifiers {
  readonly protocol: string | undefined;
  readonly side: Side;
  readonly kind: Kind | undefined;
}

const FAMILIES: ReadonlyMap<string, number> = new Map([
  ['ip', Family.IPV4],
  ['ip6', Family.IPV6],
  ['arp', Family.ARP],
]);
/** Of IP, by name; those of one version only by that. */
const PROTOCOLS: ReadonlyMap<string, { number: number; family?: number }> = new Map([
  ['tcp', { number: Protocol.TCP }],
  ['udp', { number: Protocol.UDP }],
  ['icmp', { number: Protocol.ICMP, family: Family.IPV4 }],
  ['icmp6', { number: Protocol.ICMPV6, family: Family.IPV6 }],
  ['igmp', { number: Protocol.IGMP, family: Family.IPV4 }],
]);
const KINDS: readonly string[] = ['host', 'net', 'port', 'portrange', 'proto'];
const NONE: Qualifiers = { protocol: undefined, side: 'either', kind: undefined };
const MOST_PORT = 65_535;
const MOST_PROTOCOL = 255;
/** Longer filters are refused: they come from whoever may connect. */
const LONGEST = 4096;
/** Parentheses and `not` within each other: as many as the stack of calls surely holds. */
const DEEPEST = 100;

/** The term that the text stands for. Throws a `SyntaxError`. */
export function readFilter(text: string): Term {
  if (text.length > LONGEST) throw new SyntaxError(`a filter has at most ${LONGEST} characters`);
  const words = text.match(/[()!]|&&|\|\||[^\s()!&|]+|[&|]/g) ?? [];
  return words.length === 0 ? () => true : new Reader(words).all();
}

class Reader {
  readonly #words: readonly string[];
  #at = 0;
  #depth = 0;
  #last: Qualifiers = NONE;

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  all(): Term {
    const term = this.#expression();
    if (this.#word !== undefined) throw this.#wrong("'and', 'or' or the end");
    return term;
  }

  get #word(): string | undefined {
    return this.#words[this.#at];
  }

  #skip(...words: readonly string[]): boolean {
    if (this.#word === undefined || !words.includes(this.#word)) return false;
    this.#at++;
    return true;
  }

  #wrong(wanted: string): SyntaxError {
    const found = this.#word === undefined ? 'it ends' : `there is '${this.#word}'`;
    return new SyntaxError(`in the filter '${this.#words.join(' ')}': ${found}, not ${wanted}`);
  }

  #expression(): Term {
    let term = this.#term();
    for (;;) {
      if (this.#skip('and', '&&')) term = and(term, this.#term());
      else if (this.#skip('or', '||')) term = or(term, this.#term());
      else return term;
    }
  }

  #term(): Term {
    if (++this.#depth > DEEPEST) throw new SyntaxError('a filter is at most 100 levels deep');
    const term = this.#skip('not', '!')
      ? not(this.#term())
      : this.#skip('(')
        ? this.#closed(this.#expression())
        : this.#primitive();
    this.#depth--;
    return term;
  }

  #closed(term: Term): Term {
    if (!this.#skip(')')) throw this.#wrong("')'");
    return term;
  }

  #primitive(): Term {
    if (this.#skip('less')) return notLonger(this.#number('a length', MOST_PORT));
    if (this.#skip('greater')) return notShorter(this.#number('a length', MOST_PORT));
    const from = this.#at;
    const given = this.#qualifiers();
    const isAlone = given.kind === undefined && given.side === 'either' && this.#at > from;
    if (isAlone && !this.#isValue()) return protocolTerm(given.protocol as string);
    const qualifiers = this.#at > from ? given : this.#last;
    this.#last = qualifiers;
    const value = this.#value(qualifiers);
    const { protocol } = qualifiers;
    return protocol === undefined ? value : and(protocolTerm(protocol), value);
  }

  #qualifiers(): Qualifiers {
    let protocol: string | undefined;
    const word = this.#word;
    if (word !== undefined && (FAMILIES.has(word) || PROTOCOLS.has(word))) {
      protocol = word;
      this.#at++;
    }
    const side = this.#side();
    const kind = this.#word;
    if (kind === undefined || !KINDS.includes(kind)) return { protocol, side, kind: undefined };
    this.#at++;
    return { protocol, side, kind: kind as Kind };
  }

  #side(): Side {
    const first = this.#word;
    if (first !== 'src' && first !== 'dst') return 'either';
    this.#at++;
    const [joint, second] = this.#words.slice(this.#at, this.#at + 2);
    const isOther = second === (first === 'src' ? 'dst' : 'src');
    if (!isOther || (joint !== 'or' && joint !== 'and')) return first;
    this.#at += 2;
    return joint === 'or' ? 'either' : 'both';
  }

  /** Whether an address or a number follows, and not a word of the language. */
  #isValue(): boolean {
    return this.#word !== undefined && /^[\da-f]*[.:\d]/i.test(this.#word);
  }

  #value({ protocol, side, kind }: Qualifiers): Term {
    switch (kind) {
      case 'port':
      case 'portrange':
        return this.#ports(protocol, side, kind);
      case 'proto':
        return this.#protocol(protocol);
      case 'net':
        return inNet(this.#net(protocol), side);
      default:
        return this.#hosts(protocol, side, kind);
    }
  }

  #hosts(protocol: string | undefined, side: Side, kind: Kind | undefined): Term {
    const isNet = kind === undefined && this.#word?.includes('/');
    return inNet(isNet ? this.#net(protocol) : this.#host(protocol), side);
  }

  #ports(protocol: string | undefined, side: Side, kind: 'port' | 'portrange'): Term {
    if (protocol !== undefined && protocol !== 'tcp' && protocol !== 'udp') {
      throw this.#wrong(`a port of ${protocol}, which has none`);
    }
    if (kind === 'port') {
      const port = this.#number('a port', MOST_PORT);
      return onPort(port, port, side);
    }
    const [, first, last] = /^(\d{1,5})-(\d{1,5})$/.exec(this.#word ?? '') ?? [];
    const isRange = Number(first) <= Number(last) && Number(last) <= MOST_PORT;
    if (!isRange) throw this.#wrong('a range of ports: 6000-6008');
    this.#at++;
    return onPort(Number(first), Number(last), side);
  }

  #protocol(family: string | undefined): Term {
    const named = PROTOCOLS.get(this.#word ?? '');
    if (named !== undefined) this.#at++;
    const number = named?.number ?? this.#number('a protocol', MOST_PROTOCOL);
    if (family === undefined) return ofProtocol(number);
    if (family === 'ip' || family === 'ip6') return ofProtocol(number, FAMILIES.get(family));
    throw this.#wrong("a protocol of 'ip' or 'ip6'");
  }

  #host(protocol: string | undefined): Net {
    const text = this.#word ?? '';
    const isAddress = ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text);
    if (!isAddress || text.includes('%')) throw this.#wrong('an address: 10.83.0.2, fd83::2');
    const bytes = ipaddr.parse(text).toByteArray();
    return this.#fits(netOf(bytes, 8 * bytes.length), protocol);
  }

  /** `10.0.0.0/8`, `10.0.0.0 mask 255.0.0.0`, or the first octets of it: `10`, `192.168`. */
  #net(protocol: string | undefined): Net {
    const [, address = '', given] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(this.#word ?? '') ?? [];
    const short = /^\d{1,3}(\.\d{1,3}){0,2}$/.test(address);
    const whole = short ? address + '.0'.repeat(4 - address.split('.').length) : address;
    const isAddress = ipaddr.IPv4.isValidFourPartDecimal(whole) || ipaddr.IPv6.isValid(whole);
    if (!isAddress || whole.includes('%')) throw this.#wrong('a network: 10.0.0.0/8, fd83::/64');
    const bytes = ipaddr.parse(whole).toByteArray();
    const width = short ? 8 * address.split('.').length : 8 * bytes.length;
    const bits = given === undefined ? (this.#mask(bytes.length) ?? width) : Number(given);
    if (bits > 8 * bytes.length) throw this.#wrong(`a prefix of 0 to ${8 * bytes.length} bits`);
    const net = netOf(bytes, bits);
    if (!isPrefix(bytes, bits)) throw this.#wrong('a network: bits are set behind its prefix');
    return this.#fits(net, protocol);
  }

  /** The bits of a mask that follows the network; undefined: there is none. */
  #mask(length: number): number | undefined {
    if (this.#words[this.#at + 1] !== 'mask') return undefined;
    this.#at += 2;
    const text = this.#word ?? '';
    const bits =
      length === 4 && ipaddr.IPv4.isValidFourPartDecimal(text)
        ? ipaddr.IPv4.parse(text).prefixLengthFromSubnetMask()
        : null;
    if (bits === null) throw this.#wrong('a mask: 255.255.0.0');
    return bits;
  }

  /** Past the word, if the protocol before it has such addresses. */
  #fits(net: Net, protocol: string | undefined): Net {
    const family = protocol === 'arp' ? Family.IPV4 : FAMILIES.get(protocol ?? '');
    if (protocol !== undefined && family !== net.family) {
      throw this.#wrong(`an address of ${protocol}`);
    }
    this.#at++;
    return net;
  }

  #number(what: string, most: number): number {
    const text = this.#word ?? '';
    const isNumber = /^\d{1,5}$/.test(text) && Number(text) <= most;
    if (!isNumber) throw this.#wrong(`${what} from 0 to ${most}`);
    this.#at++;
    return Number(text);
  }
}

function protocolTerm(name: string): Term {
  const protocol = PROTOCOLS.get(name);
  if (protocol !== undefined) return ofProtocol(protocol.number, protocol.family);
  return ofFamily(FAMILIES.get(name) as number); // it was found in one of the two
}

function netOf(bytes: readonly number[], bits: number): Net {
  const words = new Int32Array(4);
  const view = new DataView(Uint8Array.from(bytes).buffer);
  for (let at = 0; at < bytes.length; at += 4) words[at / 4] = view.getInt32(at);
  return { family: bytes.length === 4 ? Family.IPV4 : Family.IPV6, words, bits };
}

const isPrefix = (bytes: readonly number[], bits: number): boolean =>
  bytes.every((byte, index) => (byte & (0xff >> Math.max(0, Math.min(8, bits - 8 * index)))) === 0);
