/**
 * One end of a classic VPN: a TUN of this host joined to a WireGuard tunnel. Run it at the gateway and at the road
 * warrior, each with its file; addresses and routes are the caller's, or see `tunstack tunnel up`, which sets them.
 *
 *     sudo node dist/examples/road-warrior.js wg.conf
 * @module
 */
import { readFileSync } from 'node:fs';
import { type Joint, joinDevices, openTun } from 'tunstack';
import { openWireGuard, parseConfig } from 'tunstack/tunnel';

/** Join a TUN called `name` to the tunnel that `file` describes. */
export async function joinTunnel(file: string, name: string): Promise<Joint> {
  const config = parseConfig(file);
  const tun = await openTun({
    ...{ name, mtu: config.mtu ?? 1420, offload: 'auto' },
    hostAddress: config.addresses,
  });
  // Both must have the same kind of packets: with a virtio header, if the kernel gives them.
  const tunnel = await openWireGuard(config, { name, offload: tun.headerLength > 0 });
  return joinDevices(tun, tunnel);
}

if (process.argv[1] === import.meta.filename) {
  const joint = await joinTunnel(readFileSync(process.argv[2] ?? 'wg.conf', 'utf8'), 'wg0');
  process.once('SIGINT', () => joint.close());
  await joint.ended;
  console.log(`${joint.forth} packets out, ${joint.back} in`);
}
