/**
 * `npm run bench:gateway`: a guest's way out through `tunstack network`, slirp4netns and pasta (passt for network
 * namespaces), and by a cable without any of them, in turn, in network namespaces of their own: one stream each way,
 * and requests one after the other, each on a connection of its own. Both ends are programs in C (bench/native), or
 * of Node's where there is no compiler. Prints a table; with `--docs` it takes the place of the one in docs/speed.md.
 *
 *     npm run bench:gateway -- [--runs N] [--seconds N] [--only NAME,...] [--rows down,up,request] [--node OPTION,...] [--docs]
 *
 * `--node` is for the process that runs tunstack network, as `--node --cpu-prof,--cpu-prof-dir=/tmp/prof`.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from './build.mjs';
import { privateNetwork } from './namespace.mjs';
import { runToEnd } from './run.mjs';
import { setUp } from './setup.mjs';

const args = process.argv.slice(2);
const option = (name, usual) => {
  const at = args.indexOf(`--${name}`);
  return at < 0 ? usual : Number(args[at + 1]);
};
const list = (name) => {
  const at = args.indexOf(`--${name}`);
  return at < 0 ? undefined : args[at + 1].split(',');
};
const runs = option('runs', 3);
const seconds = option('seconds', 2);
/** Requests that are measured. */
const REQUESTS = 2000;
/**
 * Before them come so many, since what is compiled as it runs must have run: of ours the first thousand take 1.3 ms each,
 * the fourth 0.5, and none changes much after the eighth.
 */
const WARM_REQUESTS = 8000;
/** Likewise, in seconds. */
const WARM_STREAM = 2;
/** How long a measurement may take besides its seconds. */
const PATIENCE = 60;
const HERE = '192.0.2.1';
const SERVER = '192.0.2.2';
const BEGIN = '<!-- bench:gateway -->';
const END = '<!-- /bench:gateway -->';

const sh = (...words) => {
  const { status, stderr } = spawnSync(words[0], words.slice(1), { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${words.join(' ')}: ${stderr}`);
};

/** A program whose lines can be waited for. */
function start(...words) {
  const child = spawn(words[0], words.slice(1), { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let errors = '';
  child.stderr.on('data', (text) => {
    errors += text;
  });
  const ended = once(child, 'exit');
  return {
    pid: child.pid,
    line: async () => {
      const { value, done } = await lines.next();
      if (done) throw new Error(`${words[0]}: ${errors}`);
      return value;
    },
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** A namespace with somebody in it. */
async function space() {
  const holder = start('unshare', '-n', 'sh', '-c', 'ip link set lo up; echo up; exec sleep 3600');
  await holder.line();
  return { ...holder, enter: ['nsenter', `--net=/proc/${holder.pid}/ns/net`] };
}

const MTU = '65520';
const packageVersion = (name) => {
  const { stdout = '' } = spawnSync('dpkg', ['-s', name], { encoding: 'utf8' });
  return /^Version: (.+)$/m.exec(stdout)?.[1] ?? '';
};
const pastaVersion = () => `pasta ${packageVersion('passt')}`.trim();
/** It enters no namespace of others as root: the client runs in the one that it makes. */
const pasta = (mtu) => [
  ...['pasta', '--runas', '0', '--config-net', '--ipv4-only', '-f', '-q', '-m', mtu],
  ...['-t', 'none', '-u', 'none', '-T', 'none', '-U', 'none', '-i', 'out0'],
  ...['-a', '10.0.2.100', '-n', '24', '-g', '10.0.2.2', '--'],
];
const subjects = {
  tunstack: {
    version: () =>
      `tunstack network ${JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version}`,
    begin: async (guest) => {
      const gateway = start(
        ...[
          process.execPath,
          ...(list('node') ?? []),
          join(root, 'dist/src/cli/main.js'),
          'network',
          '--netns',
          `${guest.pid}`,
        ],
        ...['--mtu', MTU],
      );
      await gateway.line();
      return gateway;
    },
  },
  slirp4netns: {
    version: () =>
      spawnSync('slirp4netns', ['--version'], { encoding: 'utf8' }).stdout.split('\n')[0],
    begin: async (guest) => {
      const gateway = start('slirp4netns', '--configure', `--mtu=${MTU}`, `${guest.pid}`, 'tap0');
      await way(guest);
      return gateway;
    },
  },
  pasta: { version: pastaVersion, within: pasta(MTU) },
  // Once it has offered a guest less than a segment, it may never offer more: shorter ones go on.
  pasta16: { version: () => `${pastaVersion()}, MTU 16 384`, within: pasta('16384') },
  // From this host itself: what the ends and the cable can do.
  none: { version: () => 'no gateway: the same ends on a cable', within: [] },
};

/** Until the guest has a way out. */
async function way(guest) {
  for (let i = 0; i < 100; i++) {
    const { stdout } = spawnSync(guest.enter[0], [guest.enter[1], 'ip', 'route', 'get', SERVER], {
      encoding: 'utf8',
    });
    if (/ dev (tap0|out0|eth0)/.test(stdout)) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error('the guest got no way out');
}

async function measure(name, ends) {
  const { begin, within } = subjects[name];
  if (within) return allOf([...within, ...ends]);
  const guest = await space();
  const gateway = await begin(guest);
  try {
    return await allOf([...guest.enter, ...ends], gateway.pid);
  } finally {
    await gateway.stop();
    await guest.stop();
  }
}

const wanted = (row) => list('rows')?.includes(row) ?? true;

/** Seconds that a process's main thread has had a core; NaN if there is none. */
function cpuOf(pid) {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[0]) / 1e9;
  } catch {
    return Number.NaN;
  }
}

/**
 * Each for a while before it counts. `cpu`: what the gateway's process has taken besides, in microseconds a request and
 * seconds a GB, which others on the machine disturb less.
 */
async function allOf(client, pid) {
  const found = {};
  for (const [what, warm, measured] of [
    ['down', WARM_STREAM, seconds],
    ['up', WARM_STREAM, seconds],
    ['request', WARM_REQUESTS, REQUESTS],
  ]) {
    if (!wanted(what)) continue;
    await result(client, what, warm);
    const before = cpuOf(pid);
    found[what] = await result(client, what, measured);
    const cpu = cpuOf(pid) - before;
    const each =
      what === 'request' ? (cpu * 1e6) / REQUESTS : (cpu * 1000) / (found[what] * seconds);
    if (cpu > 0) found.cpu = { ...found.cpu, [what]: Number(each.toPrecision(3)) };
  }
  return found;
}

/** Whoever has ended without a word, as pasta of 2023 does now and then, has another try, and a third. */
async function result(client, what, amount, tries = 3) {
  try {
    return await resultOf(start(...client, what, SERVER, `${amount}`));
  } catch (error) {
    if (tries === 1) throw error;
    return result(client, what, amount, tries - 1);
  }
}

/** The number that a client says in the end. What has stopped for ever is an error, and what others say is none. */
async function resultOf(client) {
  const patience = (seconds + PATIENCE) * 1000;
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no result for ${patience / 1000} s`)), patience);
  });
  try {
    for (;;) {
      const number = Number.parseFloat(await Promise.race([client.line(), late]));
      if (number > 0) return number;
    }
  } finally {
    clearTimeout(timer);
    await client.stop();
  }
}

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
const digits = (value) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));
const spread = (list) =>
  `${digits(median(list))} (${digits(Math.min(...list))}–${digits(Math.max(...list))})`;

async function main() {
  const outside = await space();
  sh('ip', 'link', 'add', 'out0', 'type', 'veth', 'peer', 'name', 'out1');
  sh('ip', 'link', 'set', 'out1', 'netns', `${outside.pid}`);
  sh('ip', 'addr', 'add', `${HERE}/24`, 'dev', 'out0');
  sh('ip', 'link', 'set', 'out0', 'mtu', '65520', 'up');
  sh('ip', 'route', 'add', 'default', 'via', SERVER);
  sh(...outside.enter, 'ip', 'addr', 'add', `${SERVER}/24`, 'dev', 'out1');
  sh(...outside.enter, 'ip', 'link', 'set', 'out1', 'mtu', '65520', 'up');
  const { buildTools, toolPath } = await import('../dist/bench/link/native.js');
  const lacking = buildTools();
  const ends = lacking
    ? [process.execPath, join(root, 'scripts/bench-gateway-ends.mjs')]
    : [toolPath('gateway')];
  if (lacking) console.error(`${lacking}; the ends are Node's`);
  const server = start(...outside.enter, ...ends, 'serve');
  await server.line();
  const found = {};
  /** Who did not end each run, and why the last time. */
  const missing = new Map();
  const { Progress } = await import('../dist/src/cli/progress.js');
  const names = Object.keys(subjects).filter((name) => list('only')?.includes(name) ?? true);
  const progress = new Progress({
    what: 'bench:gateway',
    total: runs * names.length,
    unit: 'runs',
  });
  for (let run = 0; run < runs; run++) {
    for (const [i, name] of names.entries()) {
      progress.at(run * names.length + i, name);
      if (missing.has(name)) continue;
      try {
        const result = await measure(name, ends);
        found[name] ??= [];
        found[name].push(result);
        console.error(`${name} ${JSON.stringify(result)}`);
      } catch (error) {
        missing.set(name, error.message.trim().split('\n').at(-1));
      }
    }
  }
  progress.end();
  await server.stop();
  await outside.stop();
  const rows = Object.entries(found).map(([name, results]) => {
    const of = (key) => (wanted(key) ? spread(results.map((result) => result[key])) : '–');
    return `| ${subjects[name].version()} | ${of('down')} | ${of('up')} | ${of('request')} |`;
  });
  const table = [
    `- \`npm run bench:gateway -- --runs ${runs} --seconds ${seconds}\`, ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC; ${cpus().length} cores, Node ${process.version}${lacking ? '; both ends are Node’s' : ''}`,
    ...[...missing].map(
      ([name, why]) => `- ${name}: ${(found[name] ?? []).length} of ${runs} runs; ${why}`,
    ),
    '',
    '| | to the guest, MB/s | from the guest, MB/s | a request on a new connection, µs |',
    '|---|---|---|---|',
    ...rows,
  ].join('\n');
  console.log(table);
  if (!args.includes('--docs')) return;
  const page = join(root, 'docs/speed.md');
  const text = readFileSync(page, 'utf8');
  const [from, to] = [text.indexOf(BEGIN) + BEGIN.length, text.indexOf(END)];
  writeFileSync(page, `${text.slice(0, from)}\n\n${table}\n\n${text.slice(to)}`);
}

if (process.env.BENCH_GATEWAY === 'inside') {
  await main();
  process.exit();
}
setUp();
const { wrap, reason } = privateNetwork([['-n']]);
if (wrap === undefined) {
  console.error(`this needs root and a network namespace of its own: ${reason}`);
  process.exit(1);
}
const line = wrap([process.execPath, join(root, 'scripts/bench-gateway.mjs'), ...args]);
const env = { ...process.env, BENCH_GATEWAY: 'inside' };
process.exitCode = await runToEnd(line, { cwd: root, env });
