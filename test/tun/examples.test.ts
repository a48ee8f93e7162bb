/**
 * The examples and the README's first lines, as programs on a real TUN, tried by the kernel.
 * @module
 */
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { Running } from '../support/process.ts';
import { root } from '../support/root.ts';
import { tunTest } from './namespace.ts';

const example = (name: string): Running =>
  new Running(process.execPath, [join(root, 'dist/examples', `${name}.js`)]);

/** Ends with the test at the latest. */
function started(t: ExecutionContext, running: Running): Running {
  t.teardown(() => running.stop('SIGKILL').then(() => {}));
  return running;
}

/** What port 7 of the stack says to `text`. */
async function echoed(text: string): Promise<string> {
  const socket = connect(7, '10.83.0.2');
  socket.write(text);
  const [answer] = await once(socket, 'data');
  socket.destroy();
  return answer.toString();
}

tunTest('examples: ping prints five round trips and ends', async (t) => {
  const { code, out, err } = await started(t, example('ping')).ended;
  t.is(code, 0, err);
  t.regex(out, /^(\d+\.\d{3} ms\n){5}$/);
});

tunTest('examples: echo-server echoes', async (t) => {
  const running = started(t, example('echo-server'));
  t.regex(await running.line(), /^try: /);
  t.is(await echoed('hello'), 'hello');
});

tunTest('examples: http-server answers', async (t) => {
  const running = started(t, example('http-server'));
  t.regex(await running.line(), /^try: /);
  const response = await fetch('http://10.83.0.2/there');
  t.is(await response.text(), 'Hello 10.83.0.1, this is /there.\n');
});

tunTest("examples: the README's first lines run as they stand", async (t) => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const lines = /```js\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  t.true(lines.includes('createStack'));
  // Below the package's folder, so that it finds the package by its own name.
  const file = join(root, 'dist', 'readme.mjs');
  writeFileSync(file, lines);
  t.teardown(() => rmSync(file));
  const running = started(t, new Running(process.execPath, [file]));
  t.regex(await running.line(), /^the kernel answered in \d+\.\d{3} ms$/);
  t.is(await echoed('hello'), 'hello');
});
