/** Tests of src/device/linux/libc.ts: what binding libc does to the process's memory. */
import { spawnSync } from 'node:child_process';
import test, { type TestFn } from 'ava';
import { loadLibc } from '../../../src/device/linux/libc.ts';
import { moduleUrl } from '../support.ts';

const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
const lack =
  header.glibcVersionRuntime === undefined
    ? 'no glibc'
    : await loadLibc().then(
        () => undefined,
        (error: Error) => error.message,
      );
if (lack) console.log(`skipped, what glibc keeps: ${lack}`);
const glibcTest: TestFn = lack ? (test.skip as unknown as TestFn) : test;

/** By how many bytes the end of malloc's heap falls when 32 MiB of blocks like received text are freed. */
function givenBack(before: string, env: NodeJS.ProcessEnv = {}): number {
  const script = `
    import koffi from 'koffi';
    ${before}
    const library = koffi.load(null);
    const malloc = library.func('uintptr_t malloc(size_t size)');
    const free = library.func('void free(uintptr_t block)');
    const sbrk = library.func('uintptr_t sbrk(long more)');
    const blocks = Array.from({ length: 512 }, () => malloc(65_160));
    const end = sbrk(0);
    for (const block of blocks.reverse()) free(block);
    console.log(end - sbrk(0));
  `;
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: 60_000,
  });
  if (run.status !== 0) throw new Error(run.stderr);
  return Number(run.stdout);
}

const LOAD = `await (await import(${moduleUrl('linux/libc')})).loadLibc();`;
const MOST = 32 * 1024 * 1024;

glibcTest('libc: memory of received text that was freed stays with malloc', (t) => {
  t.true(givenBack('') > MOST / 2, 'the program alone gives it back');
  t.is(givenBack(LOAD), 0);
});

glibcTest('libc: who says in the environment what malloc keeps has his way', (t) => {
  t.true(givenBack(LOAD, { MALLOC_TRIM_THRESHOLD_: '131072' }) > MOST / 2);
});
