/**
 * Other runtimes than Node: what runs where, as docs/api.md has it. Skipped where they are not
 * installed; `npm install bun deno` in a folder of its own, and that folder's bin on the PATH, will do.
 * @module
 */
import { join } from 'node:path';
import { run } from '../support/process.ts';
import { root } from '../support/root.ts';
import { testWith } from './serving.ts';

const INDEX = JSON.stringify(join(root, 'dist/src/index.js'));

/** Pings the kernel, and takes a connection of the kernel's that is echoed, by `stack.net` or http. */
const program = (serving: string): string => `
  import { execFile } from 'node:child_process';
  const { createStack, openTun } = await import(${INDEX});
  const tun = await openTun({ hostAddress: '10.83.0.1/24', offload: 'auto' });
  const stack = createStack({ device: tun, address: '10.83.0.2/24' });
  for (let i = 0; i < 3; i++) console.log((await stack.ping('10.83.0.1')).size);
  const curl = () =>
    execFile('curl', ['-sS', '-m', '20', '--http0.9', 'http://10.83.0.2:8080/'], (_, out, err) => {
      console.log(out.includes('GET /') ? 'answered' : err);
      void stack.close();
    });
  try {
    ${serving}.listen(8080, curl);
  } catch (error) {
    console.log(error.code, error.message);
    void stack.close();
  }
`;
const BY_NET =
  "stack.net.createServer((socket) => socket.once('data', (text) => socket.end(text)))";
const BY_HTTP = "stack.http.createServer((request, response) => response.end('GET /'))";

const RUNTIMES = {
  bun: (text: string) => run('bun', '-e', text),
  deno: (text: string) => run('deno', 'eval', text),
};

for (const [name, start] of Object.entries(RUNTIMES)) {
  const withIt = testWith(name, 'curl');

  withIt(`${name}: a TUN is read, and stack.net serves the kernel`, async (t) => {
    const { out, err } = await start(program(BY_NET));
    t.is(out, '56\n56\n56\nanswered\n', err);
  });

  withIt(`${name}: stack.http serves, or says that it cannot`, async (t) => {
    const { out, err } = await start(program(BY_HTTP));
    const answer =
      name === 'bun' ? 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM .*stack\\.net' : 'answered';
    t.regex(out, new RegExp(`^56\\n56\\n56\\n${answer}\\n$`), err);
  });
}
