/**
 * Packets of IPv6 that pass through, and that hooks rewrite. RFC 8200 §3, §4.3, §5; RFC 4291 §2.5.6; RFC 4443 §3.2;
 * RFC 3022 §4.1 for what a rewriting does to checksums.
 * @module
 */
import test from 'ava';
import { type Address, ANY6, isLinkLocal } from '../../../src/stack/base/address.ts';
import { Drop } from '../../../src/stack/base/drop.ts';
import { Verdict } from '../../../src/stack/ip/hooks.ts';
import type { Interface } from '../../../src/stack/ip/interface.ts';
import { isWhole, sendRaw } from '../../../src/stack/ip/internet/raw.ts';
import * as rewrite from '../../../src/stack/ip/internet/rewrite.ts';
import { Type } from '../../../src/stack/wire/icmp6.ts';
import { ip, pattern, udp, Wire } from '../../support/packets.ts';
import {
  extension,
  fragment,
  Host6,
  icmp6,
  ip6,
  PEER6,
  packet6,
  Read6,
  US6,
} from '../../support/packets6.ts';

const FAR = ip6('2001:db8:f::9');
const NET = ip6('2001:db8:f::');

/** A host between two links, of 1500 and of 1280 bytes. */
class Router extends Host6 {
  readonly far: Wire = new Wire(this.slots);
  readonly side: Interface;

  constructor() {
    super({ forwarding: true });
    this.side = this.addDevice('t1', this.far, ip6('2001:db8:f::1'), 64, { mtu: 1280 });
  }

  get passed(): Read6 {
    const bytes = this.far.sent.shift();
    if (bytes === undefined) throw new Error('nothing passed');
    return new Read6(bytes);
  }
}

test('forward: a packet passes with one hop less, and nothing else changed', (t) => {
  const router = new Router();
  const extensions = [extension(60, 0x9e, 4, 0, 0, 0, 0)]; // the destination's affair
  const fields = { destination: FAR, hopLimit: 9, flowLabel: 0x12345, trafficClass: 3, extensions };
  t.is(router.take({ ...fields, body: pattern(50) }), Drop.NONE);
  t.deepEqual(router.passed.bytes, packet6({ ...fields, hopLimit: 8, body: pattern(50) }));
  t.is(router.stat('Ip6OutForwDatagrams'), 1);
  t.true(router.balanced);
});

test('forward: who forwards has a link-local address on each link (RFC 4862 §5.3)', (t) => {
  const { iface, side } = new Router();
  t.true(isLinkLocal(iface.linkLocal) && isLinkLocal(side.linkLocal));
  t.not(iface.linkLocal, side.linkLocal);
});

test('forward: the last hop is told, and so is no way', (t) => {
  const router = new Router();
  t.is(router.take({ destination: FAR, hopLimit: 1, body: pattern(50) }), Drop.IP_TTL);
  const { out } = router;
  t.deepEqual([out.u8(0), out.u8(1)], [Type.TIME_EXCEEDED, 0]);
  t.is(router.take({ destination: ip6('2001:db8:1::1'), body: pattern(50) }), Drop.IP_NO_ROUTE);
  const unreachable = router.out;
  t.deepEqual([unreachable.u8(0), unreachable.u8(1)], [Type.UNREACHABLE, 0]);
  t.is(router.stat('Ip6InNoRoutes'), 1);
});

test('forward: what is too long is not cut, but told (RFC 8200 §5)', (t) => {
  const router = new Router();
  t.is(router.take({ destination: FAR, body: pattern(1400) }), Drop.IP_TOO_BIG);
  const { out } = router;
  t.deepEqual([out.u8(0), out.u32(4)], [Type.PACKET_TOO_BIG, 1280]);
  t.is(router.far.sent.length, 0);
  t.is(router.stat('Ip6InTooBigErrors'), 1);
  const piece = { destination: FAR, extensions: [fragment(0, true)], body: pattern(800) };
  t.is(router.take(piece), Drop.NONE, 'a fragment that fits passes as it is');
  t.is(router.passed.next, 44);
});

test('forward: link-local addresses stay on their link (RFC 4291 §2.5.6)', (t) => {
  const router = new Router();
  t.is(router.take({ source: ip6('fe80::7'), destination: FAR }), Drop.IP_NOT_OURS);
  t.is(router.take({ destination: ip6('fe80::7') }), Drop.IP_NOT_OURS);
  t.is(router.far.sent.length, 0);
  const { out } = router;
  t.deepEqual([out.u8(0), out.u8(1)], [Type.UNREACHABLE, 2], 'beyond scope of source address');
  t.is(router.wire.sent.length, 0);
});

test('forward: hop-by-hop options are looked at on the way (RFC 8200 §4.3)', (t) => {
  const router = new Router();
  const bad = [extension(0, 0x9e, 4, 0, 0, 0, 0)];
  t.is(router.take({ destination: FAR, extensions: bad }), Drop.IP_OPTIONS);
  const { out } = router;
  t.deepEqual([out.u8(0), out.u8(1), out.u32(4)], [Type.PARAMETER_PROBLEM, 2, 42]);
  t.is(
    router.take({ destination: FAR, extensions: [extension(0, 0x1e, 4, 0, 0, 0, 0)] }),
    Drop.NONE,
  );
});

test('forward: a route leads by a router, and the longest prefix wins', (t) => {
  const router = new Router();
  const gateway = ip6('2001:db8:f::77');
  router.net.routes.add(ANY6, 0, { gateway });
  t.is(router.net.route(ip6('2001:db8:9::9'), PEER6)?.nextHop, gateway);
  t.is(router.net.route(FAR, PEER6)?.nextHop, FAR);
  t.is(router.net.route(ip('198.51.100.1'), ip('10.0.0.2')), undefined, 'it is none of IPv4');
  t.is(router.net.route(NET, ip('10.0.0.2')), undefined);
});

for (const name of ['UDP', 'ICMPv6'] as const) {
  test(`rewrite: ${name} has the right checksum with other addresses and ports, there and back`, (t) => {
    const router = new Router();
    const inside = ip6('2001:db8:f::5');
    const { hooks } = router.net;
    hooks.forward = (p) => {
      rewrite.setSource(router.slots.view, p, inside, 4242);
      rewrite.setDestination(router.slots.view, p, FAR, name === 'UDP' ? 53 : rewrite.SAME_PORT);
      return Verdict.REWRITTEN;
    };
    const to = ip6('2001:db8:f::aaaa');
    const body =
      name === 'UDP'
        ? udp(PEER6, 1000, to, 7, pattern(33))
        : icmp6(Type.ECHO, 0, 0x0007_0001, pattern(33), PEER6, to);
    t.is(router.take({ destination: to, protocol: name === 'UDP' ? 17 : 58, body }), Drop.NONE);
    const { passed } = router;
    t.deepEqual([passed.source, passed.destination], [inside, FAR]);
    t.true(passed.sumGood);
    t.is(name === 'UDP' ? passed.u16(0) : passed.u16(4), 4242);
  });
}

test('rewrite: an address of the other version is refused', (t) => {
  const router = new Router();
  let thrown: unknown;
  router.net.hooks.input = (p) => {
    thrown = t.throws(() => rewrite.setSource(router.slots.view, p, ip('10.0.0.9')));
    return Verdict.PASS;
  };
  router.take({});
  t.is((thrown as NodeJS.ErrnoException).code, 'ERR_INVALID_ARG_VALUE');
});

test('raw: a whole packet of IPv6 leaves as it is, with its length and a source', (t) => {
  const router = new Router();
  const bytes = packet6({ source: ANY6, destination: FAR, body: pattern(20), hopLimit: 3 });
  bytes[5] = 99;
  t.true(isWhole(bytes));
  t.is(sendRaw(router.net, bytes), 0);
  const { passed } = router;
  t.is(passed.source, ip6('2001:db8:f::1') as Address);
  t.deepEqual(passed.body, pattern(20));
  t.is(passed.hopLimit, 3);
  t.is(sendRaw(router.net, packet6({ destination: US6 })), 0, 'and to ourselves');
});
