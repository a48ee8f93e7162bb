/**
 * `tunstack tuntap` beside `ip tuntap`: the same words, the same output, the same exit codes, about the
 * same interfaces. ip-tuntap(8).
 * @module
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ExecutionContext } from 'ava';
import type { Screen } from '../../src/cli/screen.ts';
import { runTuntap } from '../../src/cli/tuntap.ts';
import { openTun, tuntap } from '../../src/index.ts';
import { type Ended, run } from '../support/process.ts';
import { command, root } from '../support/root.ts';
import { tunTest } from './namespace.ts';

/** iproute2 reads sysfs, which shows the namespace that it was mounted in: mount it for this one. */
const HERE = 'mount -t sysfs none /sys && exec "$@"';
const inSysfs = (...words: string[]): Promise<Ended> =>
  run('unshare', '-m', 'sh', '-c', HERE, 'sh', ...words);

const ours = (...words: string[]): Promise<Ended> =>
  inSysfs(process.execPath, command, 'tuntap', ...words);
const theirs = (options: readonly string[], ...words: string[]): Promise<Ended> =>
  inSysfs('ip', ...options, 'tuntap', ...words);

/** The same within this process: sooner, for what ends without a look at sysfs. */
async function here(...words: string[]): Promise<Omit<Ended, 'signal'>> {
  let [out, err] = ['', ''];
  const screen = {
    line: (text: string) => {
      out += `${text}\n`;
    },
    note: (text: string) => {
      err += `${text}\n`;
    },
  };
  const code = await runTuntap(words, screen as Screen);
  return { code, out, err };
}

const LINES = [
  'mode tun name b1 one_queue user 65534 group 1000',
  'mode tap dev a1 multi_queue vnet_hdr pi user 0',
  'mo ta v1',
  'mode tun c%d',
];

/** Remove all that there is. */
async function clear(t: ExecutionContext): Promise<void> {
  for (const { name, mode } of await tuntap.list()) await tuntap.del({ name, mode });
  t.deepEqual(await tuntap.list(), []);
}

tunTest.serial('tuntap: interfaces of both makers are shown alike by both', async (t) => {
  for (const [i, line] of LINES.entries()) {
    const words = line.split(' ');
    const made = i % 2 === 0 ? await ours('add', ...words) : await theirs([], 'add', ...words);
    t.deepEqual(made, { code: 0, signal: null, out: '', err: '' }, line);
  }
  // What ip says on standard error of processes that it may not look at is no part of its answer.
  const shown = ({ code, out }: Ended): object => ({ code, out });
  t.deepEqual(shown(await ours()), shown(await theirs([])));
  t.deepEqual(shown(await ours('-d', 'show')), shown(await theirs(['-d'], 'show')));
  t.deepEqual(shown(await ours('-d', '-o', 'lst')), shown(await theirs(['-d', '-o'], 'lst')));
  t.deepEqual(shown(await ours('-j', 'li')), shown(await theirs(['-j'], 'li')));
  t.regex((await ours('s')).out, /^b1: tun one_queue persist user 65534 group 1000\n/);
  await clear(t);
  t.is((await ours('-j')).out, '[]\n');
});

tunTest.serial('tuntap: each removes what the other added', async (t) => {
  t.is((await theirs([], 'add', 'mode', 'tap', 'name', 'x0', 'multi_queue')).code, 0);
  t.is((await ours('del', 'mode', 'tap', 'name', 'x0')).code, 0);
  t.is((await ours('add', 'mode', 'tun', 'name', 'x1', 'vnet_hdr')).code, 0);
  t.is((await theirs([], 'del', 'mode', 'tun', 'name', 'x1')).code, 0);
  t.deepEqual(await tuntap.list(), []);
});

tunTest.serial(
  'tuntap: what is asked wrongly ends with the words and the code of ip',
  async (t) => {
    const wrong = [
      ...['frob', 'add', 'add mode', 'add mode foo', 'add mode tun mode tap', 'del name x'],
      ...['add mode tun user nosuch', 'add mode tun group nosuch', 'add a b mode tun'],
      ...['add dev toolongname0123456 mode tun', 'add name a/b mode tun'],
      ...['add name a:b mode tun', 'add name a%s mode tun', 'add name a%d%d mode tap'],
      ...[
        'add dev .. mode tun',
        'add dev . mode tap',
        'add dev . mode tun group nosuch',
        'add dev ..',
      ],
      ...[
        'add mode',
        'add mode tun user',
        'add mode tun dev',
        'add mode tun name',
        'add mode TUN x',
      ],
      ...['add mode tun name x dev y name z', 'add mode tun user a"b x', 'add mode tun group 1x y'],
      ...[
        'shw',
        'del',
        'del mode tun user 3 x',
        'del mode tun group 3 x',
        'add mode tun x mode tap',
      ],
    ];
    for (const line of wrong) {
      const expected = await theirs([], ...line.split(' '));
      const { code, out, err } = await here(...line.split(' '));
      t.not(code, 0, line);
      const words = [code, out, err.replaceAll('tunstack tuntap', 'ip tuntap')];
      t.deepEqual(words, [expected.code, expected.out, expected.err], line);
    }
    for (const words of [
      ['add', 'mode', 'tun', ''],
      ['add', 'mode', 'tun', 'dev', ''],
      ['add', 'mode', 'tun', 'a b'],
      ['add', '', 'mode', 'tun'],
      ['', 'mode'],
    ]) {
      const { code, err } = await theirs([], ...words);
      const own = await here(...words);
      t.deepEqual([own.code, own.err.replaceAll('tunstack tuntap', 'ip tuntap')], [code, err]);
    }
    const { code, err } = await ours('-x', 'show');
    t.deepEqual([code, (await theirs(['-x'], 'show')).code], [255, 255]);
    t.is(err, 'Option "-x" is unknown, try "tunstack tuntap help".\n');
    t.deepEqual(await tuntap.list(), []);
  },
);

tunTest.serial(
  'tuntap: without permission, or without the driver, it is said as ip does',
  async (t) => {
    const plain = ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--ambient-caps=-all'];
    const less = (...words: string[]): Promise<Ended> => inSysfs(...plain, ...words);
    const node = [process.execPath, command, 'tuntap'];
    const refused = await less(...node, 'add', 'mode', 'tun', 'name', 'no0');
    const expected = await less('ip', 'tuntap', 'add', 'mode', 'tun', 'name', 'no0');
    t.is(expected.err, 'ioctl(TUNSETIFF): Operation not permitted\n');
    t.deepEqual([refused.code, refused.err], [expected.code, expected.err]);
    const bare = 'mount -t tmpfs none /dev && exec "$@"';
    const hidden = (...words: string[]): Promise<Ended> =>
      run('unshare', '-m', 'sh', '-c', bare, 'sh', ...words);
    const ip = await hidden('ip', 'tuntap', 'add', 'mode', 'tun');
    const own = await hidden(...node, 'add', 'mode', 'tun');
    t.is(ip.err, 'open: No such file or directory\n');
    t.is(own.code, ip.code);
    t.true(own.err.startsWith('open: No such file or directory'), own.err);
  },
);

tunTest.serial('tuntap: an interface that is held says by whom', async (t) => {
  const tun = await openTun({ name: 'held0', persist: true });
  const holder = `node(${process.pid})`;
  const { code, err } = await ours('add', 'mode', 'tun', 'name', 'held0');
  t.is(code, 1);
  t.is(err, `ioctl(TUNSETIFF): Device or resource busy: held0 is held by ${holder}\n`);
  await t.throwsAsync(() => tuntap.del({ name: 'held0', mode: 'tun' }), {
    code: 'EBUSY',
    message: `EBUSY: held0 is held by ${holder}`,
  });
  t.regex(
    (await ours('-d')).out,
    new RegExp(`\\n\\tAttached to processes:node\\(${process.pid}\\)\\n$`),
  );
  await tun.close();
  await clear(t);
});

tunTest.serial(
  'tuntap: to remove what is not there, or is the other kind, is an error',
  async (t) => {
    await t.throwsAsync(() => tuntap.del({ name: 'none0', mode: 'tun' }), { code: 'ENODEV' });
    t.is((await ours('del', 'mode', 'tun', 'lo')).code, 1, 'lo is no TUN');
    t.is(await tuntap.add({ name: 'k0', mode: 'tap' }), 'k0');
    await t.throwsAsync(() => tuntap.del({ name: 'k0', mode: 'tun' }), { code: 'EINVAL' });
    await clear(t);
  },
);

tunTest.serial('tuntap: the kernel names what is added without a name', async (t) => {
  t.is(await tuntap.add({ mode: 'tap' }), 'tap0');
  t.is(await tuntap.add({ mode: 'tap', name: 'vm%d' }), 'vm0');
  await clear(t);
});

tunTest.serial('tuntap: a user whose interface it is attaches to it without root', async (t) => {
  const nobody = 65534;
  const map = (await run('cat', '/proc/self/uid_map')).out.trim().split(/\s+/).map(Number);
  if ((map[2] ?? 0) <= nobody) {
    t.log('not tried: there is one user only in this user namespace');
    t.pass();
    return;
  }
  await tuntap.add({ name: 'own0', mode: 'tun', user: nobody });
  await run('ip', 'link', 'set', 'own0', 'up');
  const program =
    "import { openTun } from './dist/src/index.js'; const tun = await openTun({ name: 'own0' });" +
    'console.log(tun.name, process.getuid()); await tun.close();';
  const child = spawn(
    'setpriv',
    [
      ...[`--reuid=${nobody}`, '--clear-groups', '--inh-caps=-all', '--bounding-set=-all'],
      ...[process.execPath, '--input-type=module', '-e', program],
    ],
    { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let said = '';
  child.stdout.on('data', (text) => {
    said += text;
  });
  child.stderr.on('data', (text) => {
    said += text;
  });
  await once(child, 'close');
  if (/EACCES|Cannot find module|ERR_MODULE_NOT_FOUND/.test(said)) {
    t.log(`not tried: another user cannot read this folder: ${said.split('\n')[0]}`);
    t.pass();
  } else t.is(said, `own0 ${nobody}\n`);
  await clear(t);
});
