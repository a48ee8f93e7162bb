/** `tunstack nstat`: what moved since it was last asked. nstat(8). */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { changes, History, nstatLines } from '../../../src/cli/watch/nstat.ts';
import type { StackStats } from '../../../src/index.ts';

const stats = (counters: object, drops = {}, ignored = {}): StackStats =>
  ({ packetsIn: 9, tcpMemoryPressed: false, ...counters, drops, ignored }) as unknown as StackStats;
const all = { zeros: false, patterns: [] };

test('nstat: counters that moved, drops by reason, and no field of ours that is no counter', (t) => {
  const shown = changes(
    stats({ IpInReceives: 2, IpInDelivers: 0 }, { tcpBadAck: 1 }, { ipNotMember: 4 }),
    undefined,
    all,
  );
  t.deepEqual(shown, [
    ['IpInReceives', 2],
    ['DropTcpBadAck', 1],
    ['IgnoredIpNotMember', 4],
  ]);
  t.deepEqual(nstatLines(shown), [
    '#tunstack',
    'IpInReceives                    2                  0.0',
    'DropTcpBadAck                   1                  0.0',
    'IgnoredIpNotMember              4                  0.0',
  ]);
});

test('nstat: counts from where it was, shows gauges as they are, and begins anew with a new stack', (t) => {
  const before = new Map([
    ['IpInReceives', 5],
    ['TcpCurrEstab', 3],
    ['TcpInSegs', 100],
  ]);
  const now = stats({ IpInReceives: 7, TcpCurrEstab: 3, TcpInSegs: 4 });
  t.deepEqual(changes(now, before, all), [
    ['IpInReceives', 2],
    ['TcpCurrEstab', 3],
    ['TcpInSegs', 4],
  ]);
});

test('nstat: patterns are those of the shell, and -z shows what is 0', (t) => {
  const now = stats({ IpInReceives: 0, IpInDelivers: 1, TcpInSegs: 1 });
  t.deepEqual(
    changes(now, undefined, { zeros: true, patterns: ['Ip*', 'TcpIn?egs'] }).map(([name]) => name),
    ['IpInReceives', 'IpInDelivers', 'TcpInSegs'],
  );
  t.deepEqual(changes(now, undefined, { zeros: false, patterns: ['I.*'] }), []);
});

test('nstat: what was shown is kept beside the socket', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-nstat-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const history = new History(join(folder, '1.sock'));
  t.is(history.read(), undefined);
  history.write(stats({ IpInReceives: 7 }));
  t.is(history.read()?.get('IpInReceives'), 7);
});
