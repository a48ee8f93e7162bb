/**
 * Packets of IPv6 that come in, one by one: header, addresses, extension headers. RFC 8200 §3 and §4, RFC 4291 §2,
 * RFC 5095, RFC 7112, RFC 8504 §5.3.
 * @module
 */
import test from 'ava';
import { type Address, ALL_NODES, ANY6, LOOPBACK6 } from '../../../src/stack/base/address.ts';
import { Drop } from '../../../src/stack/base/drop.ts';
import { Type } from '../../../src/stack/wire/icmp6.ts';
import { packet as packet4, pattern, US } from '../../support/packets.ts';
import {
  type Extension,
  extension,
  type Fields6,
  Host6,
  icmp6,
  ip6,
  PEER6,
  packet6,
  US6,
} from '../../support/packets6.ts';

/** A host that notes what reaches protocol 253. */
function listening(): { host: Host6; got: Uint8Array[] } {
  const host = new Host6();
  const got: Uint8Array[] = [];
  host.net.setProtocol(253, {
    input: (p) => {
      got.push(host.bytes(p.body, p.bodyLength));
      return Drop.NONE;
    },
    error: () => Drop.ICMP_NO_MATCH,
  });
  return { host, got };
}

test('input: a packet of IPv6 reaches its protocol, and one of IPv4 the same', (t) => {
  const { host, got } = listening();
  t.is(host.take({ body: pattern(33) }), Drop.NONE);
  t.is(host.input(packet4({ body: pattern(44) })), Drop.NONE);
  t.deepEqual(got, [pattern(33), pattern(44)]);
  t.is(host.stat('Ip6InDelivers'), 1);
  t.is(host.stat('IpInDelivers'), 1);
  t.true(host.balanced);
});

test('input: without an address of IPv6 a device brings none', (t) => {
  const host = new Host6();
  host.net.routes.removeAddress(host.iface, US6);
  host.net.routes.removeAddress(host.iface, host.iface.linkLocal);
  t.is(host.take({}), Drop.IP_NO_FAMILY);
});

test('input: padding behind the packet is not looked at, and a cut packet is dropped', (t) => {
  const { host, got } = listening();
  const whole = packet6({ body: pattern(20) });
  t.is(host.input(Uint8Array.of(...whole, 1, 2, 3)), Drop.NONE);
  t.is(got[0]?.length, 20);
  t.is(host.input(whole.subarray(0, 59)), Drop.IP_TRUNCATED);
  t.is(host.input(whole.subarray(0, 39)), Drop.IP_TRUNCATED);
  t.is(host.stat('Ip6InTruncatedPkts'), 2);
});

const WRONG: readonly [what: string, fields: Fields6, drop: Drop][] = [
  ['from a group', { source: ip6('ff02::5') }, Drop.IP_SOURCE],
  ['from no address', { source: ANY6 }, Drop.IP_SOURCE],
  ['from the loopback address', { source: LOOPBACK6 }, Drop.IP_SOURCE],
  ['from us', { source: US6 }, Drop.IP_SOURCE],
  [
    'from an IPv4 address as programs write them',
    { source: ip6('::ffff:10.0.0.1') },
    Drop.IP_SOURCE,
  ],
  ['to one', { destination: ip6('::ffff:10.0.0.2') }, Drop.IP_SOURCE],
  ['to the loopback address', { destination: LOOPBACK6 }, Drop.IP_SOURCE],
  ['to a group of an interface', { destination: ip6('ff01::1') }, Drop.IP_SOURCE],
  ['to a group of scope 0', { destination: ip6('ff00::1') }, Drop.IP_SOURCE],
  [
    'from a link-local address with bits that must be 0',
    { source: ip6('fe80:0:1::1') },
    Drop.IP_SOURCE,
  ],
  ['to no address', { destination: ANY6 }, Drop.IP_NOT_OURS],
  ['to somebody else', { destination: ip6('fd83::3') }, Drop.IP_NOT_OURS],
  ['to a group that nobody joined', { destination: ip6('ff02::16') }, Drop.IP_NOT_MEMBER],
];
for (const [what, fields, drop] of WRONG) {
  test(`input: a packet ${what} is dropped, and not answered (RFC 4291 §2)`, (t) => {
    const { host, got } = listening();
    t.is(host.take(fields), drop);
    t.is(got.length + host.wire.sent.length, 0);
    t.true(host.balanced);
  });
}

test('input: every node hears ff02::1', (t) => {
  const { host, got } = listening();
  t.is(host.take({ destination: ALL_NODES, body: pattern(8) }), Drop.NONE);
  t.is(got.length, 1);
});

const PAD6 = [1, 4, 0, 0, 0, 0] as const;
const hopByHop = extension(0, ...PAD6);
const destination = extension(60, ...PAD6);
const option = (kind: number): number[] => [kind, 4, 0, 0, 0, 0];

const GOOD: readonly [what: string, extensions: Extension[]][] = [
  ['hop-by-hop options', [hopByHop]],
  ['destination options twice', [destination, extension(43, 0, 0, 0, 0, 0, 0), destination]],
  ['a routing header without segments left', [extension(43, 0, 0, 0, 0, 0, 0)]],
  ['an option that may be skipped', [extension(60, ...option(0x1e))]],
  ['a fragment header of a whole packet', [{ kind: 44, bytes: [0, 0, 0, 0, 0, 0, 9] }]],
  ['a router alert', [extension(0, 5, 2, 0, 0, 1, 0)]],
  ['seven octets of padding', [extension(60, 1, 5, 0, 0, 0, 0, 0, 0x1e, 5, 0, 0, 0, 0, 0)]],
];
for (const [what, extensions] of GOOD) {
  test(`input: nothing is wrong with ${what} (RFC 8200 §4)`, (t) => {
    const { host, got } = listening();
    t.is(host.take({ extensions, body: pattern(9) }), Drop.NONE);
    t.deepEqual(got, [pattern(9)]);
  });
}

const { PARAMETER_PROBLEM } = Type;
/** What is not passed: its drop, and the code and pointer of the answer, if there is one. */
const BAD: readonly [
  what: string,
  extensions: Extension[],
  drop: Drop,
  answer?: [code: number, pointer: number],
][] = [
  ['a routing header of type 0', [extension(43, 0, 1, 0, 0, 0, 0)], Drop.IP_SOURCE_ROUTE, [0, 42]],
  [
    'one of a type that is not known',
    [extension(43, 9, 1, 0, 0, 0, 0)],
    Drop.IP_SOURCE_ROUTE,
    [0, 42],
  ],
  ['an option that says: drop', [extension(60, ...option(0x40))], Drop.IP_OPTIONS],
  [
    'an option that says: drop and tell',
    [extension(60, ...option(0x80))],
    Drop.IP_OPTIONS,
    [2, 42],
  ],
  [
    'an option that says: tell if it was for one',
    [extension(60, ...option(0xc0))],
    Drop.IP_OPTIONS,
    [2, 42],
  ],
  [
    'hop-by-hop options that do not stand first',
    [destination, hopByHop],
    Drop.IP_EXTENSION,
    [1, 40],
  ],
  [
    'an option that reaches past its header',
    [extension(60, 0x1e, 9, 0, 0, 0, 0)],
    Drop.IP_EXTENSION,
  ],
  [
    'a header that reaches past the packet',
    [{ kind: 60, bytes: [9, 0, 0, 0, 0, 0, 0] }],
    Drop.IP_EXTENSION,
  ],
  ['nine headers', new Array(9).fill(destination), Drop.IP_EXTENSION_LIMIT],
  [
    'nine options',
    [extension(60, ...new Array(9).fill([0x1e, 0]).flat(), 1, 2, 0, 0)],
    Drop.IP_EXTENSION_LIMIT,
  ],
  [
    'eight octets of padding',
    [extension(60, 1, 6, 0, 0, 0, 0, 0, 0, 0x1e, 4, 0, 0, 0, 0)],
    Drop.IP_EXTENSION_LIMIT,
  ],
];
for (const [what, extensions, drop, answer] of BAD) {
  test(`input: ${what}: the packet is dropped${answer ? ', and the sender told' : ''}`, (t) => {
    const { host, got } = listening();
    t.is(host.take({ extensions, body: pattern(9) }), drop);
    t.is(got.length, 0);
    t.is(host.wire.sent.length, answer ? 1 : 0);
    if (answer === undefined) return;
    const out = host.out;
    t.deepEqual([out.u8(0), out.u8(1), out.u32(4)], [PARAMETER_PROBLEM, ...answer]);
    t.is(out.destination, PEER6);
    t.true(out.sumGood);
    t.true(host.balanced);
  });
}

test('input: an unknown option in a packet to a group is told only if it says so (RFC 8200 §4.2)', (t) => {
  for (const [kind, told] of [
    [0x80, 1],
    [0xc0, 0],
  ] as const) {
    const { host } = listening();
    const extensions = [extension(60, ...option(kind))];
    t.is(host.take({ destination: ALL_NODES, extensions }), Drop.IP_OPTIONS);
    t.is(host.wire.sent.length, told, kind.toString(16));
  }
});

test('input: a protocol that nobody speaks is an unknown next header (RFC 4443 §3.4)', (t) => {
  const host = new Host6();
  t.is(
    host.take({ protocol: 200, extensions: [destination], body: pattern(12) }),
    Drop.IP_PROTOCOL,
  );
  const { out } = host;
  t.deepEqual([out.u8(0), out.u8(1), out.u32(4)], [PARAMETER_PROBLEM, 1, 40]);
  t.is(host.take({ protocol: 59, body: pattern(12) }), Drop.IP_PROTOCOL, 'no next header');
  t.is(host.wire.sent.length, 0);
  t.is(host.take({ protocol: 1, body: pattern(12) }), Drop.IP_PROTOCOL, "ICMP is IPv4's");
});

test('input: ICMPv6 in a packet of IPv4 is a protocol that nobody speaks', (t) => {
  const host = new Host6();
  const body = icmp6(Type.ECHO, 0, 0, pattern(8));
  t.is(host.input(packet4({ protocol: 58, destination: US, body })), Drop.IP_PROTOCOL);
});

test('input: a hook sees packets of IPv6, and may drop them', (t) => {
  const { host, got } = listening();
  const seen: Address[] = [];
  host.net.hooks.input = (p) => {
    seen.push(p.source);
    return seen.length > 1 ? 1 : 0;
  };
  t.is(host.take({}), Drop.NONE);
  t.is(host.take({}), Drop.IP_FILTERED);
  t.deepEqual(seen, [PEER6, PEER6]);
  t.is(got.length, 1);
  t.is(host.stat('Ip6InDiscards'), 1);
});
