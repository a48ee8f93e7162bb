/** `tunstack ss`: what it prints, and the words of its filter. ss(8); iproute2 6.1. */
import test from 'ava';
import { socketFilter } from '../../../src/cli/watch/ss-filter.ts';
import { duration, ssLines } from '../../../src/cli/watch/ss-lines.ts';
import type { SocketLine } from '../../../src/index.ts';

const line = (given: Partial<SocketLine>): SocketLine => ({
  protocol: 'tcp',
  state: 'ESTABLISHED',
  receiveQueue: 0,
  sendQueue: 0,
  localAddress: '10.83.0.2',
  localPort: 7,
  remoteAddress: '10.83.0.1',
  remotePort: 40_000,
  ...given,
});
const nobody = { remoteAddress: '*', remotePort: 0 };
const SOCKETS: readonly SocketLine[] = [
  line({ state: 'LISTEN', sendQueue: 511, ...nobody }),
  line({ receiveQueue: 10, sendQueue: 20, timer: { name: 'on', left: 204, retries: 1 } }),
  line({ state: 'TIME-WAIT', remotePort: 443, remoteAddress: '10.9.0.1' }),
  line({ state: 'SYN-RECEIVED', localPort: 80, remotePort: 1024 }),
  line({ localAddress: 'fd83::2', remoteAddress: 'fd83::1', remotePort: 443 }),
  line({ protocol: 'udp', state: 'UNCONNECTED', localAddress: '*', localPort: 53, ...nobody }),
];
const columns = { netid: false, header: true, timers: false, info: false };

test('ss: columns are as wide as what stands in them, ports stand below each other', (t) => {
  t.deepEqual(ssLines(SOCKETS.slice(0, 2), columns), [
    'State  Recv-Q Send-Q Local Address:Port Peer Address:Port',
    'LISTEN 0      511           10.83.0.2:7 *:*',
    'ESTAB  10     20            10.83.0.2:7 10.83.0.1:40000',
  ]);
});

test('ss: several protocols are named, addresses of IPv6 stand in brackets, the header can go', (t) => {
  t.deepEqual(ssLines(SOCKETS.slice(4), { ...columns, netid: true, header: false }), [
    'tcp ESTAB  0 0 [fd83::2]:7 [fd83::1]:443',
    'udp UNCONN 0 0        *:53 *:*',
  ]);
});

test('ss: -o shows the timer, as ss words the time', (t) => {
  const [, shown] = ssLines(SOCKETS.slice(1, 2), { ...columns, timers: true });
  t.regex(shown ?? '', / timer:\(on,204ms,1\)$/);
  t.deepEqual([0, 204, 1200, 12_000, 119_000, 120_000].map(duration), [
    '0ms',
    '204ms',
    '1.200ms',
    '12sec',
    '1min59sec',
    '2min',
  ]);
});

/** Words after `ss`, and the places of SOCKETS that they find; without a state those of `ss` itself. */
const FILTERS: readonly [string, readonly number[], { all?: true; listening?: true }?][] = [
  ['', [1, 4]],
  ['', [0, 1, 2, 3, 4, 5], { all: true }],
  ['', [0, 5], { listening: true }],
  ['state established', [1, 4]],
  ['state time-wait', [2]],
  ['state connected', [1, 2, 3, 4]],
  ['state connected exclude time-wait', [1, 3, 4]],
  ['state bucket', [2, 3]],
  ['exclude established', [0, 2, 3, 5]],
  ['dport = :443', [2, 4], { all: true }],
  ['dport = 443', [2, 4], { all: true }],
  ['dport :443', [2, 4], { all: true }],
  ['sport != :7', [3, 5], { all: true }],
  ['dport >= :1024', [1, 3], { all: true }],
  ['sport gt 7 and sport lt 80', [5], { all: true }],
  ['dst 10.83.0.1', [1, 3], { all: true }],
  ['dst 10.0.0.0/8', [1, 2, 3], { all: true }],
  ['dst 10.83.0.1:1024', [3], { all: true }],
  ['dst fd83::1', [4], { all: true }],
  ['dst fd83::/16', [4], { all: true }],
  ['dst [fd83::1]:443', [4], { all: true }],
  ['src :53', [5], { all: true }],
  ['src 10.83.0.2 dport = :443', [2], { all: true }],
  ['( dport = :443 or sport = :80 ) and not dst 10.9.0.1', [3, 4], { all: true }],
  ['dport = :443 or sport = :80 and dst 10.83.0.1', [2, 3, 4], { all: true }],
];

for (const [words, places, { all = false, listening = false } = {}] of FILTERS) {
  test(`ss: '${words}'${all ? ' of all' : ''}${listening ? ' of listeners' : ''}`, (t) => {
    const filter = socketFilter(words.split(' ').filter(Boolean), { all, listening });
    t.deepEqual(
      SOCKETS.flatMap((socket, place) => (filter(socket) ? [place] : [])),
      [...places],
    );
  });
}

for (const [words, message] of [
  ['state nowhere', /there is 'nowhere', not a state/],
  ['state constructor', /not a state/],
  ['dport', /it ends, not a port/],
  ['dport = :http', /there is ':http', not a port/],
  ['dst nowhere', /there is 'nowhere', not an address/],
  ['dst 10.0.0.0/33', /not an address/],
  ['( dport = :1', /it ends, not '\)'/],
  ['somewhere', /there is 'somewhere', not 'src'/],
] as const) {
  test(`ss: refuses '${words}'`, (t) => {
    t.throws(() => socketFilter(words.split(' '), { all: true, listening: false }), {
      instanceOf: SyntaxError,
      message,
    });
  });
}
