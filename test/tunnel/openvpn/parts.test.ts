/**
 * The parts of OpenVPN by themselves: reliability, wrappings, key method 2, PRF, cookies, segment sizes.
 * What is right: OpenVPN 2.6 (reliable.c, tls_crypt.c, ssl.c), RFC 2246 §5, RFC 1624.
 */
import { createHmac } from 'node:crypto';
import test from 'ava';
import { nodeAead } from '../../../src/tunnel/crypto/node.ts';
import { Endpoint } from '../../../src/tunnel/endpoint.ts';
import { clampMss, isSyn } from '../../../src/tunnel/openvpn/mss.ts';
import { Cookies } from '../../../src/tunnel/openvpn/server/cookie.ts';
import { Pool } from '../../../src/tunnel/openvpn/server/pool.ts';
import { DATA_OVERHEAD, DataKey } from '../../../src/tunnel/openvpn/session/data.ts';
import {
  expandKeys,
  prf10,
  readKeyMessage,
  writeKeyMessage,
} from '../../../src/tunnel/openvpn/session/key-method.ts';
import { KeyState } from '../../../src/tunnel/openvpn/session/key-state.ts';
import { header, Op, readBody, writeBody } from '../../../src/tunnel/openvpn/session/packet.ts';
import {
  RECEIVE_WINDOW,
  Reliable,
  SEND_WINDOW,
} from '../../../src/tunnel/openvpn/session/reliable.ts';
import { directions } from '../../../src/tunnel/openvpn/wrap/static-key.ts';
import { tlsAuth } from '../../../src/tunnel/openvpn/wrap/tls-auth.ts';
import { tlsCrypt } from '../../../src/tunnel/openvpn/wrap/tls-crypt.ts';
import { Stamps } from '../../../src/tunnel/openvpn/wrap/wrap.ts';
import { packet4, SECOND } from './world.ts';

const KEY = Uint8Array.from({ length: 256 }, (_, i) => (i * 7 + 3) & 0xff);
const SESSION = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('openvpn/prf: gives the bytes of the known vector of TLS 1.0 (RFC 2246 §5)', (t) => {
  // Of the IETF's tls list (M. Rex): secret 48 × ab, seed 64 × cd.
  const found = prf10(
    new Uint8Array(48).fill(0xab),
    'PRF Testvector',
    new Uint8Array(64).fill(0xcd),
    104,
  );
  t.is(
    hex(found),
    'd3d4d1e349b5d515044666d51de32bab258cb521b6b053463e354832fd976754443bcf9a296519bc289abcbc1187e4ebd31e602353776c408aafb74cbc85eff69255f9788faa184cbb957a9819d84a5d7eb006eb459d3ae8de9810454b8b2d8f1afbc655a8c9a013',
  );
});

test('openvpn/prf: keys follow from what both ends said and from both session ids', (t) => {
  const source = (
    fill: number,
  ): { preMaster: Uint8Array; random1: Uint8Array; random2: Uint8Array } => ({
    preMaster: new Uint8Array(48).fill(fill),
    random1: new Uint8Array(32).fill(fill + 1),
    random2: new Uint8Array(32).fill(fill + 2),
  });
  const keys = expandKeys(source(1), source(9), SESSION, KEY.subarray(0, 8));
  t.is(keys.length, 256);
  t.not(hex(keys), hex(expandKeys(source(1), source(9), KEY.subarray(0, 8), SESSION)));
  t.not(hex(keys), hex(expandKeys(source(2), source(9), SESSION, KEY.subarray(0, 8))));
});

test('openvpn/packet: a body is read as it was written', (t) => {
  const body = writeBody([1, 0xffff_ffff], SESSION, 7, Uint8Array.of(9, 9));
  const read = readBody(Op.CONTROL, body);
  t.deepEqual(read?.acks, [1, 0xffff_ffff]);
  t.deepEqual(Buffer.from(read?.acked ?? []), Buffer.from(SESSION));
  t.is(read?.id, 7);
  t.deepEqual([...(read?.payload ?? [])], [9, 9]);
  t.is(readBody(Op.ACK, writeBody([3], SESSION, -1))?.id, -1);
});

test('openvpn/packet: a body that is cut short, or has nine acknowledgments, is none', (t) => {
  const body = writeBody([1, 2], SESSION, 7);
  for (let length = 0; length < body.length; length++) {
    t.is(readBody(Op.CONTROL, body.subarray(0, length)), undefined, `${length}`);
  }
  t.is(readBody(Op.CONTROL, Uint8Array.of(9, ...new Uint8Array(60))), undefined);
});

test('openvpn/reliable: sends again after 2 s, then 4 s, then 8 s (reliable.c)', (t) => {
  const reliable = new Reliable();
  reliable.send(Op.CONTROL, Uint8Array.of(1));
  const sent: number[] = [];
  for (let now = 0; now <= 15 * SECOND; now += SECOND / 2) {
    if (reliable.due(now) !== undefined) sent.push(now / SECOND);
  }
  t.deepEqual(sent, [0, 2, 6, 14]);
});

test('openvpn/reliable: sends again at once after three acknowledgments of later packets', (t) => {
  const reliable = new Reliable();
  for (let i = 0; i < 4; i++) reliable.send(Op.CONTROL, Uint8Array.of(i));
  while (reliable.due(0) !== undefined);
  reliable.acknowledged([1]);
  reliable.acknowledged([2]);
  t.is(reliable.due(1), undefined);
  reliable.acknowledged([3]);
  t.is(reliable.due(2)?.id, 0);
  t.is(reliable.due(3), undefined);
});

test('openvpn/reliable: no more than six packets are on their way', (t) => {
  const reliable = new Reliable();
  let sent = 0;
  while (reliable.open) {
    reliable.send(Op.CONTROL, Uint8Array.of(0));
    sent++;
  }
  t.is(sent, SEND_WINDOW);
  reliable.acknowledged([5]);
  t.false(reliable.open);
  reliable.acknowledged([0]);
  t.true(reliable.open);
});

test('openvpn/reliable: gives what came in order, each once, and holds no more than twelve', (t) => {
  const reliable = new Reliable();
  t.false(reliable.receive(RECEIVE_WINDOW, Op.CONTROL, Uint8Array.of(0)));
  for (const id of [2, 1, 2, 0]) {
    reliable.receive(id, Op.CONTROL, Uint8Array.of(id));
  }
  const taken: number[] = [];
  for (let next = reliable.take(); next !== undefined; next = reliable.take())
    taken.push(next.payload[0] ?? -1);
  t.deepEqual(taken, [0, 1, 2]);
  t.deepEqual(reliable.acks(8).sort(), [0, 1, 2]);
  t.false(reliable.receive(1, Op.CONTROL, Uint8Array.of(1)));
  t.true(reliable.owes);
});

test('openvpn/wrap: tls-auth has its HMAC over number, time, head and body (ssl_pkt.c, swap_hmac)', (t) => {
  const wrapping = tlsAuth(KEY, 1);
  const head = header(Op.CONTROL, 0, SESSION);
  const packet = wrapping.seal(head, Uint8Array.of(5, 6), { id: 3, time: 4 });
  const { hmac } = directions(KEY)[1];
  const stamp = Uint8Array.of(0, 0, 0, 3, 0, 0, 0, 4);
  const told = createHmac('sha1', hmac.subarray(0, 20))
    .update(stamp)
    .update(head)
    .update(Uint8Array.of(5, 6));
  t.is(hex(packet), hex(Buffer.concat([head, told.digest(), stamp, Uint8Array.of(5, 6)])));
  const opened = tlsAuth(KEY, 0).open(packet);
  t.deepEqual(opened?.stamp, { id: 3, time: 4 });
  t.deepEqual([...(opened?.body ?? [])], [5, 6]);
});

for (const [name, ours, theirs] of [
  ['tls-auth', tlsAuth(KEY, 1), tlsAuth(KEY, 0)],
  ['tls-crypt', tlsCrypt(KEY, 'client'), tlsCrypt(KEY, 'server')],
] as const) {
  test(`openvpn/wrap: ${name} opens no packet of which a bit is another, nor a part of one`, (t) => {
    const packet = ours.seal(header(Op.CONTROL, 0, SESSION), new Uint8Array(20), {
      id: 1,
      time: 2,
    });
    t.truthy(theirs.open(packet));
    for (let bit = 0; bit < packet.length * 8; bit++) {
      const other = Uint8Array.from(packet);
      other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      if (theirs.open(other) !== undefined) t.fail(`bit ${bit}`);
    }
    for (let length = 0; length < packet.length; length++)
      t.is(theirs.open(packet.subarray(0, length)), undefined);
    t.is(ours.open(packet), undefined, 'sent back to its sender');
  });
}

test('openvpn/wrap: a stamp is fresh once, and none of an older time is', (t) => {
  const stamps = new Stamps();
  t.true(stamps.fresh({ id: 5, time: 10 }));
  t.false(stamps.fresh({ id: 5, time: 10 }));
  t.true(stamps.fresh({ id: 4, time: 10 }));
  t.true(stamps.fresh({ id: 1, time: 11 }));
  t.false(stamps.fresh({ id: 6, time: 10 }));
  t.false(stamps.fresh({ id: 0, time: 11 }));
});

test('openvpn/key-method: a message is read when it is whole, in whatever pieces it comes', (t) => {
  const source = {
    preMaster: new Uint8Array(48).fill(1),
    random1: new Uint8Array(32),
    random2: new Uint8Array(32),
  };
  const message = {
    source,
    options: 'V4,dev-type tun',
    user: 'ann',
    password: 'b',
    info: 'IV_PROTO=2\n',
  };
  const bytes = writeKeyMessage(message);
  for (let length = 0; length < bytes.length; length++) {
    const read = readKeyMessage(bytes.subarray(0, length), true);
    // Where the last string begins, an old peer's message would be whole.
    if (length !== bytes.length - 2 - 'IV_PROTO=2\n'.length - 1) t.is(read, undefined, `${length}`);
  }
  const read = readKeyMessage(Buffer.concat([bytes, Buffer.from('PUSH_REQUEST\0')]), true);
  if (read === undefined || typeof read === 'string') {
    t.fail('not read');
    return;
  }
  t.is(read.length, bytes.length);
  t.is(read.message.user, 'ann');
  t.is(read.message.info, 'IV_PROTO=2\n');
  t.is(readKeyMessage(Uint8Array.of(0, 0, 0, 0, 1), true), 'key method 1: only 2 is known here');
});

test('openvpn/data: a packet has head, peer id, number and tag before its text, and no number comes twice', (t) => {
  const ours = new DataKey(nodeAead, 'AES-256-GCM', KEY.slice(), 'client', 3, 0x01_02_03);
  const theirs = new DataKey(nodeAead, 'AES-256-GCM', KEY.slice(), 'server', 3, 0x01_02_03);
  const text = packet4('10.8.0.2', '10.8.0.1');
  const packets = [1, 2].map(() => {
    const packet = new Uint8Array(text.length + DATA_OVERHEAD);
    ours.seal(text, 0, text.length, packet, 0);
    return packet;
  });
  const [first = new Uint8Array(0), second = new Uint8Array(0)] = packets;
  t.is(hex(first.subarray(0, 8)), '4b01020300000001');
  t.is(hex(second.subarray(0, 8)), '4b01020300000002');
  const take = (packet: Uint8Array): unknown => {
    const copy = packet.slice();
    return theirs.open(copy, 0, copy.length) ?? hex(copy.subarray(DATA_OVERHEAD));
  };
  t.is(take(second), hex(text));
  t.is(take(first), hex(text));
  t.is(take(first), 'replayed');
  const forged = second.slice();
  forged[3] = 9; // the peer id is authenticated too
  t.is(take(forged), 'forged');
  t.is(take(first.subarray(0, DATA_OVERHEAD - 1)), 'short');
});

test('openvpn/data: a key is spent before its numbers begin again', (t) => {
  const key = new DataKey(nodeAead, 'AES-128-GCM', KEY.slice(), 'client', 0, 0);
  t.false(key.nearlySpent);
  key.sent = 0xff00_0000;
  t.true(key.nearlySpent);
  t.false(key.spent);
  key.sent = 0xffff_ffff;
  t.true(key.spent);
});

test('openvpn/cookie: is good for its client, place and time, and for no other', (t) => {
  const cookies = new Cookies((into) => into.fill(7), 60 * SECOND);
  const from = new Endpoint('192.0.2.7', 1000);
  const cookie = cookies.make(SESSION, from, 100 * SECOND);
  t.true(cookies.isGood(cookie, SESSION, from, 100 * SECOND));
  t.true(cookies.isGood(cookie, SESSION, from, 160 * SECOND));
  t.false(cookies.isGood(cookie, SESSION, from, 230 * SECOND));
  t.false(cookies.isGood(cookie, KEY.subarray(0, 8), from, 100 * SECOND));
  t.false(cookies.isGood(cookie, SESSION, new Endpoint('192.0.2.7', 1001), 100 * SECOND));
  t.false(cookies.isGood(cookie, SESSION, new Endpoint('192.0.2.8', 1000), 100 * SECOND));
});

test('openvpn/pool: gives a name its last address again, and no address twice', (t) => {
  const pool = new Pool({ network: '10.9.0.0/29', network6: 'fd00::/64' });
  t.is(pool.address, '10.9.0.1');
  t.is(pool.size, 5);
  const ann = pool.take('ann');
  const bob = pool.take('bob');
  t.deepEqual([ann?.address, bob?.address], ['10.9.0.2', '10.9.0.3']);
  t.is(ann?.address6, 'fd00::1000');
  if (ann !== undefined) pool.give(ann);
  t.is(pool.take('carol')?.address, '10.9.0.4');
  t.is(pool.take('ann')?.address, '10.9.0.2');
  t.is(pool.take('d')?.address, '10.9.0.5');
  t.is(pool.take('e')?.address, '10.9.0.6');
  t.is(pool.take('f'), undefined);
});

/** Sum of a pseudo-header and TCP, as RFC 9293 §3.1 has it: 0xffff where the checksum is right. */
function sum(packet: Uint8Array): number {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  let total = 6 + packet.length - 20;
  for (let at = 12; at < packet.length; at += 2) total += view.getUint16(at);
  while (total > 0xffff) total = (total & 0xffff) + (total >> 16);
  return total;
}

test('openvpn/mss: a SYN has its segment size lowered and its checksum right, wherever the option stands', (t) => {
  for (const pad of [0, 1, 2, 3]) {
    const packet = new Uint8Array(48);
    packet.set([0x45, 0, 0, 48, 0, 0, 0, 0, 64, 6, 0, 0, 10, 8, 0, 2, 10, 8, 0, 1]);
    packet.set([0x12, 0x34, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x70, 2, 0xff, 0xff], 20);
    packet.fill(1, 40, 48);
    packet.set([2, 4, 1460 >> 8, 1460 & 0xff], 40 + pad);
    const missing = 0xffff - sum(packet);
    packet[36] = missing >> 8;
    packet[37] = missing & 0xff;
    t.is(sum(packet), 0xffff);
    t.true(isSyn(packet, 0, packet.length));
    clampMss(packet, 0, packet.length, 1440);
    t.is(((packet[42 + pad] ?? 0) << 8) | (packet[43 + pad] ?? 0), 1400);
    t.is(sum(packet), 0xffff, `after ${pad} octets`);
    clampMss(packet, 0, packet.length, 1500);
    t.is(((packet[42 + pad] ?? 0) << 8) | (packet[43 + pad] ?? 0), 1400);
  }
});

test('openvpn/key-state: records for a peer that acknowledges nothing are bounded', (t) => {
  const key = new KeyState(0, 0, true, SECOND, () => {});
  const record = new Uint8Array(1000);
  for (let i = 0; i < 100_000; i++) key.ciphertext(record);
  t.is(key.failure, 'the peer acknowledges nothing');
  let packed = 0;
  for (let i = 0; i < 10_000; i++) {
    key.pack(1100);
    for (let due = key.reliable.due(i); due !== undefined; due = key.reliable.due(i)) {
      packed += due.payload.length;
      key.reliable.acknowledged([due.id]);
    }
  }
  t.true(packed <= 1 << 20, `${packed}`);
});
