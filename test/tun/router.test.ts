/**
 * Router advertisements and DHCPv6 with the programs of others on a TAP: the kernel makes addresses of what is
 * advertised, `rdisc6` reads it, `dhclient -6 -S` asks for the rest. RFC 4862 §5.5, RFC 8106, RFC 8415 §18.2.6.
 * @module
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { createStack, openTap, type Stack } from '../../src/index.ts';
import { advertiseRouter, createDhcpv6Server } from '../../src/services.ts';
import { Running, run } from '../support/process.ts';
import { testWith } from './serving.ts';

async function advertise(t: ExecutionContext): Promise<Stack> {
  const stack = createStack({
    device: await openTap({ name: 'tap6' }),
    ...{ address: 'fd92::1/64', autoconf: false },
  });
  const advertiser = advertiseRouter(stack, {
    ...{ prefixes: ['fd92::/64'], dns: ['fd92::1'], search: ['lan'], mtu: 1400 },
    ...{ otherConfig: true, interval: 4 },
  });
  t.teardown(async () => {
    advertiser.close();
    await stack.close();
  });
  await advertiser.ready;
  return stack;
}

/** What `ip` prints, once it is as it must be. */
async function shown(words: string[], pattern: RegExp): Promise<string> {
  for (const end = performance.now() + 20_000; ; ) {
    const { out: output } = await run('ip', ...words);
    if (pattern.test(output)) return output;
    if (performance.now() > end) throw new Error(`ip ${words.join(' ')}: ${output}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

testWith('rdisc6').serial(
  'router: the kernel makes itself an address, and rdisc6 reads all',
  async (t) => {
    const stack = await advertise(t);
    const addresses = await shown(
      ['-6', 'addr', 'show', 'dev', 'tap6', 'scope', 'global', '-tentative'],
      /inet6 fd92::/,
    );
    const [, own = ''] = /inet6 (fd92:[0-9a-f:]+)\/64/.exec(addresses) ?? [];
    t.regex(
      await shown(['-6', 'route', 'show', 'dev', 'tap6'], /default/),
      /default via fe80::.* proto ra .* mtu 1400/,
    );
    t.true((await stack.ping(own)).rtt > 0);
    const { out: output } = await run('rdisc6', '-1', '-w', '5000', 'tap6');
    for (const line of [
      /Stateful other conf\.\s+:\s+Yes/,
      /Router lifetime\s+:\s+1800 /,
      /Prefix\s+:\s+fd92::\/64/,
      /Autonomous address conf\.\s*:\s+Yes/,
      /MTU\s+:\s+1400/,
      /Recursive DNS server\s*:\s+fd92::1/,
      /DNS search list\s*:\s+lan/,
    ]) {
      t.regex(output, line);
    }
  },
);

testWith('dhclient').serial(
  'dhcpv6: dhclient asks for what else there is to know, and gets it',
  async (t) => {
    const stack = await advertise(t);
    const server = createDhcpv6Server(stack, {
      dns: ['fd92::1', 'fd92::2'],
      search: ['lan', 'example.org'],
    });
    t.teardown(() => server.close());
    await server.ready;
    await shown(['-6', 'addr', 'show', 'dev', 'tap6', 'scope', 'link', '-tentative'], /inet6 fe80/);
    const folder = mkdtempSync(join(tmpdir(), 'tunstack-dhcpv6-'));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const script = join(folder, 'script');
    writeFileSync(
      script,
      '#!/bin/sh\n[ "$reason" = RENEW6 ] || [ "$reason" = BOUND6 ] || exit 0\necho "$new_dhcp6_name_servers / $new_dhcp6_domain_search" > "$0.new"; mv "$0.new" "$0.told"\n',
      { mode: 0o755 },
    );
    const client = new Running('dhclient', [
      ...[
        '-6',
        '-S',
        '-1',
        '-d',
        '-sf',
        script,
        '-lf',
        join(folder, 'leases'),
        '-pf',
        join(folder, 'pid'),
      ],
      'tap6',
    ]);
    t.teardown(() => client.stop('SIGKILL').then(() => {}));
    for (let i = 0; i < 200 && !existsSync(`${script}.told`); i++) {
      await new Promise((done) => setTimeout(done, 100));
    }
    const told = readFileSync(`${script}.told`, 'utf8').trim();
    t.is(told, 'fd92::1 fd92::2 / lan. example.org.');
    t.true(server.stats.answered > 0);
  },
);
