/**
 * The path's MTU, where routers tell it and where they do not: TCP over a path that is narrower in the
 * middle. RFC 1191, RFC 4821, RFC 8899.
 * @module
 */
import test from 'ava';
import { ANY } from '../../src/stack/base/address.ts';
import { MINUTE, SECOND } from '../../src/stack/base/clock.ts';
import { info } from '../../src/stack/tcp/info.ts';
import { effectiveMtu } from '../../src/stack/tcp/path/plpmtu.ts';
import { BASE_MTU } from '../../src/stack/tcp/tcb/path-search.ts';
import type { Settings } from '../../src/stack/tcp/tcb/settings.ts';
import type { Tcb } from '../../src/stack/tcp/tcb/tcb.ts';
import { Chain } from '../support/chain.ts';
import { World } from '../support/world.ts';
import { Peer } from './peer.ts';

const MS = 1000;
const MBIT = 1e6;
const RATE = 20 * MBIT;
const BYTES = 10e6;

interface Run {
  readonly chain: Chain;
  readonly tcb: Tcb;
  readonly receiver: Peer;
  /** Seconds until all had arrived. */
  readonly seconds: number;
}

/** A chain whose middle takes packets of `mtu` bytes, 30 ms there and back. */
const narrow = (mtu: number, icmp: boolean, loss = 0): Chain =>
  new Chain({
    icmp,
    joints: [
      { mtu: 1500, link: { delay: 5 * MS } },
      { mtu, link: { delay: 5 * MS, rate: RATE, loss } },
      { mtu: 1500, link: { delay: 5 * MS } },
    ],
  });

interface Begun {
  readonly tcb: Tcb;
  readonly sender: Peer;
  readonly receiver: Peer;
  readonly listener: { close(): void };
}

/** Begin to send `bytes` from one end to the other. */
function start(chain: Chain, bytes: number, settings: Partial<Settings> = {}): Begun {
  const receiver = new Peer();
  const listener = chain.there.core.tcp.listen({
    ...{ address: ANY, port: 80, backlog: 16 },
    accept: (tcb) => {
      receiver.tcb = tcb;
      return receiver;
    },
  });
  const sender = new Peer({ send: bytes });
  const owner = sender;
  const tcb = chain.here.core.tcp.connect({ destination: chain.far, port: 80, owner, settings });
  if (typeof tcb === 'number' || typeof listener === 'number') throw new Error('no connection');
  sender.tcb = tcb;
  return { tcb, sender, receiver, listener };
}

/** Send `bytes` from one end to the other. */
function transfer(chain: Chain, bytes: number, settings: Partial<Settings> = {}): Run {
  const { tcb, sender, receiver, listener } = start(chain, bytes, settings);
  const began = chain.line.now();
  chain.line.until(() => receiver.received >= bytes || sender.wrong !== '', 600 * SECOND);
  if (sender.wrong !== '' || receiver.wrong !== '') throw new Error(sender.wrong + receiver.wrong);
  listener.close();
  return { chain, tcb, receiver, seconds: (chain.line.now() - began) / 1e6 };
}

/** What it takes where all of the path is as wide as its middle. */
function unhindered(mtu: number, loss = 0): number {
  const link = { delay: 5 * MS };
  const joints = [
    { mtu, link },
    { mtu, link: { ...link, rate: RATE, loss } },
    { mtu, link },
  ];
  return transfer(new Chain({ joints }), BYTES).seconds;
}

for (const mtu of [1280, 1400, 1492]) {
  test(`pmtu: a path of ${mtu} bytes with ICMP is known after one round trip`, (t) => {
    const { chain, tcb, seconds } = transfer(narrow(mtu, true), BYTES);
    t.is(effectiveMtu(tcb), mtu);
    t.is(info(tcb).pmtu, mtu, '`socket.info()` shows it');
    t.is(chain.here.stat('TcpExtTCPTimeouts'), 0);
    t.is(chain.here.stat('TcpExtTCPSackRecovery'), 0, 'it is no sign of congestion');
    const clean = unhindered(mtu);
    t.true(seconds < clean + 0.1, `${seconds} s, unhindered ${clean} s`);
  });

  test(`plpmtu: a path of ${mtu} bytes without ICMP is found by probes, and filled`, (t) => {
    const { chain, tcb, seconds } = transfer(narrow(mtu, false), BYTES);
    const found = effectiveMtu(tcb);
    t.true(found <= mtu && found > mtu - 16, `${found}`);
    t.is(tcb.search, null);
    t.true(chain.here.stat('TcpExtTCPMTUPFail') > 0);
    const clean = unhindered(mtu);
    // Two timeouts until full segments are suspected, and a second to get going again.
    t.true(seconds < clean + 1.7, `${seconds} s, unhindered ${clean} s`);
    const { here } = chain;
    const before = here.stat('TcpExtTCPTimeouts');
    const next = transfer(chain, BYTES);
    t.is(effectiveMtu(next.tcb), found, 'the next connection knows');
    t.is(here.stat('TcpExtTCPTimeouts'), before);
    t.true(next.seconds < clean + 0.1, `${next.seconds} s`);
  });
}

/** Seconds until the path's MTU is known, and how full the path is in the five seconds after the next. */
function search(icmp: boolean): { found: number; seconds: number; share: number } {
  const chain = narrow(1280, icmp);
  const { tcb, receiver } = start(chain, 1e9);
  const { line } = chain;
  const began = line.now();
  const known = (): boolean => tcb.search === null && effectiveMtu(tcb) <= 1280;
  line.until(known, 60 * SECOND);
  const seconds = (line.now() - began) / 1e6;
  line.run(SECOND);
  const before = receiver.received;
  line.run(5 * SECOND);
  const found = effectiveMtu(tcb);
  const most = ((RATE / 8) * 5 * tcb.mss) / found;
  return { found, seconds, share: (receiver.received - before) / most };
}

test('pmtu: with 1280 bytes in the middle and ICMP, TCP is at full speed at once', (t) => {
  const { found, seconds, share } = search(true);
  t.is(found, 1280);
  t.true(seconds < 0.1, `${seconds} s`);
  t.true(share > 0.99, `${share}`);
  t.log(`known after ${seconds.toFixed(2)} s, then ${(share * 100).toFixed(1)} % of the path`);
});

test('plpmtu: with 1280 bytes in the middle and no ICMP, TCP is at full speed after the search', (t) => {
  const { found, seconds, share } = search(false);
  t.is(found, 1280);
  t.true(seconds < 2.5, `${seconds} s`);
  t.true(share > 0.99, `${share}`);
  t.log(`known after ${seconds.toFixed(2)} s, then ${(share * 100).toFixed(1)} % of the path`);
});

test('plpmtu: lost probes are no congestion signal', (t) => {
  const { chain, tcb } = transfer(narrow(1280, false), BYTES / 4);
  const { here } = chain;
  t.true(here.stat('TcpExtTCPMTUPFail') >= 6);
  t.is(here.stat('TcpExtTCPSackRecovery'), 0);
  t.is(tcb.ssthresh === Number.POSITIVE_INFINITY || tcb.ssthresh > 40_000, true);
});

test('plpmtu: a path that loses packets as well is found all the same', (t) => {
  const { tcb } = transfer(narrow(1280, false, 0.005), 5e6);
  const found = effectiveMtu(tcb);
  t.true(found <= 1280 && found >= BASE_MTU, `${found}`);
});

test('plpmtu: without SACK it falls back, and looks no further', (t) => {
  const { tcb } = transfer(narrow(1280, false), 1e6, { sack: false });
  t.is(effectiveMtu(tcb), BASE_MTU);
});

test('plpmtu: where it is switched off a black hole stays one', (t) => {
  const settings = { mtuProbing: false, retries: 4 };
  const chain = narrow(1280, false);
  const { receiver } = transfer(chain, 1e5, settings);
  t.is(receiver.received, 0);
});

/** Two hosts whose link loses what is longer than `limit`, without a word. */
function limited(rate: number): { world: World; tcb: Tcb; sender: Peer; path: { limit: number } } {
  const link = { delay: 10 * MS, rate, queuePackets: 50 };
  const world = new World({ link });
  const path = { limit: 1500 };
  world.a.tap = (_bytes, _at, length) => length <= path.limit;
  const receiver = new Peer();
  world.b.core.tcp.listen({
    ...{ address: ANY, port: 80, backlog: 1 },
    accept: () => receiver,
  });
  const sender = new Peer({ send: 1e12 });
  const tcb = world.a.core.tcp.connect({ destination: world.b.address, port: 80, owner: sender });
  if (typeof tcb === 'number') throw new Error('no connection');
  sender.tcb = tcb;
  return { world, tcb, sender, path };
}

test('plpmtu: an outage is no black hole: the first probe brings the old size back', (t) => {
  const { world, tcb, path } = limited(RATE);
  world.run(2 * SECOND);
  t.is(effectiveMtu(tcb), 1500);
  path.limit = 0;
  world.run(5 * SECOND);
  t.true(effectiveMtu(tcb) <= BASE_MTU);
  path.limit = 1500;
  world.run(20 * SECOND);
  t.is(effectiveMtu(tcb), 1500);
  t.is(tcb.search, null);
  t.is(world.a.core.ip.route(world.b.address, ANY)?.mtu, 1500, 'nothing is left of it');
});

test('plpmtu: a path that becomes narrower is noticed, and one that becomes wider by probes', (t) => {
  const { world, tcb, path } = limited(2 * MBIT);
  world.run(2 * SECOND);
  path.limit = 1300;
  world.run(20 * SECOND);
  const found = effectiveMtu(tcb);
  t.true(found <= 1300 && found > 1284, `${found}`);
  const { a } = world;
  t.is(a.core.ip.route(world.b.address, ANY)?.mtu, found);
  const timeouts = a.stat('TcpExtTCPTimeouts');
  world.run(11 * MINUTE);
  t.is(effectiveMtu(tcb), found, 'looked for again, and found again');
  t.is(a.stat('TcpExtTCPTimeouts'), timeouts, 'without a timeout');
  path.limit = 1500;
  world.run(11 * MINUTE);
  t.is(effectiveMtu(tcb), 1500);
  t.is(a.stat('TcpExtTCPTimeouts'), timeouts);
});
