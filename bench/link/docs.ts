/**
 * `npm run bench:docs [-- FOLDER]`: fill the tables of docs/speed.md and README.md from the results in a
 * folder (default bench/results), so that no figure there was typed by hand, and draw their page anew.
 *
 * Of `--families` those are in families.json, and fill one table.
 *
 * A table stands between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`; what was not measured
 * this time keeps what it has.
 * @module
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { root } from './paths.ts';
import type { Profile } from './profile-file.ts';
import { writePage } from './report/page.ts';
import { type Families, familiesTable, OTHERS, profileTable, TABLES } from './report/tables.ts';
import type { Results } from './results.ts';

const NOTHING = '_Not measured._';

/** Our own programs wrote it. */
const read = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T;

function content(name: string, folder: string, results: Results | undefined): string | undefined {
  if (name.startsWith('profile-')) {
    const path = join(folder, `${name}.json`);
    return existsSync(path) ? profileTable(read<Profile>(path)) : undefined;
  }
  if (name === 'families') {
    const path = join(folder, 'families.json');
    return existsSync(path) ? familiesTable(read<Families>(path)) : undefined;
  }
  if (OTHERS.includes(name)) return undefined;
  const make = TABLES[name];
  if (make === undefined) throw new Error(`there is no table ${name}`);
  const text = results && make(results);
  return text === NOTHING ? undefined : text;
}

const folder = resolve(root, process.argv[2] ?? 'bench/results');
const path = join(folder, 'results.json');
const results = existsSync(path) ? read<Results>(path) : undefined;
if (results === undefined)
  console.error(`${path}: not there, so only profiles and families are filled in`);
else writePage(results, join(folder, 'index.html'));

function fill(file: string): void {
  const page = join(root, file);
  let filled = 0;
  const after = readFileSync(page, 'utf8').replace(
    /(<!-- bench:([\w-]+) -->\n)[\s\S]*?(<!-- \/bench:\2 -->)/g,
    (all, open: string, name: string, close: string) => {
      const text = content(name, folder, results);
      if (text === undefined) return all;
      filled++;
      return `${open}\n${text}\n\n${close}`;
    },
  );
  writeFileSync(page, after);
  console.log(`${file}: ${filled} tables filled`);
}

for (const file of ['docs/speed.md', 'README.md']) fill(file);
