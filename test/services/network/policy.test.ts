/**
 * What a policy lets guests reach: by the name that they were told *and* the one that their flow says.
 * @module
 */
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import test from 'ava';
import { checkPolicy } from '../../../src/services/policy/read.ts';
import { TunnelWatch } from '../../../src/services/policy/tunnel.ts';
import type { FlowRequest, PolicyOptions } from '../../../src/services.ts';
import { createNetwork } from '../../../src/services.ts';
import { RFC9001_A2 } from '../gateway/samples.ts';
import { GATEWAY, look, say, world } from './world.ts';

const http = (host: string): string => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`;

/** OpenSSL's ClientHello. */
async function hello(servername?: string): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const socket = new Duplex({
    read() {},
    write(piece, _encoding, done) {
      pieces.push(piece);
      done();
    },
  });
  connectTls({ socket, ...(servername && { servername }) }).on('error', () => {});
  while (pieces.length === 0) await new Promise(setImmediate);
  return Buffer.concat(pieces);
}

const STRICT: PolicyOptions = {
  default: 'deny',
  rules: ['allow good.example', 'allow *.good.example:443'],
};

test('policy: an allowed name is told, reached, and heard; another one is neither', async (t) => {
  const it = await world(t, { policy: STRICT });
  const guest = await it.guest('10.83.0.15');
  t.regex(await say(guest, 'good.example', 80, http('good.example')), /^heard/);
  t.is(it.heard[0], http('good.example'));
  t.is(await say(guest, 'evil.example', 80, http('evil.example')), 'ENOTFOUND');
  t.is(await look(guest, 'evil.example'), undefined);
  t.deepEqual(it.dialled, ['tcp 198.51.100.1:80']);
  const [open] = it.events('open');
  t.like(open, { name: 'good.example', rule: 'good.example', reason: 'rule', port: 80 });
  t.like(it.events('name')[0], { name: 'evil.example', reason: 'default' });
});

test('policy: a wildcard is every name below, not the name itself, and its ports count', async (t) => {
  const it = await world(t, { policy: { default: 'deny', rules: ['allow *.good.example:443'] } });
  const guest = await it.guest('10.83.0.15');
  t.is(await look(guest, 'good.example'), undefined);
  t.is(await look(guest, 'badgood.example'), undefined, 'it ends so, and is not below it');
  t.is(await look(guest, 'Also.Good.Example'), '198.51.100.2', 'in any case of letters');
  t.is(await say(guest, '198.51.100.2', 80, http('also.good.example')), 'ECONNREFUSED');
  t.regex(await say(guest, '198.51.100.2', 443, await hello('ALSO.good.example')), /^heard/);
  t.is(await say(guest, '198.51.100.2', 443, await hello('badgood.example')), 'ECONNRESET');
});

// A guest that was told of good.example connects there and asks for its neighbour on the same machine.
test('policy: who says another name than it was told is cut, and not a byte has left', async (t) => {
  const it = await world(t, { policy: STRICT });
  const guest = await it.guest('10.83.0.15');
  await look(guest, 'good.example');
  t.is(await say(guest, '198.51.100.1', 443, await hello('shared.example')), 'ECONNRESET');
  t.is(await say(guest, '198.51.100.1', 80, http('evil.example')), 'ECONNRESET');
  t.is(
    await say(
      guest,
      '198.51.100.1',
      80,
      'GET http://evil.example/ HTTP/1.1\r\nHost: good.example\r\n\r\n',
    ),
    'ECONNRESET',
  );
  t.deepEqual(it.heard.join(''), '');
  const reasons = it.events('deny').map(({ name, reason }) => [name, reason]);
  t.deepEqual(reasons, [
    ['shared.example', 'default'],
    ['evil.example', 'default'],
    ['evil.example', 'default'],
  ]);
});

test('policy: an allowed name that does not lead there is not believed', async (t) => {
  const it = await world(t, {
    policy: { ...STRICT, rules: ['allow good.example', 'allow evil.example'] },
  });
  const guest = await it.guest('10.83.0.15');
  await look(guest, 'evil.example');
  t.is(await say(guest, '198.51.100.66', 443, await hello('good.example')), 'ECONNRESET');
  t.is(it.events('deny')[0]?.['reason'], 'not-pinned');
});

test('policy: TLS and HTTP must say a name, other protocols go by the one that was told', async (t) => {
  const it = await world(t, { policy: STRICT });
  const guest = await it.guest('10.83.0.15');
  await look(guest, 'good.example');
  t.is(await say(guest, '198.51.100.1', 443, await hello()), 'ECONNRESET');
  t.is(await say(guest, '198.51.100.1', 80, 'GET / HTTP/1.0\r\n\r\n'), 'ECONNRESET');
  t.is(await say(guest, '198.51.100.1', 443, 'SSH-2.0-x\r\n'), 'ECONNRESET');
  t.regex(await say(guest, '198.51.100.1', 22, 'SSH-2.0-x\r\n'), /^heard/);
  t.is(await say(guest, '198.51.100.1', 22, ''), '', 'it ends without a word');
});

// On a port that is no web server's by its number.
test('policy: what does not come to an end of its name has none, and not a byte has left', async (t) => {
  const it = await world(t, { policy: STRICT });
  const guest = await it.guest('10.83.0.15');
  await look(guest, 'good.example');
  const long = `GET / HTTP/1.1\r\nX: ${'x'.repeat(18_000)}\r\nHost: evil.example\r\n\r\n`;
  for (const text of [long, `\r\n${http('evil.example')}`, '\x16\x03\x01\0\0']) {
    t.is(await say(guest, '198.51.100.1', 8080, text), 'ECONNRESET');
  }
  t.is(it.heard.join(''), '');
});

test('policy: QUIC is heard at every port', async (t) => {
  const it = await world(t, { policy: STRICT });
  const guest = await it.guest('10.83.0.15');
  await look(guest, 'good.example');
  const ask = async (message: Uint8Array): Promise<string> => {
    const socket = guest.dgram.createSocket('udp4');
    const what = await new Promise<string>((done) => {
      socket.on('message', (text) => done(String(text)));
      socket.on('error', ({ code = '' }: NodeJS.ErrnoException) => done(code));
      socket.connect(8443, '198.51.100.1', () => socket.send(message));
    });
    socket.close();
    return what;
  };
  t.is(await ask(Buffer.from(RFC9001_A2, 'hex')), 'ECONNREFUSED');
  t.like(it.events('deny')[0], { name: 'example.com', reason: 'default', port: 8443 });
  t.is(await ask(Buffer.from('hello')), 'echo 5', 'what is none goes by the name that was told');
});

test('policy: a name leads to its addresses for its TTL and half a minute', async (t) => {
  let later = 0;
  const clock = { now: () => performance.now() * 1000 + later };
  const it = await world(t, { policy: STRICT, clock });
  const guest = await it.guest('10.83.0.15');
  await look(guest, 'good.example');
  later = 85e6; // a TTL of 60 s
  t.regex(await say(guest, '198.51.100.1', 80, http('good.example')), /^heard/);
  later = 95e6;
  t.is(await say(guest, '198.51.100.1', 80, http('good.example')), 'ECONNREFUSED');
  t.is(it.events('deny').at(-1)?.['reason'], 'direct');
  await look(guest, 'good.example');
  t.regex(await say(guest, '198.51.100.1', 80, http('good.example')), /^heard/);
});

test('policy: straight to an address is refused before it is answered, unless a rule names it', async (t) => {
  const rules = ['allow good.example', 'allow 203.0.113.7:22/tcp'];
  const it = await world(t, { policy: { default: 'deny', rules } });
  const guest = await it.guest('10.83.0.15');
  t.is(await say(guest, '198.51.100.1', 443, await hello('good.example')), 'ECONNREFUSED');
  t.is(it.events('deny')[0]?.['reason'], 'direct');
  t.regex(await say(guest, '203.0.113.7', 22, 'SSH-2.0-x\r\n'), /^heard/);
  t.is(await say(guest, '203.0.113.7', 23, 'x'), 'ECONNREFUSED');
});

test('policy: what one guest was told is no way for another', async (t) => {
  const it = await world(t, { policy: STRICT });
  const [one, two] = [await it.guest('10.83.0.15'), await it.guest('10.83.0.16')];
  await look(one, 'good.example');
  t.is(await say(two, '198.51.100.1', 80, http('good.example')), 'ECONNREFUSED');
  t.regex(await say(one, '198.51.100.1', 80, http('good.example')), /^heard/);
});

test('policy: rules for one guest: by address, hardware address, and port of the switch', async (t) => {
  const it = await world(t, {
    policy: {
      default: 'deny',
      rules: [
        'allow 10.83.0.15=198.51.100.1:80',
        'allow 02:00:5e:00:53:16=198.51.100.1:81',
        'allow build=198.51.100.1:82',
      ],
    },
  });
  const guests = [
    await it.guest('10.83.0.15'),
    await it.guest('10.83.0.16'),
    await it.guest('10.83.0.17', 'build'),
  ];
  const found: string[] = [];
  for (const guest of guests) {
    for (const port of [80, 81, 82]) {
      found.push((await say(guest, '198.51.100.1', port, 'x')).slice(0, 5));
    }
  }
  const [yes, no] = ['heard', 'ECONN'];
  t.deepEqual(found, [yes, no, no, no, yes, no, no, no, yes]);
});

test('policy: names open no closed place, whoever owns them says what they lead to', async (t) => {
  const it = await world(t, {
    policy: { rules: ['allow *.example', 'allow *'], close: ['private'] },
  });
  const guest = await it.guest('10.83.0.15');
  for (const name of ['rebound.example', 'inner.example']) {
    await look(guest, name);
    t.is(await say(guest, name, 80, http(name)), 'ECONNREFUSED', name);
  }
  for (const address of ['127.0.0.1', '169.254.169.254', '192.168.1.1', GATEWAY, '10.83.0.254']) {
    t.is(await say(guest, address, 80, 'x'), 'ECONNREFUSED', address);
  }
  t.deepEqual(it.dialled, []);
  t.true(it.events('deny').every(({ reason }) => reason === 'closed' || reason === 'gateway'));
});

test('policy: this host is reached by its alias where a rule names it, and there only', async (t) => {
  const it = await world(t, { policy: { rules: ['allow host.docker.internal:5432', 'allow *'] } });
  const guest = await it.guest('10.83.0.15');
  t.is(await look(guest, 'host.docker.internal'), '10.83.0.254');
  t.regex(await say(guest, 'host.docker.internal', 5432, 'select'), /^heard/);
  t.is(await say(guest, 'host.docker.internal', 5433, 'x'), 'ECONNREFUSED');
  t.deepEqual(it.dialled, ['tcp 127.0.0.1:5432']);
});

test('policy: other resolvers are refused where names count: DNS, DNS over TLS, known ones over HTTPS', async (t) => {
  const it = await world(t, { policy: { rules: ['deny *.ads.example', 'allow *'] } });
  const guest = await it.guest('10.83.0.15');
  t.is(await say(guest, '198.51.100.1', 853, 'x'), 'ECONNREFUSED');
  t.is(await say(guest, '198.51.100.1', 53, 'x'), 'ECONNREFUSED');
  t.is(await say(guest, '198.51.100.1', 443, await hello('dns.google')), 'ECONNRESET');
  t.is(await look(guest, 'use-application-dns.net'), undefined);
  t.true(it.events('deny').every(({ reason }) => reason === 'foreign-dns'));
  t.deepEqual([...new Set(it.events('deny').map(({ port }) => port))], [853, 53, 443]);
  t.regex(await say(guest, '198.51.100.1', 443, await hello('good.example')), /^heard/);
});

test('policy: a denied name is denied by what a flow says, whatever it was told', async (t) => {
  const it = await world(t, { policy: { rules: ['deny evil.example'] } });
  const guest = await it.guest('10.83.0.15');
  t.is(await say(guest, '198.51.100.66', 443, await hello('evil.example')), 'ECONNRESET');
  t.regex(await say(guest, '198.51.100.66', 443, await hello('good.example')), /^heard/);
});

test('policy: a function is asked before the SYN is answered, with guest and name', async (t) => {
  const asked: FlowRequest[] = [];
  const it = await world(t, {
    policy: {
      onFlow: async (flow) => {
        asked.push(flow);
        return flow.name === 'good.example' ? 'allow' : 'deny';
      },
    },
  });
  const guest = await it.guest('10.83.0.15', 'box');
  t.regex(await say(guest, 'good.example', 80, http('good.example')), /^heard/);
  t.is(await say(guest, '198.51.100.9', 80, 'x'), 'ECONNREFUSED');
  t.is(await say(guest, 'good.example', 80, http('evil.example')), 'ECONNRESET');
  t.deepEqual(asked[0], {
    guest: { address: '10.83.0.15', mac: '02:00:5e:00:53:15', port: 'box' },
    ...{ protocol: 'tcp', address: '198.51.100.1', port: 80, name: 'good.example' },
  });
  t.is(it.events('deny')[0]?.['reason'], 'function');
  t.is(await say(guest, '127.0.0.1', 80, 'x'), 'ECONNREFUSED');
  t.false(
    asked.some(({ address }) => address === '127.0.0.1'),
    'what is closed is not asked about',
  );
});

// The name that it was told is why it was let through; who does not say it could be going anywhere there.
test('policy: a function is asked again about who says no name where it should', async (t) => {
  const asked: (string | undefined)[] = [];
  const it = await world(t, {
    policy: {
      onFlow: ({ name }) => {
        asked.push(name);
        return name === 'good.example' ? 'allow' : 'deny';
      },
    },
  });
  const guest = await it.guest('10.83.0.15');
  await look(guest, 'good.example');
  t.is(await say(guest, '198.51.100.1', 443, await hello()), 'ECONNRESET');
  t.is(await say(guest, '198.51.100.1', 8080, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), 'ECONNRESET');
  t.is(it.heard.join(''), '');
  t.deepEqual(asked, ['good.example', undefined, 'good.example', undefined]);
  t.regex(await say(guest, '198.51.100.1', 22, 'SSH-2.0-x\r\n'), /^heard/);
});

test('policy: a function that fails refuses, and one that says nothing leaves it to the rules', async (t) => {
  const it = await world(t, {
    policy: {
      rules: ['deny 198.51.100.2'],
      onFlow: ({ address }) => {
        if (address === '198.51.100.1') throw new Error('broken');
        return undefined;
      },
    },
  });
  const guest = await it.guest('10.83.0.15');
  t.is(await say(guest, '198.51.100.1', 80, 'x'), 'ECONNREFUSED');
  t.is(await say(guest, '198.51.100.2', 22, 'x'), 'ECONNREFUSED');
  t.regex(await say(guest, '198.51.100.3', 22, 'x'), /^heard/);
  // A SYN is sent again where all the tests of this file together take long.
  t.deepEqual([...new Set(it.events('deny').map(({ reason }) => reason))], ['error', 'rule']);
});

test('policy: one that is replaced cuts what it does not let through, and leaves the rest', async (t) => {
  const it = await world(t, {
    policy: { default: 'deny', rules: ['allow good.example', 'allow evil.example'] },
  });
  const guest = await it.guest('10.83.0.15');
  const open = async (host: string) => {
    const socket = guest.net.connect({ host, port: 80 });
    socket.write(http(host));
    const closed = new Promise<string>((done) => {
      socket.on('error', (error: NodeJS.ErrnoException) => done(error.code ?? ''));
    });
    await new Promise((done) => socket.once('data', done));
    return { socket, closed };
  };
  const [kept, lost] = [await open('good.example'), await open('evil.example')];
  t.is(await it.network.replacePolicy({ default: 'deny', rules: ['allow good.example'] }), 1);
  t.is(await lost.closed, 'ECONNRESET');
  while (it.events('cut').length === 0) await new Promise((done) => setImmediate(done));
  t.deepEqual(
    it.network.gateway.flows.map(({ name }) => name),
    ['good.example'],
  );
  const [cut] = it.events('cut');
  t.like(cut, { name: 'evil.example', because: 'default', bytesOut: http('evil.example').length });
  kept.socket.destroy();
  await t.throwsAsync(it.network.replacePolicy({ rules: ['allow'] }), {
    code: 'ERR_INVALID_ARG_VALUE',
  });
  t.deepEqual(it.network.policy.options.rules, ['allow good.example'], 'a bad one changes nothing');
});

test('policy: one that is read again leaves flows by names that were told long ago', async (t) => {
  let later = 0;
  const clock = { now: () => performance.now() * 1000 + later };
  const asked: (string | undefined)[] = [];
  const it = await world(t, { policy: STRICT, clock });
  const guest = await it.guest('10.83.0.15');
  await look(guest, 'good.example');
  const socket = guest.net.connect({ host: '198.51.100.1', port: 80 });
  socket.write(http('good.example'));
  await once(socket, 'data');
  later = 3600e6;
  t.is(await it.network.replacePolicy(STRICT), 0);
  const onFlow = ({ name }: FlowRequest): 'allow' => {
    asked.push(name);
    return 'allow';
  };
  t.is(await it.network.replacePolicy({ ...STRICT, onFlow }), 0);
  t.deepEqual(asked, ['good.example']);
  t.is(await it.network.replacePolicy({ ...STRICT, rules: ['allow evil.example'] }), 1);
});

test('policy: names that carry text out are not asked for', (t) => {
  const watch = new TunnelWatch({ distinct: 5 });
  const check = (name: string, now = 0) => watch.check('10.0.0.1', name, now);
  t.is(check(`${'a'.repeat(49)}.t.example`), 'label');
  t.is(check(`${'abcdefgh.'.repeat(15)}t.example`), 'name');
  for (let i = 0; i < 5; i++) t.is(check(`n${i}.t.example`), undefined);
  t.is(check('n5.t.example'), 'distinct');
  t.is(check('n3.t.example'), undefined, 'it was asked for before');
  t.is(watch.check('10.0.0.2', 'n5.t.example', 0), undefined, 'another guest');
  t.is(check('n5.t.example', 60_000_000), undefined, 'a minute later');
});

test('policy: what cannot be meant is refused, and said', (t) => {
  const refused: [unknown, RegExp][] = [
    [{ rules: ['allow'] }, /begin with allow/],
    [{ rules: ['permit a.example'] }, /begin with allow/],
    [{ rules: ['allow a.example:0-70000'] }, /Give CIDR/],
    [{ rules: 'allow *' }, /must be a list/],
    [{ default: 'maybe' }, /"allow" or "deny"/],
    [{ defualt: 'deny' }, /there is default/],
    [{ close: ['home'] }, /a network, as/],
    [{ proxy: 'nowhere' }, /HOST:PORT/],
    [{ names: { label: 64 } }, /from 1 to 63/],
    [[], /must be an object/],
  ];
  for (const [policy, message] of refused) {
    t.throws(() => checkPolicy(policy as PolicyOptions), {
      code: 'ERR_INVALID_ARG_VALUE',
      message,
    });
    t.throws(() => createNetwork({ policy: policy as PolicyOptions }), { message });
  }
});
