/**
 * The stack pings the kernel.
 *
 *     node dist/examples/ping.js
 * @module
 */
import { createStack, openTun, type Stack } from 'tunstack';

/** Round trips in milliseconds. */
export async function ping(stack: Stack, host: string, count: number): Promise<number[]> {
  const trips: number[] = [];
  for (let i = 0; i < count; i++) {
    const { rtt } = await stack.ping(host);
    trips.push(rtt);
  }
  return trips;
}

if (process.argv[1] === import.meta.filename) {
  const tun = await openTun({ hostAddress: '10.83.0.1/24' });
  const stack = createStack({ device: tun, address: '10.83.0.2/24' });
  for (const rtt of await ping(stack, '10.83.0.1', 5)) console.log(`${rtt.toFixed(3)} ms`);
  await stack.close();
}
