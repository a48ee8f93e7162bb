/**
 * `tunstack network` and IPv6 with programs of others: a namespace whose kernel listens to advertisements (RFC 4862)
 * on a TAP, rdisc6, dhcpcd, dig, getent, ping and curl; what is outside is in another namespace.
 * @module
 */
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ExecutionContext } from 'ava';
import { Running, tunstack } from '../support/process.ts';
import { makeOutside, Namespace, OUTSIDE6 } from './forwarding.ts';
import { testWith } from './serving.ts';

interface Machine {
  readonly space: Namespace;
  readonly gateway: Running;
  readonly ready: string;
}

/** The address of a namespace's interface in a prefix, when its kernel has found that it is nobody else's. */
async function addressIn(space: Namespace, device: string, prefix: string): Promise<string> {
  const end = performance.now() + 20_000;
  for (;;) {
    const { out } = await space.run('ip', '-6', '-o', 'addr', 'show', 'dev', device);
    const found = out.split('\n').find((line) => line.includes(prefix) && !/tentative/.test(line));
    const [, address] = /inet6 (\S+)\/64/.exec(found ?? '') ?? [];
    if (address !== undefined) return address;
    if (performance.now() > end) throw new Error(`no address: ${out}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function machine(t: ExecutionContext, ...options: string[]): Promise<Machine> {
  await makeOutside(t);
  const space = await Namespace.make(t);
  const gateway = tunstack(
    'network',
    '--tap',
    'vm6',
    '--control',
    `/tmp/net6-${process.pid}`,
    ...options,
  );
  t.teardown(() => gateway.stop('SIGKILL').then(() => {}));
  const ready = await gateway.line();
  await space.adopt('vm6');
  await space.ip('link', 'set', 'vm6', 'up');
  await addressIn(space, 'vm6', 'fd83::');
  return { space, gateway, ready };
}

testWith('ip', 'nsenter', 'dig', 'ping', 'rdisc6').serial(
  'network: a kernel makes its address of what is advertised, resolves by IPv6, and is answered',
  async (t) => {
    const { space, ready, gateway } = await machine(
      t,
      ...['--mtu', '9000', '--name', `web.example=${OUTSIDE6}`, '--json'],
    );
    t.like(JSON.parse(ready), { gateway6: 'fd83::1', host6: 'fd83::fe' });
    const asked = await space.run('rdisc6', '-1', 'vm6');
    t.regex(asked.out, /Prefix\s+:\s+fd83::\/64/);
    t.regex(asked.out, /MTU\s+:\s+9000 bytes/);
    t.regex(asked.out, /Recursive DNS server\s+:\s+fd83::1/);
    t.regex(asked.out, /Stateful other conf\.\s+:\s+Yes/);
    const names = { 'web.example': OUTSIDE6, 'host.docker.internal': 'fd83::fe' };
    for (const [name, expected] of Object.entries(names)) {
      const dig = await space.run('dig', '+short', '+tries=1', '@fd83::1', name, 'AAAA');
      t.is(dig.out.trim(), expected, dig.err);
    }
    t.is((await space.run('ping', '-6', '-c', '1', '-W', '2', 'fd83::1')).code, 0);
    const ended = await gateway.stop('SIGTERM');
    t.is(ended.code, 0, ended.err);
  },
);

testWith('ip', 'nsenter', 'curl').serial(
  'network: a kernel fetches over IPv6 by a TAP from the world outside',
  async (t) => {
    const { space } = await machine(t);
    const curl = ['curl', '-gsS', '-m', '10'];
    const page = await space.run(...curl, `http://[${OUTSIDE6}]/`);
    t.regex(page.out, /outside/, page.err);
    const long = await space.run(
      ...curl,
      '-o',
      '/dev/null',
      '-w',
      '%{size_download}',
      `http://[${OUTSIDE6}]/bytes/3000000`,
    );
    t.is(long.out.trim(), '3000000', long.err);
  },
);

testWith('ip', 'nsenter', 'unshare', 'dhcpcd').serial(
  'network: dhcpcd takes advertisements and DHCPv6, and is told of names',
  async (t) => {
    const { space } = await machine(t);
    const resolver = (): number | undefined =>
      statSync('/etc/resolv.conf', { throwIfNoEntry: false })?.mtimeMs;
    const before = resolver();
    // What it keeps is in a file system of its own, and its hooks, which write resolv.conf, only say what they are told.
    const here =
      'mount -t tmpfs none /run; mount -t tmpfs none /var/lib/dhcpcd; ' +
      'printf \'#!/bin/sh\\necho "$reason $(env | grep -c fd83::1$)"\\n\' > /run/say; ' +
      'chmod +x /run/say; exec "$@"';
    const words = ['dhcpcd', '-6', '-B', '-f', '/dev/null', '--script', '/run/say'];
    const client = new Running('nsenter', [
      ...[`--net=/proc/${space.pid}/ns/net`, 'unshare', '-m', 'sh', '-c', here, 'sh'],
      ...[...words, '-o', 'dhcp6_name_servers', 'vm6'],
    ]);
    t.teardown(() => client.child.kill('SIGTERM')); // its helpers hold its output open for a while
    // What an advertisement says, and then what is answered to whom its flag O sends to DHCPv6 (RFC 4861 §4.2).
    const found = new Set<string>();
    while (!found.has('INFORM6')) {
      const [, reason = '', told = '0'] = /^(\w+) (\d+)$/.exec(await client.line()) ?? [];
      if (told !== '0') found.add(reason);
    }
    t.true(found.has('ROUTERADVERT'), [...found].join(' '));
    t.is(resolver(), before);
  },
);

testWith('ip', 'nsenter', 'curl').serial(
  'network: a namespace that --netns plugs in fetches over IPv6 from this host’s alias',
  async (t) => {
    const site = createServer((_request, response) => response.end('of this host'));
    await once(site.listen(0, '127.0.0.1'), 'listening');
    t.teardown(() => site.close());
    const { port } = site.address() as AddressInfo;
    const space = await Namespace.make(t);
    const gateway = tunstack('network', '--netns', `${space.pid}`, '--allow', `fd83::fe`);
    t.teardown(() => gateway.stop('SIGKILL').then(() => {}));
    await gateway.line();
    const page = await space.run('curl', '-gsS', '-m', '10', `http://[fd83::fe]:${port}/`);
    t.is(page.out.trim(), 'of this host', page.err);
  },
);
