/**
 * docs/conformance.md: up to date, and no requirement of RFC 9293 without a test or a reason.
 * @module
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { root } from '../support/root.ts';

interface Generator {
  readonly PAGE: string;
  problems(): string[];
  render(): string;
}

const script = pathToFileURL(join(root, 'scripts/conformance.mjs')).href;
const load = async (): Promise<Generator> => (await import(script)) as Generator;

test('conformance: every requirement has a test or a reason, every name a section', async (t) => {
  t.deepEqual((await load()).problems(), []);
});

test('conformance: the page is what `node scripts/conformance.mjs` writes', async (t) => {
  const { PAGE, render } = await load();
  t.true(readFileSync(PAGE, 'utf8') === render(), 'run `node scripts/conformance.mjs`');
});
