/** Things laid by. @module */
import { execFileSync } from 'node:child_process';
import test from 'ava';
import { Shelf } from '../../src/stack/memory/shelf.ts';
import { LEFT_BY_ENGINE } from '../support/garbage.ts';

const file = (name: string): string => new URL(`../../${name}`, import.meta.url).href;

test('shelf: gives the last thing first, and none when it is empty', (t) => {
  const shelf = new Shelf<string>();
  t.is(shelf.take(), undefined);
  shelf.put('a');
  shelf.put('b');
  t.is(shelf.count, 2);
  t.deepEqual([shelf.take(), shelf.take(), shelf.take()], ['b', 'a', undefined]);
  t.is(shelf.count, 0);
});

test('shelf: a lone thing that is taken and laid back leaves nothing, in code that is not optimized', (t) => {
  const program = `
    import { garbage } from '${file('test/support/garbage.js')}';
    import { Shelf } from '${file('src/stack/memory/shelf.js')}';
    const shelf = new Shelf();
    shelf.put({});
    console.log(garbage(() => shelf.put(shelf.take()), { turns: 1000, runs: 20 }));`;
  // In a process of its own: the engine's flags are those of all test files, which are threads of one process.
  const words = ['--no-opt', '--input-type=module', '-e', program];
  const left = Number(execFileSync(process.execPath, words, { encoding: 'utf8' }));
  t.true(left <= LEFT_BY_ENGINE, `${left} bytes`); // an array leaves 153 so, on Node 20 and 22
});
