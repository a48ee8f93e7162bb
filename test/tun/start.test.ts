/**
 * `npm start`, with a TUN and without.
 * @module
 */
import { join } from 'node:path';
import { Running } from '../support/process.ts';
import { root } from '../support/root.ts';
import { tunTest } from './namespace.ts';

const script = (name: string, ...args: string[]): Running =>
  new Running(process.execPath, [join(root, 'scripts', name), ...args]);

tunTest('start: it is serve, with the options given', async (t) => {
  const running = script('start.mjs', '--tun', 'x0', '--mtu', '1400');
  t.is(
    await running.line(),
    'ready tun=x0 host=10.83.0.1/24 address=10.83.0.2 mtu=1400 host6=fd83::1/64 address6=fd83::2',
  );
  const { code, out } = await running.stop('SIGINT');
  t.is(code, 0);
  t.regex(out, /\ncarried /);
});

tunTest('start: a bad option is refused as serve refuses it', async (t) => {
  const { code, err } = await script('start.mjs', '--bogus').ended;
  t.is(code, 2);
  t.regex(err, /^tunstack: unknown option '--bogus'\n$/);
});

tunTest("start: the demonstration in a private network uses the kernel's sockets", async (t) => {
  const { code, out, err } = await script('demo.mjs', 'tun', '--tun', 'demo0').ended;
  t.is(code, 0, err + out);
  t.regex(out, /^ready tun=demo0 /);
  t.regex(out, /tcp echo {2}10 MiB came back identical/);
  t.regex(out, /http {6}200 OK/);
});
