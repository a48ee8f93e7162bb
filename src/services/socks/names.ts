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

/** A name's address of one family: `NONE` where it has none, `SILENT` where nobody answered. */
type Answer = { readonly address: string } | 'NONE' | 'SILENT';

/**
 * A way to look names up by the name servers `servers`, addresses in the network of `stack`, or by those that routers of
 * IPv6 advertise at the time (RFC 8106): an address of IPv4 if there is one, or else of IPv6; of one family only where the
 * stack has addresses of no other. What it gives rejects with `ENOTFOUND` or `EAI_AGAIN`.
 */
export function resolveInside(
  stack: Stack,
  servers?: readonly string[],
): (name: string) => Promise<string> {
  return async (name) => {
    const asked = servers ?? stack.dnsConfig.servers;
    const types = typesFor(stack.addresses);
    let last = 'EAI_AGAIN';
    for (let i = 0; i < TRIES; i++) {
      const server = asked[i % asked.length];
      if (server === undefined) break;
      let answer: Answer = 'NONE';
      for (const type of types) {
        if (answer === 'NONE') answer = await ask(stack, server, name, type);
      }
      if (typeof answer === 'object') return answer.address;
      if (answer === 'NONE') last = 'ENOTFOUND';
      if (answer === 'NONE' && i + 1 >= asked.length) break;
    }
    throw failed(last, name);
  };
}

/** What to ask for: addresses of a family that the stack does not speak lead nowhere. */
function typesFor(addresses: readonly string[]): readonly ('A' | 'AAAA')[] {
  const wide = addresses.filter((address) => !/^fe[89ab]/i.test(address));
  const has6 = wide.some((address) => address.includes(':'));
  const has4 = wide.some((address) => !address.includes(':'));
  if (has6 === has4) return ['A', 'AAAA'];
  return has6 ? ['AAAA'] : ['A'];
}

async function ask(
  stack: Stack,
  server: string,
  name: string,
  type: 'A' | 'AAAA',
): Promise<Answer> {
  const socket = stack.dgram.createSocket(server.includes(':') ? 'udp6' : 'udp4');
  const id = randomInt(65_536);
  const query = dnsPacket.encode({
    ...{ type: 'query', id, flags: dnsPacket.RECURSION_DESIRED },
    questions: [{ type, name }],
  });
  try {
    socket.on('error', () => {});
    socket.connect(PORT, server);
    await once(socket, 'connect');
    socket.send(query);
    const signal = AbortSignal.timeout(PATIENCE);
    for (;;) {
      const [message] = (await once(socket, 'message', { signal })) as [Buffer];
      const answer = decoded(message);
      const question = answer?.questions?.[0];
      if (answer?.id !== id || question?.name.toLowerCase() !== name.toLowerCase()) {
        continue; // somebody guesses
      }
      // A server that cannot say is not one that says no: RFC 1035 §4.1.1, SERVFAIL and REFUSED.
      const { rcode } = answer as { readonly rcode?: string };
      if (rcode !== undefined && rcode !== 'NOERROR' && rcode !== 'NXDOMAIN') return 'SILENT';
      const found = answer.answers?.find((each) => each.type === type);
      return found?.type === type ? { address: found.data as string } : 'NONE';
    }
  } catch {
    return 'SILENT';
  } finally {
    socket.close();
  }
}

/** What is no message of DNS says nothing, whoever sent it. */
function decoded(message: Buffer): dnsPacket.DecodedPacket | undefined {
  try {
    return dnsPacket.decode(message);
  } catch {
    return undefined;
  }
}
