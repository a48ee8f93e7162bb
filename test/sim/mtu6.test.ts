/**
 * TCP over paths of IPv6 that are narrower in the middle, where routers tell it and where they do not, and what the
 * two ends agree on. RFC 8201, RFC 8899, RFC 9293 §3.7.1, RFC 4987.
 * @module
 */
import test from 'ava';
import { ANY6 } from '../../src/stack/base/address.ts';
import { SECOND } from '../../src/stack/base/clock.ts';
import { effectiveMtu } from '../../src/stack/tcp/path/plpmtu.ts';
import type { Tcb } from '../../src/stack/tcp/tcb/tcb.ts';
import * as checksums from '../../src/stack/wire/checksum.ts';
import { Chain } from '../support/chain.ts';
import { World } from '../support/world.ts';
import { Flow } from './flow.ts';
import { Peer } from './peer.ts';

const MS = 1000;
const BYTES = 3e6;

/** Send over a chain whose middle takes packets of `mtu` bytes. */
function transfer(mtu: number, icmp: boolean): { chain: Chain; tcb: Tcb } {
  const link = { delay: 5 * MS };
  const joints = [
    { mtu: 1500, link },
    { mtu, link: { ...link, rate: 20e6 } },
    { mtu: 1500, link },
  ];
  const chain = new Chain({ ipv6: true, icmp, joints });
  const receiver = new Peer();
  chain.there.core.tcp.listen({
    ...{ address: ANY6, port: 80, backlog: 16 },
    accept: (tcb) => {
      receiver.tcb = tcb;
      return receiver;
    },
  });
  const sender = new Peer({ send: BYTES });
  const tcb = chain.here.core.tcp.connect({ destination: chain.far, port: 80, owner: sender });
  if (typeof tcb === 'number') throw new Error('no connection');
  sender.tcb = tcb;
  chain.line.until(() => receiver.received >= BYTES || sender.wrong !== '', 300 * SECOND);
  if (sender.wrong + receiver.wrong !== '') throw new Error(sender.wrong + receiver.wrong);
  if (receiver.received < BYTES) throw new Error(`${receiver.received} octets arrived`);
  return { chain, tcb };
}

for (const mtu of [1280, 1400]) {
  test(`pmtu: a path of IPv6 of ${mtu} bytes is known after one round trip (RFC 8201)`, (t) => {
    const { chain, tcb } = transfer(mtu, true);
    t.is(effectiveMtu(tcb), mtu);
    t.is(chain.here.stat('TcpExtTCPTimeouts'), 0);
    t.is(chain.here.stat('Icmp6InPktTooBigs'), chain.nodes[1]?.stat('Icmp6OutPktTooBigs') ?? -1);
    t.is(chain.here.stat('Ip6FragCreates') + (chain.nodes[1]?.stat('Ip6FragCreates') ?? 0), 0);
  });

  test(`plpmtu: one of ${mtu} bytes that says nothing is found by probes (RFC 8899)`, (t) => {
    const { tcb } = transfer(mtu, false);
    t.true(effectiveMtu(tcb) >= 1280 && effectiveMtu(tcb) <= mtu, `${effectiveMtu(tcb)}`);
    t.true(effectiveMtu(tcb) >= mtu - 16, 'and filled');
  });
}

/** The MSS that leaves in a SYN, made into nothing where `forget`; a tap for a host. */
function mssOf(seen: number[], forget: boolean) {
  return (bytes: Uint8Array, at: number, length: number): boolean => {
    const v = new DataView(bytes.buffer, bytes.byteOffset + at, length);
    if (v.getUint8(6) !== 6 || (v.getUint8(53) & 2) === 0) return true;
    if (v.getUint16(60) !== 0x0204) throw new Error('the MSS is not the first option');
    seen.push(v.getUint16(62));
    if (!forget) return true;
    const sum = checksums.update32(v.getUint16(56), v.getInt32(60), 0x0101_0101);
    v.setUint32(60, 0x0101_0101);
    v.setUint16(56, sum);
    return true;
  };
}

test('mss: over IPv6 it is the MTU less 60, and 1220 of who does not say (RFC 9293 §3.7.1)', (t) => {
  for (const forget of [false, true]) {
    const world = new World({ ipv6: true });
    const seen: number[] = [];
    world.b.tap = mssOf(seen, forget);
    const flow = new Flow(world, 100_000).finish(10);
    t.deepEqual(seen, [1440]);
    t.is(flow.tcb.peerMss, forget ? 1220 : 1440);
  }
});

test('cookies: a listener that is flooded over IPv6 keeps nothing and takes who answers (RFC 4987)', (t) => {
  const world = new World({ ipv6: true, link: { delay: 20 * MS } });
  const accepted: Peer[] = [];
  world.b.core.tcp.listen({
    ...{ address: ANY6, port: 80, backlog: 1 },
    accept: (tcb) => {
      const peer = new Peer();
      peer.tcb = tcb;
      accepted.push(peer);
      return peer;
    },
  });
  const clients = Array.from({ length: 10 }, () => new Peer({ send: 5000 }));
  for (const owner of clients) {
    const tcb = world.a.core.tcp.connect({ destination: world.b.address, port: 80, owner });
    if (typeof tcb === 'number') return t.fail('no connection');
    owner.tcb = tcb;
  }
  world.until(() => accepted.length === 10 && accepted.every((p) => p.received === 5000), 10e6);
  t.true(world.b.stat('TcpExtSyncookiesSent') >= 9);
  t.is(world.b.stat('TcpExtSyncookiesRecv'), 9);
  t.is(world.b.stat('TcpExtSyncookiesFailed'), 0);
  t.true(accepted.every((p) => p.received === 5000));
});
