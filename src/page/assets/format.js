/** Numbers as people read them. */

const SCALE = ['', 'k', 'M', 'G', 'T', 'P'];

/** Three significant digits before a prefix of `base`: 1000 or 1024. */
function scaled(value, base) {
  let n = Math.abs(value);
  let power = 0;
  while (n >= base && power < SCALE.length - 1) {
    n /= base;
    power++;
  }
  const digits = power === 0 ? (n < 10 && n % 1 !== 0 ? 1 : 0) : n < 10 ? 2 : n < 100 ? 1 : 0;
  return [(Math.sign(value) * n).toFixed(digits), SCALE[power]];
}

/** Bits a second, of bytes a second. */
export function bitRate(bytesPerSecond) {
  const [number, prefix] = scaled(bytesPerSecond * 8, 1000);
  return `${number} ${prefix}bit/s`;
}

/** Steps of an axis of bytes. */
export const BINARY_STEPS = Array.from({ length: 50 }, (_, power) => 2 ** power);

export function bytes(value) {
  const [number, prefix] = scaled(value, 1024);
  return `${number} ${prefix === '' ? 'B' : `${prefix === 'k' ? 'K' : prefix}iB`}`;
}

/** A count, or so many a second. */
export function amount(value) {
  const size = Math.abs(value);
  if (size < 10_000 && (size >= 100 || value === Math.round(value))) {
    return Math.round(value).toLocaleString('en');
  }
  const [number, prefix] = scaled(value, 1000);
  return `${number}${prefix === '' ? '' : ` ${prefix}`}`;
}

export const perSecond = (value) => `${amount(value)}/s`;

/** A time, given in milliseconds. */
export function duration(ms) {
  if (ms <= 0) return '0';
  if (ms < 1) return `${Math.round(ms * 1000)} µs`;
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(2) : ms < 100 ? ms.toFixed(1) : Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 60) return `${s < 10 ? s.toFixed(1) : Math.round(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${Math.round(s % 60)} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}

export const plural = (count, noun) =>
  `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
