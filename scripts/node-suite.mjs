/**
 * `npm run node-suite -- FOLDER`: Node's own tests of net, dgram, http, https, http2 and tls, on the kernel's
 * sockets and then on a stack. No file of Node is in this repository: FOLDER is the folder `test` of its
 * sources, as they are unpacked.
 *
 *     npm run node-suite -- FOLDER [--results FILE] [--at-once 3] [--seconds 20] [--no-build] [--ipv6]
 *         [PATTERN ...]
 *
 * Each file runs in a network namespace of its own, with the flags that it names, and without IPv6 unless it is
 * asked for: then the stack has addresses of both families, and the tests that want `::1` do not skip themselves. What passes on the kernel runs once more with `--import
 * tunstack/register`; who fails does so twice before it is believed. A PATTERN (a regular expression) chooses
 * files by their names. With `--results`, what is known of the kernel is
 * read from FILE, and all is written to it, with the last lines that each test said.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build, root } from './build.mjs';
import { privateNetwork } from './namespace.mjs';

const NAME = /^test-(net|dgram|http|https|http2|tls)-.*\.m?js$/;
const REGISTER = ['--import', join(root, 'dist/src/register.js')];
/** Characters of what a test says that are kept: the end has the error. */
const KEPT = 3000;
/** What the stack is told where there is IPv6. */
const BOTH = {
  TUNSTACK_ADDRESS: '10.83.0.2/24,fd83::2/64',
  TUNSTACK_HOST_ADDRESS: '10.83.0.1/24,fd83::1/64',
};
const WITHOUT_IPV6 = 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; exec "$@"';

/**
 * What a test asks for, by its text, that is no affair of a stack: whoever fails and asks for it is counted
 * apart. A test that passes is not asked.
 */
const BEYOND = [
  ['Node’s own insides (internalBinding, --expose-internals)', /internalBinding|expose-internals/],
  ['processes and threads', /child_process|require\('cluster'\)|worker_threads/],
  ['a handle or descriptor of the kernel', /_handle\b|\bfd:/],
  ['a server of DNS within the test, which the kernel’s lookups are sent to', /writeDNSPacket/],
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    results: { type: 'string' },
    'at-once': { type: 'string', default: '3' },
    seconds: { type: 'string', default: '20' },
    'no-build': { type: 'boolean', default: false },
    ipv6: { type: 'boolean', default: false },
  },
});
const [folder, ...patterns] = positionals;
const limit = Number(values.seconds) * 1000;

/** The flags of the line `// Flags: ...`. */
function flagsOf(text) {
  const words = text.match(/^\/\/ Flags: (.*)$/m)?.[1] ?? '';
  return words.split(/\s+/).filter(Boolean);
}

/** One run of a test: `passed`, `skipped`, `failed` or `late`, and the end of what it said. */
function runTest(wrap, { file, flags }, imports, { lane, scratch }) {
  return new Promise((done) => {
    const words = [process.execPath, ...imports, ...flags, file];
    const [program, ...args] = wrap(
      values.ipv6 ? words : ['sh', '-c', WITHOUT_IPV6, 'sh', ...words],
    );
    const env = {
      ...process.env,
      ...(values.ipv6 && BOTH),
      ...{ TEST_SERIAL_ID: String(lane), TEST_THREAD_ID: String(lane), NODE_TEST_DIR: scratch },
    };
    // In a group of its own, so that what a test leaves behind ends with it.
    const child = spawn(program, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (piece) => {
        said = (said + piece).slice(-KEPT);
      });
    }
    const end = () => {
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {} // nobody is left
    };
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      end();
    }, limit);
    child.on('exit', (code) => {
      clearTimeout(timer);
      end();
      const skipped = /^1\.\.0 # Skipped/m.test(said);
      const outcome = late ? 'late' : code === 0 ? (skipped ? 'skipped' : 'passed') : 'failed';
      done({ outcome, said: outcome === 'passed' ? '' : said });
    });
  });
}

/** All of `tests`, a few at once; a failure is tried a second time by itself. */
async function runAll(wrap, tests, imports, results, world) {
  const scratch = mkdtempSync(join(tmpdir(), 'tunstack-node-suite-'));
  const { Progress } = await import('../dist/src/cli/progress.js');
  const what = `node-suite on the ${world}`;
  const progress = new Progress({ what, total: tests.length, unit: 'files' });
  let done = 0;
  const queue = [...tests];
  const work = async (lane) => {
    for (let test = queue.shift(); test; test = queue.shift()) {
      results[test.name] ??= {};
      results[test.name][world] = await runTest(wrap, test, imports, { lane, scratch });
      progress.at(++done, test.name);
    }
  };
  try {
    await Promise.all(Array.from({ length: Number(values['at-once']) }, (_, lane) => work(lane)));
    for (const test of tests) {
      const { outcome } = results[test.name][world];
      if (outcome !== 'failed' && outcome !== 'late') continue;
      progress.at(done, `again: ${test.name}`);
      results[test.name][world] = await runTest(wrap, test, imports, { lane: 0, scratch });
    }
  } finally {
    progress.end();
    rmSync(scratch, { recursive: true, force: true });
  }
}

function readTests() {
  const chosen = patterns.map((pattern) => new RegExp(pattern));
  return ['parallel', 'sequential'].flatMap((room) =>
    readdirSync(join(folder, room))
      .filter((name) => NAME.test(name))
      .filter((name) => chosen.length === 0 || chosen.some((pattern) => pattern.test(name)))
      .map((name) => {
        const file = resolve(folder, room, name);
        const text = readFileSync(file, 'utf8');
        return { name: `${room}/${name}`, file, text, flags: flagsOf(text) };
      }),
  );
}

function report(tests, results) {
  const on = (world, outcome) =>
    tests.filter(({ name }) => results[name]?.[world]?.outcome === outcome);
  const candidates = on('kernel', 'passed');
  const passed = on('stack', 'passed');
  const failing = candidates.filter((test) => !passed.includes(test));
  console.log(`Node ${process.version}: ${tests.length} files, on the kernel's sockets:`);
  console.log(`  ${candidates.length} pass, ${on('kernel', 'skipped').length} skip themselves`);
  console.log(`  of those that pass, on a stack: ${passed.length} pass`);
  let able = candidates.length;
  const ipv6 = values.ipv6 ? [] : [['IPv6', /udp6/]];
  for (const [reason, wanted] of [...BEYOND, ...ipv6, ['the rest', /^/]]) {
    const these = failing.filter(({ text }) => wanted.test(text));
    for (const one of these) failing.splice(failing.indexOf(one), 1);
    if (reason !== 'the rest') able -= these.length;
    console.log(`  ${these.length} that do not: ${reason}`);
    for (const { name } of these) console.log(`    ${results[name].stack?.outcome} ${name}`);
  }
  const share = ((100 * passed.length) / able).toFixed(1);
  console.log(`${passed.length} of the ${able} that can pass on a stack do: ${share} %`);
}

async function main() {
  if (!folder || !existsSync(join(folder, 'parallel'))) {
    throw new Error(
      'usage: npm run node-suite -- FOLDER, the folder `test` of the sources of Node',
    );
  }
  const { wrap, reason } = privateNetwork();
  if (!wrap) throw new Error(`it needs a TUN. ${reason}`);
  if (!values['no-build'] && !build()) throw new Error('the build failed');
  const tests = readTests();
  const file = values.results;
  const results = file && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  const save = () => file && writeFileSync(file, JSON.stringify(results, null, 1));
  const unknown = tests.filter(({ name }) => !results[name]?.kernel);
  await runAll(wrap, unknown, [], results, 'kernel');
  save();
  const candidates = tests.filter(({ name }) => results[name].kernel.outcome === 'passed');
  await runAll(wrap, candidates, REGISTER, results, 'stack');
  save();
  report(tests, results);
}

await main();
