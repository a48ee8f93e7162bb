/**
 * `tunstack serve` for a test, and tests that need programs of the system.
 * @module
 */
import { spawnSync } from 'node:child_process';
import test, { type ExecutionContext, type TestFn } from 'ava';
import { type Running, tunstack } from '../support/process.ts';
import { tunTest } from './namespace.ts';

/** `tunstack serve` that is ready, and where. */
export interface Serving {
  readonly running: Running;
  readonly tun: string;
  readonly address: string;
  readonly pid: number;
}

/** Start `tunstack serve`; it ends with the test at the latest. */
export async function serve(t: ExecutionContext, ...args: string[]): Promise<Serving> {
  const running = tunstack('serve', ...args);
  t.teardown(async () => {
    await running.stop('SIGKILL');
  });
  const line = await running.line();
  const found = /^ready tun=(\S+) host=\S+ address=(\S+) mtu=\d+/.exec(line);
  if (!found) throw new Error(`not a ready line: ${line}`);
  const [, tun = '', address = ''] = found;
  return { running, tun, address, pid: running.child.pid ?? 0 };
}

/** `test` for tests with a TUN that need these programs too; where one is missing, it says so. */
export function testWith(...programs: readonly string[]): TestFn {
  const missing = programs.filter((name) => {
    const { error } = spawnSync(name, ['--version'], { stdio: 'ignore' });
    return (error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
  });
  if (missing.length === 0) return tunTest;
  console.log(`skipped, no ${missing.join(', ')} here`);
  const skip = test.skip.bind(test);
  return Object.assign(skip, { serial: test.serial.skip }) as unknown as TestFn; // takes what `test` takes
}
