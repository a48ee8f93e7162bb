/**
 * The lines of an OpenVPN profile: options with their words, and blocks `<ca> … </ca>`. openvpn(8), "Inline files".
 * @module
 */

/** One option, where it stands. */
export interface Directive {
  readonly name: string;
  readonly words: readonly string[];
  /** What stood in a block of this name; undefined for an option with words. */
  readonly block: string | undefined;
  readonly line: number;
}

/** What is wrong with a profile, and in which line. */
export class ProfileError extends SyntaxError {
  override readonly name = 'ProfileError';
  readonly code = 'ERR_OPENVPN_PROFILE';
  /** From 1; 0 for what is missing in the whole. */
  readonly line: number;

  constructor(line: number, reason: string) {
    super(line > 0 ? `line ${line}: ${reason}` : reason);
    this.line = line;
  }
}

/** A profile is a few certificates long: what is longer is none. */
const MOST = 1 << 20;
const OPEN = /^<([a-z0-9-]+)>$/;

/** The options of `text`, in order. Throws a `ProfileError` for what cannot be read. */
export function readLines(text: string): Directive[] {
  if (text.length > MOST) throw new ProfileError(0, `a profile of ${text.length} characters`);
  const found: Directive[] = [];
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/);
  for (let i = 0; i < lines.length; i++) {
    const line = (lines[i] ?? '').trim();
    const name = OPEN.exec(line)?.[1];
    if (name !== undefined) {
      const from = i;
      const block: string[] = [];
      for (i++; lines[i]?.trim() !== `</${name}>`; i++) {
        if (i >= lines.length)
          throw new ProfileError(from + 1, `<${name}> has no </${name}>: the file is cut short`);
        block.push(lines[i] ?? '');
      }
      found.push({ name, words: [], block: block.join('\n'), line: from + 1 });
      continue;
    }
    const [first, ...words] = split(line, i + 1);
    if (first === undefined) continue;
    found.push({ name: first.replace(/^--/, ''), words, block: undefined, line: i + 1 });
  }
  return found;
}

/** The words of a line: quotes, a backslash before what stands for itself, a comment from `#` or `;`. */
function split(line: string, number: number): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let i = 0; i < line.length; i++) {
    const letter = line.charAt(i);
    if (quote !== '') {
      if (letter === quote) quote = '';
      else if (letter === '\\' && quote === '"') word += line.charAt(++i);
      else word += letter;
    } else if (letter === '"' || letter === "'") {
      quote = letter;
      word ??= '';
    } else if (letter === ' ' || letter === '\t') {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (word === undefined && (letter === '#' || letter === ';')) {
      return words;
    } else {
      word = (word ?? '') + (letter === '\\' ? line.charAt(++i) : letter);
    }
  }
  if (quote !== '') throw new ProfileError(number, `a ${quote} without its end`);
  if (word !== undefined) words.push(word);
  return words;
}
