/**
 * What `npm start` and `npm test` do first: install the packages where they are missing or not those
 * of the lock file, and build where dist is missing or older than its sources. Says what it does on
 * standard error; nothing where nothing is to be done.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, isBuilt, root } from './build.mjs';

const OLDEST_NODE = [20, 19];

/** A JSON file below the root; undefined if there is none. */
function read(name) {
  const path = join(root, name);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
}

/** True if every package that package.json names is there in the locked version. */
function isInstalled() {
  const { dependencies, devDependencies } = read('package.json');
  const { packages } = read('package-lock.json');
  return Object.keys({ ...dependencies, ...devDependencies }).every((name) => {
    const found = read(`node_modules/${name}/package.json`);
    return found?.version === packages[`node_modules/${name}`]?.version;
  });
}

/** Where no registry answers, npm's own times keep people waiting for minutes, and say nothing. */
const PATIENCE = ['--fetch-retries=1', '--fetch-retry-mintimeout=1000', '--fetch-timeout=10000'];
/** Milliseconds. */
const STILL = 10_000;

/** A process that says that it still goes on while this one waits; to be killed. */
function sayStill() {
  const script = `setInterval(() => {
    const seconds = process.uptime().toFixed(0);
    console.error(\`tunstack: still installing after \${seconds} s; npm may wait for its registry\`);
  }, ${STILL})`;
  return spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** `npm ci`, with the npm that runs us if one does. */
function install() {
  const words = ['ci', '--include=dev', '--no-audit', '--no-fund', ...PATIENCE];
  const npm = process.env['npm_execpath'];
  const [program, args] = npm?.endsWith('.js')
    ? [process.execPath, [npm, ...words]]
    : ['npm', words];
  const still = sayStill();
  try {
    return spawnSync(program, args, { cwd: root, stdio: ['ignore', 2, 2] }).status === 0;
  } finally {
    still.kill();
  }
}

/** Make it ready, or end the process with the reason. */
export function setUp() {
  const give = (reason) => {
    console.error(`tunstack: ${reason}`);
    process.exit(1);
  };
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
    give(`this is Node ${process.versions.node}, it needs ${OLDEST_NODE.join('.')} or newer`);
  }
  if (!isInstalled()) {
    console.error('tunstack: installing its packages (npm ci) ...');
    if (!install())
      give('npm ci failed, see above; it needs a package registry that can be reached');
  }
  if (!isBuilt()) {
    console.error('tunstack: building ...');
    if (!build()) give('the build failed, see above');
  }
}
