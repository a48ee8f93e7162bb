/**
 * `fetch` by way of the stack, from a server on the kernel's side of the TUN.
 *
 *     node dist/examples/fetch.js
 * @module
 */
import { createServer } from 'node:http';
import { createStack, openTun, type Stack } from 'tunstack';
import { fetch } from 'undici';

/** The text at an address. */
export async function fetchText(stack: Stack, url: string): Promise<string> {
  const dispatcher = stack.dispatcher();
  try {
    const response = await fetch(url, { dispatcher });
    return await response.text();
  } finally {
    await dispatcher.close(); // or else its connection is kept for the next request
  }
}

if (process.argv[1] === import.meta.filename) {
  const tun = await openTun({ hostAddress: '10.83.0.1/24' });
  const stack = createStack({ device: tun, address: '10.83.0.2/24' });
  const server = createServer(({ socket }, response) => {
    response.end(`Hello ${socket.remoteAddress}, this is the kernel.`);
  });
  await new Promise<void>((done) => server.listen(8080, '10.83.0.1', done));
  console.log(await fetchText(stack, 'http://10.83.0.1:8080/'));
  server.close();
  await stack.close();
}
