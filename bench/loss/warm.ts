/**
 * Warm code: the kernel's is compiled, a stack's is after a while, and a run of seconds is about how
 * it sends, not about how it starts.
 * @module
 */
import { createPipe, createStack, impair } from '../../src/index.ts';

/** Milliseconds of transfers over an imperfect pipe within the process. */
const TIME = 400;
const PORT = 7;
const LINK = { delay: 500, rate: 500e6, queuePackets: 200, loss: 0.005 } as const;

export async function warmUp(): Promise<void> {
  const [left, right] = createPipe({ mtu: 1500 });
  const a = createStack({ device: impair(left, { both: LINK }), address: '10.99.0.1/24' });
  const b = createStack({ device: right, address: '10.99.0.2/24' });
  const piece = new Uint8Array(65_536);
  for (const [from, to, address] of [
    [a, b, '10.99.0.2'],
    [b, a, '10.99.0.1'],
  ] as const) {
    to.tcp.createListener({ port: PORT }, () => ({ data: () => {} }));
    const fill = (connection: { write(bytes: Uint8Array): number }): void => {
      while (connection.write(piece) === piece.length) {
        // until the stack takes no more
      }
    };
    from.tcp.createConnection({ address, port: PORT }, { open: fill, writable: fill });
  }
  await new Promise((done) => setTimeout(done, TIME));
  await Promise.all([a.close({ linger: 0 }), b.close({ linger: 0 })]);
}
