/** The lab's page: what runs is told by the server, and what is moved here is asked of it. */
import { at, make, setText } from './dom.js';
import { bitRate, bytes, duration } from './format.js';
import { LabChart } from './lab-chart.js';
import { SequenceChart } from './sequence.js';

/** Of a slider: steps between its ends. */
const STEPS = 1000;
/** Goodput is taken over so many seconds. */
const GOODPUT = 0.2;

const order = async (what) => {
  try {
    const response = await fetch('/v1/order', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-tunstack': '1' },
      body: JSON.stringify(what),
    });
    setText(at('wrong'), response.ok ? '' : (await response.text()).trim());
    if (response.ok) show(await response.json());
  } catch {
    setText(at('wrong'), 'It does not answer any more.');
  }
};

const charts = {
  sequence: {
    a: new SequenceChart({ title: 'Time and sequence, as a sees it', id: 'sequence-a' }),
    b: new SequenceChart({ title: 'Time and sequence, as b sees it', id: 'sequence-b' }),
  },
  windows: new LabChart({
    title: 'Windows of a',
    id: 'windows',
    format: bytes,
    floor: 4096,
    series: [
      { label: 'cwnd', colour: 'in' },
      { label: 'ssthresh', colour: 'out', dash: [5, 3] },
      { label: 'in flight', colour: 'good', fill: true },
    ],
  }),
  rtt: new LabChart({
    title: 'Round trip',
    id: 'rtt',
    format: duration,
    floor: 10,
    series: [{ label: 'smoothed', colour: 'sack' }],
  }),
  queue: new LabChart({
    title: 'Queue of the link, a to b',
    id: 'queue-graph',
    format: (n) => `${Math.round(n)}`,
    floor: 4,
    series: [{ label: 'packets', colour: 'edge', fill: true }],
  }),
  goodput: new LabChart({
    title: 'What the program at b reads',
    id: 'goodput',
    format: bitRate,
    floor: 1000,
    series: [{ label: 'a second', colour: 'good', fill: true }],
  }),
  reader: new LabChart({
    title: 'Window of b',
    id: 'window-b',
    format: bytes,
    floor: 4096,
    series: [
      { label: 'offered', colour: 'in' },
      { label: 'not read', colour: 'bad', fill: true },
    ],
  }),
};
const simple = [charts.windows, charts.rtt, charts.queue, charts.goodput, charts.reader];
at('a').append(
  ...[charts.sequence.a, charts.windows, charts.rtt, charts.queue].map(({ element }) => element),
);
at('b').append(...[charts.sequence.b, charts.goodput, charts.reader].map(({ element }) => element));

let lessons = [];
let state;
let run = 0;
/** `[time, octets]` of what was read, as far back as goodput needs. */
let reads = [];

function clearGraphs() {
  for (const chart of [...simple, charts.sequence.a, charts.sequence.b]) chart.clear();
  reads = [];
}

/** `received` as a rate, over the last moments. */
function goodput(time, received) {
  reads.push([time, received]);
  while (reads.length > 1 && reads[0][0] < time - GOODPUT) reads.shift();
  const [since, before] = reads[0];
  return time > since ? (received - before) / (time - since) : 0;
}

/** What fills a hole is drawn as what was sent again. */
const drawn = (events) =>
  events.map((event) =>
    event.kind === 'filled'
      ? { ...event, kind: 'resent' }
      : event.kind === 'doubled'
        ? { ...event, kind: 'sacked' }
        : event,
  );

function see({ run: of, rows, a, b }) {
  if (of !== run) {
    run = of;
    clearGraphs();
  }
  const of3 = { windows: [], rtt: [], queue: [], goodput: [], reader: [] };
  for (const [time, cwnd, ssthresh, inFlight, rtt, window, unread, received, queued] of rows) {
    of3.windows.push([time, cwnd, ssthresh, inFlight]);
    of3.rtt.push([time, rtt]);
    of3.queue.push([time, queued]);
    of3.goodput.push([time, goodput(time, received)]);
    of3.reader.push([time, window, unread]);
  }
  if (rows.length > 0) for (const [name, points] of Object.entries(of3)) charts[name].push(points);
  if (a.length > 0) charts.sequence.a.push(drawn(a));
  if (b.length > 0) charts.sequence.b.push(drawn(b));
  follow();
}

/** Time-sequence graphs show the same span as the others. */
function follow() {
  const span = Number(at('span').value);
  const now = state?.now ?? 0;
  if (span === 0) return;
  for (const chart of [charts.sequence.a, charts.sequence.b]) {
    if (chart.events.length > 0) chart.zoom(Math.max(0, now - span), Math.max(now, 0.01));
  }
}

const numbers = new Map(
  [
    ...['recovery', 'sent again', 'time-outs', 'lost by the link', 'dropped by its queue', 'RTO'],
    ...['state of a', 'read by b'],
  ].map((name) => {
    const value = make('dd', {}, '–');
    at('numbers').append(make('div', {}, make('dt', {}, name), value));
    return [name, value];
  }),
);

function show(now) {
  const before = state;
  state = now;
  const { isPlaying, speed, pace, last, isOver } = now;
  setText(at('clock'), `${now.now.toFixed(now.now < 100 ? 3 : 1)} s`);
  const late =
    isPlaying && speed !== null && pace < 0.9 ? `, only × ${(speed * pace).toFixed(1)} here` : '';
  setText(at('mode'), isOver ? 'ended' : isPlaying ? `running${late}` : 'paused');
  at('mode').dataset.state = isPlaying ? 'running' : 'paused';
  setText(at('play'), isPlaying ? 'Pause' : 'Play');
  setText(at('command'), now.command);
  if (before === undefined || before.preset !== now.preset) lesson(now.preset);
  const choose = (id, value) => {
    if (document.activeElement !== at(id)) at(id).value = value;
  };
  choose('lesson', now.preset);
  choose('congestion', now.congestion);
  choose('seed', String(now.seed));
  choose('speed', speed === null ? '' : String(speed));
  for (const slider of sliders) slider.show(now.settings);
  if (before !== undefined && before.isPlaying !== isPlaying) {
    setText(at('spoken'), isPlaying ? 'Running' : `Paused at ${now.now.toFixed(2)} seconds`);
  }
  if (!last) return;
  const { a, b, forth } = last;
  const say = (name, value) => setText(numbers.get(name), String(value));
  say('recovery', a.recovery);
  say('sent again', a.resent);
  say('time-outs', a.timeouts);
  say('lost by the link', forth.lost);
  say('dropped by its queue', forth.dropped);
  say('RTO', duration(a.rto));
  say('state of a', a.failure === '' ? a.state : a.failure);
  say('read by b', bytes(b.received));
}

function lesson(name) {
  const found = lessons.find((one) => one.name === name);
  if (!found) return;
  setText(at('title'), found.title);
  at('look').replaceChildren(...found.look.map((text) => make('li', {}, text)));
  at('tries').replaceChildren(...found.tries.map((text) => make('li', {}, text)));
}

/** A slider, even between its ends or by factors. */
class Slider {
  #range;
  #input;
  #output = make('output', {});

  constructor(range) {
    this.#range = range;
    const { name, label } = range;
    this.#input = make('input', { id: `set-${name}`, type: 'range', min: 0, max: STEPS, step: 1 });
    this.element = make('label', {}, label, this.#output, this.#input);
    this.#input.addEventListener('input', () => {
      const value = this.#value();
      this.#say(value);
      order({ do: 'set', name, value });
    });
  }

  show(settings) {
    if (document.activeElement === this.#input && this.#input.matches(':active')) return;
    const value = settings[this.#range.name];
    this.#input.value = String(this.#place(value));
    this.#say(value);
  }

  #say(value) {
    const text = `${Number(value.toPrecision(3))} ${this.#range.unit}`;
    setText(this.#output, text);
    this.#input.setAttribute('aria-valuetext', text);
  }

  /** Small values are worth more room: linear sliders go by the square. */
  #value() {
    const share = Number(this.#input.value) / STEPS;
    const { least, most, scale } = this.#range;
    const value =
      scale === 'factor' ? least * (most / least) ** share : least + (most - least) * share ** 2;
    return this.#range.name === 'queue' ? Math.round(value) : Number(value.toPrecision(2));
  }

  #place(value) {
    const { least, most, scale } = this.#range;
    const share =
      scale === 'factor'
        ? Math.log(value / least) / Math.log(most / least)
        : Math.sqrt((value - least) / (most - least));
    return Math.round(share * STEPS);
  }
}

let sliders = [];

const togglePlay = () => order({ do: state?.isPlaying ? 'pause' : 'play' });
const restart = (what = {}) => order({ do: 'restart', ...what });

at('play').addEventListener('click', togglePlay);
at('step').addEventListener('click', () => order({ do: 'step' }));
at('restart').addEventListener('click', () => restart());
at('lesson').addEventListener('change', () => restart({ preset: at('lesson').value }));
at('congestion').addEventListener('change', () => restart({ congestion: at('congestion').value }));
at('seed').addEventListener('change', () => restart({ seed: Number(at('seed').value) }));
at('speed').addEventListener('change', () => {
  const { value } = at('speed');
  order({ do: 'speed', speed: value === '' ? null : Number(value) });
});
at('span').addEventListener('change', () => {
  const span = Number(at('span').value);
  for (const chart of simple) chart.span = span;
  for (const chart of [charts.sequence.a, charts.sequence.b]) if (span === 0) chart.whole();
  follow();
});
at('copy').addEventListener('click', async () => {
  try {
    await navigator.clipboard.writeText(state.command);
    setText(at('spoken'), 'Copied');
    setText(at('copy'), 'Copied');
  } catch {
    getSelection().selectAllChildren(at('command')); // where there is no clipboard, it is at least marked
  }
});
document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest('input, select, button, a')) return;
  if (event.key === ' ') togglePlay();
  else if (event.key === '.') order({ do: 'step' });
  else if (event.key === 'r') restart();
  else return;
  event.preventDefault();
});

async function begin() {
  const { lessons: found, settings } = await (await fetch('/v1/lessons')).json();
  lessons = found;
  at('lesson').append(...lessons.map(({ name, title }) => make('option', { value: name }, title)));
  sliders = settings.map((range) => new Slider(range));
  at('sliders').append(...sliders.map(({ element }) => element));
  const stream = new EventSource('/v1/stream');
  let isFirst = true;
  stream.addEventListener('open', () => {
    isFirst = true;
    setText(at('wrong'), '');
  });
  stream.addEventListener('state', ({ data }) => show(JSON.parse(data)));
  stream.addEventListener('seen', ({ data }) => {
    // After a break the history comes first, and takes the place of what is drawn.
    if (isFirst) clearGraphs();
    isFirst = false;
    see(JSON.parse(data));
  });
  stream.addEventListener('error', () => {
    setText(at('mode'), 'it does not answer');
    at('mode').dataset.state = 'gone';
  });
}

begin();
