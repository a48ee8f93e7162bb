/**
 * `tunstack tunnel` and `tunstack wg`: a road warrior and its gateway in two namespaces, without root by a proxy, what is
 * taken back at the end and after a crash, and what `wg` understands of the files.
 * @module
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { Running, run, tunstack } from '../support/process.ts';
import { command, root } from '../support/root.ts';
import { testWith } from './serving.ts';
import { GoPeer, OURS, THEIRS, THEIRS_SIX } from './wireguard-go.ts';

const withGo = testWith('ip', 'nsenter', 'unshare', 'wg', 'wireguard-go', 'curl');

/** A file for us in the peer's folder. */
function fileFor(peer: GoPeer, more: readonly string[] = [], name = 'tsw'): string {
  const path = join(peer.folder, `${name}.conf`);
  writeFileSync(path, peer.file(peer.endpoint, more));
  return path;
}

async function up(
  t: ExecutionContext,
  ...words: string[]
): Promise<{ running: Running; ready: string }> {
  const running = tunstack('tunnel', 'up', ...words);
  t.teardown(() => running.stop('SIGKILL').then(() => {}));
  return { running, ready: await running.line() };
}

withGo(
  'tunnel: a TUN of this host is in the network of wireguard-go, and all is taken back',
  async (t) => {
    const peer = await GoPeer.make(t);
    await peer.start();
    await peer.serve(t);
    const { running, ready } = await up(t, fileFor(peer));
    t.is(
      ready,
      `ready tunnel=wireguard tun=tsw address=${OURS}/24,fd66::1/64 mtu=1420 routes=${THEIRS}/32,fd66::2/128`,
      running.err,
    );
    const six = await run('ping', '-6', '-c', '3', '-i', '0.2', 'fd66::2');
    t.is(six.code, 0, `${six.out}${six.err}`);
    const bytes = 32 << 20;
    const page = `curl -sS -m 40 http://${THEIRS}/bytes/${bytes} | sha256sum`;
    const { out, err } = await run('sh', '-c', page);
    const sum = createHash('sha256');
    for (let i = 0; i < bytes; i += 65_536) sum.update(Buffer.alloc(65_536, 'tunstack'));
    t.is(out.split(' ')[0], sum.digest('hex'), err);
    const inside = join(root, 'dist/test/support/inside.js');
    const uploaded = await run(process.execPath, inside, 'upload', THEIRS, '9', `${bytes}`);
    const { answer, hash } = JSON.parse(uploaded.out) as Record<string, string>;
    t.is(answer, `${bytes} ${hash}`, uploaded.err);
    const shown = await run('wg', 'show', 'tsw', 'peers');
    t.is(shown.out.trim(), peer.keys.public, shown.err);
    const ended = await running.stop();
    t.is(ended.code, 0, ended.err);
    t.regex(ended.out, /\ncarried [\d.]+ MB in, [\d.]+ MB out, 1 peer heard of\n$/);
    t.not((await run('ip', 'link', 'show', 'tsw')).code, 0);
    t.not((await run('wg', 'show', 'tsw')).code, 0);
  },
);

withGo(
  'tunnel: a default route goes into a table of its own, and its rules go even after a kill',
  async (t) => {
    const peer = await GoPeer.make(t);
    await peer.start();
    const rules = async (): Promise<string> => (await run('ip', 'rule')).out;
    const before = await rules();
    const { running } = await up(t, fileFor(peer, ['AllowedIPs = 0.0.0.0/0']));
    t.regex(await rules(), /not from all fwmark 0xca6c lookup 51820/);
    t.regex((await run('ip', 'route', 'get', '198.51.100.99')).out, /dev tsw table 51820/);
    const { code, out } = await run('ping', '-c', '2', '-i', '0.2', THEIRS);
    t.is(code, 0, out);
    await running.stop('SIGKILL');
    for (let i = 0; i < 30 && (await rules()) !== before; i++) await pause(100);
    t.is(await rules(), before);
  },
);

withGo('tunnel: without root the programs of this host use the network by a proxy', async (t) => {
  const peer = await GoPeer.make(t);
  await peer.start();
  await peer.serve(t);
  const file = fileFor(peer, [], 'rootless');
  const { ready } = await up(
    t,
    ...['--rootless', '--socks5', '127.0.0.1:0', '--publish', '8000:9999', '--json'],
    ...['--publish', '8001:[::1]:9999', file],
  );
  const said = JSON.parse(ready) as Record<string, string>;
  t.is(said['publish'], '8000:127.0.0.1:9999,8001:[::1]:9999');
  const proxy = `socks5://${said['socks5']}`;
  const page = await run('curl', '-sS', '-m', '20', '--proxy', proxy, `http://${THEIRS}/`);
  t.regex(page.out, /<title>outside<\/title>/, page.err);
  const six = `http://[${THEIRS_SIX}]/`;
  const overSix = await run('curl', '-gsS', '-m', '20', '--proxy', proxy, six);
  t.regex(overSix.out, /<title>outside<\/title>/, overSix.err);
  const refused = await run('curl', '-sS', '-m', '20', '--proxy', proxy, `http://${THEIRS}:81/`);
  t.not(refused.code, 0);
  // A name, asked of this host: the loopback's own.
  const site = new Running(process.execPath, [
    '-e',
    "require('http').createServer((q, r) => r.end('hello from the host')).listen(9999, '::', () => console.log('on'))",
  ]);
  t.teardown(() => site.stop('SIGKILL').then(() => {}));
  await site.line();
  const published = await peer.space.run('curl', '-sS', '-m', '20', `http://${OURS}:8000/`);
  t.is(published.out.trim(), 'hello from the host', published.err);
  const inside6 = await peer.space.run('curl', '-gsS', '-m', '20', 'http://[fd66::1]:8001/');
  t.is(inside6.out.trim(), 'hello from the host', inside6.err);
});

withGo('tunnel: serve makes both ends’ files, which wg takes too', async (t) => {
  const peer = await GoPeer.make(t);
  const folder = join(peer.folder, 'made');
  const words = ['tunnel', 'serve', '--endpoint', peer.there, '--folder', folder, '--peers', '2'];
  const place = ['--listen-port', `${peer.port}`, '--tun', 'tss'];
  // With --json each line is an object, and a code for a camera is none.
  const json = join(peer.folder, 'json');
  const asJson = [
    'tunnel',
    'serve',
    '--endpoint',
    peer.there,
    '--folder',
    json,
    '--json',
    ...place,
  ];
  const telling = peer.space.start(process.execPath, command, ...asJson);
  t.teardown(() => telling.stop('SIGKILL').then(() => {}));
  const events: Record<string, string>[] = [];
  do events.push(JSON.parse(await telling.line()) as Record<string, string>);
  while (events.at(-1)?.['event'] !== 'ready');
  t.deepEqual(
    events.map(({ event }) => event),
    ['made', 'made', 'ready'],
  );
  t.is(events[0]?.['text'], readFileSync(join(json, 'tunnel-peer1.conf'), 'utf8'));
  await telling.stop();
  const server = peer.space.start(process.execPath, command, ...words, ...place);
  t.teardown(() => server.stop('SIGKILL').then(() => {}));
  for (let line = ''; !line.startsWith('ready '); ) line = await server.line();
  t.true(server.out.includes('▄'), 'a code for a camera');
  t.deepEqual(readdirSync(folder).toSorted(), [
    'tunnel-peer1.conf',
    'tunnel-peer2.conf',
    'tunnel-server.conf',
  ]);
  const file = join(folder, 'tunnel-peer1.conf');
  await up(t, '--tun', 'tsp', file);
  const { code, out } = await run('ping', '-c', '3', '-i', '0.2', '10.66.0.1');
  t.is(code, 0, out);
  const stripped = join(peer.folder, 'stripped.conf');
  writeFileSync(stripped, readFileSync(file, 'utf8').replace(/^(Address|DNS) .*$/gm, ''));
  await server.stop(); // whose port is the same
  await peer.start();
  const set = await peer.space.run('wg', 'setconf', peer.name, stripped);
  t.is(set.code, 0, set.err);
});

/** How an interface stands: its MTU, addresses and routes, whatever it is called. */
async function standing(name: string): Promise<Record<string, string>> {
  const of = async (...words: string[]): Promise<string> =>
    (await run('ip', ...words, 'dev', name)).out
      .replaceAll(name, 'NAME')
      .replace(/ +/g, ' ')
      .trim();
  const mtu = /mtu (\d+)/.exec(await of('link', 'show'))?.[1] ?? '';
  const addresses = [...(await of('addr', 'show')).matchAll(/inet6? (\S+)/g)]
    .map(([, address = '']) => address)
    .filter((address) => !address.startsWith('fe80'))
    .toSorted()
    .join(' ');
  const routes = async (family: string): Promise<string> =>
    (await of(family, 'route', 'show'))
      .split('\n')
      .map((line) => line.split(' ')[0])
      .filter((network) => !network?.startsWith('fe80'))
      .toSorted()
      .join(' ');
  return { mtu, addresses, routes: await routes('-4'), routes6: await routes('-6') };
}

const withQuick = testWith('ip', 'nsenter', 'unshare', 'wg', 'wireguard-go', 'wg-quick');

withQuick('tunnel: the same file brings up the same with wg-quick and here', async (t) => {
  const peer = await GoPeer.make(t);
  await peer.start();
  await peer.space.ip('addr', 'add', '10.77.0.1/24', 'dev', 'lo');
  const file = join(peer.folder, 'same.conf');
  const text = peer
    .file(peer.endpoint, [
      'AllowedIPs = 10.77.0.0/24 # what is behind it',
      'PersistentKeepalive = 25',
    ])
    .replace('[Peer]', 'MTU = 1380\n\n[Peer]\n# the gateway');
  writeFileSync(file, text, { mode: 0o600 });
  const reaches = async (): Promise<void> => {
    for (const address of [THEIRS, '10.77.0.1', 'fd66::2']) {
      const { code, out } = await run('ping', '-c', '1', '-W', '6', address);
      t.is(code, 0, out);
    }
  };
  const quick = await run('wg-quick', 'up', file);
  t.teardown(() => run('wg-quick', 'down', file).then(() => {}));
  t.is(quick.code, 0, quick.err);
  await reaches();
  const theirs = await standing('same');
  const down = await run('wg-quick', 'down', file);
  t.is(down.code, 0, down.err);
  await up(t, file);
  t.deepEqual(await standing('same'), theirs);
  t.is(theirs['mtu'], '1380');
  t.is(theirs['routes'], `10.66.0.0/24 10.77.0.0/24`);
  await reaches();
});

withGo(
  'examples: a road warrior reaches what is behind its gateway, in two namespaces',
  async (t) => {
    const peer = await GoPeer.make(t);
    const example = join(root, 'dist/examples/road-warrior.js');
    const gateway = join(peer.folder, 'gateway.conf');
    writeFileSync(
      gateway,
      [
        ...['[Interface]', `PrivateKey = ${peer.keys.secret}`, `ListenPort = ${peer.port}`],
        ...[`Address = ${THEIRS}/24`, '[Peer]', `PublicKey = ${peer.ours.public}`],
        ...[`AllowedIPs = ${OURS}/32`, ''],
      ].join('\n'),
    );
    const file = fileFor(peer, ['AllowedIPs = 10.77.0.0/24'], 'warrior');
    const ends = [
      peer.space.start(process.execPath, example, gateway),
      new Running(process.execPath, [example, file]),
    ];
    for (const end of ends) t.teardown(() => end.stop('SIGKILL').then(() => {}));
    const isUp = async (): Promise<boolean> => {
      const route = await run('ip', 'route', 'replace', '10.77.0.0/24', 'dev', 'wg0');
      return route.code === 0 && (await peer.space.run('ip', 'link', 'show', 'wg0')).code === 0;
    };
    for (let i = 0; i < 100 && !(await isUp()); i++) await pause(50);
    // What is behind the gateway: a network of its own, with a host that serves.
    await peer.space.ip('link', 'add', 'inner0', 'type', 'veth', 'peer', 'name', 'inner1');
    await peer.space.ip('addr', 'add', '10.77.0.1/24', 'dev', 'inner0');
    await peer.space.ip('link', 'set', 'inner0', 'up');
    const program = join(root, 'dist/test/support/outside.js');
    const servers = peer.space.start(process.execPath, program, '10.77.0.1');
    t.teardown(() => servers.stop('SIGKILL').then(() => {}));
    t.is(await servers.line(), 'ready');
    const bytes = 8 << 20;
    const page = `curl -sS -m 40 http://10.77.0.1/bytes/${bytes} | sha256sum`;
    const { out, err } = await run('sh', '-c', page);
    const sum = createHash('sha256');
    for (let i = 0; i < bytes; i += 65_536) sum.update(Buffer.alloc(65_536, 'tunstack'));
    t.is(out.split(' ')[0], sum.digest('hex'), err);
    for (const end of ends) {
      const ended = await end.stop('SIGINT');
      t.is(ended.code, 0, ended.err);
      t.regex(ended.out, /^[1-9]\d* packets out, [1-9]\d* in\n$/);
    }
  },
);

withGo('tunnel: what is wrong with a file is said with its line', async (t) => {
  const peer = await GoPeer.make(t);
  const file = join(peer.folder, 'wrong.conf');
  writeFileSync(file, '[Interface]\nMTU = 1\n');
  const wrong = await tunstack('tunnel', 'up', file).ended;
  t.is(wrong.code, 1);
  t.regex(wrong.err, /wrong\.conf: line 2: MTU = 1: an MTU is from 576 to 65535\n$/);
  const commands = fileFor(peer, [], 'commands');
  writeFileSync(
    commands,
    readFileSync(commands, 'utf8').replace('[Peer]', 'PostUp = true\n[Peer]'),
  );
  const refused = await tunstack('tunnel', 'up', commands).ended;
  t.regex(refused.err, /asks for commands to be run \(PostUp\): see --allow-commands/);
});

withGo('wg: keys are those of wg, whichever makes them', async (t) => {
  const secret = (await tunstack('wg', 'genkey').ended).out.trim();
  const script = `echo ${secret} | wg pubkey; echo ${secret} | ${process.execPath} ${command} wg pubkey`;
  const [one, other] = (await run('sh', '-c', script)).out.trim().split('\n');
  t.is(one, other);
  t.regex((await tunstack('wg', 'genpsk').ended).out, /^[A-Za-z0-9+/]{43}=\n$/);
});
