/**
 * The package as users get it: the tarball that `npm pack` makes, and empty folders to install it into.
 * @module
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ended, Running } from '../support/process.ts';
import { root } from '../support/root.ts';

/** A tarball on disk, and what is in it. */
export interface Tarball {
  readonly file: string;
  /** With slashes, from the package's folder. */
  readonly files: readonly string[];
}

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** Pack what has been built into `folder`. npm is asked for nothing that needs a registry. */
export function pack(folder: string): Tarball {
  const words = ['pack', '--json', '--ignore-scripts', '--offline', '--pack-destination', folder];
  const said = execFileSync('npm', words, { cwd: root, encoding: 'utf8', stdio: 'pipe' });
  const [packed] = JSON.parse(said) as [Packed];
  return {
    file: join(folder, packed.filename),
    files: packed.files.map(({ path }) => path),
  };
}

/** An empty folder outside of the repository, and how to be rid of it. */
export function emptyFolder(): { folder: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-package-'));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/**
 * A project with the tarball in its node_modules, and of other packages only those named, which are
 * this repository's own.
 */
export function unpack(tarball: Tarball, folder: string, packages: readonly string[]): void {
  const inside = join(folder, 'node_modules/tunstack');
  mkdirSync(inside, { recursive: true });
  execFileSync('tar', ['xzf', tarball.file, '-C', inside, '--strip-components', '1']);
  for (const name of packages) {
    const place = join(folder, 'node_modules', name);
    mkdirSync(join(place, '..'), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), place);
  }
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
}

/** Node, on a file of that folder or with other words. */
export const node = (folder: string, ...words: string[]): Promise<Ended> =>
  new Running(process.execPath, words, { NODE_PATH: '' }, folder).ended;
