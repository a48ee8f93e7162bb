/**
 * `npm run sbom`: a software bill of materials of what a user installs, as CycloneDX JSON on standard
 * output. From the lock file, so it names the binaries of every system and nothing of development.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './build.mjs';

const words = ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'library'];
const said = execFileSync('npm', [...words, '--omit', 'dev', '--package-lock-only'], {
  cwd: root,
  encoding: 'utf8',
});
const bill = JSON.parse(said);
// npm gives the folder's name, whatever the package is called.
bill.metadata.component.name = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).name;
console.log(JSON.stringify(bill, null, 2));
