/**
 * The DHCP server with a client that others wrote: `udhcpc` on a TAP. RFC 2131.
 * @module
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createStack, openTap } from '../../src/index.ts';
import { createDhcpServer } from '../../src/services.ts';
import { Running } from '../support/process.ts';
import { testWith } from './serving.ts';

/** What udhcpc calls when something happens: says what it was told, and sets the address. */
const SCRIPT = `#!/bin/sh
echo "$1 ip=$ip mask=$mask router=$router dns=$dns lease=$lease mtu=$mtu domain=$domain search=$search"
[ "$1" = bound ] && ip addr add "$ip/$mask" dev "$interface"
exit 0
`;

testWith('udhcpc').serial('dhcp: udhcpc gets an address, uses it, and lets it go', async (t) => {
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
  const released = once(server, 'release');
  await client.stop('SIGTERM'); // with -R it lets the address go at its end
  t.deepEqual(await released, ['10.88.0.100']);
  t.deepEqual(server.leases, []);
  const { offer, ack, release, nak } = server.stats;
  t.deepEqual([offer > 0, ack, release, nak], [true, 1, 1, 0]);
});
