/**
 * Files of WireGuard, for the command.
 * @module
 */
import {
  formatPrefix,
  openControl,
  openWireGuard,
  parseConfig,
  type WireGuardConfig,
} from '../../tunnel.ts';
import type { Kind, OpenedTunnel, OpenRequest } from './kind.ts';

const MTU = 1420;

/** `[Interface]` stands in each, and in no profile of OpenVPN. */
export const wireguardFile: Kind = {
  name: 'WireGuard',
  matches: (file) => /^\s*\[Interface\]/im.test(file),
  read(file) {
    const config = parseConfig(file);
    return {
      kind: 'wireguard',
      mtu: config.mtu ?? MTU,
      routes: config.peers.flatMap(({ allowedIps }) => allowedIps.map(formatPrefix)),
      table: config.table,
      commands: config.commands,
      open: (request) => open(config, request),
    };
  },
};

async function open(
  config: WireGuardConfig,
  { name, offload, mark, control }: OpenRequest,
): Promise<OpenedTunnel> {
  const fwMark = config.fwMark ?? mark;
  const device = await openWireGuard({ ...config, fwMark }, { name, offload });
  const notes: string[] = [];
  if (config.saveConfig) notes.push('SaveConfig = true: the file is left as it is');
  const closing: (() => Promise<void>)[] = [];
  if (control) {
    try {
      const { close } = await openControl(device);
      closing.push(close);
    } catch (error) {
      notes.push(`wg cannot ask for ${name}: ${(error as Error).message}`);
    }
  }
  return {
    device,
    ...{ addresses: config.addresses, dns: config.dns, search: config.search },
    ...{ table: config.table, mark: fwMark, notes },
    get routes() {
      return device.routes;
    },
    peers: () =>
      device.status().peers.map(({ publicKey, ...rest }) => ({ name: publicKey, ...rest })),
    connect: () => device.connect(),
    close: async () => {
      for (const close of closing) await close();
      await device.close();
    },
  };
}
