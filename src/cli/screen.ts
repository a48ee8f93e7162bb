/**
 * Where the command speaks: lines on standard output, complaints on standard error, and one line
 * that says how it stands, rewritten in place, only where a person is looking.
 * @module
 */

/** What is needed of `process.stdout` and `process.stderr`. */
export interface Terminal {
  readonly isTTY?: boolean;
  /** How many characters a line of a terminal holds; 0 where the terminal does not know, as that of `script` without one. */
  readonly columns?: number;
  write(text: string): unknown;
}

/** Columns of a terminal, and rows; of one that does not know how large it is, 80 by 24. */
export const widthOf = ({ columns }: Pick<Terminal, 'columns'>): number => columns || 80;
export const heightOf = ({ rows }: { readonly rows?: number }): number => rows || 24;

const CLEAR = '\r\x1b[K';

export class Screen {
  /** True if a status line would be seen. */
  readonly live: boolean;
  readonly #out: Terminal;
  readonly #err: Terminal;
  #status = '';

  constructor(out: Terminal, err: Terminal) {
    this.#out = out;
    this.#err = err;
    // Both, since one of them in a file and a status between its lines would help nobody.
    this.live = out.isTTY === true && err.isTTY === true;
  }

  line(text: string): void {
    this.#around(this.#out, text);
  }

  /** One line, whatever the message holds: what it quotes, from a file or a peer, gives a terminal no orders. */
  complain(text: string): void {
    const line = text.replace(/\s*\n\s*/g, '; ').replace(/(?!\t)\p{Cc}/gu, '?');
    this.#around(this.#err, `tunstack: ${line}`);
  }

  /** On standard error, as it is. */
  note(text: string): void {
    this.#around(this.#err, text);
  }

  /** How it stands now; '' takes it away. */
  status(text: string): void {
    if (!this.live || text === this.#status) return;
    this.#status = text;
    this.#err.write(CLEAR + this.#fitted());
  }

  /** What of it fits: a line that wraps can be written over only in its last part. */
  #fitted(): string {
    const columns = widthOf(this.#err);
    return this.#status.length < columns ? this.#status : this.#status.slice(0, columns - 1);
  }

  #around(where: Terminal, text: string): void {
    if (this.#status !== '') this.#err.write(CLEAR);
    where.write(`${text}\n`);
    if (this.#status !== '') this.#err.write(this.#fitted());
  }
}
