/**
 * `npm start` where there is no TUN at all: the demonstration over a pipe.
 * @module
 */
import { join } from 'node:path';
import test from 'ava';
import { run } from '../support/process.ts';
import { root } from '../support/root.ts';

test('start: without any TUN two stacks show it over a pipe', async (t) => {
  const { code, out, err } = await run(process.execPath, join(root, 'scripts/demo.mjs'), 'pipe');
  t.is(code, 0, err + out);
  t.regex(out, /ping {6}5 of 5 answered/);
  t.regex(out, /tcp echo {2}10 MiB came back identical/);
  t.regex(out, /udp echo {2}100 datagrams came back identical/);
  t.regex(out, /http {6}200 OK, "tunstack"/);
});
