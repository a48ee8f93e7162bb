/**
 * `tunstack forward`: clients in one network namespace reach servers in another through the gateway's
 * sockets.
 * @module
 */
import { createHash } from 'node:crypto';
import { RESOURCES } from '../support/outside.ts';
import { forwarding, insideSays, loadPage, NEAR_OUTSIDE, OUTSIDE } from './forwarding.ts';
import { testWith } from './serving.ts';

const withIp = testWith('ip', 'nsenter', 'unshare');
const withCurl = testWith('ip', 'nsenter', 'unshare', 'curl');
const withDig = testWith('ip', 'nsenter', 'unshare', 'dig');

withCurl('forward: curl gets a page, and the end says what was carried', async (t) => {
  const { inside: space, gateway, ready } = await forwarding(t, '--tun', 'fw0');
  t.regex(
    ready,
    /^ready tun=fw0 host=10.83.0.1\/24 address=10.83.0.2 mtu=1500 host6=fd83::1\/64 address6=fd83::2 via=direct open=any closed=this-host,loopback,link-local,metadata netns=\d+$/,
  );
  const { code, out, err } = await space.run('curl', '-sS', `http://${OUTSIDE}/`);
  t.is(code, 0, err);
  t.regex(out, /<title>outside<\/title>/);
  const ended = await gateway.stop('SIGTERM');
  t.is(ended.code, 0, ended.err);
  t.regex(
    ended.out,
    /\nforwarded 1 TCP flow, 0 UDP flows, \d+ B out, [\d.]+ kB in, refused 0 by rule/,
  );
});

withCurl('forward: a page and its sixty resources arrive as they are', async (t) => {
  const { resources, wrong } = await loadPage(await forwarding(t));
  t.is(resources, RESOURCES);
  t.deepEqual(wrong, []);
});

withDig('forward: dig gets its answers, small and in numbers', async (t) => {
  const { inside: space } = await forwarding(t);
  const names = Array.from({ length: 20 }, (_, i) => `name${i}.example`);
  const args = ['+short', '+tries=1', '+time=3', `@${OUTSIDE}`, ...names];
  const { code, out, err } = await space.run('dig', ...args);
  t.is(code, 0, err);
  t.is(out, '203.0.113.9\n'.repeat(20));
});

withCurl('forward: who is refused outside looks refused inside', async (t) => {
  const run = await forwarding(t);
  const refused = await run.inside.run('curl', '-sS', '-m', '5', `http://${OUTSIDE}:81/`);
  t.is(refused.code, 7);
  t.regex(refused.err, /refused|Could not connect|Couldn't connect/i);
  t.deepEqual(await insideSays(run, 'half-close', OUTSIDE, '81', 'x'), { code: 'ECONNREFUSED' });
  t.deepEqual(await insideSays(run, 'udp', OUTSIDE, '81', '10'), { code: 'ECONNREFUSED' });
  const unreachable = await insideSays(run, 'half-close', '203.0.113.1', '80', 'x');
  t.deepEqual(unreachable, { code: 'ENETUNREACH' });
});

withIp('forward: rules let through or refuse by address, port and protocol', async (t) => {
  const run = await forwarding(
    t,
    ...['--deny', `${OUTSIDE}:9/tcp`, '--allow', `${OUTSIDE}/32`, '--allow', '0.0.0.0/0:1-100/udp'],
  );
  t.deepEqual(await insideSays(run, 'half-close', OUTSIDE, '7', 'hello'), { answer: 'hello' });
  t.deepEqual(await insideSays(run, 'half-close', OUTSIDE, '9', 'x'), { code: 'ECONNREFUSED' });
  t.deepEqual(await insideSays(run, 'half-close', NEAR_OUTSIDE, '7', 'x'), {
    code: 'ECONNREFUSED',
  });
  t.deepEqual(await insideSays(run, 'udp', NEAR_OUTSIDE, '7', '100'), { length: 100 });
  const { out } = await run.gateway.stop();
  t.regex(out, /refused 2 by rule, 0 at the far end, 0 for want of room\n$/);
});

withIp('forward: a half-closed connection goes on the other way, text whole', async (t) => {
  const run = await forwarding(t);
  t.deepEqual(await insideSays(run, 'half-close', OUTSIDE, '7', 'after the end'), {
    answer: 'after the end',
  });
  const bytes = 48 << 20;
  const result = (await insideSays(run, 'upload', OUTSIDE, '9', `${bytes}`)) as Record<
    string,
    string
  >;
  t.is(result['answer'], `${bytes} ${result['hash']}`);
  t.deepEqual(await insideSays(run, 'reset', OUTSIDE, '7'), { reset: true });
});

withCurl('forward: downloads are whole', async (t) => {
  const { inside: space } = await forwarding(t);
  const bytes = 96 << 20;
  const command = `curl -sS http://${OUTSIDE}/bytes/${bytes} | sha256sum`;
  const { out, err } = await space.run('sh', '-c', command);
  const sum = createHash('sha256');
  for (let i = 0; i < bytes; i += 65_536) sum.update(Buffer.alloc(65_536, 'tunstack'));
  t.is(out.split(' ')[0], sum.digest('hex'), err);
});

withIp('forward: datagrams of all sizes come back, in fragments where they must', async (t) => {
  const run = await forwarding(t);
  for (const size of [1, 1472, 1473, 9000, 65_507]) {
    t.deepEqual(await insideSays(run, 'udp', OUTSIDE, '7', `${size}`), { length: size });
  }
});
