/** What is said to be wrong, and by which rule: docs/page.md, "What is wrong?". */
import test from 'ava';
import type { PathLine, StackStats } from '../../../src/index.ts';
import { createPipe, createStack } from '../../../src/index.ts';
import { diagnose, type Finding } from '../../../src/page/live/diagnosis.ts';
import type { Row } from '../../../src/page/live/rows.ts';
import { judge, type Look, newMemory, type Trouble } from '../../../src/page/live/trouble.ts';

const [device] = createPipe();
const stack = createStack({ device, address: '10.9.0.2/24' });
const none = stack.stats();
test.after.always(() => stack.close());

const quiet: Look = {
  ...{ rtt: 10, minRtt: 10, cwnd: 100_000, mss: 1448, sendWindow: 200_000, receiveWindow: 60_000 },
  ...{ unacked: 0, notsent: 0, receiveQueue: 0, timeouts: 0, totalRetrans: 0, segsOut: 0 },
  ...{ bytesAcked: 0, bytesReceived: 0, networkLimited: 0, rwndLimited: 0, sndbufLimited: 0 },
};

/** What is told after so many seconds, each of which `next` makes of the last. */
function after(
  seconds: number,
  next: (last: Look, second: number) => Partial<Look>,
  isHole = false,
): Trouble | '' {
  const memory = newMemory();
  let last = quiet;
  let told: Trouble | '' = '';
  for (let second = 1; second <= seconds; second++) {
    const now = { ...last, ...next(last, second) };
    told = judge(memory, last, now, 1000, isHole);
    last = now;
  }
  return told;
}

test('trouble: a window that is shut for four seconds is a peer that stopped, before that it is none', (t) => {
  const shut = (): Partial<Look> => ({ sendWindow: 0, notsent: 50_000 });
  t.is(after(1, shut), '');
  t.is(after(5, shut), 'peer-stopped');
});

test('trouble: a window that limits while text moves is a slow peer', (t) => {
  const slow = ({ bytesAcked }: Look): Partial<Look> => ({
    ...{ sendWindow: 3000, unacked: 2896, notsent: 50_000, bytesAcked: bytesAcked + 10_000 },
  });
  t.is(
    after(8, (last) => ({ ...slow(last), rwndLimited: last.rwndLimited + 800 })),
    'peer-slow',
  );
  t.is(
    after(8, (last) => ({ ...slow(last), networkLimited: last.networkLimited + 900 })),
    '',
    'it is the congestion window that held text back',
  );
});

test('trouble: a send buffer that is all under way is too small for a long path, and right for a short one', (t) => {
  const held = (minRtt: number) => (last: Look) => ({
    ...{ minRtt, rtt: minRtt, unacked: 100_000, bytesAcked: last.bytesAcked + 1_000_000 },
    sndbufLimited: last.sndbufLimited + 900,
  });
  t.is(after(8, held(80)), 'buffer');
  t.is(after(8, held(1)), '');
});

test('trouble: text that lies unread is a reader that stopped, or is slow', (t) => {
  const full = { receiveQueue: 200_000, receiveWindow: 0 };
  t.is(
    after(6, () => full),
    'reader-stopped',
  );
  const slow = ({ bytesReceived }: Look): Partial<Look> => ({
    ...full,
    bytesReceived: bytesReceived + 1,
  });
  t.is(after(8, slow), 'reader-slow');
});

test('trouble: one of fifty segments sent again is a lossy link, one of a thousand is none', (t) => {
  const losing =
    (share: number) =>
    ({ segsOut, totalRetrans }: Look): Partial<Look> => ({
      ...{ segsOut: segsOut + 1000, totalRetrans: totalRetrans + 1000 * share },
    });
  t.is(after(6, losing(0.02)), 'lossy');
  t.is(after(6, losing(0.001)), '');
});

test('trouble: time-out after time-out is nobody there, unless it is the window that is shut', (t) => {
  t.is(
    after(1, () => ({ timeouts: 2, unacked: 1448 })),
    'no-answer',
  );
  t.is(
    after(5, () => ({ timeouts: 2, sendWindow: 0, notsent: 1 })),
    'peer-stopped',
  );
});

test('trouble: a path known to swallow long packets goes before all', (t) => {
  t.is(
    after(1, () => ({ timeouts: 3 }), true),
    'black-hole',
  );
});

test('trouble: round trips of many times the shortest are a queue', (t) => {
  t.is(
    after(1, () => ({ rtt: 300, minRtt: 20 })),
    'queue',
  );
  t.is(
    after(1, () => ({ rtt: 30, minRtt: 1 })),
    '',
    'a queue of 29 ms troubles nobody',
  );
});

const rowOf = (trouble: Trouble | '', id = 1): Row => ({
  ...{ ...quiet, id, key: id, text: '', localAddress: '10.9.0.2', localPort: 80 },
  ...{ remoteAddress: '<b>', remotePort: id, state: 'ESTABLISHED', isHalfOpen: false },
  ...{ rateIn: 0, rateOut: 0, queue: id, trouble, round: 1, memory: newMemory() },
});

function found(
  grown: Partial<StackStats>,
  rows: readonly Row[] = [],
  halfOpen = 0,
  paths: readonly PathLine[] = [],
): Finding[] {
  return diagnose({ before: none, now: { ...none, ...grown }, seconds: 10, rows, halfOpen, paths });
}

const kinds = (findings: readonly Finding[]): string[] => findings.map(({ kind }) => kind);

test('diagnosis: where nothing is wrong it says so', (t) => {
  t.deepEqual(kinds(found({}, [rowOf('')])), ['fine']);
  t.deepEqual(kinds(found({ TcpOutSegs: 10_000, TcpRetransSegs: 5 })), ['fine']);
});

test('diagnosis: cookies, dropped SYNs and many half-open connections are a SYN flood each', (t) => {
  t.deepEqual(kinds(found({ TcpExtSyncookiesSent: 1 })), ['syn-flood']);
  t.deepEqual(kinds(found({ TcpExtListenOverflows: 1 })), ['syn-flood']);
  t.deepEqual(kinds(found({}, [], 64)), ['syn-flood']);
  t.deepEqual(kinds(found({}, [], 63)), ['fine']);
});

test('diagnosis: connections with one trouble are one finding, those with most waiting named', (t) => {
  const rows = Array.from({ length: 9 }, (_, i) => rowOf('peer-slow', i + 1));
  const [finding] = found({}, rows);
  t.is(finding?.count, 9);
  t.deepEqual(
    finding?.connections.map(({ id }) => id),
    [9, 8, 7],
  );
});

test('diagnosis: who writes slowly is told so, unless something held his text back', (t) => {
  const paced = (bytes: number, networkLimited: number): Row => {
    const row = rowOf('');
    let last = quiet;
    for (let second = 0; second < 8; second++) {
      const now = {
        ...{ ...last, bytesAcked: last.bytesAcked + bytes },
        networkLimited: last.networkLimited + networkLimited,
      };
      judge(row.memory, last, now, 1000, false);
      last = now;
    }
    return row;
  };
  t.deepEqual(kinds(found({}, [paced(200_000, 20)])), ['writer']);
  t.deepEqual(kinds(found({}, [paced(200_000, 300)])), ['fine']);
  t.deepEqual(kinds(found({}, [paced(2_000, 0)])), ['fine'], 'it says little: nobody waits for it');
  t.deepEqual(kinds(found({}, [paced(200_000, 20), rowOf('queue', 2)])), ['queue', 'writer']);
});

test('diagnosis: what is bad comes before what is only slow', (t) => {
  t.deepEqual(kinds(found({}, [rowOf('queue'), rowOf('peer-stopped', 2)])), [
    'peer-stopped',
    'queue',
  ]);
});

test('diagnosis: a black hole is told when its connection is gone, and no longer as losses', (t) => {
  const hole = { destination: '10.0.0.1', mtu: 1300, learnt: 'probes' as const, left: 1 };
  t.deepEqual(kinds(found({}, [], 0, [hole])), ['black-hole']);
  t.deepEqual(kinds(found({}, [], 0, [{ ...hole, learnt: 'icmp' }])), ['fine']);
  const losses = { TcpOutSegs: 1000, TcpRetransSegs: 100 };
  t.deepEqual(kinds(found(losses)), ['lossy']);
  t.deepEqual(kinds(found(losses, [rowOf('black-hole')])), ['black-hole']);
});

test('diagnosis: damaged packets, memory, slots and refusals', (t) => {
  t.deepEqual(kinds(found({ TcpInCsumErrors: 5 })), ['damaged']);
  t.deepEqual(kinds(found({ tcpMemoryPressed: true })), ['memory']);
  t.deepEqual(kinds(found({ drops: { noSlot: 1 } })), ['slots']);
  t.deepEqual(kinds(found({ TcpOutRsts: 200 })), ['refused']);
});
