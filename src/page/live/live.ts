/**
 * The live page: what a stack carries, whom it talks to, what is wrong and why, while somebody looks.
 *
 * One stream of events a reader. What a reader sees of the table, and which connection is open, is his stream's alone, and
 * is changed by its name, which nobody else knows.
 * @module
 */
import { performance } from 'node:perf_hooks';
import { finished } from 'node:stream';
import { asset, makeDocument, type PageDocument } from '../document.ts';
import {
  type Call,
  COMMON,
  type PageLimit,
  type PageServer,
  Refusal,
  type Route,
  say,
  sayJson,
  servePage,
} from '../server.ts';
import { type Stream, Streams } from '../streams.ts';
import { rowFilter } from './filter.ts';
import { Life } from './life.ts';
import { Recording } from './recording.ts';
import { ORDERS, type Order, type Row, type RowFilter } from './rows.ts';
import { type Sample, Sampler } from './sampler.ts';
import type { Watched } from './watched.ts';

/** What is allowed. */
export interface LiveOptions {
  /** A capture may be begun from the page; default false. */
  readonly capture?: boolean;
  /** Streams at once; default 16. */
  readonly streams?: number;
  /** Bytes of a capture; default 32 MiB. */
  readonly captureBytes?: number;
  readonly limit?: PageLimit;
}

/** What one reader looks at. */
interface View {
  fits: RowFilter;
  order: Order;
  isDescending: boolean;
  from: number;
  count: number;
  life: Life | undefined;
  /** When rows were told last since he looks elsewhere, of `performance.now`, and what will tell them again. */
  toldAt: number;
  soon: NodeJS.Timeout | undefined;
}

const SCRIPTS = [
  ...['format.js', 'dom.js', 'chart.js', 'sequence.js', 'table.js', 'life.js', 'live.js'],
];
const LIFE_EVERY = 250; // milliseconds
/** How long numbers are given again as they were, in ms: what they cost is not for strangers to choose. */
const FRESH = 100;
const MOST_ROWS = 200;

let made: PageDocument | undefined;

/** Made when it is first asked for: most commands never are. */
const liveDocument = (): PageDocument => {
  made ??= makeDocument({
    title: 'tunstack',
    body: asset('live.html'),
    styles: ['live.css'],
    scripts: SCRIPTS,
  });
  return made;
};

/** Serve the live page of `watched`. */
export function liveServer(watched: Watched, options: LiveOptions = {}): PageServer {
  const live = new Live(watched, options);
  const server = servePage({
    get document() {
      return liveDocument();
    },
    get: live.get,
    post: live.post,
    ...(options.limit && { limit: options.limit }),
  });
  return {
    ...server,
    close: async () => {
      live.close();
      await server.close();
    },
  };
}

class Live {
  readonly get: Readonly<Record<string, Route>>;
  readonly post: Readonly<Record<string, Route>>;
  readonly #watched: Watched;
  readonly #streams: Streams;
  readonly #views = new Map<Stream, View>();
  readonly #recording: Recording | undefined;
  #sampler: Sampler | undefined;
  #sample: Sample | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lifeTimer: NodeJS.Timeout | undefined;

  constructor(watched: Watched, { capture = false, streams = 16, captureBytes }: LiveOptions) {
    this.#watched = watched;
    this.#streams = new Streams({ most: streams });
    const { device } = watched;
    this.#recording = capture && device ? new Recording(device, captureBytes) : undefined;
    const numbers = rarely(watched);
    this.get = {
      '/v1/about': ({ response }) => sayJson(response, this.#about()),
      '/v1/live': (call) => this.#begin(call),
      '/v1/view': (call) => this.#change(call),
      '/stats.json': ({ response }) => say(response, 200, 'application/json', numbers()),
      ...(this.#recording && { '/v1/capture.pcapng': (call: Call) => this.#download(call) }),
    };
    this.post = this.#recording
      ? {
          '/v1/capture/start': (call) => this.#startCapture(call),
          '/v1/capture/stop': (call) => this.#stopCapture(call),
        }
      : {};
  }

  #about(): unknown {
    const { stack } = this.#watched;
    return {
      ...this.#watched.about(),
      hasStack: stack !== undefined,
      mayCapture: this.#recording !== undefined,
    };
  }

  #begin({ url, response }: Call): void {
    const view: View = {
      ...{ fits: () => true, order: 'out', isDescending: true, from: 0, count: 40 },
      ...{ life: undefined, toldAt: 0, soon: undefined },
    };
    readView(view, url.searchParams);
    const stream = this.#streams.open(response, (gone) => this.#left(gone));
    this.#views.set(stream, view);
    stream.send('hello', { stream: stream.id, about: this.#about() });
    if (this.#sampler === undefined) {
      this.#sampler = new Sampler(this.#watched);
      this.#look();
    } else if (this.#sample !== undefined) this.#tell(stream, view, this.#sample);
  }

  #left(stream: Stream): void {
    this.#views.get(stream)?.life?.end();
    this.#views.delete(stream);
    if (this.#views.size > 0) return;
    clearTimeout(this.#timer);
    clearInterval(this.#lifeTimer);
    this.#timer = undefined;
    this.#lifeTimer = undefined;
    this.#sampler = undefined;
    this.#sample = undefined;
  }

  /** Look, tell all, and look again. */
  readonly #look = (): void => {
    const sampler = this.#sampler;
    if (sampler === undefined) return;
    const began = performance.now();
    this.#sample = sampler.sample();
    for (const [stream, view] of this.#views) this.#tell(stream, view, this.#sample);
    const wait = sampler.waitAfter(performance.now() - began);
    this.#timer = setTimeout(this.#look, wait).unref();
  };

  #tell(stream: Stream, view: View, sample: Sample): void {
    const capture = this.#recording?.state;
    stream.send('sample', {
      ...sample,
      capture,
      missed: stream.dropped,
      readers: this.#streams.count,
    });
    this.#tellRows(stream, view);
  }

  #tellRows(stream: Stream, { fits, order, isDescending, from, count }: View): void {
    const rows = this.#sampler?.rows;
    if (rows === undefined || this.#watched.stack === undefined) return;
    const { rows: seen, matching } = rows.view(fits, order, isDescending, from, count);
    stream.send('rows', { from, matching, all: rows.size, rows: seen.map(rowLine) });
  }

  /** The reader of a stream looks elsewhere. */
  #change({ url: { searchParams }, response }: Call): void {
    const stream = this.#streams.get(searchParams.get('stream') ?? '');
    const view = stream && this.#views.get(stream);
    if (stream === undefined || view === undefined)
      throw new Refusal(404, 'There is no such stream.');
    // What people type is wrong on its way to being right: that is an answer, and no failure.
    const wrong = whatIsWrong(() => {
      readView(view, searchParams);
      const open = searchParams.get('open');
      if (open !== null) this.#open(view, Number(open));
    });
    sayJson(response, { wrong });
    this.#tellSoon(stream, view);
  }

  /** Tell a reader of rows who has looked elsewhere: at once, but however often he does no more often than is useful. */
  #tellSoon(stream: Stream, view: View): void {
    const early = view.toldAt + FRESH - performance.now();
    if (early <= 0) {
      view.toldAt = performance.now();
      this.#tellRows(stream, view);
    } else if (view.soon === undefined) {
      view.soon = setTimeout(() => {
        view.soon = undefined;
        if (this.#views.has(stream)) this.#tellSoon(stream, view);
      }, early).unref();
    }
  }

  /** Begin to look at one connection; 0: at none. */
  #open(view: View, id: number): void {
    view.life?.end();
    view.life = undefined;
    const { stack, device } = this.#watched;
    const row = this.#sampler?.rows.find(id);
    if (id === 0 || stack === undefined) return;
    if (row === undefined) throw new Refusal(404, 'That connection is over.');
    view.life = new Life(stack, device, row);
    this.#lifeTimer ??= setInterval(() => this.#tellLives(), LIFE_EVERY).unref();
  }

  #tellLives(): void {
    let open = 0;
    for (const [stream, view] of this.#views) {
      if (view.life === undefined) continue;
      open++;
      const sample = view.life.sample();
      stream.send('life', sample);
      if (sample.info !== undefined) continue;
      view.life.end();
      view.life = undefined;
    }
    if (open > 0) return;
    clearInterval(this.#lifeTimer);
    this.#lifeTimer = undefined;
  }

  #startCapture({ url, response }: Call): void {
    const wrong = whatIsWrong(() => this.#recording?.start(url.searchParams.get('filter') ?? ''));
    sayJson(response, { wrong, state: this.#recording?.state });
  }

  #stopCapture({ response }: Call): void {
    void this.#recording
      ?.stop()
      .then(() => sayJson(response, { wrong: '', state: this.#recording?.state }));
  }

  #download({ response }: Call): void {
    const chunks = this.#recording?.file();
    if (chunks === undefined) throw new Refusal(404, 'No capture has ended yet.');
    response.writeHead(200, {
      ...COMMON,
      'content-type': 'application/x-pcapng',
      'content-disposition': 'attachment; filename="tunstack.pcapng"',
      'content-length': chunks.reduce((sum, { length }) => sum + length, 0),
    });
    const pieces = chunks.values();
    const more = (): void => {
      for (const piece of pieces) {
        if (response.write(piece)) continue;
        response.once('drain', more);
        return;
      }
      response.end();
    };
    finished(response, () => {});
    more();
  }

  close(): void {
    for (const stream of this.#streams) stream.send('end', {});
    this.#streams.close();
    void this.#recording?.stop();
  }
}

/** What `tried` throws, in a line; '' if nothing. */
function whatIsWrong(tried: () => void): string {
  try {
    tried();
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

/** The numbers of `/stats.json` as text, made no more often than is useful. */
function rarely({ numbers, stack, totals }: Watched): () => string {
  let text = '';
  let until = 0;
  return () => {
    if (performance.now() >= until) {
      const told = numbers ? numbers() : (stack?.stats() ?? totals?.());
      text = `${JSON.stringify(told)}\n`;
      until = performance.now() + FRESH;
    }
    return text;
  };
}

/** What a reader asks to see; throws what is wrong with it. */
function readView(view: View, asked: URLSearchParams): void {
  const filter = asked.get('filter');
  if (filter !== null) view.fits = rowFilter(filter);
  const sort = asked.get('sort');
  if (sort !== null) {
    const order = sort.replace(/^-/, '');
    if (!Object.hasOwn(ORDERS, order)) throw new Refusal(400, `nothing is sorted by ${order}`);
    view.order = order as Order;
    view.isDescending = sort.startsWith('-');
  }
  const number = (name: string, most: number, old: number): number => {
    const text = asked.get(name);
    const value = Number(text);
    return text === null || !Number.isSafeInteger(value) ? old : Math.min(most, Math.max(0, value));
  };
  view.from = number('from', 2 ** 31, view.from);
  view.count = number('rows', MOST_ROWS, view.count);
}

/** A row as the page gets it. */
const rowLine = (row: Row): unknown => [
  ...[row.id, row.localAddress, row.localPort, row.remoteAddress, row.remotePort, row.state],
  ...[Math.round(row.rateIn), Math.round(row.rateOut), Number(row.rtt.toFixed(3)), row.cwnd],
  ...[row.totalRetrans, row.queue, row.trouble],
];
