/** Tests of how the bench reads what V8 tells of its collector and its time. @module */
import test from 'ava';
import { type CpuProfile, roomOf, summarize } from '../../bench/link/cpu-profile.ts';
import { allocated } from '../../bench/link/gc-trace.ts';
import { readReport } from '../../bench/link/perf.ts';

const line = (kind: string, bytes: bigint): string =>
  `[1:0x2] 21 ms: pause=0.5 gc=${kind} allocated=${BigInt.asUintN(64, bytes)} promoted=0`;
const mark = [line('mc', 5_000_000n), line('mc', -512n), line('mc', 0n)];

test('gc-trace: sums up what was allocated between two marks', (t) => {
  const trace = ['ready', line('s', 777n), ...mark, line('s', 1_000_000n), line('mc', 200_000n)];
  // The first collection of the second mark ends the stretch, and counts.
  t.is(allocated([...trace, ...mark].join('\n')), 6_200_000);
});

test('gc-trace: two marks right after each other have between them what the second one found', (t) => {
  t.is(allocated([...mark, line('mc', 0n), line('mc', 0n), line('mc', 0n)].join('\n')), 0);
});

test('gc-trace: without two marks there is no answer', (t) => {
  t.throws(() => allocated(mark.join('\n')), { message: /1 of two marks/ });
});

const frame = (id: number, functionName: string, url: string) => ({
  id,
  callFrame: { functionName, url, lineNumber: 9 },
});

const PROFILE: CpuProfile = {
  nodes: [
    frame(1, '(idle)', ''),
    frame(2, 'emit', 'file:///x/dist/src/stack/tcp/emit.js'),
    frame(3, 'write', 'file:///x/dist/src/device/linux/descriptor.js'),
  ],
  startTime: 1000,
  samples: [1, 2, 3, 2],
  timeDeltas: [0, 100, 300, 600],
};

test('cpu-profile: a sample lasts until the next one, and idle time is kept apart', (t) => {
  const { busyMicros, idleMicros, rooms, functions } = summarize(PROFILE, 0, 10_000);
  t.is(idleMicros, 100);
  t.is(busyMicros, 900);
  t.deepEqual(
    rooms.map(({ name, micros }) => [name, micros]),
    [
      ['system calls', 600],
      ['tcp', 300],
    ],
  );
  t.is(functions[1]?.name, 'emit emit.js:10');
});

test('cpu-profile: what lies outside of the time asked for does not count', (t) => {
  t.is(summarize(PROFILE, 1350, 10_000).busyMicros, 600);
});

test('cpu-profile: functions belong to rooms by their files', (t) => {
  const rooms = [
    roomOf('(garbage collector)', ''),
    roomOf('send', 'file:///x/dist/src/stack/stack.js'),
    roomOf('onStreamRead', 'node:internal/stream_base_commons'),
    roomOf('pump', 'file:///x/dist/bench/link/callbacks.js'),
    roomOf('wasm-function[0]', 'wasm://wasm/771da5d6'),
  ];
  t.deepEqual(rooms, ['garbage collector', 'stack', 'node', 'the application', 'wire']);
});

const REPORT = `# To display the perf.data header info, please use --header/--header-only options.
 60.00%  |[kernel.kallsyms]  |[k] tun_do_read
 20.00%  |[JIT] tid 7        |[.] JS:*emit file:///x/dist/src/stack/tcp/emit.js:28:21
 10.00%  |node               |[.] v8::internal::Sweeper::RawSweep
  5.00%  |[JIT] tid 7        |[.] JS:*read file:///x/dist/src/device/linux/descriptor.js:82:3
  5.00%  |koffi.node         |[.] 0x00000000000ab548

`;

test('perf: rows are shares of the CPU, the kernel’s apart from who called it', (t) => {
  t.deepEqual(
    readReport(REPORT, 1000).map(({ name, room, micros }) => [name, room, Math.round(micros)]),
    [
      ['tun_do_read', 'kernel', 600],
      ['emit emit.js:28', 'tcp', 200],
      ['v8::internal::Sweeper::RawSweep', 'garbage collector', 100],
      ['read descriptor.js:82', 'device', 50],
      ['koffi', 'calls of libc', 50],
    ],
  );
});
