/**
 * A tunnel without a TUN: a stack in this process, which the host's programs use through a proxy, and whose ports may lead
 * to theirs.
 * @module
 */
import type { Stack } from '../../index.ts';
import { createSocksServer, publish, resolveInside } from '../../services.ts';
import { createTunnelStack } from '../../tunnel.ts';
import type { OpenedTunnel } from './kind.ts';
import type { TunnelUpOptions } from './options.ts';

export interface Rootless {
  /** What the ready line says of it. */
  readonly ready: Readonly<Record<string, string>>;
  readonly stack: Stack;
  /** Settles if the tunnel goes away by itself; never otherwise. */
  readonly lost: Promise<Error>;
  close(): Promise<void>;
}

/** A stack on the tunnel, with its proxy and its ports. */
export async function openRootless(
  tunnel: Pick<OpenedTunnel, 'device' | 'addresses' | 'routes' | 'dns'>,
  { socks5, publish: ports }: Pick<TunnelUpOptions, 'socks5' | 'publish'>,
): Promise<Rootless> {
  const { device, addresses, routes, dns } = tunnel;
  const stack = createTunnelStack(device, { addresses, routes });
  const closing: { close(): Promise<void> }[] = [];
  const ready: Record<string, string> = {};
  const lost = new Promise<Error>((resolve) => {
    stack.on('error', resolve);
  });
  const close = async (): Promise<void> => {
    for (const each of closing) await each.close();
    await stack.close();
  };
  try {
    if (socks5 !== undefined) {
      const server = await createSocksServer(stack, {
        ...socks5,
        ...(dns.length > 0 && { resolve: resolveInside(stack, dns) }),
      });
      closing.push(server);
      const { address, port } = server.address;
      ready['socks5'] = joined(address, port);
    }
    for (const each of ports) closing.push(await publish(stack, each));
    if (ports.length > 0) {
      ready['publish'] = ports
        .map(({ port, host, hostPort }) => `${port}:${joined(host, hostPort)}`)
        .join(',');
    }
    return { ready, stack, lost, close };
  } catch (error) {
    await close();
    throw error;
  }
}

const joined = (host: string, port: number): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
