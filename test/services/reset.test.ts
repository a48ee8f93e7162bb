/**
 * A reset while a FIN is on the way: in processes of their own, as what goes wrong shows at their end.
 * @module
 */
import { spawnSync } from 'node:child_process';
import test from 'ava';

const RESET = new URL('../../src/services/reset.js', import.meta.url).href;

/** Connects on loopback and does `what` with `socket`; says how the server saw it end, and ends by itself. */
const program = (what: string): string => `
import { connect, createServer } from 'node:net';
import { reset } from '${RESET}';
const server = createServer((peer) => {
  peer.on('error', ({ code }) => console.log(code)).on('end', () => console.log('end')).resume();
}).listen(0, '127.0.0.1', () => {
  const socket = connect({ port: server.address().port, host: '127.0.0.1' });
  socket.on('error', ({ code }) => console.log('failed', code)).on('close', () => server.close());
  ${what}
});`;

function run(what: string): { out: string; ended: boolean } {
  const words = ['--input-type=module', '-e', program(what)];
  const { stdout, status } = spawnSync(process.execPath, words, {
    encoding: 'utf8',
    timeout: 20_000,
    killSignal: 'SIGKILL',
  });
  return { out: stdout, ended: status === 0 };
}

const CASES: readonly [string, string, RegExp][] = [
  ['of a connection', "socket.once('connect', () => reset(socket));", /^ECONNRESET\n$/],
  [
    'while the FIN is on the way',
    "socket.once('connect', () => { socket.end(); process.nextTick(() => reset(socket)); });",
    /^end\n(ECONNRESET\n)?$/,
  ],
  ['of what ended before it was connected', 'socket.end(); reset(socket);', /^(end\n)?$/],
  [
    'of what ended, and was reset as it was connected',
    "socket.end(); socket.once('connect', () => reset(socket));",
    /^(end\n)?(ECONNRESET\n)?$/,
  ],
];

for (const [when, what, said] of CASES) {
  test(`reset: ${when}, and the process comes to its end`, (t) => {
    const { out, ended } = run(what);
    t.regex(out, said);
    t.true(ended, 'a handle that is not closed keeps it for ever');
  });
}
