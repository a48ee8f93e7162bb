/**
 * What V8 tells of a program by its `--trace-` options.
 * @module
 */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * What `program`, a module, and V8 under `options` say on standard output, a character for each byte.
 *
 * To a file: `node:process` makes a pipe non-blocking when it is imported, and V8, which writes by the piece and does
 * not look whether it could, loses lines or the middle of one where the reader is slow.
 */
export function traced(options: readonly string[], program: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-traced-'));
  const file = join(folder, 'trace.txt');
  const out = openSync(file, 'w');
  try {
    execFileSync(process.execPath, [...options, '--input-type=module', '-e', program], {
      stdio: ['ignore', out, 'inherit'],
    });
    return readFileSync(file, 'latin1');
  } finally {
    closeSync(out);
    rmSync(folder, { recursive: true });
  }
}
