/**
 * Which sockets are meant, in the words of `ss`: `state established dst 10.83.0.0/24 and dport = :443`.
 * ss(8), "STATE-FILTER" and "EXPRESSION".
 * @module
 */
import ipaddr from 'ipaddr.js';
import type { SocketLine } from '../../index.ts';

export type SocketTest = (socket: SocketLine) => boolean;

const STATES: Readonly<Record<string, readonly string[]>> = {
  established: ['ESTABLISHED'],
  'syn-sent': ['SYN-SENT'],
  'syn-recv': ['SYN-RECEIVED'],
  'fin-wait-1': ['FIN-WAIT-1'],
  'fin-wait-2': ['FIN-WAIT-2'],
  'time-wait': ['TIME-WAIT'],
  closed: ['UNCONNECTED'],
  unconnected: ['UNCONNECTED'],
  'close-wait': ['CLOSE-WAIT'],
  'last-ack': ['LAST-ACK'],
  listening: ['LISTEN'],
  listen: ['LISTEN'],
  closing: ['CLOSING'],
};
const CONNECTED = [
  ...['ESTABLISHED', 'SYN-SENT', 'SYN-RECEIVED', 'FIN-WAIT-1', 'FIN-WAIT-2', 'TIME-WAIT'],
  ...['CLOSE-WAIT', 'LAST-ACK', 'CLOSING'],
];
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  all: [...CONNECTED, 'LISTEN', 'UNCONNECTED'],
  connected: CONNECTED,
  synchronized: CONNECTED.filter((state) => state !== 'SYN-SENT'),
  bucket: ['SYN-RECEIVED', 'TIME-WAIT'],
  big: [...CONNECTED, 'LISTEN', 'UNCONNECTED'].filter(
    (state) => state !== 'SYN-RECEIVED' && state !== 'TIME-WAIT',
  ),
};
/** What is shown where nothing says otherwise. */
const USUAL = CONNECTED.filter((state) => state !== 'TIME-WAIT' && state !== 'SYN-RECEIVED');

const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '=': (a, b) => a === b,
  '==': (a, b) => a === b,
  eq: (a, b) => a === b,
  '!=': (a, b) => a !== b,
  ne: (a, b) => a !== b,
  neq: (a, b) => a !== b,
  '>=': (a, b) => a >= b,
  ge: (a, b) => a >= b,
  geq: (a, b) => a >= b,
  '<=': (a, b) => a <= b,
  le: (a, b) => a <= b,
  leq: (a, b) => a <= b,
  '>': (a, b) => a > b,
  gt: (a, b) => a > b,
  '<': (a, b) => a < b,
  lt: (a, b) => a < b,
};

/** Which states are meant without a filter of them. */
export interface Wanted {
  readonly all: boolean;
  readonly listening: boolean;
}

/** Read the words. Throws a `SyntaxError` that says which is wrong. */
export function socketFilter(words: readonly string[], wanted: Wanted): SocketTest {
  const reader = new Reader(words.flatMap((word) => word.match(/[()]|[^\s()]+/g) ?? []));
  const states = reader.states() ?? usual(wanted);
  const test = reader.expression();
  return (socket) => states.has(socket.state) && test(socket);
}

function usual({ all, listening }: Wanted): ReadonlySet<string> {
  if (all) return new Set(GROUPS['all']);
  return new Set(listening ? ['LISTEN', 'UNCONNECTED'] : USUAL);
}

class Reader {
  readonly #words: readonly string[];
  #at = 0;

  constructor(words: readonly string[]) {
    this.#words = words;
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

  /** `state X`, `exclude X`, as often as they stand there. */
  states(): Set<string> | undefined {
    let states: Set<string> | undefined;
    for (;;) {
      const isExcluded = this.#word === 'exclude' || this.#word === 'excl';
      if (!isExcluded && this.#word !== 'state') return states;
      this.#at++;
      const name = this.#word ?? '';
      const known = Object.hasOwn(STATES, name) ? STATES[name] : undefined;
      const named = known ?? (Object.hasOwn(GROUPS, name) ? GROUPS[name] : undefined);
      if (named === undefined) throw this.#wrong('a state, such as established or time-wait');
      this.#at++;
      if (isExcluded) {
        states ??= new Set(GROUPS['all']);
        for (const state of named) states.delete(state);
      } else states = new Set([...(states ?? []), ...named]);
    }
  }

  expression(): SocketTest {
    if (this.#word === undefined) return () => true;
    const test = this.#either();
    if (this.#word !== undefined) throw this.#wrong("'and', 'or' or the end");
    return test;
  }

  #either(): SocketTest {
    let test = this.#both();
    while (this.#skip('or', '|', '||')) {
      const [left, right] = [test, this.#both()];
      test = (socket) => left(socket) || right(socket);
    }
    return test;
  }

  #both(): SocketTest {
    let test = this.#one();
    // Two that stand side by side are meant both, as in ss.
    while (this.#skip('and', '&', '&&') || (this.#word !== undefined && !this.#isEnd())) {
      const [left, right] = [test, this.#one()];
      test = (socket) => left(socket) && right(socket);
    }
    return test;
  }

  #isEnd(): boolean {
    return ['or', '|', '||', ')'].includes(this.#word ?? '');
  }

  #one(): SocketTest {
    if (this.#skip('not', '!')) {
      const test = this.#one();
      return (socket) => !test(socket);
    }
    if (this.#skip('(')) {
      const test = this.#either();
      if (!this.#skip(')')) throw this.#wrong("')'");
      return test;
    }
    if (this.#skip('sport')) return this.#port((socket) => socket.localPort);
    if (this.#skip('dport')) return this.#port((socket) => socket.remotePort);
    if (this.#skip('src')) return this.#host((s) => [s.localAddress, s.localPort]);
    if (this.#skip('dst')) return this.#host((s) => [s.remoteAddress, s.remotePort]);
    throw this.#wrong("'src', 'dst', 'sport' or 'dport'");
  }

  #port(of: (socket: SocketLine) => number): SocketTest {
    const name = this.#word ?? '';
    const compare = Object.hasOwn(COMPARISONS, name) ? COMPARISONS[name] : COMPARISONS['='];
    if (Object.hasOwn(COMPARISONS, name)) this.#at++;
    const port = readPort(this.#word?.replace(/^:/, ''));
    if (port === undefined) throw this.#wrong('a port: :443');
    this.#at++;
    return (socket) => compare?.(of(socket), port) === true;
  }

  /** `10.83.0.2`, `10.83.0.0/24`, `10.83.0.2:80`, `[fd83::2]:80`, `:80`. */
  #host(of: (socket: SocketLine) => readonly [string, number]): SocketTest {
    if (this.#skip('=', '==', 'eq')) return this.#host(of);
    const text = this.#word ?? '';
    const [, bracketed, plain = '', port] =
      /^(?:\[([^\]]*)\]|([^:]*|[^[\]]*::?[^[\]]*?))(?::(\d+|\*))?$/.exec(text) ?? [];
    const number = port === undefined || port === '*' ? undefined : readPort(port);
    const net = readNet(bracketed ?? plain);
    if (net === undefined || text === '')
      throw this.#wrong('an address: 10.83.0.0/24, 10.83.0.2:80');
    this.#at++;
    return (socket) => {
      const [address, itsPort] = of(socket);
      return (number === undefined || itsPort === number) && net(address);
    };
  }
}

function readPort(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,5}$/.test(text) && Number(text) <= 65_535
    ? Number(text)
    : undefined;
}

function readNet(text: string): ((address: string) => boolean) | undefined {
  if (text === '' || text === '*') return () => true;
  const [address = '', bits] = text.split('/');
  if (!ipaddr.IPv4.isValidFourPartDecimal(address) && !ipaddr.IPv6.isValid(address))
    return undefined;
  const net = ipaddr.parse(address);
  const width = net.toByteArray().length * 8;
  const length = bits === undefined ? width : Number(bits);
  if (!Number.isInteger(length) || length < 0 || length > width) return undefined;
  return (other) => {
    if (!ipaddr.isValid(other)) return false; // '*': bound to all
    const candidate = ipaddr.parse(other);
    return candidate.kind() === net.kind() && candidate.match([net, length] as never);
  };
}
