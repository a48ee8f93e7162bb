/**
 * The page on port 80: what the stack has carried, counted live, and its numbers as JSON.
 * @module
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { isIP } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Duplex } from 'node:stream';

/** Anything made of names, numbers and text; the page shows whatever it is given. */
export type Numbers = Readonly<Record<string, unknown>>;

const HTML = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>tunstack</title>
<style>
  :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
  body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
  h1 { font-size: 1.4rem; margin: 0; }
  p { margin: .3rem 0 1.5rem; opacity: .7; }
  main { columns: 19rem; column-gap: 2rem; }
  section { break-inside: avoid; margin-bottom: 1.5rem; }
  h2 { font-size: 1rem; margin: 0 0 .3rem; }
  table { width: 100%; border-collapse: collapse; }
  td { padding: .1rem 0; border-top: 1px solid #8883; }
  td + td { text-align: right; font-variant-numeric: tabular-nums; }
  .moved { background: #fb06; transition: none; }
  aside { overflow-x: auto; }
  th, aside td { padding: .1rem .8rem .1rem 0; text-align: right; white-space: nowrap; }
  aside td + td { text-align: right; }
  tr { transition: background 1.5s; }
</style>
<h1>tunstack</h1>
<p>This page came through a TCP/IP stack in TypeScript. <span id="state">Its counters, live:</span></p>
<main></main>
<aside><h2>connections</h2><table id="connections"></table></aside>
<script>
  const main = document.querySelector('main');
  const state = document.querySelector('#state');
  const rows = new Map();
  function section(name) {
    const made = document.createElement('section');
    made.append(Object.assign(document.createElement('h2'), { textContent: name }));
    made.append(document.createElement('table'));
    main.append(made);
    return made.lastChild;
  }
  const sections = new Map();
  function show(path, value) {
    let row = rows.get(path.join('/'));
    if (!row && value === 0) return; // of the many counters, those that count something
    if (!row) {
      const name = path.slice(0, -1).join(' ') || 'this stack';
      if (!sections.has(name)) sections.set(name, section(name));
      row = sections.get(name).insertRow();
      row.insertCell().textContent = path.at(-1);
      row.insertCell();
      rows.set(path.join('/'), row);
    }
    const text = typeof value === 'number' ? value.toLocaleString('en') : String(value);
    row.className = row.cells[1].textContent !== '' && row.cells[1].textContent !== text ? 'moved' : '';
    row.cells[1].textContent = text;
  }
  function walk(path, value) {
    // The kernel looks for routers of IPv6 on every TUN: of what is not ours nothing is lost.
    if (path.join() === 'stack,drops,ipVersion') return show(['stack', 'packets not of IPv4, ignored'], value);
    if (value === null || typeof value !== 'object') return show(path, value);
    for (const [name, inner] of Object.entries(value)) walk([...path, name], inner);
  }
  const columns = [
    ['peer', (c) => c.remoteAddress + ':' + c.remotePort], ['port', (c) => c.localPort],
    ['state', (c) => c.state], ['recovery', (c) => c.caState], ['rtt ms', (c) => c.rtt.toFixed(2)],
    ['rto ms', (c) => c.rto.toFixed(0)], ['cwnd', (c) => c.cwnd], ['ssthresh', (c) => c.ssthresh ?? '–'],
    ['in flight', (c) => c.inFlight], ['resent', (c) => c.totalRetrans],
    ['acked', (c) => c.bytesAcked], ['received', (c) => c.bytesReceived],
  ];
  function list(connections) {
    const table = document.querySelector('#connections');
    const line = (cells, tag) => {
      const row = document.createElement('tr');
      for (const text of cells) row.append(Object.assign(document.createElement(tag), { textContent: text }));
      return row;
    };
    const text = (value) => typeof value === 'number' ? value.toLocaleString('en') : String(value);
    table.replaceChildren(
      line(columns.map(([name]) => name), 'th'),
      ...connections.map((c) => line(columns.map(([, get]) => text(get(c))), 'td')),
    );
  }
  async function poll() {
    try {
      const { connections, ...counters } = await (await fetch('stats.json')).json();
      walk([], counters);
      list(connections);
      state.textContent = 'Its counters, live:';
    } catch {
      state.textContent = 'It does not answer any more; its last counters:';
    }
    setTimeout(poll, 1000);
  }
  poll();
</script>
</html>
`;

/**
 * Milliseconds; all of them stricter than Node's own, because whoever looks at this page sends one short
 * request: until the header is there, until the request is, of silence between two, and while an answer is
 * not taken. `EVERY` is how often the first two are looked at.
 */
const Limit = {
  HEADER: 10_000,
  REQUEST: 15_000,
  IDLE: 5000,
  STALLED: 30_000,
  EVERY: 2000,
} as const;

/** How long the numbers are given again as they were, in ms: what they cost is not for strangers to choose. */
const FRESH = 100;

/**
 * Whether the request means this host: by an address, or by the name that every host has for itself. A
 * page of somebody else's whose name was made to lead here (DNS rebinding) sends that name.
 */
function isMeant({ headers: { host } }: IncomingMessage): boolean {
  if (host === undefined) return true; // HTTP/1.0: no browser of today
  const name = host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1');
  return isIP(name) !== 0 || name.toLowerCase() === 'localhost';
}

/** Answer one request of the page. */
function answer(request: IncomingMessage, response: ServerResponse, numbers: () => string): void {
  const say = (status: number, type: string, body: string): void => {
    response.writeHead(status, {
      'content-type': `${type}; charset=utf-8`,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
  if (!isMeant(request)) {
    say(421, 'text/plain', 'Ask for it by its address.\n'); // RFC 9110 §15.5.20
    return;
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    say(405, 'text/plain', 'Only GET and HEAD.\n');
    return;
  }
  const path = (request.url ?? '/').replace(/\?.*/, '');
  if (path === '/') say(200, 'text/html', HTML);
  else if (path === '/stats.json') say(200, 'application/json', numbers());
  else say(404, 'text/plain', 'There is / and /stats.json.\n');
}

/** Asks `numbers` for them, and no more often than is useful. */
function rarely(numbers: () => Numbers): () => string {
  let text = '';
  let until = 0;
  return () => {
    if (performance.now() >= until) {
      text = `${JSON.stringify(numbers())}\n`;
      until = performance.now() + FRESH;
    }
    return text;
  };
}

/** What takes the page's connections, from any stack: `numbers` is asked as requests come. */
export function pageServer(
  numbers: () => Numbers,
  limit: Readonly<Record<keyof typeof Limit, number>> = Limit,
): (socket: Duplex) => void {
  const text = rarely(numbers);
  const options = {
    headersTimeout: limit.HEADER,
    requestTimeout: limit.REQUEST,
    keepAliveTimeout: limit.IDLE,
    connectionsCheckingInterval: limit.EVERY,
  };
  const server = createServer(options, (request, response) => answer(request, response, text));
  server.setTimeout(limit.STALLED);
  // It does not listen itself, and only then would Node begin to look at the time.
  server.emit('listening');
  return (socket) => {
    server.emit('connection', socket);
  };
}
