/**
 * `npm run ecosystem`: packages of npm at work over a stack, with servers of Debian behind those that need
 * one. No part of `npm test`.
 *
 *     npm run ecosystem -- [--no-install] [express pg ...]
 *
 * The packages, of pinned versions (test/ecosystem/package-lock.json), are installed into a temporary folder;
 * the servers by apt-get, as root. All runs in a network namespace of its own, on addresses of that
 * namespace. Each package is tried in each way that it has: its server on a stack with clients of the
 * kernel, and its client on a stack; by `--import tunstack/register` and by what it takes (`stack.http`,
 * `stack.net`, an agent ...).
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './build.mjs';
import { privateNetwork } from './namespace.mjs';
import { runToEnd } from './run.mjs';
import { setUp } from './setup.mjs';
import { installLine, installTools } from './tools.mjs';

const STACK = '10.83.0.2';
const KERNEL = '10.83.0.1';
const LIMIT = 120_000;
const INSIDE = '--inside';

/** The packages, and whose server each is a client of; `null`: it is both itself. */
const PACKAGES = {
  express: null,
  fastify: null,
  undici: null,
  ws: null,
  'socket.io': null,
  'http-proxy': null,
  'grpc-js': null,
  ioredis: { program: 'redis-server', port: 6379 },
  pg: { program: 'pg_ctlcluster', port: 5432 },
  mqtt: { program: 'mosquitto', port: 1883 },
  ssh2: { program: 'sshd', port: 2222 },
};
/** Packages that have a server of their own besides. */
const BOTH = new Set(['ssh2']);
/** What cannot be given a socket by its user. */
const NO_CLIENT_ON_STACK = new Set(['grpc-js']);

const args = process.argv.slice(2);
const chosen = args.filter((word) => !word.startsWith('--'));
const mayInstall = !args.includes('--no-install');

/** Processes that run, to be ended with us. */
const running = new Set();

/** A process; settles with its end, and `until` with its first line. */
function start(words, { cwd, env, as } = {}) {
  const [program, ...rest] = as ? ['setpriv', ...as, ...words] : words;
  const child = spawn(program, rest, { cwd, env: { ...process.env, ...env } });
  running.add(child);
  let out = '';
  const ended = new Promise((done) => {
    child.on('error', (error) => done({ code: error.message, out }));
    child.on('close', (code, signal) => {
      running.delete(child);
      done({ code: code ?? signal, out });
    });
  });
  const line = new Promise((done) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (piece) => {
        out += piece;
        if (out.includes('\n')) done(out);
      });
    }
  });
  const stop = async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
    await ended;
    clearTimeout(timer);
  };
  return { ended, line, stop };
}

const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** Settles when something answers at a port of the kernel's loopback. */
async function answering(port) {
  const { connect } = await import('node:net');
  for (let left = 200; left > 0; left--) {
    const open = await new Promise((done) => {
      const socket = connect(port, '127.0.0.1');
      socket.on('connect', () => done(true)).on('error', () => done(false));
      socket.on('connect', () => socket.destroy());
    });
    if (open) return;
    await sleep(100);
  }
  throw new Error(`nothing answers at port ${port}`);
}

/** The ids of a user of the system, for programs that will not run as root. */
function userOf(name) {
  const id = (flag) => spawnSync('id', [flag, name], { encoding: 'utf8' }).stdout.trim();
  return [`--reuid=${id('-u')}`, `--regid=${id('-g')}`, '--clear-groups'];
}

const DEBIAN = {
  'redis-server': () =>
    start(['redis-server', '--bind', '0.0.0.0', '--protected-mode', 'no', '--save', '']),
  mosquitto: (folder) => {
    const file = join(folder, 'mosquitto.conf');
    writeFileSync(file, 'listener 1883 0.0.0.0\nallow_anonymous true\nuser root\n');
    return start(['mosquitto', '-c', file]);
  },
  sshd: (folder) => {
    mkdirSync('/run/sshd', { recursive: true });
    const options = {
      Port: 2222,
      HostKey: join(folder, 'ssh'),
      AuthorizedKeysFile: join(folder, 'ssh.pub'),
      PidFile: 'none',
      StrictModes: 'no',
      UsePAM: 'no',
      PermitRootLogin: 'prohibit-password',
      Subsystem: 'sftp internal-sftp',
    };
    const words = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
    return start(['/usr/sbin/sshd', '-D', '-e', '-f', '/dev/null', ...words]);
  },
  pg_ctlcluster: (folder) => {
    const data = join(folder, 'postgres');
    mkdirSync(data);
    const as = userOf('postgres');
    spawnSync('chown', ['postgres', data]);
    const [bin] = spawnSync('sh', ['-c', 'ls -d /usr/lib/postgresql/*/bin | tail -1'], {
      encoding: 'utf8',
    }).stdout.split('\n');
    const made = spawnSync('setpriv', [...as, `${bin}/initdb`, '-A', 'trust', '-D', data], {
      encoding: 'utf8',
      cwd: '/',
    });
    if (made.status !== 0) console.error(made.stderr);
    writeFileSync(join(data, 'pg_hba.conf'), 'host all all 0.0.0.0/0 trust\n');
    const words = [`${bin}/postgres`, '-D', data, '-h', '0.0.0.0', '-k', data];
    return start(words, { as, cwd: '/' });
  },
};

/** One way of one package: a server somewhere, and a client that must pass. */
async function tryWay(folder, name, { server, client, host, port, system }) {
  const side = (role, way) => {
    const register = way === 'register' ? ['--import', 'tunstack/register'] : [];
    const words = [
      'run.mjs',
      name,
      role,
      host,
      String(port),
      ...(way === 'stack' ? ['stack'] : []),
    ];
    const line = [process.execPath, ...register, ...words, ...(system ? ['system'] : [])];
    return start(line, { cwd: folder, env: { ECOSYSTEM_SSH_KEY: join(folder, 'ssh') } });
  };
  const serving = server ? side('serve', server) : undefined;
  try {
    if (serving) {
      const said = await Promise.race([serving.line, serving.ended.then(({ out }) => out)]);
      if (!said.includes('ready')) return said;
    }
    const calling = side('call', client);
    const timer = setTimeout(() => calling.stop(), LIMIT);
    const { code, out } = await calling.ended;
    clearTimeout(timer);
    return code === 0 ? 'passed' : `ended with ${code}: ${out}`;
  } finally {
    await serving?.stop();
  }
}

/** The ways of a package, by the column of the table that each fills. */
function waysOf(name, debian) {
  const ways = {};
  if (!debian || BOTH.has(name)) {
    for (const server of ['register', 'stack']) {
      ways[`server, ${server}`] = { server, client: 'kernel', host: STACK, port: 8080 };
    }
  }
  for (const client of ['register', 'stack']) {
    if (client === 'stack' && NO_CLIENT_ON_STACK.has(name)) continue;
    ways[`client, ${client}`] = debian
      ? { client, host: KERNEL, port: debian.port, system: true }
      : { server: 'kernel', client, host: KERNEL, port: 8080 };
  }
  return ways;
}

/** Within the namespace: every package that is asked for, in each of its ways. */
async function inside(folder) {
  const table = {};
  let failed = 0;
  const isChosen = ([name]) => chosen.length <= 1 || chosen.slice(1).includes(name);
  const packages = Object.entries(PACKAGES).filter(isChosen);
  const { Progress } = await import('../dist/src/cli/progress.js');
  const progress = new Progress({ what: 'ecosystem', total: packages.length, unit: 'packages' });
  for (const [i, [name, debian]] of packages.entries()) {
    progress.at(i, name);
    const server = debian && DEBIAN[debian.program](folder);
    if (debian) await answering(debian.port);
    table[name] = {};
    for (const [column, way] of Object.entries(waysOf(name, debian))) {
      const started = Date.now();
      const result = await tryWay(folder, name, way);
      const seconds = ((Date.now() - started) / 1000).toFixed(1);
      table[name][column] = result === 'passed' ? `passed, ${seconds} s` : 'FAILED';
      console.log(`${name}, ${column}: ${table[name][column]}`);
      if (result !== 'passed') {
        failed++;
        console.log(result);
      }
    }
    await server?.stop();
  }
  progress.end();
  console.table(table);
  process.exitCode = failed === 0 ? 0 : 1;
}

/** The folder with the packages, and this one among them. */
function prepare() {
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-ecosystem-'));
  chmodSync(folder, 0o755);
  cpSync(join(root, 'test/ecosystem'), folder, { recursive: true });
  console.log(`installing the packages of test/ecosystem/package.json into ${folder}`);
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) throw new Error('npm ci failed');
  symlinkSync(root, join(folder, 'node_modules/tunstack'));
  spawnSync('ssh-keygen', [
    '-q',
    '-t',
    'rsa',
    '-b',
    '2048',
    '-m',
    'PEM',
    '-N',
    '',
    '-f',
    join(folder, 'ssh'),
  ]);
  return folder;
}

async function outside() {
  setUp();
  const programs = Object.values(PACKAGES).flatMap((debian) => (debian ? [debian.program] : []));
  const missing = installTools(programs, mayInstall);
  if (missing.length > 0) {
    console.error(`missing: ${missing.join(', ')}; to have them: ${installLine(missing)}`);
    process.exitCode = 1;
    return;
  }
  const { wrap, reason } = privateNetwork([['-n']]);
  if (!wrap) throw new Error(`it needs a TUN, as root. ${reason}`);
  const folder = prepare();
  try {
    const words = [import.meta.filename, INSIDE, folder, ...chosen];
    process.exitCode = await runToEnd(wrap([process.execPath, ...words]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (args.includes(INSIDE)) {
  try {
    await inside(chosen[0]);
  } finally {
    await Promise.all([...running].map((child) => child.kill('SIGKILL')));
  }
} else await outside();
