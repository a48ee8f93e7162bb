/**
 * The life of a connection as a picture: its time-sequence graph in the manner of tcptrace, and below it the
 * round trips, and what is in flight beside the congestion window.
 *
 * What is sent again is a stroke of its own, which at the scale of a whole transfer is less than a pixel high: so
 * a row of ticks below the graph has one for each column in which it happened, and they are counted.
 * @module
 */
import {
  escaped,
  type Frame,
  frame,
  INNER,
  round,
  Sheet,
  Steps,
  Strokes,
  type TimeAxis,
  timeAxis,
} from './frame.ts';
import type { Life, LifeEvent } from './life.ts';

const Height = { SEQUENCE: 460, ROUND_TRIPS: 130, FLIGHT: 200, TICKS: 12 } as const;

/** By `Recovery` of src/stack/tcp/tcb/phases.ts; open and disorder are not shaded. */
const SHADES = [
  undefined,
  undefined,
  { name: 'CWR', ink: '#e3d4f5' },
  { name: 'recovery', ink: '#fdebc8' },
  { name: 'loss', ink: '#f9d0cc' },
] as const;

const INK = {
  sent: '#3b6ea5',
  resent: '#d1362f',
  filled: '#c2780c',
  acked: '#2e8b57',
  edge: '#7d7d7d',
  sacked: '#8e44ad',
  rtt: '#3b6ea5',
  flight: '#7a6a58',
  cwnd: '#3b6ea5',
  ssthresh: '#d98b1f',
  closed: '#111',
} as const;

/** What a name stands for; with how often it happened, where it is counted. */
type Legend = [name: string, ink: string][];

type Kind = LifeEvent['kind'];
type Of<K extends Kind> = Extract<LifeEvent, { kind: K }>;

function* ofKind<K extends Kind>(events: readonly LifeEvent[], kind: K): Generator<Of<K>> {
  for (const event of events) if (event.kind === kind) yield event as Of<K>; // its kind says so
}

const path = (d: string, ink: string, width: number, rest = ''): string =>
  d === '' ? '' : `<path d="${d}" stroke="${ink}" stroke-width="${width}" fill="none"${rest}/>`;

function amount(bytes: number): string {
  const say = (value: number): number => Number(value.toPrecision(4));
  if (bytes >= 1e9) return `${say(bytes / 1e9)} GB`;
  if (bytes >= 1e6) return `${say(bytes / 1e6)} MB`;
  return bytes >= 1000 ? `${say(bytes / 1000)} kB` : `${say(bytes)} B`;
}

const millis = (micros: number): string => `${Number((micros / 1000).toPrecision(4))} ms`;

/** A picture that grows downward. */
class Drawing {
  readonly axis: TimeAxis;
  readonly x: (at: number) => number;
  readonly parts: string[] = [];
  readonly legend: Legend = [];
  bottom: number = Sheet.TOP;

  constructor(life: Life, from: number, to: number) {
    this.axis = timeAxis(from, to);
    this.x = (at) => this.axis.x((at - life.began) / 1e6);
  }

  panel(
    title: string,
    height: number,
    range: readonly [number, number],
    say: (value: number) => string,
  ): Frame {
    const top = this.bottom === Sheet.TOP ? Sheet.TOP : this.bottom + Sheet.GAP;
    const made = frame(top, height, range, this.axis, say);
    this.bottom = top + height;
    this.parts.push(
      made.marks,
      `<text x="${Sheet.LEFT + 8}" y="${top + 18}" class="name">${title}</text>`,
    );
    return made;
  }

  get right(): number {
    return Sheet.LEFT + INNER;
  }
}

/** From the least to the greatest, with some room. */
function rangeOf(values: Iterable<number>, zero: boolean): [number, number] {
  let low = zero ? 0 : Number.POSITIVE_INFINITY;
  let high = 0;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low === Number.POSITIVE_INFINITY) low = 0;
  const room = Math.max(1, (high - low) * 0.05);
  return [zero ? 0 : Math.max(0, low - room), high + room];
}

function* places(events: readonly LifeEvent[]): Generator<number> {
  for (const event of events) {
    if (event.kind === 'sent' || event.kind === 'resent' || event.kind === 'filled') {
      yield event.seq;
      yield event.seq + event.length;
    } else if (event.kind === 'acked') yield event.seq;
  }
}

function drawSequence(drawing: Drawing, events: readonly LifeEvent[]): void {
  const { x, legend, parts, right } = drawing;
  const text = rangeOf(places(events), false);
  // The window's edge is worth seeing as far as it is near to what is sent.
  const room = (text[1] - text[0]) * 0.5;
  const edges = [...ofKind(events, 'acked')].flatMap(({ edge }) =>
    edge === undefined ? [] : [edge],
  );
  const highest = edges.reduce((most, edge) => Math.max(most, edge), 0);
  const range: [number, number] = [text[0], Math.max(text[1], Math.min(highest, text[1] + room))];
  const { y, top, height } = drawing.panel('sequence number', Height.SEQUENCE, range, amount);
  const inside = (seq: number): boolean => seq >= range[0] && seq <= range[1];

  const acked = new Steps();
  const edge = new Steps();
  const zero = new Strokes();
  for (const event of ofKind(events, 'acked')) {
    acked.to(x(event.at), y(event.seq));
    if (event.edge === undefined || !inside(event.edge)) edge.lift();
    else edge.to(x(event.at), y(event.edge));
    if (event.edge === event.seq) zero.add(x(event.at), y(event.seq) + 5, y(event.seq) - 5);
  }
  const strokes = { sent: new Strokes(), resent: new Strokes(4), filled: new Strokes(4) };
  const ticks = { resent: new Map<number, number>(), filled: new Map<number, number>() };
  const counts = { sent: 0, resent: 0, filled: 0 };
  for (const event of events) {
    if (event.kind !== 'sent' && event.kind !== 'resent' && event.kind !== 'filled') continue;
    counts[event.kind]++;
    const at = x(event.at);
    strokes[event.kind].add(at, y(event.seq), y(event.seq + event.length));
    if (event.kind === 'sent') continue;
    const column = Math.round(at);
    ticks[event.kind].set(column, (ticks[event.kind].get(column) ?? 0) + 1);
  }
  const sacked = new Strokes();
  const doubled = new Strokes();
  let sacks = 0;
  for (const { at, seq, length } of ofKind(events, 'sacked')) {
    sacks++;
    sacked.add(x(at), y(seq), y(seq + length));
  }
  for (const { at, seq, length } of ofKind(events, 'doubled')) {
    doubled.add(x(at), y(seq), y(seq + length));
  }
  parts.push(
    path(edge.end(right), INK.edge, 1, ' stroke-dasharray="5 3"'),
    path(acked.end(right), INK.acked, 1.2),
    path(sacked.path, INK.sacked, 1.4),
    path(doubled.path, INK.sacked, 1.4, ' stroke-dasharray="2 2"'),
    path(strokes.sent.path, INK.sent, 0.8),
    path(strokes.filled.path, INK.filled, 2),
    path(strokes.resent.path, INK.resent, 2),
    path(zero.path, INK.closed, 3),
    drawEnds(drawing, events, y),
    drawTicks(ticks.filled, INK.filled, top + height),
    drawTicks(ticks.resent, INK.resent, top + height),
  );
  legend.push([`sent ${counts.sent}`, INK.sent], [`sent again ${counts.resent}`, INK.resent]);
  if (counts.filled > 0) legend.push([`out of order ${counts.filled}`, INK.filled]);
  legend.push(['acknowledged', INK.acked]);
  if (edges.length > 0) legend.push(["window's edge", INK.edge]);
  if (sacks > 0) legend.push([`SACK ${sacks}`, INK.sacked]);
  if (zero.path !== '') legend.push(['window 0', INK.closed]);
}

/** SYN, FIN and RST, by their letters. */
function drawEnds(
  { x }: Drawing,
  events: readonly LifeEvent[],
  y: (seq: number) => number,
): string {
  const letters = { syn: 'S', fin: 'F', reset: 'R' } as const;
  const found: string[] = [];
  for (const event of events) {
    if (event.kind !== 'syn' && event.kind !== 'fin' && event.kind !== 'reset') continue;
    const at = `x="${x(event.at)}" y="${y(event.seq) - 4}"`;
    found.push(`<text ${at} class="end" text-anchor="middle">${letters[event.kind]}</text>`);
  }
  return found.join('');
}

/** One for each column, over the foot of the graph: what happened there is seen at any scale. */
function drawTicks(columns: ReadonlyMap<number, number>, ink: string, foot: number): string {
  let d = '';
  for (const [column, count] of columns) {
    const height = Math.min(3 * Height.TICKS, Height.TICKS + 2 * (count - 1));
    d += `M${column} ${foot}V${foot - height}`;
  }
  return path(d, ink, 1.6, ` class="ticks"`);
}

function drawRoundTrips(drawing: Drawing, events: readonly LifeEvent[]): void {
  const trips = [...ofKind(events, 'rtt')];
  if (trips.length === 0) return;
  const range = rangeOf(
    trips.map(({ micros }) => micros),
    true,
  );
  const { y } = drawing.panel('round trips', Height.ROUND_TRIPS, range, millis);
  const seen = new Set<string>();
  let d = '';
  for (const { at, micros } of trips) {
    const place = `${Math.round(drawing.x(at))} ${Math.round(y(micros))}`;
    if (seen.has(place)) continue;
    seen.add(place);
    d += `M${place}h.01`;
  }
  drawing.parts.push(path(d, INK.rtt, 2.4, ' stroke-linecap="round"'));
}

function drawFlight(drawing: Drawing, { events, knowsSack }: Life): void {
  const flights = [...ofKind(events, 'flight')];
  const windows = [...ofKind(events, 'window')];
  if (flights.length === 0 && windows.length === 0) return;
  const values = [...flights.map(({ bytes }) => bytes), ...windows.map(({ cwnd }) => cwnd)];
  const range = rangeOf(values, true);
  // Of a trace SACK is not known: what it names counts as in flight still.
  const name = knowsSack ? 'in flight' : 'not acknowledged';
  const title = windows.length > 0 ? `${name}, and the congestion window` : name;
  const { y } = drawing.panel(title, Height.FLIGHT, range, amount);
  const { x, right, legend, parts } = drawing;
  const lines = { flight: new Steps(), cwnd: new Steps(), ssthresh: new Steps() };
  for (const { at, bytes } of flights) lines.flight.to(x(at), y(bytes));
  for (const { at, cwnd, ssthresh } of windows) {
    lines.cwnd.to(x(at), y(cwnd));
    if (ssthresh > range[1]) lines.ssthresh.lift();
    else lines.ssthresh.to(x(at), y(ssthresh));
  }
  parts.push(
    path(lines.flight.end(right), INK.flight, 1),
    path(lines.ssthresh.end(right), INK.ssthresh, 1),
    path(lines.cwnd.end(right), INK.cwnd, 1.2),
  );
  legend.push([name, INK.flight]);
  if (windows.length > 0) legend.push(['cwnd', INK.cwnd], ['ssthresh', INK.ssthresh]);
}

/** The times of CWR, recovery and loss, over the whole height. */
function shades(drawing: Drawing, events: readonly LifeEvent[], end: number): string {
  const { x, legend, bottom } = drawing;
  const parts: string[] = [];
  let since: Of<'recovery'> | undefined;
  const close = (at: number): void => {
    const shade = since && SHADES[since.recovery];
    if (since === undefined || shade === undefined) return;
    const from = x(since.at);
    const width = Math.max(0.5, round(x(at) - from));
    parts.push(
      `<rect x="${from}" y="${Sheet.TOP}" width="${width}" height="${bottom - Sheet.TOP}" fill="${shade.ink}"/>`,
    );
    if (!legend.some(([name]) => name === shade.name)) legend.push([shade.name, shade.ink]);
  };
  for (const event of ofKind(events, 'recovery')) {
    close(event.at);
    since = event;
  }
  close(end);
  return parts.join('\n');
}

function drawLegend(legend: Legend): string {
  let at: number = Sheet.LEFT;
  const parts: string[] = [];
  for (const [name, ink] of legend) {
    parts.push(
      `<rect x="${at}" y="38" width="12" height="12" fill="${ink}"/><text x="${at + 17}" y="48">${name}</text>`,
    );
    at += 32 + name.length * 6.6;
  }
  return parts.join('\n');
}

/**
 * The picture, as SVG. `from` and `to`, in seconds, are what it is to reach over; all that there is unless said.
 * Throws if there is nothing to draw.
 */
export function plot(life: Life, from?: number, to?: number): string {
  const { events, began } = life;
  const isDrawn = events.some(({ kind }) => kind !== 'recovery' && kind !== 'window');
  const last = events.at(-1);
  if (!isDrawn || last === undefined) throw new Error('there is nothing in it to draw');
  const end = to === undefined ? last.at : began + to * 1e6;
  const drawing = new Drawing(life, from ?? 0, (end - began) / 1e6);
  drawSequence(drawing, events);
  drawRoundTrips(drawing, events);
  drawFlight(drawing, life);
  const shaded = shades(drawing, events, end);
  const { WIDTH, BOTTOM, LEFT } = Sheet;
  const height = drawing.bottom + BOTTOM;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}">
<style>text{font:12px sans-serif;fill:#333}.title{font-size:15px}.name{font-weight:bold;paint-order:stroke;stroke:#fff;stroke-width:3px}.end{font-weight:bold;fill:#d1362f}.frame{fill:none;stroke:#999}.grid{stroke:#ccc;stroke-width:.5}</style>
<rect width="100%" height="100%" fill="#fff"/>
${shaded}
${drawing.parts.filter((part) => part !== '').join('\n')}
<text x="${LEFT}" y="24" class="title">${escaped(life.title)}</text>
${drawLegend(drawing.legend)}
</svg>
`;
}
