/**
 * Drawing in SVG: boxes, texts and arrows, in the colours of the reader, light or dark.
 * @module
 */

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const markup = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** A box with its lines in the middle of it: the first is its name, the others are smaller. */
export function box({ x, y, width, height }: Box, lines: readonly string[], kind = ''): string {
  const first = y + height / 2 - (lines.length - 1) * 7.5 + 4;
  const texts = lines.map((line, i) =>
    label(x + width / 2, first + i * 15, line, i === 0 ? 'name' : 'small'),
  );
  const rect = `<rect class="box ${kind}" x="${x}" y="${y}" width="${width}" height="${height}" rx="6"/>`;
  return [rect, ...texts].join('\n');
}

/** A text around a point. */
export const label = (x: number, y: number, text: string, kind = 'small'): string =>
  `<text class="${kind}" x="${x}" y="${y}">${markup(text)}</text>`;

/** An arrow by way of these points. */
export const arrow = (...points: readonly (readonly [number, number])[]): string =>
  `<path class="line" marker-end="url(#head)" d="M${points.map(([x, y]) => `${round(x)} ${round(y)}`).join(' L')}"/>`;

/** An arrow from the edge of one box to the edge of another, straight, `aside` of the line between their middles. */
export function join(from: Box, to: Box, aside = 0): string {
  const [ax, ay] = [from.x + from.width / 2, from.y + from.height / 2];
  const [bx, by] = [to.x + to.width / 2, to.y + to.height / 2];
  const length = Math.hypot(bx - ax, by - ay);
  const [nx, ny] = [(-(by - ay) / length) * aside, ((bx - ax) / length) * aside];
  const [dx, dy] = [bx - ax, by - ay];
  return arrow(
    [ax + nx + dx * share(from, dx, dy), ay + ny + dy * share(from, dx, dy)],
    [bx + nx - dx * share(to, dx, dy), by + ny - dy * share(to, dx, dy)],
  );
}

/** Which share of a line from the middle of a box lies within it. */
const share = ({ width, height }: Box, dx: number, dy: number): number =>
  Math.min(
    dx === 0 ? Number.POSITIVE_INFINITY : width / 2 / Math.abs(dx),
    dy === 0 ? Number.POSITIVE_INFINITY : height / 2 / Math.abs(dy),
  );

const round = (value: number): number => Math.round(value * 10) / 10;

const STYLE = `
  .box { fill: #f4f6fa; stroke: #5b6b85; }
  .core { fill: #e6f0e8; stroke: #4c7a57; }
  .host { fill: #fdf1e0; stroke: #a9772c; }
  .line { fill: none; stroke: #444c5c; stroke-width: 1.3; }
  .tip { fill: #444c5c; }
  text { font-family: system-ui, sans-serif; text-anchor: middle; fill: #1d2330; }
  .name { font-size: 13px; font-weight: 600; }
  .small { font-size: 11px; }
  .left { font-size: 12px; text-anchor: start; }
  @media (prefers-color-scheme: dark) {
    .box { fill: #252b37; stroke: #8b9bb8; }
    .core { fill: #20332a; stroke: #6fae80; }
    .host { fill: #3a2e1c; stroke: #d6a252; }
    .line { stroke: #b6c0d2; }
    .tip { fill: #b6c0d2; }
    text { fill: #e6e9f0; }
  }
`;

/** A whole picture, with a title for who cannot see it. */
export function picture(
  width: number,
  height: number,
  title: string,
  parts: readonly string[],
): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${markup(title)}">`,
    `<title>${markup(title)}</title>`,
    `<style>${STYLE}</style>`,
    '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="tip" d="M0 0 L8 4 L0 8 z"/></marker></defs>',
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}
