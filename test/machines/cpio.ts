/**
 * An archive as the kernel unpacks it into its first file system: the "newc" form of cpio. Linux
 * `Documentation/driver-api/early-userspace/buffer-format.rst`.
 * @module
 */

/** A file, or a folder if it has no bytes. */
export interface Entry {
  /** From the root, without the first slash. */
  readonly path: string;
  readonly bytes?: Uint8Array;
  /** Permission bits; default 0o755. */
  readonly mode?: number;
}

const MAGIC = '070701';
const FOLDER = 0o040000;
const FILE = 0o100000;

const padding = (length: number): number => (4 - (length % 4)) % 4;

function record(path: string, mode: number, index: number, bytes: Uint8Array): Buffer {
  const name = Buffer.from(`${path}\0`);
  const fields = [...[index, mode, 0, 0, 1, 0, bytes.length], ...[0, 0, 0, 0, name.length, 0]].map(
    (field) => field.toString(16).padStart(8, '0'),
  );
  const head = Buffer.concat([Buffer.from(MAGIC + fields.join('')), name]);
  return Buffer.concat([
    head,
    Buffer.alloc(padding(head.length)),
    bytes,
    Buffer.alloc(padding(bytes.length)),
  ]);
}

/** The archive; folders must come before what is in them. */
export function cpio(entries: readonly Entry[]): Buffer {
  const nothing = new Uint8Array(0);
  const records = entries.map(({ path, bytes, mode = 0o755 }, i) =>
    record(path, (bytes === undefined ? FOLDER : FILE) | mode, i + 1, bytes ?? nothing),
  );
  return Buffer.concat([...records, record('TRAILER!!!', 0, 0, nothing)]);
}
