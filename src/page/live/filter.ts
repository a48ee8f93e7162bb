/**
 * The filter of the table of connections: words that must all fit. `10.0.0.`, `:443`, `state:est`, `rtt>50`, `is:lossy`.
 * @module
 */
import type { Row, RowFilter } from './rows.ts';

const NUMBERS = {
  rtt: (row: Row) => row.rtt,
  cwnd: (row: Row) => row.cwnd,
  resent: (row: Row) => row.totalRetrans,
  queue: (row: Row) => row.queue,
  in: (row: Row) => row.rateIn,
  out: (row: Row) => row.rateOut,
  rate: (row: Row) => row.rateIn + row.rateOut,
  port: (row: Row) => row.remotePort,
  lport: (row: Row) => row.localPort,
} as const satisfies Record<string, (row: Row) => number>;

const SCALE: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9 };
/** Characters of a filter, and words. */
const LONGEST = 200;
const MOST = 12;

/** Read a filter; '' means all. Throws where a word is none, naming it. */
export function rowFilter(text: string): RowFilter {
  if (text.length > LONGEST) throw new Error(`a filter has ${LONGEST} characters at most`);
  const words = text.trim().toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length > MOST) throw new Error(`a filter has ${MOST} words at most`);
  const all = words.map(readWord);
  return (row) => all.every((fits) => fits(row));
}

function readWord(word: string): RowFilter {
  if (word.startsWith('!') && word.length > 1) {
    const inner = readWord(word.slice(1));
    return (row) => !inner(row);
  }
  const [, name = '', comparison = '', value = ''] =
    /^([a-z]+)(>=|<=|[:=<>])(.*)$/.exec(word) ?? [];
  if (name === 'state') return (row) => row.state.toLowerCase().startsWith(value);
  if (name === 'is') return (row) => row.trouble !== '' && row.trouble.startsWith(value);
  if (Object.hasOwn(NUMBERS, name)) return compare(name as keyof typeof NUMBERS, comparison, value);
  // A word of hexadecimal digits with a colon is an address of IPv6.
  if (name !== '' && comparison !== ':') throw new Error(`there is no column ${name}`);
  return (row) => row.text.includes(word);
}

function compare(name: keyof typeof NUMBERS, comparison: string, text: string): RowFilter {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)([kmg]?)$/.exec(text) ?? [];
  if (digits === undefined) throw new Error(`${name} is compared with a number, not "${text}"`);
  const value = Number(digits) * (SCALE[unit] ?? 1);
  const of = NUMBERS[name];
  switch (comparison) {
    case '>':
      return (row) => of(row) > value;
    case '<':
      return (row) => of(row) < value;
    case '>=':
      return (row) => of(row) >= value;
    case '<=':
      return (row) => of(row) <= value;
    default:
      return (row) => of(row) === value;
  }
}
