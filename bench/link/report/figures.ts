/**
 * Numbers as people read them.
 * @module
 */
import type { Spread } from '../../support/spread.ts';

/** Three digits that mean something: `0.123`, `12.3`, `1 230`. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size >= 1000) {
    const digits = String(Math.round(value));
    return digits.replace(/\B(?=(\d{3})+$)/g, '\u202f');
  }
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  if (size === 0) return '0';
  return value.toFixed(2);
}

/** The same without idle zeros: for axes. */
export function tick(value: number): string {
  const text = figure(value);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** `12.3 (11.9–12.8)`. */
export function withSpread(value: Spread | undefined): string {
  if (value === undefined) return '–';
  if (value.n === 1) return figure(value.median);
  return `${figure(value.median)} (${figure(value.min)}–${figure(value.max)})`;
}

/** Text between the tags of a page. */
export const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
