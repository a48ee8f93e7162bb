/**
 * Where the repository stands: tests run from `dist/test`, but some read sources or start scripts.
 * @module
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function find(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  // `dist` holds no package.json, so the first folder upwards that has one is the top.
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`no package.json above ${import.meta.url}`);
    folder = parent;
  }
  return folder;
}

/** The folder of package.json. */
export const root: string = find();
/** The command, as the package's `bin` names it. */
export const command: string = join(root, 'dist/src/cli/main.js');
