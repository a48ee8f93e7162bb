/**
 * What is wrong, in plain words, from counters and from the rows of connections: by rules that docs/page.md states.
 * @module
 */
import type { PathLine, StackStats } from '../../index.ts';
import type { Row } from './rows.ts';
import { isWriterPaced, LOSSY, TROUBLES, type Trouble } from './trouble.ts';

export type Severity = 'bad' | 'warn' | 'good';

/** One finding. */
export interface Finding {
  /** A trouble of connections, or one of the whole. */
  readonly kind:
    | Trouble
    | 'writer'
    | 'syn-flood'
    | 'damaged'
    | 'memory'
    | 'slots'
    | 'refused'
    | 'fine';
  readonly severity: Severity;
  /** A few words. */
  readonly title: string;
  /** What it means, and what to do. */
  readonly text: string;
  /** The numbers that it follows from. */
  readonly evidence: string;
  /** How many connections it is about, and some of them. */
  readonly count: number;
  readonly connections: readonly { readonly id: number; readonly name: string }[];
}

/** What is judged: two snapshots of the counters, and the rows of now. */
export interface Scene {
  readonly before: StackStats;
  readonly now: StackStats;
  /** Between the two. */
  readonly seconds: number;
  readonly rows: Iterable<Row>;
  readonly halfOpen: number;
  readonly paths: readonly PathLine[];
}

interface Words {
  readonly severity: Severity;
  readonly title: string;
  readonly text: string;
}

const WORDS: Readonly<Record<Trouble, Words>> = {
  'black-hole': {
    severity: 'bad',
    title: 'Path MTU black hole',
    text: 'Long packets vanish on the way and no router says so: an ICMP filter, or a tunnel with a smaller MTU. The stack found a size that passes by probing; each new connection from elsewhere stalls first. Let ICMP "fragmentation needed" and "packet too big" through, or lower the MTU.',
  },
  'peer-stopped': {
    severity: 'bad',
    title: 'Zero window: the other end has stopped reading',
    text: 'Its window is shut and stays shut. The network is fine: the program at the far end hangs, or does not read this connection.',
  },
  'reader-stopped': {
    severity: 'bad',
    title: 'Zero window here: a program of this host has stopped reading',
    text: 'Text lies here unread, and our window is shut. The network is fine: look at the program that owns the connection.',
  },
  'no-answer': {
    severity: 'bad',
    title: 'The other end does not answer',
    text: 'What was sent is acknowledged by nobody, time-out after time-out: the host is gone, a firewall dropped its state, or the way there is broken.',
  },
  lossy: {
    severity: 'bad',
    title: 'Lossy link',
    text: 'Segments go missing on the way and are sent again, which costs throughput and time: a bad radio link or cable, a policer, or a queue that overflows.',
  },
  'peer-slow': {
    severity: 'warn',
    title: 'Slow receiver at the other end',
    text: 'The window of the other end limits, not the network: its program takes text more slowly than it is sent, or its receive buffer is small for this path.',
  },
  'reader-slow': {
    severity: 'warn',
    title: 'Slow receiver here',
    text: 'A program of this host takes text more slowly than the network brings it: the peer waits for our window.',
  },
  buffer: {
    severity: 'warn',
    title: 'The send buffer is too small for this path',
    text: 'All that it may hold is on its way, and more would be taken: the network and the other end have room. Raise the send buffer to what the path holds, its rate times its round trip.',
  },
  queue: {
    severity: 'warn',
    title: 'A queue on the way (bufferbloat)',
    text: 'Round trips are many times the shortest of late: packets wait in a buffer before a slow link. Limit the rate, or have a fair queue there.',
  },
};

const WRITER: Words = {
  severity: 'good',
  title: 'A program of this host sets the pace',
  text: 'All that it writes is on its way at once, and more would be taken: neither the network nor the other end is slow. If it should go faster, look at the program that writes.',
};

const SHOWN = 3;
/** Half-open connections from which on those that wait are no coincidence. */
const MANY_HALF_OPEN = 64;

/** All that is wrong, the worst first; one finding that says so where nothing is. */
export function diagnose(scene: Scene): Finding[] {
  const found = [...floods(scene), ...ofConnections(scene), ...ofWhole(scene), ...ofWriters(scene)];
  found.sort((a, b) => WEIGHTS[a.severity] - WEIGHTS[b.severity]);
  return found.length > 0 ? found : [fine(scene)];
}

const WEIGHTS: Readonly<Record<Severity, number>> = { bad: 0, warn: 1, good: 2 };

/** So that nobody takes the network for slow where nobody writes faster. */
function ofWriters({ rows }: Scene): Finding[] {
  const paced: Row[] = [];
  for (const row of rows) if (row.trouble === '' && isWriterPaced(row.memory)) paced.push(row);
  paced.sort((a, b) => b.memory.rate - a.memory.rate);
  const [most] = paced;
  if (most === undefined) return [];
  const { rate, networkLimits, peerLimits, bufferLimits } = most.memory;
  const held = percent(networkLimits + peerLimits + bufferLimits);
  const evidence = `${rounded(rate / 1000)} kB a second; for ${held} of the time anything but the program held text back`;
  return [finding('writer', WRITER, evidence, paced)];
}

const finding = (
  kind: Finding['kind'],
  words: Words,
  evidence: string,
  rows: readonly Row[] = [],
): Finding => ({
  ...{ kind, ...words, evidence, count: rows.length },
  // Both ends: of two connections to one server each has a name of its own.
  connections: rows.slice(0, SHOWN).map(({ id, remoteAddress, remotePort, localPort }) => ({
    ...{ id, name: `${remoteAddress} port ${remotePort}, ours ${localPort}` },
  })),
});

const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
const rounded = (value: number): string => (value < 10 ? value.toFixed(1) : `${Math.round(value)}`);

/** How much a counter grew a second. */
const growth = ({ before, now, seconds }: Scene, of: (stats: StackStats) => number): number =>
  seconds > 0 ? Math.max(0, of(now) - of(before)) / seconds : 0;

function floods(scene: Scene): Finding[] {
  const cookies = growth(scene, (stats) => stats.TcpExtSyncookiesSent);
  const overflows = growth(scene, (stats) => stats.TcpExtListenOverflows + stats.TcpExtListenDrops);
  if (cookies === 0 && overflows === 0 && scene.halfOpen < MANY_HALF_OPEN) return [];
  const completed = growth(scene, (stats) => stats.TcpPassiveOpens);
  return [
    finding(
      'syn-flood',
      {
        severity: 'bad',
        title: 'SYN flood',
        text: 'More connections are begun than are ever completed: somebody sends SYNs from made-up addresses, or a scanner is at work. Past the backlog SYN cookies answer, so that real clients still get in and no memory is spent.',
      },
      `${scene.halfOpen} half-open; ${rounded(cookies)} SYN cookies sent a second, ${rounded(overflows)} SYNs dropped a second, ${rounded(completed)} connections completed a second`,
    ),
  ];
}

function ofConnections(scene: Scene): Finding[] {
  const by = new Map<Trouble, Row[]>();
  for (const row of scene.rows) {
    if (row.trouble === '') continue;
    const rows = by.get(row.trouble) ?? [];
    rows.push(row);
    by.set(row.trouble, rows);
  }
  const found: Finding[] = [];
  for (const trouble of TROUBLES) {
    const rows = by.get(trouble);
    if (rows === undefined) continue;
    rows.sort((a, b) => b.queue - a.queue);
    const [worst] = rows;
    if (worst !== undefined) {
      found.push(finding(trouble, WORDS[trouble], evidenceOf(trouble, worst, scene), rows));
    }
  }
  const hole = scene.paths.find(({ learnt }) => learnt === 'probes');
  if (hole !== undefined && !by.has('black-hole')) {
    found.push(finding('black-hole', WORDS['black-hole'], holeWords(hole)));
  }
  const { resent, sent } = losses(scene);
  if (!by.has('lossy') && !by.has('black-hole') && resent >= 2 && resent > sent * 2 * LOSSY) {
    found.push(finding('lossy', WORDS.lossy, lossWords(scene)));
  }
  return found;
}

function evidenceOf(trouble: Trouble, row: Row, scene: Scene): string {
  const { memory } = row;
  switch (trouble) {
    case 'black-hole': {
      const path = scene.paths.find(({ destination }) => destination === row.remoteAddress);
      return path === undefined ? '' : holeWords(path);
    }
    case 'peer-stopped':
      return `its window is ${row.sendWindow} bytes, ${row.notsent + row.unacked} bytes wait here, none was taken for ${rounded(memory.stalledOut / 1000)} s`;
    case 'reader-stopped':
      return `our window is ${row.receiveWindow} bytes, ${row.receiveQueue} bytes lie unread, none was taken for ${rounded(memory.stalledIn / 1000)} s`;
    case 'no-answer':
      return `${row.timeouts} time-outs in a row, ${row.unacked} bytes not acknowledged`;
    case 'lossy':
      return `${percent(memory.sent > 0 ? Math.min(1, memory.resent / memory.sent) : 0)} of its segments are sent again; ${lossWords(scene)}`;
    case 'peer-slow':
      return `its window is ${row.sendWindow} bytes where the network would take ${row.cwnd}; ${row.notsent} bytes wait here, for ${percent(memory.peerLimits)} of the time for the window`;
    case 'reader-slow':
      return `${row.receiveQueue} bytes lie unread, our window is ${row.receiveWindow} bytes`;
    case 'buffer':
      return `${row.unacked} bytes are on their way and none waits; for ${percent(memory.bufferLimits)} of the time the buffer was all under way`;
    case 'queue':
      return `a round trip takes ${rounded(row.rtt)} ms, the shortest of late took ${rounded(row.minRtt)} ms`;
  }
}

const holeWords = ({ destination, mtu }: PathLine): string =>
  `to ${destination} packets of ${mtu} bytes pass and longer ones are lost without a word`;

function losses(scene: Scene): { readonly resent: number; readonly sent: number } {
  return {
    resent: growth(scene, (stats) => stats.TcpRetransSegs),
    sent: growth(scene, (stats) => stats.TcpOutSegs + stats.TcpRetransSegs),
  };
}

function lossWords(scene: Scene): string {
  const { resent, sent } = losses(scene);
  return `of all connections ${rounded(resent)} of ${rounded(sent)} segments a second`;
}

function ofWhole(scene: Scene): Finding[] {
  const found: Finding[] = [];
  const damaged = growth(scene, (stats) => stats.TcpInCsumErrors + stats.UdpInCsumErrors);
  if (damaged >= 0.5) {
    found.push(
      finding(
        'damaged',
        {
          severity: 'bad',
          title: 'Packets come damaged',
          text: 'Checksums do not fit: bad memory or a bad link on the way, or a device that leaves checksums to hardware which is not there.',
        },
        `${rounded(damaged)} a second`,
      ),
    );
  }
  if (scene.now.tcpMemoryPressed) {
    found.push(
      finding(
        'memory',
        {
          severity: 'bad',
          title: 'Memory of connections runs out',
          text: 'Buffers do not grow until some of it is given back. Who keeps most: sort the table by queue.',
        },
        `${scene.now.tcpMemory} of ${scene.now.tcpMemoryLimit} bytes`,
      ),
    );
  }
  const slots = growth(scene, ({ drops }) => (drops['noSlot'] ?? 0) + (drops['outNoSlot'] ?? 0));
  if (slots > 0) {
    found.push(
      finding(
        'slots',
        {
          severity: 'warn',
          title: 'No room for packets',
          text: 'All packet slots are taken: raise `slots`, or find who keeps packets.',
        },
        `${rounded(slots)} packets dropped a second`,
      ),
    );
  }
  const refused = growth(scene, (stats) => stats.TcpOutRsts);
  if (refused >= 20) {
    found.push(
      finding(
        'refused',
        {
          severity: 'warn',
          title: 'Many connections are refused',
          text: 'Somebody asks for ports where nobody listens: a scan, or a server that is not there.',
        },
        `${rounded(refused)} resets sent a second`,
      ),
    );
  }
  return found;
}

function fine({ now }: Scene): Finding {
  return finding(
    'fine',
    {
      severity: 'good',
      title: 'Nothing is wrong that can be seen from here',
      text: 'No losses worth mention, no shut windows, no floods.',
    },
    `${now.connections} connections looked at`,
  );
}
