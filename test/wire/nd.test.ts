/**
 * Neighbour Discovery's bytes. RFC 4861 §4, RFC 8106 §5, RFC 4191 §2.
 * @module
 */
import test from 'ava';
import * as nd from '../../src/stack/wire/nd.ts';
import * as options from '../../src/stack/wire/nd-options.ts';

const v = new DataView(new ArrayBuffer(256));
const bytes = new Uint8Array(v.buffer);

test('nd: a solicitation with its link-layer address is laid out as RFC 4861 §4.3 has it', (t) => {
  const at = nd.write(v, 0, nd.Type.SOLICIT, 0);
  bytes.fill(7, nd.targetAt(0), nd.targetAt(0) + 16);
  const end = options.writeLink(v, at, options.Option.SOURCE_LINK, 0x0200, 0x5e005301);
  t.is(end, 32);
  t.true(nd.valid(v, 0, 32));
  t.deepEqual([...bytes.subarray(0, 9)], [135, 0, 0, 0, 0, 0, 0, 0, 7]);
  t.deepEqual([...bytes.subarray(24, 32)], [1, 1, 2, 0, 0x5e, 0, 0x53, 1]);
  const option = options.find(v, nd.optionsAt(v, 0), 32, options.Option.SOURCE_LINK);
  t.deepEqual([options.linkHi(v, option), options.linkLo(v, option)], [0x0200, 0x5e005301]);
  t.is(options.find(v, nd.optionsAt(v, 0), 32, options.Option.MTU), options.NO_OPTION);
});

test('nd: a router advertisement and its options are read as they were written (§4.2)', (t) => {
  const flags = nd.RouterFlag.OTHER | 0x08;
  let at = nd.write(v, 0, nd.Type.ADVERTISE_ROUTER, nd.routerWord(64, flags, 1800));
  nd.writeTimes(v, 0, 30_000, 0xffff_ffff);
  const prefix = at;
  at = options.writePrefix(v, at, 64, 0xc0, options.FOREVER, 14_400);
  const mtu = at;
  at = options.writeMtu(v, at, 1280);
  t.true(nd.valid(v, 0, at));
  t.deepEqual(
    [nd.hopLimit(v, 0), nd.routerFlags(v, 0), nd.preference(v, 0), nd.routerLifetime(v, 0)],
    [64, 0x48, 1, 1800],
  );
  t.deepEqual([nd.reachableTime(v, 0), nd.retransTimer(v, 0)], [30_000, 0xffff_ffff]);
  t.true(options.isPrefix(v, prefix));
  t.deepEqual(
    [
      options.prefixBits(v, prefix),
      options.prefixFlags(v, prefix),
      options.validLifetime(v, prefix),
      options.preferredLifetime(v, prefix),
      options.mtu(v, mtu),
    ],
    [64, 0xc0, 0xffff_ffff, 14_400, 1280],
  );
});

test('nd: preferences are medium, high, reserved and low (RFC 4191 §2.1)', (t) => {
  t.deepEqual([0x00, 0x08, 0x10, 0x18].map(options.preferenceOf), [0, 1, 0, -1]);
});

test('nd: an option that is empty, or reaches past the end, makes the message none (§6.1, §7.1)', (t) => {
  const at = nd.write(v, 0, nd.Type.SOLICIT, 0);
  options.writeLink(v, at, options.Option.SOURCE_LINK, 1, 1);
  v.setUint8(at + 1, 0);
  t.false(nd.valid(v, 0, 32), 'empty');
  v.setUint8(at + 1, 2);
  t.false(nd.valid(v, 0, 32), 'past the end');
  t.true(nd.valid(v, 0, 40));
  t.false(nd.valid(v, 0, 25), 'half a head of an option');
});

test('nd: a message that is too short, of another type, or with a code is none', (t) => {
  for (const [type, head] of [
    [133, 8],
    [134, 16],
    [135, 24],
    [136, 24],
    [137, 40],
  ] as const) {
    nd.write(v, 0, type, 0);
    t.true(nd.valid(v, 0, head));
    t.false(nd.valid(v, 0, head - 1), `${type}`);
    v.setUint8(1, 1);
    t.false(nd.valid(v, 0, head), `${type} with a code`);
  }
  nd.write(v, 0, 138, 0);
  t.false(nd.valid(v, 0, 64));
});

test('nd: servers of DNS are counted by what fits; half of one makes the option none (RFC 8106 §5.1)', (t) => {
  const count = (units: number): number => {
    v.setUint16(0, (25 << 8) | units);
    return options.serverCount(v, 0);
  };
  t.deepEqual([1, 2, 3, 4, 5].map(count), [0, 0, 1, 0, 2]);
  t.is(options.serverAt(0, 1), 24);
});

test('nd: a search list is read as names, as far as it holds together (RFC 8106 §5.2)', (t) => {
  const write = (units: number, text: string): string[] => {
    bytes.fill(0, 0, 64);
    v.setUint16(0, (31 << 8) | units);
    new TextEncoder().encodeInto(text, bytes.subarray(8));
    return options.searchList(v, 0);
  };
  t.deepEqual(write(4, '\x07example\x03net\0\x04corp\0'), ['example.net', 'corp']);
  t.deepEqual(write(3, '\x07example\x3fnet'), [], 'a label past the end');
  t.deepEqual(write(3, '\x02ok\0\x40xyz'), ['ok'], 'a label of 64');
  t.deepEqual(write(2, '\x03a.b\0'), ['a\\046b'], 'a dot in a label is no dot between labels');
});
