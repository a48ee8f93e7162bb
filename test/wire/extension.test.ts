/**
 * The chain of extension headers. RFC 8200 §4, RFC 8504 §5.3, RFC 7112, RFC 6946, RFC 5095.
 * @module
 */
import test from 'ava';
import {
  Chain,
  Found,
  Header,
  isWhole,
  walk,
  walkHopByHop,
  writeFragment,
  writeRouterAlert,
} from '../../src/stack/wire/extension.ts';

const IP = 4;
const v = new DataView(new ArrayBuffer(2048));
const bytes = new Uint8Array(v.buffer);
const chain = new Chain();

/** An extension header: its number, and what stands behind its length, filled up to eight octets. */
type Extension = readonly [kind: number, ...content: number[]];

/** Write a packet with these headers and a next one of `upper`, and say where it ends. */
function packet(headers: readonly Extension[], upper: number = Header.NONE): number {
  bytes.fill(0);
  let nextAt = IP + 6;
  let at = IP + 40;
  for (const [kind, ...content] of headers) {
    bytes[nextAt] = kind;
    nextAt = at;
    const size = Math.max(8, Math.ceil((content.length + 2) / 8) * 8);
    bytes[at + 1] = size / 8 - 1;
    bytes.set(content, at + 2);
    at += size;
  }
  bytes[nextAt] = upper;
  return at;
}

const walked = (end: number): Found => walk(v, IP, end, chain);
const PADN4 = [1, 2, 0, 0];

test('extension: without any, the chain ends at once', (t) => {
  t.is(walked(packet([], 6)), Found.UPPER);
  t.deepEqual([chain.next, chain.nextAt, chain.body, chain.fragment], [6, IP + 6, IP + 40, -1]);
});

test('extension: all kinds in a row are passed, and who names the last is known', (t) => {
  const end = packet(
    [
      [Header.HOP_BY_HOP, 5, 2, 0, 0, 1, 0],
      [Header.DESTINATION, ...PADN4, 0, 0],
      [Header.ROUTING, 0, 0],
      [Header.DESTINATION, 4, 1, 3, 0, 1, 0],
    ],
    17,
  );
  t.is(walked(end), Found.UPPER);
  t.deepEqual([chain.next, chain.body, chain.nextAt], [17, IP + 40 + 32, IP + 40 + 24]);
  t.is(chain.routerAlert, 0);
});

test('extension: a router alert is what RFC 2711 has, and is seen again', (t) => {
  const end = packet([[Header.HOP_BY_HOP, 0, 0, 0, 0, 0, 0]], 58);
  writeRouterAlert(v, IP + 40, 58);
  t.deepEqual([...bytes.subarray(IP + 40, IP + 48)], [58, 0, 5, 2, 0, 0, 1, 0]);
  t.is(walked(end), Found.UPPER);
  t.is(chain.routerAlert, 0);
  bytes[IP + 43] = 1;
  t.is(walked(end), Found.MALFORMED, 'of another length');
});

test('extension: an unknown option does what its two high bits say (§4.2)', (t) => {
  const option = (kind: number): Found =>
    walked(packet([[Header.DESTINATION, kind, 4, 0, 0, 0, 0]], 6));
  t.is(option(0x1e), Found.UPPER);
  t.is(option(0x5e), Found.REFUSED);
  t.is(option(0x9e), Found.PROBLEM);
  t.deepEqual([chain.code, chain.pointer, chain.unicastOnly], [2, 42, false]);
  t.is(option(0xde), Found.PROBLEM);
  t.deepEqual([chain.code, chain.pointer, chain.unicastOnly], [2, 42, true]);
});

test('extension: hop-by-hop options stand first or are an unknown header (§4)', (t) => {
  const end = packet(
    [
      [Header.DESTINATION, ...PADN4, 0, 0],
      [Header.HOP_BY_HOP, ...PADN4, 0, 0],
    ],
    6,
  );
  t.is(walked(end), Found.PROBLEM);
  t.deepEqual([chain.code, chain.pointer], [1, 40], 'the field that names it');
});

test('extension: a routing header with segments left is refused, of type 0 as of any (RFC 5095)', (t) => {
  for (const type of [0, 2, 4, 253]) {
    t.is(walked(packet([[Header.ROUTING, type, 1]], 6)), Found.PROBLEM);
    t.deepEqual([chain.code, chain.pointer], [0, 42]);
    t.is(walked(packet([[Header.ROUTING, type, 0]], 6)), Found.UPPER);
  }
});

test('extension: nine options, eight octets of padding, or nine headers are too many (RFC 8504 §5.3)', (t) => {
  const options = (count: number, ...padding: number[]): Extension => [
    Header.DESTINATION,
    ...Array.from({ length: count }, () => [0x1e, 0]).flat(),
    ...padding,
  ];
  t.is(walked(packet([options(8, 1, 4, 0, 0, 0, 0)], 6)), Found.UPPER);
  t.is(walked(packet([options(9, 1, 2, 0, 0)], 6)), Found.LIMIT);
  t.is(
    walked(packet([[Header.DESTINATION, 0x1e, 3, 0, 0, 0, ...new Array(7).fill(0), 0x1e, 0]], 6)),
    Found.UPPER,
  );
  t.is(
    walked(packet([[Header.DESTINATION, 0x1e, 2, 0, 0, ...new Array(8).fill(0), 0x1e, 0]], 6)),
    Found.LIMIT,
  );
  t.is(
    walked(packet([[Header.DESTINATION, 1, 6, 0, 0, 0, 0, 0, 0, 0x1e, 2, 0, 0]], 6)),
    Found.LIMIT,
  );
  const headers = (count: number): Found =>
    walked(
      packet(
        Array.from({ length: count }, () => [Header.DESTINATION, 1, 4, 0, 0, 0, 0]),
        6,
      ),
    );
  t.is(headers(8), Found.UPPER);
  t.is(headers(9), Found.LIMIT);
});

test('extension: what reaches past its header, or its packet, is malformed', (t) => {
  const end = packet([[Header.DESTINATION, 0x1e, 4, 0, 0, 0, 0]], 6);
  t.is(walked(end - 1), Found.MALFORMED, 'a header past the packet');
  bytes[IP + 43] = 5;
  t.is(walked(end), Found.MALFORMED, 'an option past the header');
  packet([[Header.DESTINATION, 1, 3, 0, 0, 0, 0x1e]], 6);
  t.is(walked(end), Found.MALFORMED, 'an option without its length');
  bytes[IP + 41] = 200;
  t.is(walked(end), Found.MALFORMED, 'a header of 1608 octets');
  for (let cut = IP + 41; cut < IP + 48; cut++) t.is(walked(cut), Found.MALFORMED);
});

test('extension: a fragment ends the walk, one that is all of its packet does not (RFC 6946)', (t) => {
  const end = packet([[Header.DESTINATION, 1, 4, 0, 0, 0, 0], [Header.FRAGMENT]], 17);
  const at = IP + 48;
  writeFragment(v, at, 17, 1448, true, -2);
  t.is(walked(end), Found.FRAGMENT);
  t.deepEqual([chain.fragment, chain.body, chain.nextAt], [at, at, IP + 40]);
  t.deepEqual([...bytes.subarray(at, at + 8)], [17, 0, 5, 0xa9, 255, 255, 255, 254]);
  writeFragment(v, at, 17, 0, false, 9);
  t.is(walked(end), Found.UPPER);
  t.deepEqual([chain.fragment, chain.body, chain.next], [at, at + 8, 17]);
});

test('extension: the first fragment holds the whole chain or not (RFC 7112)', (t) => {
  const end = packet([[Header.DESTINATION, 1, 4, 0, 0, 0, 0]], 6);
  const at = IP + 40;
  t.false(isWhole(v, Header.DESTINATION, at, end + 19));
  t.true(isWhole(v, Header.DESTINATION, at, end + 20));
  t.false(isWhole(v, Header.DESTINATION, at, at + 7));
  t.deepEqual([isWhole(v, 17, at, at + 7), isWhole(v, 17, at, at + 8)], [false, true]);
  t.deepEqual([isWhole(v, 58, at, at + 3), isWhole(v, 58, at, at + 4)], [false, true]);
  packet([[Header.AUTHENTICATION, 0, 0]], 17);
  bytes[at + 1] = 4; // RFC 4302 §2.2: in words of four octets, less two
  t.deepEqual([isWhole(v, 51, at, at + 31), isWhole(v, 51, at, at + 32)], [false, true]);
});

test('extension: who passes a packet on looks at hop-by-hop options alone (§4.3)', (t) => {
  let end = packet(
    [
      [Header.HOP_BY_HOP, ...PADN4, 0, 0],
      [Header.DESTINATION, 0x9e, 4, 0, 0, 0, 0],
    ],
    6,
  );
  t.is(walkHopByHop(v, IP, end, chain), Found.UPPER);
  t.is(chain.next, Header.DESTINATION);
  end = packet([[Header.HOP_BY_HOP, 0x9e, 4, 0, 0, 0, 0]], 6);
  t.is(walkHopByHop(v, IP, end, chain), Found.PROBLEM);
  end = packet([[Header.DESTINATION, 0x9e, 4, 0, 0, 0, 0]], 6);
  t.is(walkHopByHop(v, IP, end, chain), Found.UPPER);
});
