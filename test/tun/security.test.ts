/**
 * A second reader of docs/security.md: an attacker with scapy, nmap and hping3 tries what it says against `tunstack serve`.
 * @module
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import test, { type ExecutionContext, type TestFn } from 'ava';
import { pinged } from '../support/pinged.ts';
import { run } from '../support/process.ts';
import { root } from '../support/root.ts';
import { tunTest } from './namespace.ts';
import { type Serving, serve, testWith } from './serving.ts';

/** The system's Python first: the packages of the system are its. */
const PYTHONS = ['/usr/bin/python3', 'python3'];
const python = PYTHONS.find((one) => spawnSync(one, ['-c', 'import scapy']).status === 0);

function withScapy(): TestFn {
  if (python !== undefined) return tunTest;
  console.log('skipped, no scapy here (python3-scapy)');
  return test.skip as unknown as TestFn; // takes what `test` takes
}

const attack = withScapy();
const withNmap = testWith('nmap');
const withHping = testWith('hping3', 'ping');

/** What one case of stranger.py saw. */
async function seen<T>(t: ExecutionContext, what: string, serving?: Serving): Promise<T> {
  const { address, tun } = serving ?? (await serve(t));
  const script = join(root, 'test/tun/stranger.py');
  const { code, out, err } = await run(python ?? 'python3', script, what, address, tun);
  t.is(code, 0, err);
  return JSON.parse(out) as T;
}

attack(
  'security: only the exact sequence number resets, and challenges are ten a second',
  async (t) => {
    // RFC 5961 §3.2, §4.2, §5.2 and §7.
    type Answer = [string[], boolean];
    const found = await seen<Record<string, Answer> & { challenges: number; exact: boolean }>(
      t,
      'blind',
    );
    t.deepEqual(found['reset'], [['A'], true]);
    t.deepEqual(found['reset far'], [['A'], true]);
    t.deepEqual(found['syn'], [['A'], true]);
    t.deepEqual(found['reset outside'], [[], true]);
    t.deepEqual(found['ack of what was not sent'] as unknown, [false, true]);
    t.true(found.challenges > 0 && found.challenges <= 20, `${found.challenges} challenges`); // two seconds may be touched
    t.false(found.exact, 'the exact number resets');
  },
);

attack('security: nothing of one connection tells the numbers of the next', async (t) => {
  // RFC 6528 §3, RFC 7323 §5.4: 11 steps, each in a 2000th of the space by chance.
  const found = await seen<Record<string, number>>(t, 'numbers');
  for (const [what, count] of Object.entries(found)) t.true(count <= 1, `${what}: ${count}`);
});

attack(
  'security: answers to strangers are rationed, and what no host sends has none',
  async (t) => {
    const found = await seen<Record<string, number | boolean>>(t, 'strangers');
    t.true(
      Number(found['resets']) > 0 && Number(found['resets']) <= 500,
      `${found['resets']} resets`,
    );
    const errors = Number(found['unreachables']);
    t.true(errors > 0 && errors <= 200, `${errors} unreachables`);
    t.is(found['answers to odd flags'], 0);
    t.is(found['answers to no host'], 0);
    t.is(found['source routes'], 0);
    t.is(found['overlapping fragments'], 0, 'RFC 5722');
    t.true(found['whole fragments']);
  },
);

attack('security: beyond the backlog a cookie opens a connection', async (t) => {
  t.deepEqual(await seen(t, 'flood'), { opened: true });
});

attack(
  'security: a path is narrowed by what quotes a number in flight, and not below 552',
  async (t) => {
    // RFC 5927 §4.1 and §7.2, RFC 8899 §4.6.
    const found = await seen<Record<string, [number, number]>>(t, 'paths');
    for (const what of [
      'nothing',
      'a number not in flight',
      'a number beyond',
      'about a datagram',
      'unreachable, in flight',
    ]) {
      t.deepEqual(found[what], [1460, 1460], what);
    }
    const [before, after] = found['in flight'] ?? [0, 0];
    t.is(before, 1460);
    t.true(after > 0 && after < 1460 && after % 512 === 0, `${after}`); // offload may show two as one
  },
);

attack('security: a segment size below 48 is not believed', async (t) => {
  const { least } = await seen<{ least: number }>(t, 'small');
  t.true(least >= 36, `${least}`);
});

attack('security: a reset does not end TIME-WAIT', async (t) => {
  t.deepEqual(await seen(t, 'assassin'), { answers: ['A'] }); // RFC 1337, fix F1
});

withNmap('security: nmap finds the ports that are open, and no more', async (t) => {
  const { address } = await serve(t);
  const scan = await run('nmap', '-n', '-Pn', '-sS', '-p', '1-1024', '--max-retries', '3', address);
  const open = [...scan.out.matchAll(/^(\d+)\/tcp +open /gm)].map(([, port]) => port);
  t.deepEqual(open, ['7', '9', '13', '19', '80'], scan.err);
});

withHping(
  'security: echoes are answered in a flood of segments that belong to nobody',
  async (t) => {
    const { address } = await serve(t);
    const flood = run('hping3', '-q', '-A', '-p', '99', '-i', 'u200', '-c', '10000', address);
    const { out } = await run('ping', '-n', '-q', '-c', '20', '-i', '0.05', '-w', '30', address);
    t.true(pinged(out).received >= 20, out);
    await flood;
  },
);
