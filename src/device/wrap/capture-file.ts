/**
 * The file of a capture: a new one, or an earlier capture that is written anew, for its owner's eyes.
 *
 * What a capture holds may be secret, and a command that makes one often runs as root. So a link is
 * not followed, what belongs to somebody else or is no capture is left alone, and nobody else may
 * read it: open(2), `O_EXCL`, `O_NOFOLLOW`. If the disk is full, the file is cut behind its last
 * whole block, so that every reader can read it to its end.
 * @module
 */
import {
  close,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  ftruncate,
  ftruncateSync,
  lstatSync,
  openSync,
  readSync,
  type Stats,
  write,
} from 'node:fs';
import { Writable } from 'node:stream';
import { DeviceError } from '../errors.ts';
import * as pcapng from './pcapng.ts';

const { O_CREAT, O_EXCL, O_WRONLY, O_RDWR } = constants;
const O_NOFOLLOW = constants.O_NOFOLLOW ?? 0; // there are none on Windows
const OWNER_ONLY = 0o600;
/** Descriptors of this process, which a shell gives for `>(...)`: links that nobody else can lay. */
const OWN_DESCRIPTOR = /^\/(?:dev|proc\/self)\/(?:fd\/\d+|stdout|stderr)$/;

/** Open `path` for a capture. Throws what the system says, or why the file is left alone. */
export function openCapture(path: string): CaptureFile {
  if (OWN_DESCRIPTOR.test(path)) return new CaptureFile(openSync(path, O_WRONLY));
  try {
    return new CaptureFile(openSync(path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, OWNER_ONLY));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return new CaptureFile(openAgain(path));
}

/** What is there already: a capture of ours, begun anew; or no file, such as a FIFO. */
function openAgain(path: string): number {
  const found = lstatSync(path);
  if (found.isSymbolicLink()) throw refusal(path, 'ELOOP', 'is a link: name the file it leads to');
  if (found.isDirectory()) throw refusal(path, 'EISDIR', 'is a directory: name a file in it');
  const fd = openSync(path, (found.isFile() ? O_RDWR : O_WRONLY) | O_NOFOLLOW);
  try {
    const opened = fstatSync(fd);
    if (opened.ino !== found.ino || opened.dev !== found.dev) {
      throw refusal(path, 'EEXIST', 'was replaced while it was opened: try again');
    }
    if (!opened.isCharacterDevice()) checkOurs(path, opened);
    if (opened.isFile()) renew(path, fd);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function checkOurs(path: string, { uid, nlink }: Stats): void {
  if (uid !== (process.geteuid?.() ?? uid)) {
    throw refusal(path, 'EEXIST', 'belongs to somebody else: give another name, or remove it');
  }
  if (nlink > 1) throw refusal(path, 'EEXIST', 'has a second name: give another one, or remove it');
}

/** Empty an earlier capture; what is none may be dear to somebody. */
function renew(path: string, fd: number): void {
  const start = Buffer.alloc(4);
  const length = readSync(fd, start, 0, 4, 0);
  if (length > 0 && !pcapng.isSection(start, length)) {
    throw refusal(
      path,
      'EEXIST',
      'is there already, and no capture: give another name, or remove it',
    );
  }
  fchmodSync(fd, OWNER_ONLY);
  ftruncateSync(fd, 0);
}

const refusal = (path: string, code: string, why: string): DeviceError =>
  new DeviceError(code, `${path} ${why}`, 'open');

/** Writes chunks, each of whole blocks. */
export class CaptureFile extends Writable {
  readonly #fd: number;
  /** Bytes of whole chunks in the file. */
  #whole = 0;
  #rescued = 0;

  constructor(fd: number) {
    super();
    this.#fd = fd;
  }

  /** Packets of the chunk that failed which are in the file all the same; asked for once. */
  takeRescued(): number {
    const packets = this.#rescued;
    this.#rescued = 0;
    return packets;
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    const put = (from: number): void => {
      write(this.#fd, chunk, from, chunk.length - from, null, (error, count) => {
        if (error !== null) this.#cut(chunk, from, error, done);
        else if (from + count < chunk.length) put(from + count);
        else {
          this.#whole += chunk.length;
          done();
        }
      });
    };
    put(0);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    close(this.#fd, (failed) => done(error ?? failed));
  }

  /** Of `chunk` there are `length` bytes in the file: keep what is whole. */
  #cut(chunk: Buffer, length: number, error: Error, done: (error: Error) => void): void {
    const { bytes, packets } = pcapng.wholeBlocks(chunk, length);
    this.#rescued = packets;
    ftruncate(this.#fd, this.#whole + bytes, () => done(error)); // a FIFO cannot be cut
  }
}
