/**
 * Names looked up by servers inside a stack's network. RFC 1035 §4; a question is asked again after a second, of the next
 * server.
 * @module
 */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import dnsPacket from 'dns-packet';
import type { Stack } from '../../index.ts';

const PORT = 53;
const TRIES = 3;
const PATIENCE = 1500;

const failed = (code: string, name: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`${code}: ${name} has no address that can be found`), { code });

/**
 * A way to look names up by the name servers `servers`, addresses in the network of `stack`. What it gives rejects with
 * `ENOTFOUND` or `EAI_AGAIN`.
 */
export function resolveInside(
  stack: Stack,
  servers: readonly string[],
): (name: string) => Promise<string> {
  return async (name) => {
    let last = 'EAI_AGAIN';
    for (let i = 0; i < TRIES; i++) {
      const server = servers[i % servers.length];
      if (server === undefined) break;
      const answer = await ask(stack, server, name);
      if (typeof answer === 'string') return answer;
      if (answer === false) last = 'ENOTFOUND';
      if (answer === false && i + 1 >= servers.length) break;
    }
    throw failed(last, name);
  };
}

/** An address; false if there is none; undefined if nobody answered. */
async function ask(
  stack: Stack,
  server: string,
  name: string,
): Promise<string | false | undefined> {
  const socket = stack.dgram.createSocket(server.includes(':') ? 'udp6' : 'udp4');
  const id = randomInt(65_536);
  const query = dnsPacket.encode({
    ...{ type: 'query', id, flags: dnsPacket.RECURSION_DESIRED },
    questions: [{ type: 'A', name }],
  });
  try {
    socket.on('error', () => {});
    socket.connect(PORT, server);
    await once(socket, 'connect');
    socket.send(query);
    const signal = AbortSignal.timeout(PATIENCE);
    for (;;) {
      const [message] = (await once(socket, 'message', { signal })) as [Buffer];
      const answer = dnsPacket.decode(message);
      if (answer.id !== id || answer.questions?.[0]?.name.toLowerCase() !== name.toLowerCase()) {
        continue; // somebody guesses
      }
      const found = answer.answers?.find((each) => each.type === 'A');
      return found?.type === 'A' ? found.data : false;
    }
  } catch {
    return undefined;
  } finally {
    socket.close();
  }
}
