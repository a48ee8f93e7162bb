/**
 * A port of a stack that leads to a port of this host: what a program here serves is reached from inside the stack's
 * network.
 * @module
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Stack } from '../../index.ts';
import { relay } from '../gateway/relay.ts';

/** Which port of a stack leads where on this host. */
export interface PublishOptions {
  /** The stack's port, 1 to 65535. */
  readonly port: number;
  /** Where connections to it go; default 127.0.0.1. */
  readonly host?: string | undefined;
  /** Default the same port. */
  readonly hostPort?: number | undefined;
  /** Connections at once; default 1024. */
  readonly connections?: number | undefined;
}

/** A port that is published. */
export interface Published {
  /** Connections that were carried, and that could not be. */
  readonly counters: { readonly carried: number; readonly failed: number };
  close(): Promise<void>;
}

/** Let connections to a port of the stack come to this host. Rejects with Node's error, `EADDRINUSE` for one. */
export async function publish(stack: Stack, options: PublishOptions): Promise<Published> {
  const { port, host = '127.0.0.1', hostPort = port, connections = 1024 } = options;
  const counters = { carried: 0, failed: 0 };
  const open = new Set<{ destroy(): unknown }>();
  const server = stack.net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const upstream = connect({ host, port: hostPort, allowHalfOpen: true, noDelay: true });
    const fail = (): void => {
      counters.failed++;
      client.resetAndDestroy();
    };
    const gone = (): void => {
      upstream.destroy();
    };
    open.add(client);
    client.on('close', () => open.delete(client));
    client.on('error', () => {});
    client.once('close', gone);
    upstream.once('error', fail);
    upstream.once('connect', () => {
      upstream.off('error', fail);
      client.off('close', gone);
      if (client.destroyed) {
        upstream.destroy();
        return;
      }
      counters.carried++;
      relay(client, upstream, () => {});
    });
  });
  server.maxConnections = connections;
  server.listen(port);
  await once(server, 'listening');
  return {
    counters,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const each of open) each.destroy();
      await closed;
    },
  };
}
