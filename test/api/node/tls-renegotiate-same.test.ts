/**
 * Renegotiation of TLS 1.2, in both worlds: one that the other side refuses, that comes too often, or that is
 * asked for with TLS 1.3, which has none, ends at most its connection.
 *
 * Node documentation: "tlsSocket.renegotiate()", "tlsSocket.disableRenegotiation()", "Client-initiated
 * renegotiation attack mitigation", event `tlsClientError`.
 * @module
 */
import type { SecureVersion, TLSSocket } from 'node:tls';
import { cert, key } from '../../../examples/certificate.ts';
import {
  type Log,
  listening,
  next,
  record,
  rounds,
  same,
  told,
  until,
  type World,
} from '../worlds.ts';

interface Pair {
  readonly client: TLSSocket;
  readonly server: TLSSocket;
  /** What each saw, by itself. */
  readonly seen: { readonly client: Log; readonly server: Log; readonly listener: Log };
  close(): Promise<void>;
}

async function makePair(world: World, maxVersion: SecureVersion): Promise<Pair> {
  const seen: Pair['seen'] = { client: [], server: [], listener: [] };
  const listener = world.server.tls.createServer({ cert, key, maxVersion });
  record(seen.listener, 'listener', listener, ['tlsClientError', 'error']);
  const accepted = next(listener, 'secureConnection');
  const port = await listening(listener, world.host);
  const client = world.client.tls.connect({ port, host: world.host, ca: cert });
  record(seen.client, 'client', client.resume(), ['error', 'end', 'close']);
  await next(client, 'secureConnect');
  const [server] = (await accepted) as [TLSSocket];
  record(seen.server, 'server', server.resume(), ['error', 'end', 'close']);
  return {
    ...{ client, server, seen },
    close: async () => {
      client.destroy();
      server.destroy();
      await new Promise((done) => listener.close(done));
    },
  };
}

/** Whether an attempt throws, and with what. */
function attempt(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return told(error);
  }
}

for (const asker of ['client', 'server'] as const) {
  const refuser = asker === 'client' ? 'server' : 'client';
  same(`renegotiation: the ${asker} asks, and the ${refuser} refuses`, async (world) => {
    const pair = await makePair(world, 'TLSv1.2');
    pair[refuser].disableRenegotiation();
    const asked: Log = [];
    const answered = new Promise<void>((done) => {
      const call = (): unknown =>
        pair[asker].renegotiate({}, (error) => {
          asked.push(told(error));
          done();
        });
      asked.push(attempt(call));
    });
    await answered;
    // A server that refuses hears of it; Node's client does not look.
    if (refuser === 'server') await until(() => pair.seen.server.length > 0);
    await pair.close();
    return [asked, pair.seen[refuser], pair.seen.listener];
  });

  same(`renegotiation: the ${asker} asks, with TLS 1.3`, async (world) => {
    const pair = await makePair(world, 'TLSv1.3');
    const asked: Log = [];
    asked.push(attempt(() => pair[asker].renegotiate({}, (error) => asked.push(told(error)))));
    await new Promise((done) => setTimeout(done, 20));
    await pair.close();
    return [asked, pair.seen];
  });
}

same('renegotiation: the client asks, and both go on', async (world, log) => {
  const pair = await makePair(world, 'TLSv1.2');
  await new Promise<void>((done) => {
    pair.client.renegotiate({ rejectUnauthorized: false }, (error) => {
      log.push(told(error));
      done();
    });
  });
  pair.server.write('after');
  const [text] = await next(pair.client, 'data');
  await pair.close();
  return String(text);
});

same('renegotiation: a client that asks too often is cut off', async (world) => {
  const pair = await makePair(world, 'TLSv1.2');
  let times = 0;
  const again = (): void => {
    pair.client.renegotiate({}, (error) => {
      if (!error && ++times < 10) again();
    });
  };
  again();
  await until(() => pair.seen.server.length > 0);
  await rounds();
  await pair.close();
  return [times > 2, pair.seen.server[0]];
});

same('renegotiation: bad arguments, and a socket that is gone', async (world, log) => {
  const pair = await makePair(world, 'TLSv1.2');
  const { renegotiate } = pair.client as unknown as Record<
    'renegotiate',
    (...a: unknown[]) => void
  >;
  for (const args of [[], [{}, 5], [5]]) {
    log.push(attempt(() => Reflect.apply(renegotiate, pair.client, args)));
  }
  await pair.close();
  log.push(attempt(() => pair.client.renegotiate({}, (error) => log.push(told(error)))));
  await new Promise((done) => setTimeout(done, 5));
});
