/**
 * `tunstack network` with clients that others wrote: a guest in a network namespace, on a TAP, with udhcpc, dig,
 * getent and curl; what is outside is in another one.
 * @module
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { type Ended, type Running, run, tunstack } from '../support/process.ts';
import { makeOutside, Namespace, OUTSIDE } from './forwarding.ts';
import { leaseFor } from './lease.ts';
import { testWith } from './serving.ts';

const withAll = testWith('ip', 'nsenter', 'unshare', 'curl', 'dig', 'udhcpc', 'getent');

interface Machine {
  readonly folder: string;
  readonly space: Namespace;
  readonly gateway: Running;
  readonly ready: string;
  readonly bound: string;
  /** A program of the guest's, which looks names up at the gateway. */
  guest(...words: string[]): Promise<Ended>;
}

/** A guest with a lease, behind a gateway with these options. */
async function machine(t: ExecutionContext, ...options: string[]): Promise<Machine> {
  await makeOutside(t);
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-network-'));
  const space = await Namespace.make(t);
  const words = ['--tap', 'vm0', '--dns', OUTSIDE, ...options].map((word) =>
    word.replace('FOLDER', folder),
  );
  const gateway = tunstack('network', ...words);
  t.teardown(async () => {
    await gateway.stop('SIGKILL');
    rmSync(folder, { recursive: true });
  });
  const ready = await gateway.line();
  await space.adopt('vm0');
  await space.ip('link', 'set', 'vm0', 'up');
  const bound = await leaseFor(space, 'vm0', folder);
  const resolv = join(folder, 'resolv.conf');
  writeFileSync(resolv, 'nameserver 10.83.0.1\nsearch internal\n');
  const mount = `mount --bind ${resolv} /etc/resolv.conf && exec "$@"`;
  const guest = (...program: string[]): Promise<Ended> =>
    space.run('unshare', '-m', 'sh', '-c', mount, 'sh', ...program);
  return { folder, space, gateway, ready, bound, guest };
}

withAll(
  'network: udhcpc gets a lease, dig and getent resolve, curl fetches, and the end says so',
  async (t) => {
    const { ready, bound, guest, gateway } = await machine(
      t,
      ...['--mtu', '9000', '--name', `web.example=${OUTSIDE}`, '--json'],
    );
    t.like(JSON.parse(ready), { event: 'ready', gateway: '10.83.0.1', mtu: 9000, taps: 'vm0' });
    t.is(bound, 'bound 10.83.0.10 10.83.0.1 10.83.0.1 9000 internal');
    const dig = await guest('dig', '+short', '+tries=1', 'some.example', 'A');
    t.is(dig.out, '203.0.113.9\n', dig.err); // what the resolver outside says of every name
    const tcp = await guest('dig', '+short', '+tcp', '+tries=1', 'other.example', 'A');
    t.is(tcp.out, '203.0.113.9\n', tcp.err);
    const back = await guest('dig', '+short', '-x', '10.83.0.10');
    t.is(back.out, 'box.internal.\n', back.err);
    for (const [name, address] of [
      ['host.docker.internal', '10.83.0.254'],
      ['gateway.containers.internal', '10.83.0.1'],
      ['box', '10.83.0.10'],
      ['web.example', OUTSIDE],
    ]) {
      const { out, err } = await guest('getent', 'ahostsv4', name as string);
      t.true(out.startsWith(`${address} `), `${name}: ${out}${err}`);
    }
    const page = await guest('curl', '-sS', '-m', '10', 'http://web.example/');
    t.regex(page.out, /<title>outside<\/title>/, page.err);
    const ping = await guest('ping', '-c', '1', '-W', '2', '10.83.0.1');
    t.is(ping.code, 0, ping.out);
    for (const address of ['127.0.0.1', '192.0.2.1', '10.83.0.254', '169.254.169.254']) {
      if (address === '127.0.0.1') continue; // a guest's own
      const { code } = await guest('curl', '-sS', '-m', '5', `http://${address}/`);
      t.is(code, 7, `${address} is closed`);
    }
    const ended = await gateway.stop('SIGTERM');
    t.is(ended.code, 0, ended.err);
    const last = JSON.parse(ended.out.trim().split('\n').at(-1) ?? '');
    t.like(last, { event: 'carried', leases: [{ address: '10.83.0.10', name: 'box' }] });
    t.is(last.flows.tcp, 1);
    t.is(last.flows.denied, 3);
  },
);

withAll(
  'network: a sandbox reaches one name, and what it tries else is refused and written down',
  async (t) => {
    const rules = ['--default', 'deny', '--policy', 'FOLDER/../policy-of-network.json'];
    const file = join(tmpdir(), 'policy-of-network.json');
    writeFileSync(file, JSON.stringify({ rules: ['allow web.example:80'] }));
    t.teardown(async () => rmSync(file));
    const { folder, guest, gateway } = await machine(
      t,
      ...[...rules, '--audit', 'FOLDER/audit', '--name', `web.example=${OUTSIDE}`],
      ...['--name', `more.example=${OUTSIDE}`, '--control', 'FOLDER/control'],
    );
    const curl = (...words: string[]): Promise<Ended> => guest('curl', '-sS', '-m', '5', ...words);
    t.is((await curl(`http://${OUTSIDE}/`)).code, 7, 'it was told no name of it');
    t.regex((await curl('http://web.example/')).out, /outside/);
    t.not((await curl('-H', 'Host: evil.example', 'http://web.example/')).code, 0, 'another host');
    t.is((await curl('http://unknown.example/')).code, 6, 'not resolved');
    t.is((await curl('http://more.example/')).code === 0, false, 'not in the policy');
    writeFileSync(
      file,
      JSON.stringify({ rules: ['allow web.example:80', 'allow more.example:80'] }),
    );
    gateway.child.kill('SIGHUP');
    while (!gateway.err.includes('read again')) await new Promise((done) => setTimeout(done, 20));
    t.regex((await curl('http://more.example/')).out, /outside/);
    const asked = await run(
      'curl',
      '-sS',
      '--unix-socket',
      join(folder, 'control'),
      'http://x/leases',
    );
    t.deepEqual(Object.keys(JSON.parse(asked.out)), ['10.83.0.1', '10.83.0.10']);
    await gateway.stop('SIGTERM');
    const lines = readFileSync(join(folder, 'audit'), 'utf8').trim().split('\n');
    const events = lines.map((line) => JSON.parse(line));
    const found = events.map(({ event, reason, name }) =>
      `${event} ${reason} ${name ?? ''}`.trim(),
    );
    for (const expected of [
      'deny direct',
      'open rule web.example',
      'close rule web.example',
      'deny default evil.example',
      'name default unknown.example',
      'open rule more.example',
    ]) {
      t.true(found.includes(expected), `${expected} in ${found.join(', ')}`);
    }
  },
);

withAll(
  'network: a page that a guest serves is read at a published port, and by whom is told inside',
  async (t) => {
    const { space } = await machine(
      t,
      ...[
        '--publish',
        '18080:10.83.0.10:80',
        '--publish',
        '192.0.2.1:18081:10.83.0.10:80,source=inside',
      ],
    );
    const server =
      'require("http").createServer((q,r)=>r.end("hello "+q.socket.remoteAddress)).listen(80,"0.0.0.0",()=>console.log("up"))';
    const serving = space.start(process.execPath, '-e', server);
    t.teardown(() => serving.stop('SIGKILL').then(() => {}));
    await serving.line();
    const near = await run('curl', '-sS', '-m', '10', 'http://127.0.0.1:18080/');
    t.is(near.out.trim(), 'hello 10.83.0.1', near.err);
    const inside = await run('curl', '-sS', '-m', '10', 'http://192.0.2.1:18081/');
    t.is(inside.out.trim(), 'hello 192.0.2.1', inside.err);
  },
);

withAll('network: a namespace is plugged in by --netns, and downloads are whole', async (t) => {
  await makeOutside(t);
  const space = await Namespace.make(t);
  const gateway = tunstack('network', '--netns', `${space.pid}`, '--mtu', '65520');
  t.teardown(() => gateway.stop('SIGKILL').then(() => {}));
  await gateway.line();
  const bytes = 32 << 20;
  const { out, err } = await space.run(
    'sh',
    '-c',
    `curl -sS http://${OUTSIDE}/bytes/${bytes} | wc -c`,
  );
  t.is(out.trim(), `${bytes}`, err);
});

withAll(
  'network: a session of a guest on a TAP is played again, and comes to the same',
  async (t) => {
    const { folder, guest, gateway } = await machine(
      t,
      ...['--default', 'deny', '--allow', 'web.example:80', '--name', `web.example=${OUTSIDE}`],
      ...['--record', 'FOLDER/session'],
    );
    const curl = (url: string): Promise<Ended> => guest('curl', '-sS', '-m', '10', url);
    t.regex((await curl('http://web.example/')).out, /<title>outside/);
    t.regex((await curl('http://web.example/')).out, /<title>outside/, 'once more');
    t.is((await curl(`http://${OUTSIDE}:81/`)).code, 7);
    await gateway.stop('SIGTERM');
    const { code, out, err } = await tunstack('replay', join(folder, 'session')).ended;
    t.is(code, 0, out + err);
    const [, decisions = '', sent = ''] =
      /^the same: (\d+) of \1 .*\nguests sent (\d+) /.exec(out) ?? [];
    t.true(Number(decisions) >= 4 && Number(sent) > 10, out);
  },
);
