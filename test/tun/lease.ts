/**
 * A guest in a network namespace that asks for a lease as guests do: udhcpc, which sets what it was told.
 * @module
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Namespace } from './forwarding.ts';

const SCRIPT = `#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr replace "$ip/$mask" dev "$interface"
ip route replace default via "$router" dev "$interface"
ip link set "$interface" mtu "$mtu"
echo "bound $ip $router $dns $mtu $domain"
`;

/** What `device` there was told, `bound ADDRESS ROUTER DNS MTU DOMAIN`, or why it was told nothing; `folder` takes a script. */
export async function leaseFor(space: Namespace, device: string, folder: string): Promise<string> {
  const script = join(folder, 'script');
  writeFileSync(script, SCRIPT, { mode: 0o755 });
  const asked = ['udhcpc', '-i', device, '-s', script, '-q', '-f', '-n', '-t', '10', '-T', '1'];
  const { out, err } = await space.run(...asked, '-x', 'hostname:box');
  return /^bound.*$/m.exec(out)?.[0] ?? err;
}
