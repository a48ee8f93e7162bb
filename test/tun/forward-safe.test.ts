/**
 * `tunstack forward` and what it keeps guests from: this host, its descriptors, and its own traffic.
 * @module
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { Running, run, tunstack } from '../support/process.ts';
import { command } from '../support/root.ts';
import { forwarding, forwardingBy, insideSays, OUTSIDE } from './forwarding.ts';
import { testWith } from './serving.ts';

const withIp = testWith('ip', 'nsenter', 'unshare');

/** Descriptors that a process has open. */
const descriptorsOf = (pid: number | undefined): number => readdirSync(`/proc/${pid}/fd`).length;

const lastOf = (out: string): Record<string, unknown> =>
  JSON.parse(out.trimEnd().split('\n').at(-1) ?? '');

/** A service of this host's that only this host should see; and an address such as clouds have. */
async function serveSecret(t: ExecutionContext): Promise<void> {
  const server = createServer((socket) => socket.end('secret')).listen(8080, '0.0.0.0');
  await once(server, 'listening');
  await run('ip', 'addr', 'add', '169.254.169.254/32', 'dev', 'lo');
  t.teardown(async () => {
    server.close();
    await run('ip', 'addr', 'del', '169.254.169.254/32', 'dev', 'lo');
  });
}

withIp('forward: this host is closed to guests', async (t) => {
  await serveSecret(t);
  const forward = await forwarding(t, '--allow', '0.0.0.0/0');
  t.regex(forward.ready, / open=0.0.0.0\/0 closed=this-host,loopback,link-local,metadata /);
  for (const place of ['192.0.2.1', '169.254.169.254', '10.83.0.2']) {
    const answer = await insideSays(forward, 'half-close', place, '8080', 'x');
    t.deepEqual(answer, { code: 'ECONNREFUSED' }, place);
  }
  t.deepEqual(await insideSays(forward, 'half-close', OUTSIDE, '7', 'x'), { answer: 'x' });
  t.regex((await forward.gateway.stop()).out, /refused 3 by rule/);
});

withIp('forward: a rule that names it opens this host', async (t) => {
  await serveSecret(t);
  const rules = ['192.0.2.1:8080/tcp', '169.254.169.254'];
  const forward = await forwarding(t, ...rules.flatMap((rule) => ['--allow', rule]));
  t.regex(forward.ready, / open=192.0.2.1:8080\/tcp,169.254.169.254 /);
  for (const place of ['192.0.2.1', '169.254.169.254']) {
    const answer = await insideSays(forward, 'half-close', place, '8080', 'x');
    t.deepEqual(answer, { answer: 'secret' }, place);
  }
});

// It is closed for two reasons here, as link-local and as this host's own; the network is one of them.
withIp('forward: a rule for its network does not open this host', async (t) => {
  await serveSecret(t);
  const forward = await forwarding(t, '--allow', '169.254.0.0/16');
  const answer = await insideSays(forward, 'half-close', '169.254.169.254', '8080', 'x');
  t.deepEqual(answer, { code: 'ECONNREFUSED' });
});

withIp('forward: what it dials into its own TUN ends there, over TCP and UDP', async (t) => {
  const gateway = tunstack('forward', '--tun', 'loop0', '--json');
  t.teardown(() => gateway.stop('SIGKILL').then(() => {}));
  await gateway.line();
  await run('ip', 'route', 'add', '203.0.113.0/24', 'dev', 'loop0');
  const before = descriptorsOf(gateway.child.pid);
  for (const address of ['203.0.113.9', '10.83.0.77']) {
    const datagrams = createSocket('udp4');
    datagrams.connect(53, address);
    await once(datagrams, 'connect');
    const refused = once(datagrams, 'error');
    datagrams.send('x');
    t.is((await refused)[0].code, 'ECONNREFUSED', address);
    datagrams.close();
    const [error] = await once(connect(80, address), 'error');
    t.is(error.code, 'ECONNREFUSED', address);
  }
  await pause(100);
  t.is(descriptorsOf(gateway.child.pid), before);
  const { out, err } = await gateway.stop();
  t.like(lastOf(out), { looped: 4, tcp: 0, udpOpen: 0 });
  t.regex(err, /^tunstack: what goes to 203.0.113.9 comes back by the TUN[^\n]*\n$/);
});

withIp('forward: dials that fail leave no descriptor', async (t) => {
  const forward = await forwarding(t);
  const before = descriptorsOf(forward.gateway.child.pid);
  // No way there, and a broadcast address, which nobody has asked to send to.
  for (const place of ['203.0.113.1', '192.0.2.255']) {
    for (let i = 0; i < 4; i++) {
      t.deepEqual(await insideSays(forward, 'udp', place, '53', '1'), { code: 'ECONNREFUSED' });
    }
  }
  await pause(100);
  t.is(descriptorsOf(forward.gateway.child.pid), before);
});

withIp(
  'forward: with few descriptors old UDP flows give way, and TCP still gets through',
  async (t) => {
    // Node itself reads its modules side by side as it starts: with 100 it runs out now and then.
    const few = (...words: string[]): Running =>
      new Running('sh', [
        '-c',
        'ulimit -n 160; exec "$@"',
        'sh',
        process.execPath,
        command,
        ...words,
      ]);
    const forward = await forwardingBy(t, few, '--json');
    t.deepEqual(await insideSays(forward, 'udp-flows', OUTSIDE, '7', '200'), { answered: 200 });
    t.true(descriptorsOf(forward.gateway.child.pid) < 160);
    t.deepEqual(await insideSays(forward, 'half-close', OUTSIDE, '7', 'x'), { answer: 'x' });
    const { out, err } = await forward.gateway.stop();
    t.is(err, '');
    const last = lastOf(out);
    t.like(last, { udp: 200, full: 0, failed: 0 });
    t.true((last['displaced'] as number) >= 75, JSON.stringify(last));
  },
);
