/** `npm run siege`: it says how far it is, and what it has started ends with it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test from 'ava';
import { run } from '../support/process.ts';
import { root } from '../support/root.ts';
import { testWith } from './serving.ts';

const MAIN = join(root, 'dist/test/siege/main.js');

/** Those whose parent is `pid`, and theirs. */
function descendants(pid: number): number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const text = readFileSync(`/proc/${name}/stat`, 'utf8');
        const parent = Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]);
        return [[Number(name), parent] as const];
      } catch {
        return []; // it has ended meanwhile
      }
    });
  const children = (of: number): number[] =>
    parents.filter(([, parent]) => parent === of).flatMap(([own]) => [own, ...children(own)]);
  return children(pid);
}

const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

/** A device goes a moment after its process, and the next siege wants a network without one. */
const isBare = (): boolean =>
  Object.values(networkInterfaces()).every((list) => list?.every(({ internal }) => internal));

// What is played is a stack and floods against it: whoever ends the siege ends them all.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGKILL of who started it'] as const) {
  testWith('hping3')(`siege: ${signal} ends all that it has started`, async (t) => {
    // Started by a shell that waits, as a script of npm does.
    const words = signal.startsWith('SIGKILL')
      ? ['sh', '-c', '"$@"; exit 1', 'sh', process.execPath, MAIN, '--only', 'own address']
      : [process.execPath, MAIN, '--only', 'own address'];
    const [program = '', ...rest] = words;
    const child = spawn(program, rest, { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] });
    t.teardown(() => child.kill('SIGKILL'));
    const lines = createInterface({ input: child.stderr });
    const [first] = (await once(lines, 'line')) as [string];
    t.regex(first, /^3 parts, 4 findings, about \d+ s$/);
    const pid = child.pid ?? 0;
    let started: number[] = [];
    const flood = (): boolean =>
      started.some(
        (one) => isAlive(one) && readFileSync(`/proc/${one}/comm`, 'utf8') === 'hping3\n',
      );
    while (!flood()) {
      await new Promise((done) => setTimeout(done, 20));
      started = descendants(pid);
    }
    t.true(started.length >= 2, `${started.length}: a stack, a flood`);
    child.kill(signal.startsWith('SIGKILL') ? 'SIGKILL' : (signal as NodeJS.Signals));
    await once(child, 'exit');
    for (let i = 0; i < 150 && (started.some(isAlive) || !isBare()); i++) {
      await new Promise((done) => setTimeout(done, 20));
    }
    t.deepEqual(started.filter(isAlive), []);
  });
}

test('siege: says what would run, and about how long it takes', async (t) => {
  const { code, out } = await run(process.execPath, MAIN, '--only', 'own address,bounds', '--list');
  t.is(code, 0);
  t.regex(out, /^ {2}20 s {2}every flood briefly, to warm up\n {3}8 s {2}.*\n/);
  t.regex(out, /\n 140 s {2}a hostile host\nabout 2 min \d+ s\n$/);
});
