/**
 * Much at once, and for long: a thousand connections that are kept alive, and memory that stays flat.
 * @module
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Running, run } from '../support/process.ts';
import { root } from '../support/root.ts';
import { tunTest } from './namespace.ts';
import { testWith } from './serving.ts';

/** Established connections of the kernel's to 10.83.0.2:80. */
const established = (): number =>
  readFileSync('/proc/self/net/tcp', 'utf8')
    .split('\n')
    .filter((line) => / 0200530A:0050 01 /.test(line)).length;

testWith('wrk')(
  'load: wrk holds 1000 connections to an http server, without an error',
  async (t) => {
    const server = new Running(process.execPath, [join(root, 'dist/examples/http-server.js')]);
    t.teardown(() => server.stop('SIGKILL').then(() => {}));
    await server.line();
    // Long enough for a SYN that a busy machine let fall to come twice again.
    const command = 'ulimit -n 4096 && exec wrk -t1 -c1000 -d8s --timeout 10s http://10.83.0.2/';
    const wrk = run('sh', '-c', command);
    let most = 0;
    const look = setInterval(() => {
      most = Math.max(most, established());
    }, 100);
    const { code, out, err } = await wrk;
    clearInterval(look);
    t.is(code, 0, err);
    t.is(most, 1000);
    t.notRegex(out, /Socket errors|Non-2xx/);
    const requests = Number(/(\d+) requests in/.exec(out)?.[1]);
    t.true(requests > 2000, out);
    t.log(`${requests} requests`);
  },
);

tunTest('load: what a long transfer brings is whole, and memory stays flat', async (t) => {
  const words = [join(root, 'scripts/soak.mjs'), '--role', 'peer', '--gib', '0.5'];
  const { code, out, err } = await run(process.execPath, ...words);
  t.is(code, 0, out + err);
  t.regex(out, /memory is flat\n$/);
});
