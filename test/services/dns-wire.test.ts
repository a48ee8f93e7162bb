/**
 * DNS messages where they lie: names that lead nowhere, records that are not there, times. RFC 1035 §4.1,
 * RFC 9267 (what implementers got wrong).
 * @module
 */
import test from 'ava';
import { encode } from 'dns-packet';
import { addressesIn, readQuery } from '../../src/services/dns/message.ts';
import {
  age,
  answers,
  lifetime,
  question,
  records,
  skipName,
  truncate,
  viewOf,
} from '../../src/services/dns/wire.ts';
import { SeededRandom } from '../../src/stack/base/random.ts';

const ANSWER = encode({
  ...{ type: 'response', id: 1, questions: [{ type: 'A', name: 'a.example' }] },
  answers: [
    { type: 'CNAME', name: 'a.example', ttl: 30, data: 'b.example' },
    { type: 'A', name: 'b.example', ttl: 10, data: '198.51.100.1' },
  ],
});

test('dns wire: a question that points somewhere is none: it comes first (RFC 1035 §4.1.4)', (t) => {
  const loop = Buffer.alloc(18);
  loop.writeUInt16BE(1, 4);
  loop.writeUInt16BE(0xc00c, 12); // to itself
  t.is(question(loop), undefined);
  t.is(records(loop), undefined);
});

test('dns wire: records whose names point in a circle are skipped, not followed', (t) => {
  const head = ANSWER.subarray(0, question(ANSWER)?.end ?? 0);
  const circle = Buffer.from([0xc0, head.length, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4]);
  const message = Buffer.concat([head, circle]);
  message.writeUInt16BE(1, 6);
  t.is(records(message)?.length, 1);
});

test('dns wire: a name of more than 255 octets, or with an unknown kind of label, is none', (t) => {
  const long = Buffer.concat([
    ...Array(5).fill(Buffer.concat([Buffer.from([63]), Buffer.alloc(63, 97)])),
    Buffer.from([0]),
  ]);
  t.is(skipName(long, 0), -1);
  t.is(skipName(Buffer.from([0x41, 1, 0]), 0), -1);
  t.is(skipName(Buffer.from([3, 97, 97]), 0), -1);
  t.is(skipName(Buffer.from([0xc0]), 0), -1);
  t.is(skipName(Buffer.from([1, 97, 0]), 0), 3);
});

test('dns wire: octets that are no letters are told apart from those that are (RFC 4343 §2.1)', (t) => {
  const message = Buffer.from([0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 65, 46, 0, 0, 0, 1, 0, 1]);
  t.is(question(message)?.name, 'a\\046\\000');
});

test('dns wire: the shortest time of an answer is its life, and none grows when it ages', (t) => {
  const places = records(ANSWER) ?? [];
  t.is(lifetime(ANSWER, places), 10);
  const copy = Buffer.from(ANSWER);
  age(copy, places, 12);
  t.deepEqual(
    places.map(({ ttlAt }) => viewOf(copy).getUint32(ttlAt)),
    [18, 0],
  );
  viewOf(copy).setUint32(places[0]?.ttlAt as number, 0xffff_ffff); // RFC 2181 §8
  t.is(lifetime(copy, places), 0);
});

test('dns wire: an address with a time of no meaning holds for none (RFC 2181 §8)', (t) => {
  const answer = (ttl: number): Uint8Array =>
    encode({
      ...{ type: 'response', id: 1, questions: [{ type: 'A', name: 'a.example' }] },
      answers: [{ type: 'A', name: 'a.example', ttl, data: '192.0.2.1' }],
    });
  t.is(addressesIn(answer(0x7fff_ffff)).ttl, 0x7fff_ffff);
  t.is(addressesIn(answer(0x8000_0000)).ttl, 0);
});

test('dns wire: what is too long keeps its question, and says that it was cut', (t) => {
  const cut = truncate(ANSWER, 40);
  t.is(cut.length, question(ANSWER)?.end ?? 0);
  t.true(
    answers(cut, encode({ type: 'query', id: 1, questions: [{ type: 'A', name: 'A.example' }] })),
  );
  t.is(viewOf(cut).getUint16(2) & 0x0200, 0x0200);
  t.is(truncate(ANSWER, 512), ANSWER);
});

test('dns wire: no bytes make it throw, read past the end or take long', (t) => {
  const random = new SeededRandom(17);
  const below = (most: number): number => (random.int32() >>> 0) % most;
  for (let i = 0; i < 20_000; i++) {
    const message = Buffer.from(i % 2 === 0 ? ANSWER : Buffer.alloc(below(80)));
    for (let n = below(6); n >= 0 && message.length > 0; n--) {
      message[below(message.length)] = below(256);
    }
    const cut = message.subarray(0, below(message.length + 1));
    for (const bytes of [message, cut]) {
      readQuery(bytes);
      for (const { end } of records(bytes) ?? []) if (end > bytes.length) t.fail();
      if (question(bytes)) truncate(bytes, 12);
    }
  }
  t.pass();
});
