/**
 * `tunstack forward` over IPv6: the same guests, servers and rules as over IPv4, in both families at once.
 * @module
 */

import { once } from 'node:events';
import { createServer } from 'node:net';
import { RESOURCES } from '../support/outside.ts';
import { Running, run } from '../support/process.ts';
import { command } from '../support/root.ts';
import {
  forwarding,
  forwardingBy,
  insideSays,
  loadPage,
  NEAR_OUTSIDE6,
  OUTSIDE,
  OUTSIDE6,
} from './forwarding.ts';
import { testWith } from './serving.ts';

const withIp = testWith('ip', 'nsenter', 'unshare');
const withCurl = testWith('ip', 'nsenter', 'unshare', 'curl');
const withPing = testWith('ip', 'nsenter', 'unshare', 'ping');

withCurl('forward: IPv6: a page and its sixty resources arrive as they are', async (t) => {
  const forward = await forwarding(t);
  t.regex(forward.ready, / host6=fd83::1\/64 address6=fd83::2 /);
  const { resources, wrong } = await loadPage(forward, OUTSIDE6);
  t.is(resources, RESOURCES);
  t.deepEqual(wrong, []);
});

withIp('forward: IPv6: text is whole, an end is an end, and a reset a reset', async (t) => {
  const forward = await forwarding(t);
  t.deepEqual(await insideSays(forward, 'half-close', OUTSIDE6, '7', 'after'), { answer: 'after' });
  const bytes = 24 << 20;
  const result = await insideSays(forward, 'upload', OUTSIDE6, '9', `${bytes}`);
  const { answer, hash } = result as Record<string, string>;
  t.is(answer, `${bytes} ${hash}`);
  t.deepEqual(await insideSays(forward, 'reset', OUTSIDE6, '7'), { reset: true });
  // RFC 4443 §3.1: no route is code 0, and a port without a socket code 4.
  t.deepEqual(await insideSays(forward, 'half-close', OUTSIDE6, '81', 'x'), {
    code: 'ECONNREFUSED',
  });
  t.deepEqual(await insideSays(forward, 'udp', OUTSIDE6, '81', '10'), { code: 'ECONNREFUSED' });
  const nowhere = await insideSays(forward, 'half-close', '2001:db8:ffff::1', '80', 'x');
  t.deepEqual(nowhere, { code: 'ENETUNREACH' });
});

withIp(
  'forward: IPv6: datagrams of all sizes come back, in fragments where they must',
  async (t) => {
    const forward = await forwarding(t);
    for (const size of [1, 1232, 1452, 1453, 9000, 65_507]) {
      t.deepEqual(await insideSays(forward, 'udp', OUTSIDE6, '7', `${size}`), { length: size });
    }
  },
);

withPing('forward: IPv6: the stack answers pings for itself, and for nobody else', async (t) => {
  const { inside } = await forwarding(t);
  const own = await inside.run('ping', '-6', '-c', '3', '-i', '0.2', '-W', '2', 'fd83::2');
  t.is(own.code, 0, own.out);
  const other = await inside.run('ping', '-6', '-c', '1', '-W', '1', OUTSIDE6);
  t.is(other.code, 1, other.out);
});

withIp('forward: IPv6: rules let through or refuse by address, port and protocol', async (t) => {
  const forward = await forwarding(
    t,
    ...['--deny', `[${OUTSIDE6}]:9/tcp`, '--allow', OUTSIDE6, '--allow', '[::/0]:1-100/udp'],
  );
  t.deepEqual(await insideSays(forward, 'half-close', OUTSIDE6, '7', 'x'), { answer: 'x' });
  for (const [place, port] of [
    [OUTSIDE6, '9'],
    [NEAR_OUTSIDE6, '7'],
    [OUTSIDE, '7'],
  ] as const) {
    const answer = await insideSays(forward, 'half-close', place, port, 'x');
    t.deepEqual(answer, { code: 'ECONNREFUSED' }, `${place} ${port}`);
  }
  t.deepEqual(await insideSays(forward, 'udp', NEAR_OUTSIDE6, '7', '9'), { length: 9 });
  t.regex((await forward.gateway.stop()).out, /refused 3 by rule, 0 at the far end/);
});

// RFC 4193: fd00:ec2::254 is where Amazon's machines ask for their secrets; RFC 6052, RFC 3056: roads to IPv4.
withIp('forward: IPv6: this host is closed to guests, by every road', async (t) => {
  const server = createServer((socket) => socket.end('secret')).listen(8080, '::');
  await once(server, 'listening');
  await run('ip', 'addr', 'add', 'fd00:ec2::254/128', 'dev', 'lo');
  t.teardown(async () => {
    server.close();
    await run('ip', 'addr', 'del', 'fd00:ec2::254/128', 'dev', 'lo');
  });
  const forward = await forwarding(t, '--allow', '::/0', '--allow', '0.0.0.0/0');
  const places = [
    '2001:db8:2::1',
    'fd00:ec2::254',
    'fd83::2',
    '64:ff9b::7f00:1',
    '2002:c000:201::1',
  ];
  for (const place of places) {
    const answer = await insideSays(forward, 'half-close', place, '8080', 'x');
    t.deepEqual(answer, { code: 'ECONNREFUSED' }, place);
  }
  t.deepEqual(await insideSays(forward, 'half-close', OUTSIDE6, '7', 'x'), { answer: 'x' });
  t.regex((await forward.gateway.stop()).out, /refused 5 by rule/);
});

withIp('forward: IPv6: a rule that names it opens this host', async (t) => {
  const server = createServer((socket) => socket.end('secret')).listen(8080, '::');
  await once(server, 'listening');
  t.teardown(() => void server.close());
  const forward = await forwarding(t, '--allow', '[2001:db8:2::1]:8080/tcp');
  const answer = await insideSays(forward, 'half-close', '2001:db8:2::1', '8080', 'x');
  t.deepEqual(answer, { answer: 'secret' });
});

withIp(
  'forward: IPv6: a proxy of SOCKS5 carries both families, and may be reached by either',
  async (t) => {
    for (const proxy of ['[2001:db8:2::2]:1080', '192.0.2.2:1080']) {
      const forward = await forwarding(t, '--socks5', proxy);
      t.true(forward.ready.includes(`via=socks5://${proxy} `), forward.ready);
      for (const place of [OUTSIDE, OUTSIDE6]) {
        const echoed = await insideSays(forward, 'half-close', place, '7', 'by the proxy');
        t.deepEqual(echoed, { answer: 'by the proxy' }, place);
        t.deepEqual(await insideSays(forward, 'udp', place, '7', '1400'), { length: 1400 }, place);
      }
      await forward.gateway.stop();
      await forward.inside.stop();
      await run('ip', 'link', 'del', 'out0');
    }
  },
);

withIp(
  'forward: IPv6: sockets leave from the address that was named, and by no other family',
  async (t) => {
    const forward = await forwarding(t, '--from', '192.0.2.1');
    t.deepEqual(await insideSays(forward, 'half-close', OUTSIDE, '7', 'x'), { answer: 'x' });
    // RFC 4443 §3.1, code 0: so a program tries the other family at once (RFC 8305).
    t.deepEqual(await insideSays(forward, 'half-close', OUTSIDE6, '7', 'x'), {
      code: 'ENETUNREACH',
    });
    // A socket of UDP hears of a port alone, on Linux: what else is unreachable may pass.
    t.deepEqual(await insideSays(forward, 'udp', OUTSIDE6, '7', '1'), { code: 'ECONNREFUSED' });
  },
);

/** The gateway, once its guests' namespace is without IPv6. */
const without6 = (...words: string[]): Running => {
  const space = `/proc/${words[2]}/ns/net`; // after `forward --netns`
  const disable = 'sysctl -qw net.ipv6.conf.all.disable_ipv6=1';
  const script = `nsenter --net=${space} ${disable}; exec "$@"`;
  return new Running('sh', ['-c', script, 'sh', process.execPath, command, ...words]);
};

withIp(
  'forward: IPv6: a namespace without it is served over IPv4, and its user hears of it',
  async (t) => {
    const forward = await forwardingBy(t, without6);
    t.notRegex(forward.ready, /address6/);
    t.deepEqual(await insideSays(forward, 'half-close', OUTSIDE, '7', 'x'), { answer: 'x' });
    t.regex((await forward.gateway.stop()).err, /^tunstack: IPv4 only: tun\d+ cannot go into /);
  },
);
