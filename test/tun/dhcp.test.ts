/**
 * DHCP with the programs of others on a TAP: our server with `udhcpc`, `dhclient` and `dhcpcd`, our client with
 * `dnsmasq`. RFC 2131.
 * @module
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { createStack, openTap, type Stack } from '../../src/index.ts';
import { createDhcpClient, createDhcpServer, type DhcpServer } from '../../src/services.ts';
import { Running, run } from '../support/process.ts';
import { testWith } from './serving.ts';

/** What udhcpc calls when something happens: says what it was told, and sets the address. */
const SCRIPT = `#!/bin/sh
echo "$1 ip=$ip mask=$mask router=$router dns=$dns lease=$lease mtu=$mtu domain=$domain search=$search"
[ "$1" = bound ] && ip addr add "$ip/$mask" dev "$interface"
exit 0
`;

testWith('udhcpc').serial(
  'dhcp: udhcpc gets an address, uses and renews it, and lets it go',
  async (t) => {
    const tap = await openTap({ name: 'tap5' });
    const stack = createStack({ device: tap, address: '10.88.0.1/24' });
    const server = createDhcpServer(stack, {
      ...{ address: '10.88.0.1/24', pool: ['10.88.0.100', '10.88.0.150'], mtu: 1400 },
      ...{ domain: 'lan', search: ['lan', 'example.org'], probe: 50 },
    });
    const folder = mkdtempSync(join(tmpdir(), 'tunstack-dhcp-'));
    t.teardown(async () => {
      server.close();
      await stack.close();
      rmSync(folder, { recursive: true });
    });
    await server.ready;
    const script = join(folder, 'script');
    writeFileSync(script, SCRIPT, { mode: 0o755 });
    const words = ['-i', 'tap5', '-s', script, '-x', 'hostname:guest', '-O', 'search', '-f'];
    const client = new Running('udhcpc', [...words, '-R', '-t', '5', '-T', '1']);
    t.teardown(() => client.stop('SIGKILL').then(() => {}));
    let bound = '';
    while (!bound.startsWith('bound ')) bound = await client.line();
    t.is(
      bound,
      'bound ip=10.88.0.100 mask=24 router=10.88.0.1 dns=10.88.0.1 lease=3600 mtu=1400 domain=lan search=lan example.org',
    );
    t.true((await stack.ping('10.88.0.100')).rtt > 0);
    t.is(server.leases[0]?.name, 'guest');
    client.child.kill('SIGUSR1'); // renew, it says
    t.is(await client.line(), bound.replace('bound', 'renew'));
    const released = once(server, 'release');
    await client.stop('SIGTERM'); // with -R it lets the address go at its end
    t.deepEqual(await released, ['10.88.0.100']);
    t.deepEqual(server.leases, []);
    const { offer, ack, release, nak } = server.stats;
    t.deepEqual([offer > 0, ack, release, nak], [true, 2, 1, 0]);
  },
);

/** A server whose leases are short, so that they are renewed while a test looks on. */
async function serveShort(t: ExecutionContext): Promise<[Stack, DhcpServer, string]> {
  const tap = await openTap({ name: 'tap5' });
  const stack = createStack({ device: tap, address: '10.88.0.1/24' });
  const server = createDhcpServer(stack, {
    ...{ address: '10.88.0.1/24', pool: ['10.88.0.100', '10.88.0.150'], probe: 0, leaseTime: 20 },
  });
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-dhcp-'));
  t.teardown(async () => {
    server.close();
    await stack.close();
    rmSync(folder, { recursive: true });
  });
  await server.ready;
  return [stack, server, folder];
}

/** Settles when so many leases were given or renewed. */
async function leases(server: DhcpServer, count: number): Promise<void> {
  while (server.stats.ack < count)
    await once(server, 'lease', { signal: AbortSignal.timeout(60_000) });
}

testWith('dhclient').serial(
  'dhcp: dhclient gets a lease, renews it and gives it back',
  async (t) => {
    t.timeout(50_000);
    const [stack, server, folder] = await serveShort(t);
    const script = join(folder, 'script');
    const text = `#!/bin/sh
[ -n "$new_ip_address" ] && ip addr replace "$new_ip_address/24" dev "$interface"
exit 0
`;
    writeFileSync(script, text, { mode: 0o755 });
    const files = ['-lf', join(folder, 'leases'), '-pf', join(folder, 'pid'), '-cf', '/dev/null'];
    const client = new Running('dhclient', ['-4', '-d', '-sf', script, ...files, 'tap5']);
    t.teardown(() => client.stop('SIGKILL').then(() => {}));
    await leases(server, 2);
    t.true((await stack.ping('10.88.0.100')).rtt > 0);
    t.is(server.leases.length, 1);
    const released = once(server, 'release', { signal: AbortSignal.timeout(20_000) });
    await run('dhclient', '-4', '-r', '-sf', script, ...files, 'tap5');
    t.deepEqual(await released, ['10.88.0.100']);
  },
);

testWith('dhcpcd').serial('dhcp: dhcpcd gets a lease and renews it', async (t) => {
  t.timeout(50_000);
  const [stack, server] = await serveShort(t);
  // What it keeps stays in a file system of its own; its hooks would write this machine's resolv.conf.
  const resolver = (): number | undefined =>
    statSync('/etc/resolv.conf', { throwIfNoEntry: false })?.mtimeMs;
  const before = resolver();
  const here = 'mount -t tmpfs none /run; mount -t tmpfs none /var/lib/dhcpcd; exec "$@"';
  const quiet = ['-f', '/dev/null', '--script', '/bin/true', '--noipv4ll', '--noarp'];
  const words = ['dhcpcd', '-4', '-B', ...quiet, 'tap5'];
  const client = new Running('unshare', ['-m', 'sh', '-c', here, 'sh', ...words]);
  t.teardown(() => client.child.kill('SIGTERM')); // its helpers hold its output open for a while
  await leases(server, 2);
  t.true((await stack.ping('10.88.0.100')).rtt > 0);
  t.is(server.stats.nak, 0);
  t.is(resolver(), before);
});

testWith('dnsmasq').serial(
  'dhcp: a stack gets its address, router and names from dnsmasq',
  async (t) => {
    t.timeout(50_000);
    const tap = await openTap({ name: 'tap5', hostAddress: '10.89.0.1/24' });
    const stack = createStack({ device: tap });
    const folder = mkdtempSync(join(tmpdir(), 'tunstack-dhcp-'));
    const server = new Running('dnsmasq', [
      ...[
        '--no-daemon',
        '--conf-file=/dev/null',
        '--port=0',
        '--interface=tap5',
        '--bind-interfaces',
      ],
      ...['--user=root', '--log-dhcp', `--dhcp-leasefile=${join(folder, 'leases')}`],
      ...[
        '--dhcp-range=10.89.0.50,10.89.0.60,2m',
        '--dhcp-option=option:domain-search,lan,example.org',
      ],
      ...['--dhcp-option=option:dns-server,10.89.0.1', '--domain=lan'],
    ]);
    t.teardown(async () => {
      await server.stop('SIGKILL');
      await stack.close();
      rmSync(folder, { recursive: true });
    });
    const client = createDhcpClient(stack, { name: 'stack' });
    const binding = await client.ready;
    t.regex(binding.address, /^10\.89\.0\.(5\d|60)\/24$/);
    t.like(binding, { router: '10.89.0.1', server: '10.89.0.1', leaseTime: 120, domain: 'lan' });
    t.deepEqual(binding.search, ['lan', 'example.org']);
    t.deepEqual(binding.dns, ['10.89.0.1']);
    t.true((await stack.ping('10.89.0.1')).rtt > 0);
    const renewed = once(client, 'bound', { signal: AbortSignal.timeout(20_000) });
    client.renew();
    t.like((await renewed)[0], { address: binding.address });
    await client.release();
    t.is(stack.address, undefined);
    while (!/DHCPRELEASE/.test(server.err + server.out)) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  },
);
