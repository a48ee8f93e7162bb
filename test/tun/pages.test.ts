/**
 * The tutorial and the how-tos do what they show: their programs are run, and their commands print what stands there.
 * @module
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { play } from '../support/played.ts';
import { root } from '../support/root.ts';
import { tunTest } from './namespace.ts';

for (const folder of ['tutorial', 'howto']) {
  for (const name of readdirSync(join(root, 'docs', folder)).sort()) {
    tunTest.serial(`pages: ${folder}/${name} does what it shows`, async (t) => {
      t.timeout(90_000);
      await play(t, `docs/${folder}/${name}`);
    });
  }
}
