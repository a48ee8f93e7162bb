/**
 * `npm test`: set up what is needed, run every test, say the sum of it.
 *
 *     npm test -- [--verbose] [--no-install] [test/room/file.test.ts ...]
 *
 * The tests in test/tun run in a network namespace of their own (`unshare -n` as root, and some of
 * them in `unshare -Urn` too; all of them in that otherwise). What is not run is said, with the
 * reason, and last of all if no real device was tried.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from './build.mjs';
import { isRoot, privateNetwork, USER } from './namespace.mjs';
import { setUp } from './setup.mjs';
import { installLine, installTools } from './tools.mjs';

/** Programs that tests talk to. */
const TOOLS = [
  ...['ping', 'curl', 'dig', 'tshark', 'ip', 'openssl', 'wrk', 'udhcpc', 'tcpdump'],
  ...['wireguard-go', 'wg', 'openvpn', 'vde_switch', 'radvd', 'rdisc6', 'hping3'],
];
const TUN = 'dist/test/tun/';
const MACHINES = 'dist/test/machines/';
/** What root tries as an ordinary user too: what a default is refused there breaks these. */
const USERS_TOO = ['device', 'ping', 'serve', 'start'].map((name) => `${TUN}${name}.test.js`);
/** Files whose tests stay out of each other's way, and mostly wait for a peer: they run side by side. */
const SIDE_BY_SIDE = ['openvpn', 'wireguard'].map((name) => `${TUN}${name}.test.js`);
const AVA = join(root, 'node_modules/ava/entrypoints/cli.mjs');

const args = process.argv.slice(2);
const verbose = args.includes('--verbose');
const mayInstall = !args.includes('--no-install');
const chosen = args.filter((word) => !word.startsWith('--'));

/** Have the tools, or say what goes without them. */
function prepareTools() {
  const missing = installTools(TOOLS, mayInstall);
  if (missing.length === 0) return;
  console.error(`missing: ${missing.join(', ')}; tests that talk to them are skipped`);
  console.error(`  to run them: ${installLine(missing)}`);
}

/** What runs of ava have counted. */
const sum = { passed: 0, failed: 0, skipped: 0 };

/** Counts and prints ava's TAP: failures in full, skips by name, the rest with --verbose. */
class Report {
  passed = 0;
  failed = 0;
  skipped = 0;
  /** The title of the test that ended last. */
  last = 'none';
  /** In the details of a failure. */
  #inFailure = false;
  #live = process.stderr.isTTY === true;
  /** What it has to say; null: say it at once. */
  #kept;

  /** `together`: print all at the end, for others print meanwhile. */
  constructor(together = false) {
    this.#kept = together ? [] : null;
  }

  line(text) {
    // A crash that has no words for itself has no title.
    const test = /^(not )?ok \d+(?: - (.*?))?( # SKIP.*| # TODO.*)?$/.exec(text);
    if (test) {
      const [, not, title = 'what has no name', directive] = test;
      this.#inFailure = false;
      this.last = title;
      if (directive) this.skipped++;
      else if (not) this.failed++;
      else this.passed++;
      if (directive) this.#print(`skipped: ${title}`);
      else if (not) this.#print(`FAILED: ${title}`);
      else if (verbose) this.#print(`passed: ${title}`);
      this.#inFailure = not !== undefined && !directive;
      this.#progress();
    } else if (/^#\s+(tests|pass|skip|todo|fail) \d+$/.test(text) || /^(TAP |1\.\.)/.test(text)) {
      this.#inFailure = false;
    } else if (
      this.#inFailure ||
      verbose ||
      /^# (\d+ tests? remaining|skipped, no machines)/.test(text)
    ) {
      if (text !== '') this.#print(text);
    }
  }

  #print(text) {
    if (this.#kept !== null) {
      this.#kept.push(text);
      return;
    }
    if (this.#live) process.stderr.write('\r\x1b[K');
    console.log(text);
  }

  #progress() {
    if (this.#live) process.stderr.write(`\r\x1b[K${this.passed} passed, ${this.failed} failed`);
  }

  end() {
    if (this.#live) process.stderr.write('\r\x1b[K');
    for (const text of this.#kept ?? []) console.log(text);
  }
}

/**
 * Run ava with these words, in front of it those that `wrap` puts there; how many tests ran. In a `lane`, a
 * folder for what runs, it goes beside others.
 */
async function ava(words, wrap = (line) => line, lane = undefined) {
  const [program, ...rest] = wrap([process.execPath, AVA, '--tap', ...words]);
  const child = spawn(program, rest, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: lane === undefined ? process.env : { ...process.env, XDG_RUNTIME_DIR: lane },
  });
  const report = new Report(lane !== undefined);
  const ended = new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => resolve(signal ?? code));
  });
  for await (const line of createInterface({ input: child.stdout })) report.line(line);
  const end = await ended;
  report.end();
  if (end !== 0 && report.failed === 0) {
    // ava says nothing of a file whose tests are done but whose event loop something holds, and of tests that are
    // past its timeout it fails to say which they are (its TAP reporter throws, 7.0.0).
    report.failed = 1;
    const what = words.length > 0 ? words.join(' ') : 'the tests';
    console.log(
      `FAILED: ${what}: ava ended with ${end}; a file would not load, or would not end. Before it: ${report.last}`,
    );
  }
  sum.passed += report.passed;
  sum.failed += report.failed;
  sum.skipped += report.skipped;
  return report.passed + report.failed;
}

/** The compiled file of a test named by its source or by itself; patterns pass as they are. */
const compiled = (name) =>
  name.endsWith('.ts') && !name.startsWith('dist') ? `dist/${name.slice(0, -3)}.js` : name;

/** The compiled tests that need a TUN. */
function tunFiles() {
  const folder = join(root, TUN);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.test.js'))
    .map((name) => TUN + name);
}

const started = Date.now();
setUp();
prepareTools();

const files = chosen.map(compiled);
const plain = files.filter((name) => !name.startsWith(TUN) && !name.startsWith(MACHINES));
const tun = files.length > 0 ? files.filter((name) => name.startsWith(TUN)) : tunFiles();

if (files.length === 0 || plain.length > 0) await ava(plain);
/** Why no test of a real device ran. */
let untried = 'all of them were skipped';
let tried = 0;

/** So many files of test/tun run at a time: most of each is waiting. */
const LANES = Math.min(2, availableParallelism());

/**
 * Run files of test/tun in a namespace each: what one leaves behind is not there for the next. Each lane has
 * a folder of its own for control sockets, so that a command finds what its own file has started.
 */
async function onDevice(names, { wrap, reason }) {
  if (wrap === undefined) {
    const files =
      names.length === 1 ? '1 file in test/tun needs' : `${names.length} files in test/tun need`;
    console.log(`skipped: ${files} a TUN. ${reason}`);
    untried = reason;
    return;
  }
  const left = [...names];
  const lane = async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tunstack-test-'));
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      const serial = SIDE_BY_SIDE.includes(name) ? ['--no-serial'] : [];
      const words = ['--config', 'ava.tun.config.js', ...serial, name];
      const ran = await ava(words, wrap, folder);
      tried += ran;
    }
    rmSync(folder, { recursive: true });
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

// Real machines, where QEMU and a kernel are; the file says what is missing where they are not.
if (files.length === 0 || files.some((name) => name.startsWith(MACHINES))) {
  await ava(['--config', 'ava.machines.config.js']);
}
if (tun.length > 0) await onDevice(tun, privateNetwork());
const again = tun.filter((name) => USERS_TOO.includes(name));
if (isRoot() && again.length > 0) {
  const names = again.map((name) => name.slice(TUN.length, -'.test.js'.length)).join(', ');
  console.log(`again in a user namespace, as those who are not root: ${names}`);
  await onDevice(again, privateNetwork([USER]));
}

const seconds = ((Date.now() - started) / 1000).toFixed(0);
console.log(`in ${seconds} s, ${sum.skipped} skipped`);
if (tun.length > 0 && tried === 0) console.log(`NO TEST OF A REAL DEVICE RAN: ${untried}`);
console.log(`${sum.passed} passed, ${sum.failed} failed`);
process.exitCode = sum.failed === 0 && sum.passed > 0 ? 0 : 1;
