/**
 * `npm run docs:api`: build, and make the references anew: docs/api*.md from the doc comments, docs/commands.md from
 * what the commands say to `--help`, docs/diagrams from the tables that they show.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './build.mjs';
import { setUp } from './setup.mjs';

setUp();
const { DOORS, readExports, renew } = await import('../dist/test/docs/reference.js');
const { linesByName } = await import('../dist/test/docs/lines.js');
const { writeCommands } = await import('../dist/test/docs/commands.js');
const { diagrams } = await import('../dist/test/docs/diagrams.js');
for (const [door, name] of Object.entries(DOORS)) {
  const page = join(root, name);
  writeFileSync(page, renew(readFileSync(page, 'utf8'), readExports(door), linesByName(door)));
}
process.stdout.columns = 80; // help is as wide as the terminal
writeFileSync(join(root, 'docs/commands.md'), writeCommands());
mkdirSync(join(root, 'docs/diagrams'), { recursive: true });
for (const [name, draw] of Object.entries(diagrams)) {
  writeFileSync(join(root, 'docs/diagrams', name), draw());
}
