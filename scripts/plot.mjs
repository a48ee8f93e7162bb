/**
 * `npm run plot -- trace.json > x.svg`: a connection's events as a time-sequence graph, and its
 * congestion window below. A trace is `{ title?, events }`, or the events alone, as
 * src/stack/tcp/tcb/trace.ts has them; `npm run sim -- --case NAME --seed N --trace FILE` writes one.
 */
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const WIDTH = 1200;
const LEFT = 80;
const RIGHT = 20;
const TOP = 40;
const SEQUENCE = 460;
const GAP = 50;
const WINDOW = 200;
const BOTTOM = 50;
const PLOT = WIDTH - LEFT - RIGHT;
const HEIGHT = TOP + SEQUENCE + GAP + WINDOW + BOTTOM;

/** By `Recovery` of src/stack/tcp/tcb/tcb.ts; open and disorder are not shaded. */
const SHADES = [undefined, undefined, '#e3d4f5', '#fdebc8', '#f9d0cc'];
const SHADE_NAMES = { '#e3d4f5': 'CWR', '#fdebc8': 'recovery', '#f9d0cc': 'loss' };
const INK = {
  sent: '#3b6ea5',
  resent: '#d1362f',
  acked: '#2e8b57',
  cwnd: '#3b6ea5',
  ssthresh: '#d98b1f',
};

const round = (n) => Math.round(n * 10) / 10;

/** A step for axis marks: 1, 2 or 5 times a power of ten, so that there are at most `most`. */
function step(range, most) {
  const raw = range / most;
  const power = 10 ** Math.floor(Math.log10(raw));
  return power * ([1, 2, 5, 10].find((n) => n * power >= raw) ?? 10);
}

function amount(bytes) {
  if (bytes >= 1e6) return `${round(bytes / 1e6)} MB`;
  return bytes >= 1000 ? `${round(bytes / 1000)} kB` : `${bytes} B`;
}

/** One graph's frame: marks on both axes, and how a value becomes a height. */
function frame(top, height, most, seconds, scaleX) {
  const y = (value) => round(top + height - (value / most) * height);
  const parts = [`<rect x="${LEFT}" y="${top}" width="${PLOT}" height="${height}" class="frame"/>`];
  for (let at = 0, by = step(most, 6); at <= most; at += by) {
    parts.push(`<line x1="${LEFT}" x2="${LEFT + PLOT}" y1="${y(at)}" y2="${y(at)}" class="grid"/>`);
    parts.push(`<text x="${LEFT - 6}" y="${y(at) + 4}" text-anchor="end">${amount(at)}</text>`);
  }
  for (let at = 0, by = step(seconds, 10); at <= seconds; at += by) {
    const x = scaleX(at);
    parts.push(`<line x1="${x}" x2="${x}" y1="${top}" y2="${top + height}" class="grid"/>`);
    const label = `${Number(at.toPrecision(6))} s`;
    parts.push(`<text x="${x}" y="${top + height + 16}" text-anchor="middle">${label}</text>`);
  }
  return { y, parts };
}

/** Vertical strokes for segments; those that fall on one another are drawn once. */
function strokes(events, kind, x, y) {
  const columns = new Map();
  for (const event of events) {
    if (event.kind !== kind) continue;
    const from = y(event.seq);
    const to = Math.min(y(event.seq + Math.max(1, event.length)), from - 0.6);
    const key = `${x(event.at)} ${Math.round(from)} ${Math.round(to)}`;
    if (!columns.has(key)) columns.set(key, `M${x(event.at)} ${from}V${round(to)}`);
  }
  return [...columns.values()].join('');
}

/** A line of steps through one number of the `acked` events, one point a pixel column. */
function steps(events, pick, x, y) {
  let path = '';
  let lastX = -1;
  let lastY = -1;
  for (const event of events) {
    const value = event.kind === 'acked' ? pick(event) : null;
    if (value === null || value === undefined || !Number.isFinite(value)) continue;
    const [px, py] = [x(event.at), y(value)];
    if (Math.round(px) === Math.round(lastX) && Math.abs(py - lastY) < 1) continue;
    path += path === '' ? `M${px} ${py}` : `H${px}V${py}`;
    [lastX, lastY] = [px, py];
  }
  return path;
}

/** What is shaded: the times of CWR, recovery and loss. */
function shades(events, x, end) {
  const parts = [];
  const names = new Set();
  let since = null;
  let ink;
  const close = (at) => {
    if (since === null || ink === undefined) return;
    const width = Math.max(0.5, round(x(at) - x(since)));
    parts.push(
      `<rect x="${x(since)}" y="${TOP}" width="${width}" height="${HEIGHT - TOP - BOTTOM}" fill="${ink}"/>`,
    );
    names.add(ink);
  };
  for (const event of events) {
    if (event.kind !== 'recovery') continue;
    close(event.at);
    since = event.at;
    ink = SHADES[event.recovery];
  }
  close(end);
  return { parts, names: [...names] };
}

const escaped = (text) => String(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** The events as SVG. */
export function plot(events, title = '') {
  if (events.length === 0) throw new Error('the trace is empty');
  const first = events[0].at;
  // The last changes of state, of TIME-WAIT say, come long after anything that is to be seen.
  const last = events.findLast((event) => event.kind !== 'state') ?? events[0];
  const end = last.at;
  const seconds = Math.max(1e-6, (end - first) / 1e6);
  const scaleX = (s) => round(LEFT + (s / seconds) * PLOT);
  const x = (at) => scaleX((at - first) / 1e6);
  let mostSeq = 1;
  let mostWindow = 1;
  for (const event of events) {
    if (event.kind === 'sent' || event.kind === 'resent') {
      mostSeq = Math.max(mostSeq, event.seq + event.length);
    } else if (event.kind === 'acked') {
      mostWindow = Math.max(mostWindow, event.cwnd);
    }
  }
  const sequence = frame(TOP, SEQUENCE, mostSeq * 1.03, seconds, scaleX);
  const window = frame(TOP + SEQUENCE + GAP, WINDOW, mostWindow * 1.08, seconds, scaleX);
  const shaded = shades(events, x, end);
  const lowThresh = (event) => (event.ssthresh <= mostWindow * 1.08 ? event.ssthresh : null);
  const path = (d, ink, width) =>
    `<path d="${d}" stroke="${ink}" stroke-width="${width}" fill="none"/>`;
  const legend = [
    ...Object.entries({ sent: INK.sent, 'sent again': INK.resent, acknowledged: INK.acked }),
    ...Object.entries({ ssthresh: INK.ssthresh }),
    ...shaded.names.map((ink) => [SHADE_NAMES[ink], ink]),
  ];
  const marks = legend.map(([name, ink], i) => {
    const at = LEFT + PLOT - (legend.length - i) * 110;
    return `<rect x="${at}" y="16" width="12" height="12" fill="${ink}"/><text x="${at + 17}" y="26">${name}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}">
<style>text{font:12px sans-serif;fill:#333}.title{font-size:15px}.frame{fill:none;stroke:#999}.grid{stroke:#ccc;stroke-width:.5}</style>
<rect width="100%" height="100%" fill="#fff"/>
${shaded.parts.join('\n')}
${sequence.parts.join('\n')}
${window.parts.join('\n')}
${path(
  steps(events, (e) => e.seq, x, sequence.y),
  INK.acked,
  1.2,
)}
${path(strokes(events, 'sent', x, sequence.y), INK.sent, 0.8)}
${path(strokes(events, 'resent', x, sequence.y), INK.resent, 1.6)}
${path(steps(events, lowThresh, x, window.y), INK.ssthresh, 1)}
${path(
  steps(events, (e) => e.cwnd, x, window.y),
  INK.cwnd,
  1.2,
)}
<text x="${LEFT}" y="26" class="title">${escaped(title)}</text>
<text x="${LEFT + 8}" y="${TOP + 18}">sequence number</text>
<text x="${LEFT + 8}" y="${TOP + SEQUENCE + GAP + 18}">congestion window</text>
${marks.join('\n')}
</svg>
`;
}

function main() {
  const [file] = process.argv.slice(2);
  if (file === undefined) {
    console.error('usage: npm run --silent plot -- trace.json > x.svg');
    process.exitCode = 2;
    return;
  }
  try {
    const trace = JSON.parse(readFileSync(file, 'utf8'));
    const events = Array.isArray(trace) ? trace : trace?.events;
    if (!Array.isArray(events)) throw new Error('there are no events in it');
    process.stdout.write(plot(events, trace.title ?? file));
  } catch (error) {
    console.error(`plot: ${file}: ${error.message}`);
    process.exitCode = 1;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main();
