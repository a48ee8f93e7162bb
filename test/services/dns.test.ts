/**
 * The DNS forwarder between two stacks: what a guest asks, what a resolver is asked for it, and what is never
 * asked. Messages are written and read by `dns-packet`. RFC 1035, RFC 5452, RFC 6891, RFC 2308.
 * @module
 */
import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import { AUTHORITATIVE_ANSWER, type DecodedPacket, decode, encode, type Packet } from 'dns-packet';
import type { Stack } from '../../src/index.ts';
import type { Exchange } from '../../src/services/dns/exchange.ts';
import {
  createDnsForwarder,
  type DnsForwarder,
  type DnsForwarderOptions,
} from '../../src/services.ts';
import { makePair, RIGHT } from '../api/worlds.ts';

const FAR = '198.51.100.7'; // RFC 5737: nobody's
const SERVERS = ['192.0.2.53', '192.0.2.54'];

type Reply = Partial<Packet> & { rcode?: number };

/** What a resolver was asked, and what it answers. */
interface Asked {
  readonly address: string;
  readonly query: DecodedPacket;
}

interface World {
  readonly guest: Stack;
  readonly dns: DnsForwarder;
  readonly asked: Asked[];
  now: number;
  /** Set it to answer otherwise; it may throw. */
  answer: (query: DecodedPacket, address: string) => Reply | Promise<Reply>;
  ask(name: string, more?: Partial<Packet>): Promise<DecodedPacket & { rcode: string }>;
}

const good = (query: DecodedPacket): Reply => ({
  answers: [{ type: 'A', name: query.questions?.[0]?.name ?? '', ttl: 300, data: FAR }],
});

async function world(t: ExecutionContext, options: DnsForwarderOptions = {}): Promise<World> {
  const { left: guest, right, close } = makePair();
  const it = { asked: [] as Asked[], now: 0, answer: good } as unknown as World;
  const exchange: Exchange = async ({ address }, bytes) => {
    const query = decode(Buffer.from(bytes));
    it.asked.push({ address, query });
    const { rcode = 0, ...reply } = await it.answer(query, address);
    const { id, questions = [] } = query;
    const made = { type: 'response', id, questions, ...reply, flags: (reply.flags ?? 0) | rcode };
    return encode(made as Packet);
  };
  const dns = createDnsForwarder(right, {
    ...{ servers: SERVERS, exchange, clock: { now: () => it.now } },
    ...options,
  });
  await dns.ready;
  const socket = guest.dgram.createSocket('udp4');
  let id = 0;
  t.teardown(async () => {
    dns.close();
    socket.close();
    await close();
  });
  const ask: World['ask'] = async (name, more = {}) => {
    const message = encode({
      ...{ type: 'query', id: ++id, flags: 0x0100, questions: [{ type: 'A', name }] },
      ...more,
    });
    const answer = once(socket, 'message');
    socket.send(message, 53, RIGHT);
    const [bytes] = await answer;
    return decode(bytes) as DecodedPacket & { rcode: string };
  };
  return Object.assign(it, { guest, dns, ask });
}

const dataOf = ({ answers = [] }: DecodedPacket): unknown[] =>
  answers.map((one) => ('data' in one ? one.data : undefined));

test('dns: a question is asked of the first resolver, and its answer is the guest’s', async (t) => {
  const it = await world(t);
  const answer = await it.ask('example.org');
  t.deepEqual(dataOf(answer), [FAR]);
  t.is(answer.id, 1);
  t.deepEqual(
    it.asked.map(({ address }) => address),
    [SERVERS[0]],
  );
  const { resolved, queries, forwarded } = it.dns.stats;
  t.deepEqual({ resolved, queries, forwarded }, { resolved: 1, queries: 1, forwarded: 1 });
});

test('dns: the guest’s own spelling comes back, whatever the resolver wrote (RFC 4343 §4.1)', async (t) => {
  const it = await world(t);
  const answer = await it.ask('eXample.ORG');
  t.is(answer.questions?.[0]?.name, 'eXample.ORG');
  t.is(it.asked[0]?.query.questions?.[0]?.name, 'example.org', 'its letters carry nothing out');
  t.is((await it.ask('Example.org')).questions?.[0]?.name, 'Example.org');
  t.is(it.asked.length, 1, 'it is the same name');
});

test('dns: what a resolver is asked has a number of its own and none of the guest’s options', async (t) => {
  const it = await world(t);
  const subnet = { code: 8, data: Buffer.from([0, 1, 24, 0, 10, 0, 0]) };
  for (let i = 0; i < 20; i++) {
    await it.ask(`name${i}.example`, {
      additionals: [
        {
          ...{ type: 'OPT', name: '.', udpPayloadSize: 4096, extendedRcode: 0, ednsVersion: 0 },
          ...{ flags: 0x8000, options: [subnet] },
        } as never,
      ],
    });
  }
  const numbers = new Set(it.asked.map(({ query }) => query.id));
  t.true(numbers.size > 15, 'they are drawn');
  const opt = it.asked[0]?.query.additionals?.[0] as unknown as Record<string, unknown>;
  t.is(opt['udpPayloadSize'], 1232);
  t.deepEqual(opt['options'], []);
  t.true(opt['flag_do']);
});

test('dns: an answer is kept for as long as it holds, and tells what is left (RFC 1035 §7.4)', async (t) => {
  const it = await world(t);
  await it.ask('example.org');
  it.now += 100_000_000;
  const answer = await it.ask('example.org');
  t.like(answer.answers?.[0], { ttl: 200 });
  t.is(it.asked.length, 1);
  it.now += 200_000_000;
  await it.ask('example.org');
  t.is(it.asked.length, 2);
});

test('dns: that there is no such name is kept for as long as the SOA says (RFC 2308 §5)', async (t) => {
  const it = await world(t);
  const soa = { mname: 'a', rname: 'b', serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 60 };
  it.answer = () => ({
    rcode: 3,
    authorities: [{ type: 'SOA', name: 'example', ttl: 3600, data: soa }],
  });
  t.is((await it.ask('nothing.example')).rcode, 'NXDOMAIN');
  it.now += 59_000_000;
  t.is((await it.ask('nothing.example')).rcode, 'NXDOMAIN');
  t.is(it.asked.length, 1);
  it.now += 2_000_000;
  await it.ask('nothing.example');
  t.is(it.asked.length, 2);
});

test('dns: the cache has a bound, and forgets what was used the longest ago', async (t) => {
  const it = await world(t, { cache: 3 });
  for (const name of ['a.b', 'b.b', 'c.b', 'a.b', 'd.b']) await it.ask(name);
  t.is(it.dns.stats.kept, 3);
  t.is(it.asked.length, 4);
  await it.ask('a.b');
  t.is(it.asked.length, 4, 'it was used');
  await it.ask('b.b');
  t.is(it.asked.length, 5, 'it was not');
});

test('dns: where one resolver is silent the next is asked, and where all are it fails', async (t) => {
  const it = await world(t);
  it.answer = (query, address) => {
    if (address === SERVERS[0]) throw Object.assign(new Error(), { code: 'ETIMEDOUT' });
    return good(query);
  };
  t.deepEqual(dataOf(await it.ask('example.org')), [FAR]);
  it.answer = () => {
    throw Object.assign(new Error(), { code: 'ETIMEDOUT' });
  };
  t.is((await it.ask('other.example')).rcode, 'SERVFAIL');
  t.is(it.asked.length, 2 + 4);
  t.is(it.dns.stats.timeouts, 5);
});

test('dns: the same question of many is asked once (RFC 5452 §5)', async (t) => {
  const it = await world(t);
  let tell: (reply: Reply) => void = () => {};
  it.answer = () =>
    new Promise((done) => {
      tell = done;
    });
  const socket = it.guest.dgram.createSocket('udp4');
  t.teardown(() => socket.close());
  const message = encode({ type: 'query', id: 9, questions: [{ type: 'A', name: 'x.example' }] });
  let answers = 0;
  const all = new Promise<void>((done) => {
    socket.on('message', () => ++answers === 50 && done());
  });
  for (let i = 0; i < 50; i++) socket.send(message, 53, RIGHT);
  while (it.dns.stats.queries < 50) await new Promise(setImmediate);
  t.is(it.asked.length, 1);
  tell({});
  await all;
  t.is(it.asked.length, 1);
});

test('dns: questions that wait have a bound for each guest, past which they fail at once', async (t) => {
  const it = await world(t, { outstanding: 8 });
  it.answer = () => new Promise(() => {});
  const lost = Array.from({ length: 2 }, (_, i) => it.ask(`wait${i}.example`));
  for (const one of lost) one.catch(() => {});
  while (it.dns.stats.forwarded < 2) await new Promise(setImmediate);
  t.is((await it.ask('late.example')).rcode, 'SERVFAIL');
  t.is(it.dns.stats.busy, 1);
});

test('dns: a guest that asks too often is not answered, and asks again later', async (t) => {
  const it = await world(t, { rate: 3 });
  const socket = it.guest.dgram.createSocket('udp4');
  t.teardown(() => socket.close());
  const message = encode({ type: 'query', id: 9, questions: [{ type: 'A', name: 'x.example' }] });
  for (let i = 0; i < 10; i++) socket.send(message, 53, RIGHT);
  while (it.dns.stats.limited < 7) await new Promise(setImmediate);
  t.is(it.dns.stats.queries, 3);
  it.now += 1_000_000;
  t.deepEqual(dataOf(await it.ask('x.example')), [FAR]);
});

test('dns: names of one’s own are answered here, those of IPv6 too, and back (RFC 3596)', async (t) => {
  const it = await world(t, {
    names: { 'Db.Lan': ['10.1.2.3', '2001:db8::5'], 'host.docker.internal': '10.0.0.254' },
  });
  t.deepEqual(dataOf(await it.ask('db.lan')), ['10.1.2.3']);
  const six = await it.ask('db.lan', { questions: [{ type: 'AAAA', name: 'db.lan' }] });
  t.deepEqual(dataOf(six), ['2001:db8::5']);
  const none = await it.ask('x', { questions: [{ type: 'AAAA', name: 'host.docker.internal' }] });
  t.deepEqual([none.rcode, dataOf(none)], ['NOERROR', []]);
  t.true((none.flags ?? 0) % (2 * AUTHORITATIVE_ANSWER) >= AUTHORITATIVE_ANSWER);
  const back = await it.ask('x', { questions: [{ type: 'PTR', name: '3.2.1.10.in-addr.arpa' }] });
  t.deepEqual(dataOf(back), ['db.lan']);
  const nibbles = `5.${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`; // RFC 3596 §2.5
  const back6 = await it.ask('x', { questions: [{ type: 'PTR', name: nibbles }] });
  t.deepEqual(dataOf(back6), ['db.lan']);
  t.is(it.asked.length, 0);
});

test('dns: a guest’s name leads to its lease, if it is a name and nobody else’s', async (t) => {
  const guests = [
    { name: 'Web', address: '10.0.0.15' },
    { name: 'web', address: '10.0.0.66' },
    { name: 'evil.example.org', address: '10.0.0.66' },
    { name: '../x', address: '10.0.0.66' },
    { name: 'gateway', address: '10.0.0.66' },
  ];
  const names = { 'gateway.internal': RIGHT };
  const it = await world(t, { guests: () => guests, names, network: '10.0.0.0/24' });
  t.deepEqual(dataOf(await it.ask('web.internal')), ['10.0.0.15']);
  t.deepEqual(dataOf(await it.ask('web')), ['10.0.0.15']);
  t.deepEqual(dataOf(await it.ask('gateway.internal')), [RIGHT]);
  t.is((await it.ask('nobody.internal')).rcode, 'NXDOMAIN');
  t.deepEqual(dataOf(await it.ask('evil.example.org')), [FAR]);
  const ptr = (name: string) => it.ask('x', { questions: [{ type: 'PTR', name }] });
  t.deepEqual(dataOf(await ptr('15.0.0.10.in-addr.arpa')), ['web.internal']);
  t.is((await ptr('99.0.0.10.in-addr.arpa')).rcode, 'NXDOMAIN');
  t.is(it.asked.length, 1, 'nobody else has names of our network');
});

test('dns: a zone answers for all below it, and its default for what is not in it', async (t) => {
  const zones = [
    { name: 'apps.test', records: { api: '10.0.0.3', '': '10.0.0.4' }, default: '10.0.0.5' },
    { name: 'strict.test', records: { one: '10.0.0.6' } },
  ];
  const it = await world(t, { zones });
  t.deepEqual(dataOf(await it.ask('api.apps.test')), ['10.0.0.3']);
  t.deepEqual(dataOf(await it.ask('one.strict.test')), ['10.0.0.6']);
  t.deepEqual(dataOf(await it.ask('apps.test')), ['10.0.0.4']);
  t.deepEqual(dataOf(await it.ask('any.thing.apps.test')), ['10.0.0.5']);
  t.is((await it.ask('two.strict.test')).rcode, 'NXDOMAIN');
  t.is(it.asked.length, 0);
});

test('dns: names that are nobody’s are not asked for (RFC 6761, RFC 7686, RFC 6762)', async (t) => {
  const it = await world(t);
  t.deepEqual(dataOf(await it.ask('localhost')), ['127.0.0.1']);
  for (const name of ['a.invalid', 'x.onion', 'printer.local', 'unqualified']) {
    t.is((await it.ask(name)).rcode, 'NXDOMAIN', name);
  }
  t.is(it.asked.length, 0);
});

test('dns: who judges names is asked, and told what a guest was given', async (t) => {
  const told: unknown[] = [];
  const it = await world(t, {
    onQuery: ({ name }) => name.endsWith('.org'),
    onAnswer: (answer) => told.push(answer),
  });
  const EDNS = { type: 'OPT', name: '.', udpPayloadSize: 1232, flags: 0, options: [] } as never;
  const refused = await it.ask('example.com', { additionals: [EDNS] });
  t.is(refused.rcode, 'NXDOMAIN');
  const opt = refused.additionals?.[0] as unknown as { options: { code: number; data: Buffer }[] };
  t.deepEqual([opt.options[0]?.code, opt.options[0]?.data.readUInt16BE()], [15, 18]); // RFC 8914
  await it.ask('example.org');
  t.deepEqual(told, [
    {
      ...{ guest: '10.0.0.1', name: 'example.org', type: 1, rcode: 0 },
      ...{ addresses: [FAR], ttl: 300 },
    },
  ]);
  t.is(it.dns.stats.refused, 1);
});

test('dns: a long answer is cut for UDP, and whole over TCP, several on one connection', async (t) => {
  const it = await world(t);
  const answers = Array.from({ length: 100 }, (_, i) => ({
    ...{ type: 'A' as const, name: 'many.example', ttl: 60, data: `198.51.100.${i}` },
  }));
  it.answer = () => ({ answers });
  const cut = await it.ask('many.example');
  t.true(cut.flag_tc);
  t.is(cut.answers?.length, 0);
  const socket = it.guest.net.connect(53, RIGHT);
  const message = (id: number) => {
    const query = encode({ type: 'query', id, questions: [{ type: 'A', name: 'many.example' }] });
    return Buffer.concat([Buffer.from([query.length >> 8, query.length & 255]), query]);
  };
  socket.end(Buffer.concat([message(1), message(2), message(3)]));
  let got = Buffer.alloc(0);
  for await (const piece of socket) got = Buffer.concat([got, piece]);
  const found: number[] = [];
  for (let at = 0; at < got.length; at += 2 + got.readUInt16BE(at)) {
    found.push(decode(got.subarray(at + 2, at + 2 + got.readUInt16BE(at))).answers?.length ?? 0);
  }
  t.deepEqual(found, [100, 100, 100]);
});

test('dns: what is no question is refused by its kind, and an answer is never answered', async (t) => {
  const it = await world(t);
  const codes: string[] = [];
  for (const more of [
    { questions: [] },
    { questions: [{ type: 'AXFR' as const, name: 'example.org' }] },
    { questions: [{ type: 'TXT' as const, name: 'version.bind', class: 'CH' as const }] },
    { flags: 4 << 11 },
  ]) {
    codes.push((await it.ask('x.example', more)).rcode);
  }
  t.deepEqual(codes, ['FORMERR', 'REFUSED', 'REFUSED', 'NOTIMP']);
  const socket = it.guest.dgram.createSocket('udp4');
  t.teardown(() => socket.close());
  let heard = 0;
  socket.on('message', () => heard++);
  socket.send(encode({ type: 'response', id: 1, questions: [] }), 53, RIGHT);
  socket.send(Buffer.alloc(11), 53, RIGHT);
  while (it.dns.stats.malformed < 6) await new Promise(setImmediate);
  t.is(heard, 0);
  t.is(it.asked.length, 0);
});

test('dns: options that cannot be meant are refused at the door', async (t) => {
  const { right, close } = makePair();
  t.teardown(close);
  const make = (options: DnsForwarderOptions) => () => createDnsForwarder(right, options);
  t.throws(make({ servers: ['one.example'] }), { code: 'ERR_INVALID_ARG_VALUE' });
  t.throws(make({ servers: ['192.0.2.1:0'] }), { code: 'ERR_INVALID_ARG_VALUE' });
  t.throws(make({ names: { 'a b': '192.0.2.1' } }), { code: 'ERR_INVALID_ARG_VALUE' });
  t.throws(make({ names: { a: '192.0.2' } }), { code: 'ERR_INVALID_ARG_VALUE' });
  t.throws(make({ ttl: -1 }), { code: 'ERR_OUT_OF_RANGE' });
  t.throws(make({ outstanding: 0 }), { code: 'ERR_OUT_OF_RANGE' });
});
