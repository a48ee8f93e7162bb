/** A window on a table of very many rows: those that are seen are there, and the server sends those alone. */
import { at, make, setText } from './dom.js';
import { amount, bitRate, bytes, duration, plural } from './format.js';

const ROW = 38;
/** Rows beyond those that are seen, above and below. */
const MORE = 8;

export const TROUBLE_WORDS = {
  'black-hole': 'black hole',
  'peer-stopped': 'peer stopped reading',
  'reader-stopped': 'not read here',
  'no-answer': 'no answer',
  lossy: 'lossy',
  'peer-slow': 'slow peer',
  'reader-slow': 'slow reader here',
  buffer: 'small send buffer',
  queue: 'queue',
};
const BAD = new Set(['black-hole', 'peer-stopped', 'reader-stopped', 'no-answer', 'lossy']);

const peer = (address, port) =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

/** `row` as the server sends it: id, local, port, remote, port, state, in, out, rtt, cwnd, resent, queue, trouble. */
const COLUMNS = [
  { order: 'peer', label: 'peer' },
  { order: 'port', label: 'port', say: (row) => String(row[2]), right: true, optional: true },
  {
    order: 'state',
    label: 'state',
    say: (row) => row[5].toLowerCase(),
    optional: true,
  },
  { order: 'in', label: 'in', say: (row) => (row[6] > 0 ? bitRate(row[6]) : '–'), right: true },
  { order: 'out', label: 'out', say: (row) => (row[7] > 0 ? bitRate(row[7]) : '–'), right: true },
  {
    order: 'rtt',
    label: 'rtt',
    say: (row) => (row[8] > 0 ? duration(row[8]) : '–'),
    right: true,
    optional: true,
  },
  { order: 'cwnd', label: 'cwnd', say: (row) => bytes(row[9]), right: true, optional: true },
  { order: 'resent', label: 'resent', say: (row) => amount(row[10]), right: true, optional: true },
  {
    order: 'queue',
    label: 'queue',
    say: (row) => (row[11] > 0 ? bytes(row[11]) : '–'),
    right: true,
    optional: true,
  },
  { order: 'trouble', label: 'trouble' },
];
const LABELS = {
  peer: 'address of the peer',
  port: 'our port',
  in: 'rate in',
  out: 'rate out',
  rtt: 'rtt, the round trip',
  cwnd: 'cwnd, the congestion window',
  resent: 'segments resent',
};

export class ConnectionTable {
  #order = 'out';
  #descending = true;
  #filter = '';
  #from = 0;
  #count = 30;
  #changed;
  #opened;
  #timer;
  #matching = 0;
  #top = make('tr', { class: 'space', 'aria-hidden': 'true' }, make('td'));
  #bottom = make('tr', { class: 'space', 'aria-hidden': 'true' }, make('td'));
  #lines = [];

  /** `changed` is called with what is to be seen; `opened` with the number of a connection. */
  constructor({ changed, opened }) {
    this.#changed = changed;
    this.#opened = opened;
    this.#makeHead();
    at('rows').append(this.#top, this.#bottom);
    at('window').addEventListener('scroll', () => this.#scrolled(), { passive: true });
    at('filter').addEventListener('input', ({ target }) => {
      this.#filter = target.value;
      at('window').scrollTop = 0;
      this.#from = 0;
      this.#soon(160);
    });
    new ResizeObserver(() => this.#scrolled()).observe(at('window'));
  }

  /** What the server is asked for. */
  get view() {
    return {
      filter: this.#filter,
      sort: `${this.#descending ? '-' : ''}${this.#order}`,
      from: String(this.#from),
      rows: String(this.#count),
    };
  }

  #makeHead() {
    for (const { order, label, right, optional } of COLUMNS) {
      const button = make(
        'button',
        { type: 'button', 'aria-label': `Sort by ${LABELS[order] ?? label}` },
        label,
      );
      button.addEventListener('click', () => this.#sort(order));
      const head = make(
        'th',
        {
          scope: 'col',
          class: classes(right && 'right', optional && 'optional'),
          'data-order': order,
        },
        button,
      );
      at('columns').append(head);
      at('order').append(make('option', { value: order }, `by ${LABELS[order] ?? label}`));
    }
    at('order').addEventListener('change', ({ target }) => this.#sort(target.value));
    this.#showOrder();
  }

  #sort(order) {
    // Names begin with a, numbers with the largest.
    const isText = order === 'peer' || order === 'state' || order === 'port';
    this.#descending = order === this.#order ? !this.#descending : !isText;
    this.#order = order;
    this.#showOrder();
    at('window').scrollTop = 0;
    this.#from = 0;
    this.#soon(0);
  }

  #showOrder() {
    at('order').value = this.#order;
    for (const head of at('columns').children) {
      if (head.dataset.order === this.#order) {
        head.setAttribute('aria-sort', this.#descending ? 'descending' : 'ascending');
      } else head.removeAttribute('aria-sort');
    }
  }

  #scrolled() {
    const { scrollTop, clientHeight } = at('window');
    const from = Math.max(0, Math.floor(scrollTop / ROW) - MORE);
    const count = Math.ceil(clientHeight / ROW) + 2 * MORE;
    if (from === this.#from && count <= this.#count) return;
    this.#from = from;
    this.#count = Math.max(this.#count, Math.min(120, count));
    this.#soon(60);
  }

  #soon(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#changed(this.view), ms);
  }

  /** What is wrong with the filter, or ''. */
  wrong(text) {
    setText(at('filter-wrong'), text);
    at('filter').setAttribute('aria-invalid', text === '' ? 'false' : 'true');
  }

  /** Rows that the server sent. */
  show({ from, matching, all, rows }) {
    this.#matching = matching;
    setText(
      at('matching'),
      matching === all
        ? plural(all, 'connection')
        : `${matching.toLocaleString('en')} of ${plural(all, 'connection')}`,
    );
    at('none').hidden = matching > 0;
    at('table').setAttribute('aria-rowcount', String(matching + 1));
    this.#top.firstChild.style.height = `${from * ROW}px`;
    this.#bottom.firstChild.style.height = `${Math.max(0, matching - from - rows.length) * ROW}px`;
    while (this.#lines.length > rows.length) this.#lines.pop().element.remove();
    rows.forEach((row, i) => {
      const line = this.#lines[i] ?? this.#addLine();
      line.id = row[0];
      line.element.setAttribute('aria-rowindex', String(from + i + 2));
      setText(line.button, peer(row[3], row[4]));
      COLUMNS.forEach(({ say }, c) => {
        if (say) setText(line.cells[c], say(row));
      });
      const trouble = row[12];
      setText(line.trouble, trouble === '' ? '' : (TROUBLE_WORDS[trouble] ?? trouble));
      line.trouble.className = trouble === '' ? '' : classes('trouble', BAD.has(trouble) && 'bad');
    });
  }

  get matching() {
    return this.#matching;
  }

  #addLine() {
    const button = make('button', { type: 'button' });
    const trouble = make('span');
    const cells = COLUMNS.map(({ order, right, optional }) =>
      make('td', {
        class: classes(right && 'right', optional && 'optional', order === 'peer' && 'peer'),
      }),
    );
    cells[0].append(button);
    cells.at(-1).append(trouble);
    const line = { element: make('tr', {}, ...cells), cells, button, trouble, id: 0 };
    button.addEventListener('click', () => this.#opened(line.id));
    line.element.addEventListener('click', ({ target }) => {
      if (target !== button && getSelection()?.isCollapsed !== false) this.#opened(line.id);
    });
    this.#bottom.before(line.element);
    this.#lines.push(line);
    return line;
  }
}

const classes = (...names) => names.filter(Boolean).join(' ');
