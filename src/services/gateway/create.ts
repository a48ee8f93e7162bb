/**
 * A gateway as its user sees it: a stack's flows, carried out by this host's own sockets or a proxy.
 * @module
 */
import type { Stack } from '../../index.ts';
import { checkNumber } from '../address.ts';
import { type Block, isWithin, readBlock } from '../block.ts';
import { Descriptors } from './descriptors.ts';
import { type Dialer, makeDialer } from './dial.ts';
import { Gateway } from './gateway.ts';
import { type FlowWatcher, type Judge, judgeByRules } from './judge.ts';
import { OwnSockets } from './own-sockets.ts';
import type { Guest, Rule } from './rules.ts';
import type { SocksProxy } from './socks5.ts';
import { makeThisHost } from './this-host.ts';

/** How flows are carried. */
export interface GatewayOptions {
  /** All by this proxy; default by sockets of this host. */
  readonly socks5?: SocksProxy | undefined;
  /** What is to go by a proxy goes by this one; default `socks5`. */
  readonly proxy?: SocksProxy | undefined;
  /**
   * An address of this host that connections and datagrams leave from, or one of each family; default what its
   * routes say. What is of another family than they are is refused: it would leave from somewhere else.
   */
  readonly from?: string | readonly string[] | undefined;
  /** The first that fits decides; default none: everything but what is closed. */
  readonly rules?: readonly Rule[];
  /** Who decides instead of `rules`. */
  readonly judge?: Judge;
  /** Is told what becomes of flows. */
  readonly watcher?: FlowWatcher | undefined;
  /** Who has an address; default nothing is known but the address. */
  readonly guestOf?: ((address: string) => Guest) | undefined;
  /**
   * Where a flow to an address is carried to, to the next one where a connection to the one before is refused;
   * default there.
   */
  readonly translate?: ((address: string) => readonly string[]) | undefined;
  /** Most flows at once, TCP and UDP each, 1 to 60 000; default 20 000. */
  readonly flows?: number;
  /** Seconds of silence that end a UDP flow, above 0; default 120. */
  readonly udpIdle?: number;
  /** Gets what people should know, of each kind once; default nobody does. */
  readonly complain?: (text: string) => void;
  /** How flows leave, in the place of sockets; for tests, and for replays. */
  readonly dialer?: Dialer;
  /** Stands around every dialer. */
  readonly wrap?: (dialer: Dialer) => Dialer;
}

/** What is closed on every host, and opened as a network: RFC 1122 §3.2.1.3, RFC 4291 §2.5.3. */
const LOOPBACK = ['127.0.0.0/8', '::1'].map((text) => readBlock('loopback', text));
const everyAddress = makeThisHost();
/** Of what is read anew each second. */
const known: { every: readonly Block[]; others: readonly Block[] } = { every: [], others: [] };

/** What is closed besides what always is: this host's own addresses, as they are now. */
export function thisHost(): readonly Block[] {
  const every = everyAddress();
  if (every !== known.every) {
    known.every = every;
    known.others = every.filter((block) => !LOOPBACK.some((one) => isWithin(block, one)));
  }
  return known.others;
}

/**
 * Carry all flows of a stack that come to nobody's port. Throws a `RangeError` with `ERR_OUT_OF_RANGE` for what
 * cannot be meant, and `EADDRINUSE` if the stack's flows have a handler already.
 */
export function createGateway(stack: Stack, options: GatewayOptions = {}): Gateway {
  const { socks5, proxy = socks5, from, rules = [], flows = 20_000, udpIdle = 120 } = options;
  checkNumber('flows', flows, 1, 60_000);
  const own = new OwnSockets();
  const { dialer, wrap = (same: Dialer): Dialer => same } = options;
  return new Gateway(stack, {
    dialer: wrap(dialer ?? makeDialer(socks5, from, own)),
    proxy: dialer || proxy ? wrap(dialer ?? makeDialer(proxy, from, own)) : undefined,
    own,
    judge: options.judge ?? judgeByRules(rules, thisHost),
    ...{ watcher: options.watcher, guestOf: options.guestOf, translate: options.translate },
    ...{ flows, udpIdle: udpIdle * 1000, descriptors: new Descriptors() },
    complain: options.complain ?? (() => {}),
  });
}
