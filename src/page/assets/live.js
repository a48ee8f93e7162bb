/** The page: one stream of events from the server, and what is made of each. */
import { StreamChart } from './chart.js';
import { at, make, setText } from './dom.js';
import { amount, bitRate, bytes, duration, perSecond, plural } from './format.js';
import { LifeDialog } from './life.js';
import { ConnectionTable } from './table.js';

let stream = '';
let source;
let ended = false;
let isPaused = false;
/** Rows were asked for, which are shown though it is paused. */
let isAsked = false;
let charts;
let saidKinds = '';
let shownFacts = '';
let lastTime = 0;

const table = new ConnectionTable({ changed: (view) => change(view), opened: openLife });
const life = new LifeDialog(() => change({ open: '0' }));

/** Look elsewhere: the server is told which rows are seen, and which connection is open. */
async function change(view) {
  if (stream === '') return;
  isAsked = true;
  try {
    const response = await fetch(`/v1/view?${new URLSearchParams({ stream, ...view })}`);
    if (!response.ok) return; // the stream is another by now
    const { wrong } = await response.json();
    if ('filter' in view) table.wrong(wrong);
    else if (wrong !== '') at('life').close();
  } catch {
    // The stream tells that nobody is there.
  }
}

function openLife(id) {
  if (ended) return;
  life.open();
  change({ open: String(id) });
}

function makeCharts(hasStack) {
  const flow = new StreamChart({
    ...{ title: 'Throughput', id: 'throughput', format: bitRate, floor: 1000 },
    series: [
      { label: 'in', colour: 'in', fill: true },
      { label: 'out', colour: 'out', fill: true },
    ],
  });
  const packets = new StreamChart({
    ...{ title: 'Packets', id: 'packets', format: perSecond, floor: 10 },
    series: [
      { label: 'in', colour: 'in' },
      { label: 'out', colour: 'out' },
    ],
  });
  const rtt = new StreamChart({
    ...{ title: 'Round trips', id: 'rtt', format: duration, floor: 1 },
    series: [
      { label: 'median', colour: 'in' },
      { label: 'nine tenths below', colour: 'out', dash: [5, 3] },
    ],
  });
  const losses = new StreamChart({
    ...{ title: 'Trouble', id: 'losses', format: perSecond, floor: 5 },
    series: [
      { label: 'sent again', colour: 'bad', fill: true },
      { label: 'dropped here', colour: 'edge', dash: [5, 3] },
    ],
  });
  const all = hasStack ? [flow, packets, rtt, losses] : [flow];
  at('graphs').replaceChildren(
    ...all.map((chart) => make('div', { class: 'card' }, chart.element)),
  );
  losses.element.parentElement?.append(
    make('ul', { id: 'drops', 'aria-label': 'Packets dropped, by reason' }),
  );
  return { flow, packets, rtt, losses };
}

function hello({ stream: name, about }) {
  stream = name;
  setText(at('command'), about.command);
  setText(at('place'), [about.device, ...about.addresses].join('  ·  '));
  document.title = `tunstack ${about.command} ${about.device}`;
  at('connections').hidden = !about.hasStack;
  at('diagnosis').hidden = !about.hasStack;
  at('capture').hidden = !about.mayCapture;
  charts ??= makeCharts(about.hasStack);
  if (about.hasStack) change(table.view);
}

/** What moves by itself can be stopped, WCAG 2.2.2: what is shown stays, the stream goes on. */
at('pause').addEventListener('click', () => {
  isPaused = !isPaused;
  at('pause').setAttribute('aria-pressed', String(isPaused));
  if (isPaused && !ended)
    say('waiting', `paused at ${new Date(lastTime || Date.now()).toLocaleTimeString('en-GB')}`);
});

function sample(told) {
  if (isPaused) return;
  const { time, uptime, whole } = told;
  lastTime = time;
  const seconds = time / 1000;
  say(
    'live',
    `live, up ${duration(uptime * 1000)}${told.missed > 0 ? `, ${amount(told.missed)} samples missed` : ''}`,
  );
  charts.flow.push(seconds, [told.bytesIn, told.bytesOut]);
  if (whole !== undefined) {
    charts.packets.push(seconds, [told.packetsIn, told.packetsOut]);
    charts.rtt.push(seconds, whole.rtt ?? [null, null]);
    const dropped = Object.values(whole.drops).reduce((sum, count) => sum + count, 0);
    charts.losses.push(seconds, [whole.resent, dropped]);
    showDrops(whole);
    showFindings(told.findings);
  }
  showFacts(told.facts);
  if (told.capture) showCapture(told.capture);
}

function showDrops({ drops, dropped }) {
  const most = Object.entries(dropped)
    .sort(([, a], [, b]) => b - a)
    .slice(0, 8);
  const list = at('drops');
  while (list.children.length > most.length) list.lastChild.remove();
  most.forEach(([reason, count], i) => {
    const item = list.children[i] ?? list.appendChild(make('li'));
    const rate = drops[reason] > 0 ? `, ${perSecond(drops[reason])}` : '';
    setText(item, `${reason} ${amount(count)}${rate}`);
  });
}

function showFindings(findings) {
  const list = at('findings');
  while (list.children.length > findings.length) list.lastChild.remove();
  findings.forEach((finding, i) => {
    const item = list.children[i] ?? list.appendChild(makeFinding());
    item.dataset.severity = finding.severity;
    item.dataset.kind = finding.kind;
    const [title, text, evidence, who] = item.children;
    const many = finding.count > 1 ? ` (${plural(finding.count, 'connection')})` : '';
    setText(title, finding.title + many);
    setText(text, finding.text);
    setText(evidence, finding.evidence);
    const names = finding.connections.map(({ id }) => id).join(' ');
    if (who.dataset.ids === names) return;
    who.dataset.ids = names;
    who.replaceChildren(
      ...finding.connections.map(({ id, name }) => {
        const button = make('button', { type: 'button' }, `Look at ${name}`);
        button.addEventListener('click', () => openLife(id));
        return button;
      }),
    );
  });
  // Read out when it becomes another, and not each second.
  const kinds = findings.map(({ title }) => title).join('. ');
  if (kinds !== saidKinds) {
    saidKinds = kinds;
    setText(at('spoken'), kinds);
  }
}

const makeFinding = () =>
  make(
    'li',
    { class: 'finding' },
    make('h3'),
    make('p'),
    make('p', { class: 'evidence' }),
    make('div', { class: 'who' }),
  );

function showFacts(facts) {
  const text = JSON.stringify(facts);
  if (text === shownFacts) return;
  shownFacts = text;
  at('facts').replaceChildren(
    ...facts.map(({ title, columns, rows }) =>
      make(
        'div',
        { class: 'card' },
        make('h3', {}, title),
        make(
          'div',
          { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': title },
          make(
            'table',
            {},
            make(
              'thead',
              {},
              make('tr', {}, ...columns.map((name) => make('th', { scope: 'col' }, name))),
            ),
            make(
              'tbody',
              {},
              ...rows.map((row) =>
                make('tr', {}, ...row.map((cell) => make('td', {}, String(cell)))),
              ),
            ),
          ),
        ),
      ),
    ),
  );
}

function showCapture({ isRunning, packets, bytes: size, lost, isFull }) {
  const words = [`${plural(packets, 'packet')}, ${bytes(size)}`];
  if (lost > 0) words.push(`${amount(lost)} missing`);
  if (isFull) words.push('full');
  setText(at('capture-state'), `${isRunning ? 'running: ' : ''}${words.join(', ')}`);
  setText(at('capture-button'), isRunning ? 'Stop' : 'Start');
  at('capture-button').dataset.running = String(isRunning);
  at('capture-file').hidden = isRunning;
}

at('capture-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const isRunning = at('capture-button').dataset.running === 'true';
  const filter = new URLSearchParams({ filter: at('capture-filter').value });
  const path = isRunning ? '/v1/capture/stop' : `/v1/capture/start?${filter}`;
  try {
    const response = await fetch(path, { method: 'POST', headers: { 'x-tunstack': '1' } });
    const { wrong, state } = await response.json();
    if (state) showCapture(state);
    setText(at('capture-wrong'), wrong);
  } catch {
    setText(at('capture-wrong'), 'It does not answer.');
  }
});

function say(state, text) {
  at('state').dataset.state = state;
  setText(at('state'), text);
}

/** One clear line, and what was seen last stays. */
function gone(text) {
  const when =
    lastTime > 0 ? ` What is shown is of ${new Date(lastTime).toLocaleTimeString('en-GB')}.` : '';
  say('ended', `${text}${when}`);
  setText(at('spoken'), text);
}

function begin() {
  source = new EventSource('/v1/live');
  const on = (name, take) =>
    source.addEventListener(name, ({ data }) => {
      take(JSON.parse(data));
    });
  on('hello', hello);
  on('sample', sample);
  on('rows', (rows) => {
    if (isPaused && !isAsked) return;
    isAsked = false;
    table.show(rows);
  });
  on('life', (told) => {
    if (!isPaused) life.show(told);
  });
  on('end', () => {
    ended = true;
    source.close();
    gone('It has ended.');
  });
  source.addEventListener('error', () => {
    if (ended) return;
    stream = '';
    gone('It does not answer any more: trying again.');
    if (source.readyState !== EventSource.CLOSED) return;
    gone('It takes no more readers now: trying again.');
    setTimeout(begin, 5000);
  });
}

// What scrolls can be reached by keyboard, and the link at the top leads somewhere.
for (const id of ['window', 'life-events']) at(id).tabIndex = 0;
at('connections').tabIndex = -1;
addEventListener('pagehide', () => source?.close());
begin();
