/**
 * Names looked up by servers inside a stack's network, against servers that lie, fail and are silent. RFC 1035 §4.1.1,
 * §7.3; RFC 3596 §2.
 * @module
 */
import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import { type DecodedPacket, decode, encode, type Packet } from 'dns-packet';
import type { Stack } from '../../../src/index.ts';
import { resolveInside } from '../../../src/services.ts';
import { makePair, RIGHT, RIGHT6 } from '../../api/worlds.ts';

const FOUR = '10.0.0.77';
const SIX = 'fd83::77';

type Reply = Partial<Packet> & { readonly rcode?: number };

/** What a question is answered with, in turn; none: silence. */
type Server = (query: DecodedPacket) => readonly Reply[];

/** A pair with a name server at the other end. */
async function world(t: ExecutionContext, server: Server): Promise<Stack> {
  const { left, right, close } = makePair({}, {}, 0);
  t.teardown(close);
  for (const type of ['udp4', 'udp6'] as const) {
    const socket = right.dgram.createSocket(type);
    socket.bind(53, type === 'udp4' ? RIGHT : RIGHT6);
    await once(socket, 'listening');
    socket.on('message', (bytes, { address, port }) => {
      const query = decode(bytes);
      for (const { rcode = 0, ...reply } of server(query)) {
        const made = { type: 'response', id: query.id, questions: query.questions, ...reply };
        socket.send(encode({ ...made, flags: rcode } as Packet), port, address);
      }
    });
  }
  return left;
}

const asks = (query: DecodedPacket): string => query.questions?.[0]?.type ?? '';
const a = (name: string, data = FOUR): Reply => ({ answers: [{ type: 'A', name, ttl: 1, data }] });
const aaaa = (name: string): Reply => ({ answers: [{ type: 'AAAA', name, ttl: 1, data: SIX }] });

test('names: a server inside the network is asked, over either family', async (t) => {
  const stack = await world(t, () => [a('db.inside')]);
  t.is(await resolveInside(stack, [RIGHT])('db.inside'), FOUR);
  t.is(await resolveInside(stack, [RIGHT6])('db.inside'), FOUR);
});

test('names: what has no address of IPv4 has one of IPv6, or none', async (t) => {
  const asked: string[] = [];
  const stack = await world(t, (query) => {
    asked.push(asks(query));
    return [query.questions?.[0]?.name === 'six' && asks(query) === 'AAAA' ? aaaa('six') : {}];
  });
  t.is(await resolveInside(stack, [RIGHT])('six'), SIX);
  t.deepEqual(asked, ['A', 'AAAA']);
  await t.throwsAsync(resolveInside(stack, [RIGHT])('none'), { code: 'ENOTFOUND' });
});

test('names: an alias is followed to its address', async (t) => {
  const stack = await world(t, () => [
    {
      answers: [
        { type: 'CNAME', name: 'www', ttl: 1, data: 'host' },
        { type: 'A', name: 'host', ttl: 1, data: FOUR },
      ],
    },
  ]);
  t.is(await resolveInside(stack, [RIGHT])('www'), FOUR);
});

test('names: an answer with another id, of another name, or that is none is passed over', async (t) => {
  const stack = await world(t, ({ id, questions }) => {
    const evil = a('db', '10.0.0.66');
    const other = [{ type: 'A' as const, name: 'other' }];
    return [
      { ...evil, id: ((id ?? 0) + 1) & 0xffff },
      { ...evil, questions: other },
      { ...a(questions?.[0]?.name ?? '') },
    ];
  });
  t.is(await resolveInside(stack, [RIGHT])('db'), FOUR);
});

test('names: bytes that are no message of DNS do not end the question', async (t) => {
  const { left, right, close } = makePair();
  t.teardown(close);
  const socket = right.dgram.createSocket('udp4');
  socket.bind(53, RIGHT);
  await once(socket, 'listening');
  socket.on('message', (bytes, { address, port }) => {
    const { id, questions = [] } = decode(bytes);
    socket.send(Buffer.of(1, 2, 3), port, address);
    socket.send(encode({ type: 'response', id, questions, ...a('db') } as Packet), port, address);
  });
  t.is(await resolveInside(left, [RIGHT])('db'), FOUR);
});

test('names: a server that fails or is silent is followed by the next', async (t) => {
  const asked: string[] = [];
  const stack = await world(t, (query) => {
    asked.push(asks(query));
    return [asked.length === 1 ? { rcode: 2 } : a('db')]; // SERVFAIL
  });
  t.is(await resolveInside(stack, [RIGHT, RIGHT6])('db'), FOUR);
  t.is(asked.length, 2);
});

test('names: where nobody can say the name may be asked again later', async (t) => {
  let asked = 0;
  const stack = await world(t, () => {
    asked++;
    return [{ rcode: 5 }]; // REFUSED
  });
  await t.throwsAsync(resolveInside(stack, [RIGHT])('db'), { code: 'EAI_AGAIN' });
  t.is(asked, 3);
  await t.throwsAsync(resolveInside(stack, [])('db'), { code: 'EAI_AGAIN' });
});
