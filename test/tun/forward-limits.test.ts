/**
 * `tunstack forward` at its limits: slow readers, idle flows, too many of them; and through a proxy.
 * @module
 */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { tunstack } from '../support/process.ts';
import { root } from '../support/root.ts';
import { type Forwarding, forwarding, insideSays, NEAR_OUTSIDE, OUTSIDE } from './forwarding.ts';
import { testWith } from './serving.ts';

const withIp = testWith('ip', 'nsenter', 'unshare');
const withCurl = testWith('ip', 'nsenter', 'unshare', 'curl');
const client = join(root, 'dist/test/support/inside.js');

/** Bytes that the endless service has handed to its kernel. */
async function given({ servers }: Forwarding): Promise<number> {
  servers.child.kill('SIGUSR2');
  return Number((await servers.line()).split(' ')[1]);
}

withIp('forward: who does not read is not sent to, and costs no memory', async (t) => {
  const run = await forwarding(t);
  const slow = run.inside.start(process.execPath, client, 'slow', OUTSIDE, '19');
  t.is(await slow.line(), '{"open":1}');
  let before = -1;
  let now = await given(run);
  while (now !== before) {
    before = now;
    await pause(300);
    now = await given(run);
  }
  t.true(now < 64 << 20, `${now} bytes`);
  slow.child.kill('SIGUSR2');
  await slow.ended;
});

withIp('forward: idle flows are held, and still carry text; ever more are refused', async (t) => {
  const run = await forwarding(t, '--flows', '500');
  const holder = run.inside.start(process.execPath, client, 'hold', OUTSIDE, '7', '500');
  t.is(await holder.line(), '{"open":500}');
  t.deepEqual(await insideSays(run, 'half-close', OUTSIDE, '7', 'x'), { code: 'ECONNREFUSED' });
  holder.child.kill('SIGUSR2');
  t.is(await holder.line(), '{"alive":500}');
  t.deepEqual(await insideSays(run, 'half-close', OUTSIDE, '7', 'x'), { answer: 'x' });
});

withIp('forward: a UDP flow ends after its silence', async (t) => {
  const run = await forwarding(t, '--udp-idle', '1', '--json');
  t.is(JSON.parse(run.ready).event, 'ready');
  t.deepEqual(await insideSays(run, 'udp', OUTSIDE, '7', '10'), { length: 10 });
  await pause(3000);
  const { out } = await run.gateway.stop();
  const last = JSON.parse(out.trimEnd().split('\n').at(-1) ?? '');
  t.is(last.event, 'forwarded');
  t.is(last.udp, 1);
  t.is(last.udpOpen, 0);
});

// RFC 9293 §3.10.7.4: a reset ends a connection in CLOSE-WAIT, where nobody reads from it any more.
withIp(
  'forward: a reset after a FIN is passed on, and keeps nothing open, both ways',
  async (t) => {
    const run = await forwarding(t, '--json');
    t.deepEqual(await insideSays(run, 'half-reset', OUTSIDE, '20'), { reset: true });
    const holder = run.inside.start(process.execPath, client, 'half-hold', OUTSIDE, '21');
    t.is(await holder.line(), '{"ended":true}');
    await pause(7000); // it looks every five seconds
    holder.child.kill('SIGUSR2');
    t.is(await holder.line(), '{"code":"EPIPE"}');
    const { out } = await run.gateway.stop();
    const last = JSON.parse(out.trimEnd().split('\n').at(-1) ?? '');
    t.like(last, { tcp: 2, tcpOpen: 0 });
  },
);

async function throughProxy(t: ExecutionContext): Promise<Forwarding> {
  const run = await forwarding(t, '--socks5', `${NEAR_OUTSIDE}:1080`);
  t.regex(run.ready, /via=socks5:\/\/192.0.2.2:1080/);
  return run;
}

withCurl('forward: through a SOCKS5 proxy, TCP and UDP', async (t) => {
  const run = await throughProxy(t);
  const { code, out } = await run.inside.run('curl', '-sS', `http://${OUTSIDE}/`);
  t.is(code, 0);
  t.regex(out, /<title>outside<\/title>/);
  t.deepEqual(await insideSays(run, 'half-close', OUTSIDE, '7', 'hello'), { answer: 'hello' });
  t.deepEqual(await insideSays(run, 'half-close', OUTSIDE, '81', 'x'), { code: 'ECONNREFUSED' });
  t.deepEqual(await insideSays(run, 'udp', OUTSIDE, '7', '100'), { length: 100 });
});

withIp('forward: where the proxy is not there flows are refused', async (t) => {
  const run = await forwarding(t, '--socks5', '192.0.2.2:1081');
  t.deepEqual(await insideSays(run, 'half-close', OUTSIDE, '7', 'x'), { code: 'ECONNREFUSED' });
  t.deepEqual(await insideSays(run, 'udp', OUTSIDE, '7', '1'), { code: 'ECONNREFUSED' });
});

withIp('forward: a namespace that is not there is told in one line', async (t) => {
  const { code, out, err } = await tunstack('forward', '--netns', 'nosuch').ended;
  t.is(code, 1);
  t.is(out, '');
  t.regex(err, /^tunstack: \S+ cannot go into nosuch: .*\n$/);
});
