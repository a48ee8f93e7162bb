/**
 * A time-sequence graph in the manner of tcptrace: each segment a stroke at its time, from its first octet to its last; a
 * line of steps for what is acknowledged, one for the edge of the peer's window; retransmissions so that none is too small to see.
 */
import { axis, figure, fromZero, keepWidth } from './chart.js';
import { colour, setText } from './dom.js';
import { amount, BINARY_STEPS, bitRate, bytes, duration } from './format.js';

const SERIES = [
  { label: 'sent', colour: 'in' },
  { label: 'sent again', colour: 'bad' },
  { label: 'acknowledged', colour: 'good' },
  { label: 'window edge', colour: 'edge', dash: [5, 3] },
  { label: 'selectively', colour: 'sack' },
];
const SEQUENCE_HEIGHT = 320;
/** Strokes of what was sent again are never shorter, in CSS pixels. */
const LEAST_RESENT = 6;

/**
 * Events are `{ at, kind, seq, length?, edge?, cwnd?, ssthresh? }`: `at` in seconds from the first, `kind` `sent`, `resent`,
 * `acked`, `sacked` or `received`, `seq` in bytes of text from the connection's first. Keeps the last `most` of them.
 */
export class SequenceChart {
  #plot;
  #figure;
  #events = [];
  #most;
  #zoomed = false;
  /** From where to where the next picture reaches: its heights are asked for before uPlot says so. */
  #reach = [0, 1];
  #data = [[], [], []];

  constructor({ title, id, most = 20_000, height = SEQUENCE_HEIGHT }) {
    this.#most = most;
    this.#figure = figure(title, SERIES, id);
    const { plot: host } = this.#figure;
    this.#plot = new uPlot(
      {
        width: 320,
        height,
        padding: [8, 16, 0, 0],
        legend: { show: false },
        cursor: { drag: { x: true, y: false } },
        scales: {
          x: { time: false },
          y: { range: (_plot, least, most) => this.#range(least, most) },
        },
        axes: [
          axis({
            values: (_p, ticks) => ticks.map((t) => `${Number(t.toPrecision(6))} s`),
            size: 22,
          }),
          axis({
            values: (_p, ticks) => ticks.map(bytes),
            size: 80,
            space: 36,
            incrs: BINARY_STEPS,
          }),
        ],
        series: [
          {},
          {
            stroke: () => colour('good'),
            width: 1.5,
            paths: uPlot.paths.stepped({ align: 1 }),
            points: { show: false },
          },
          {
            stroke: () => colour('edge'),
            width: 1.5,
            dash: [5, 3],
            paths: uPlot.paths.stepped({ align: 1 }),
            points: { show: false },
          },
        ],
        hooks: {
          draw: [() => this.#strokes()],
          setSelect: [
            (plot) => {
              const { left, width } = plot.select;
              this.#zoomed = width > 0;
              if (this.#zoomed) {
                this.#reach = [plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x')];
              }
            },
          ],
        },
      },
      this.#data,
      host,
    );
    host.addEventListener('dblclick', () => this.whole());
    keepWidth(this.#plot, host, height);
  }

  get element() {
    return this.#figure.element;
  }

  get events() {
    return this.#events;
  }

  /** Show all of it again after a part was chosen with the pointer. */
  whole() {
    this.#zoomed = false;
    this.#draw();
  }

  /** Show from `from` to `to`, in seconds. */
  zoom(from, to) {
    this.#zoomed = true;
    this.#show(from, to);
  }

  clear() {
    this.#events = [];
    this.#draw();
  }

  push(events) {
    this.#events.push(...events);
    if (this.#events.length > this.#most) this.#events.splice(0, this.#events.length - this.#most);
    this.#draw();
  }

  #draw() {
    const acks = this.#events.filter(({ kind }) => kind === 'acked');
    const times = [];
    const acked = [];
    const edges = [];
    for (const { at, seq, edge } of acks) {
      times.push(at);
      acked.push(seq);
      edges.push(edge ?? null);
    }
    const last = this.#events.at(-1)?.at;
    if (last !== undefined && times.length > 0 && last > times.at(-1)) {
      times.push(last);
      acked.push(acked.at(-1));
      edges.push(edges.at(-1));
    }
    this.#data = [times, acked, edges];
    this.#plot.setData(this.#data, false);
    const first = this.#events[0]?.at ?? 0;
    if (this.#zoomed) this.#show(...this.#reach);
    else this.#show(first, Math.max(last ?? 1, first + 0.01));
    this.#say();
  }

  #show(min, max) {
    this.#reach = [min, max];
    this.#plot.setScale('x', { min, max });
  }

  /** The range of octets: of what was sent and acknowledged between the marks, for the edge may be far above. */
  #range() {
    const [min, max] = this.#reach;
    let least = Number.POSITIVE_INFINITY;
    let most = Number.NEGATIVE_INFINITY;
    for (const { at, kind, seq, length = 0, edge } of this.#events) {
      if (at < min || at > max) continue;
      least = Math.min(least, seq);
      most = Math.max(most, seq + length);
      // The window's edge belongs to the picture where it is what holds the sender.
      if (kind === 'acked' && edge !== undefined && edge - seq < 262_144)
        most = Math.max(most, edge);
    }
    if (least > most) return fromZero(1)(undefined, 0, 1);
    const room = Math.max(1, (most - least) * 0.04);
    return [Math.max(0, least - room), most + room];
  }

  #strokes() {
    const plot = this.#plot;
    const { ctx, bbox } = plot;
    const ratio = devicePixelRatio;
    const inks = {
      sent: colour('in'),
      resent: colour('bad'),
      sacked: colour('sack'),
      received: colour('in'),
    };
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    const { min, max } = plot.scales.x;
    for (const wanted of ['sent', 'received', 'sacked', 'resent']) {
      const least = wanted === 'resent' ? LEAST_RESENT * ratio : ratio;
      ctx.beginPath();
      ctx.lineWidth = (wanted === 'resent' ? 2 : 1.3) * ratio;
      ctx.strokeStyle = inks[wanted];
      for (const { at, kind, seq, length = 1 } of this.#events) {
        if (kind !== wanted || at < min || at > max) continue;
        const x = plot.valToPos(at, 'x', true);
        const bottom = plot.valToPos(seq, 'y', true);
        const top = Math.min(plot.valToPos(seq + length, 'y', true), bottom - least);
        ctx.moveTo(x, bottom);
        ctx.lineTo(x, top);
        if (wanted !== 'resent') continue;
        // A cross at its foot: seen at any scale.
        ctx.moveTo(x - 3 * ratio, bottom - 3 * ratio);
        ctx.lineTo(x + 3 * ratio, bottom + 3 * ratio);
        ctx.moveTo(x - 3 * ratio, bottom + 3 * ratio);
        ctx.lineTo(x + 3 * ratio, bottom - 3 * ratio);
      }
      ctx.stroke();
    }
    ctx.restore();
  }

  /** What the picture shows, in words. */
  describe() {
    const events = this.#events;
    if (events.length === 0) return 'Time-sequence graph: nothing was sent since this was opened.';
    const count = (wanted) => events.filter(({ kind }) => kind === wanted).length;
    const seconds = events.at(-1).at - events[0].at;
    const acks = events.filter(({ kind }) => kind === 'acked');
    const moved = acks.length > 1 ? acks.at(-1).seq - acks[0].seq : 0;
    return (
      `Time-sequence graph of ${duration(seconds * 1000)}: ${amount(count('sent'))} segments sent, ` +
      `${amount(count('resent'))} sent again, ${bytes(moved)} acknowledged` +
      `${seconds > 0 ? `, ${bitRate(moved / seconds)}` : ''}.`
    );
  }

  #say() {
    const counts = { sent: 0, resent: 0, acked: 0, sacked: 0, received: 0 };
    for (const { kind } of this.#events) counts[kind]++;
    const last = this.#events.findLast(({ kind }) => kind === 'acked');
    const texts = [
      amount(counts.sent + counts.received),
      amount(counts.resent),
      last ? bytes(last.seq) : '–',
      last?.edge === undefined ? '–' : `${bytes(Math.max(0, last.edge - last.seq))} open`,
      amount(counts.sacked),
    ];
    this.#figure.values.forEach((element, i) => {
      setText(element, texts[i]);
    });
    this.#figure.plot.setAttribute('aria-label', this.describe());
  }
}
