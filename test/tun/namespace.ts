/**
 * Where tests that need a TUN may run: in a network namespace of their own, never in the machine's.
 * @module
 */
import { readFileSync } from 'node:fs';
import test, { type TestFn } from 'ava';
import { openTun } from '../../src/device/linux/tun.ts';

/** Why no TUN can be used here; undefined if one can. */
async function whyNot(): Promise<string | undefined> {
  if (process.platform !== 'linux')
    return `TUN is tested on Linux, and this is ${process.platform}`;
  const foreign = readFileSync('/proc/self/net/dev', 'utf8')
    .split('\n')
    .slice(2)
    .map((line) => line.split(':')[0]?.trim() ?? '')
    .filter((name) => /^(eth|en|wl|ww|br|docker|veth|bond)/.test(name));
  if (foreign.length > 0) {
    return `this network namespace has ${foreign.join(', ')}: run these tests with \`unshare -n\``;
  }
  try {
    const tun = await openTun();
    await tun.close();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const reason = await whyNot();
if (reason !== undefined) console.log(`skipped, no TUN: ${reason}`);

/** `test`, or `test.skip` where there is no TUN; the reason has been printed. */
export const tunTest: TestFn = reason === undefined ? test : (test.skip as unknown as TestFn);
