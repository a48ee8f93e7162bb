/**
 * `npm run docs:api`: build, and make the reference in docs/api.md anew from the doc comments.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './build.mjs';
import { setUp } from './setup.mjs';

setUp();
const { readExports, renew } = await import('../dist/test/docs/reference.js');
const page = join(root, 'docs/api.md');
writeFileSync(page, renew(readFileSync(page, 'utf8'), readExports()));
