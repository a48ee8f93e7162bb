/**
 * A stack on a TAP in a bridge of the kernel's, beside two network namespaces: what is true on a TUN is true here.
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { ExecutionContext } from 'ava';
import { joinBridge, servePage } from '../../examples/bridged-stack.ts';
import { createStack, openTap, type Stack } from '../../src/index.ts';
import { pinged } from '../support/pinged.ts';
import { run } from '../support/process.ts';
import { tunTest } from './namespace.ts';
import { testWith } from './serving.ts';

const OURS = '10.87.0.1';
const MAC = '02:00:5e:00:53:01';
const MIB = 1 << 20;
const TEXT = 100 * MIB;

const must = async (t: ExecutionContext, ...words: string[]): Promise<string> => {
  const [program = '', ...rest] = words;
  const { code, out, err } = await run(program, ...rest);
  t.is(code, 0, `${words.join(' ')}: ${err}${out}`);
  return out;
};

/** A namespace with a cable to the bridge. */
class Place {
  readonly #holder: ChildProcess;

  constructor(holder: ChildProcess) {
    this.#holder = holder;
  }

  get pid(): string {
    return String(this.#holder.pid);
  }

  /** The words that run a program there. */
  inside(...words: string[]): string[] {
    return ['nsenter', `--net=/proc/${this.pid}/ns/net`, ...words];
  }

  /** Node there, with a program's text. */
  node(t: ExecutionContext, text: string): ChildProcess {
    const [program = '', ...rest] = this.inside(process.execPath, '-e', text);
    const child = spawn(program, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
    t.teardown(() => child.kill('SIGKILL'));
    return child;
  }
}

async function makePlace(t: ExecutionContext, name: string, address: string): Promise<Place> {
  const script = 'ip link set lo up; echo up; exec sleep 600';
  const holder = spawn('unshare', ['-n', 'sh', '-c', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => holder.kill('SIGKILL'));
  await once(holder.stdout, 'data');
  const place = new Place(holder);
  await must(
    t,
    'ip',
    'link',
    'add',
    name,
    'type',
    'veth',
    'peer',
    'name',
    'eth0',
    'netns',
    place.pid,
  );
  await must(t, 'ip', 'link', 'set', name, 'master', 'br0', 'up');
  await must(t, ...place.inside('ip', 'addr', 'add', address, 'dev', 'eth0'));
  await must(t, ...place.inside('ip', 'link', 'set', 'eth0', 'up'));
  return place;
}

/** A bridge with a stack and two namespaces at it. */
async function open(
  t: ExecutionContext,
  offload: boolean,
): Promise<[stack: Stack, first: Place, second: Place]> {
  await run('ip', 'link', 'del', 'br0');
  await must(t, 'ip', 'link', 'add', 'br0', 'type', 'bridge');
  t.teardown(() => run('ip', 'link', 'del', 'br0').then(() => {}));
  await must(t, 'ip', 'link', 'set', 'br0', 'up');
  const first = await makePlace(t, 'v2', '10.87.0.2/24');
  const second = await makePlace(t, 'v3', '10.87.0.3/24');
  const tap = await openTap({ name: 'tap0', bridge: 'br0', mac: '02:00:5e:00:53:99', offload });
  const stack = createStack({ device: tap, address: `${OURS}/24`, mac: MAC });
  t.teardown(() => stack.close());
  return [stack, first, second];
}

tunTest.serial(
  'tap: it is a port of the bridge that was named, with the address that was given',
  async (t) => {
    await open(t, false);
    const shown = await must(t, 'ip', '-o', 'link', 'show', 'tap0');
    t.regex(shown, / master br0 /);
    t.regex(shown, /link\/ether 02:00:5e:00:53:99 /);
    await t.throwsAsync(openTap({ bridge: 'br9' }), { code: 'ENODEV', message: /ip link add br9/ });
    await t.throwsAsync(openTap({ bridge: 'lo' }), { message: /lo: is that a bridge\?/ });
    await t.throwsAsync(openTap({ bridge: 'br0', hostAddress: '10.1.0.1/24' }), {
      code: 'ERR_INVALID_ARG_VALUE',
    });
    for (const mac of ['1:2', '01:00:5e:00:00:01', '00:00:00:00:00:00']) {
      await t.throwsAsync(openTap({ mac }), { code: 'ERR_INVALID_ARG_VALUE' });
    }
  },
);

for (const offload of [false, true]) {
  const how = offload ? 'with offload' : 'without offload';

  tunTest.serial(`bridge: floods of pings from two hosts are answered, ${how}`, async (t) => {
    const [stack, first, second] = await open(t, offload);
    const flood = ['ping', '-f', '-q', '-c', '1000', '-s', '1400', '-w', '60', OURS];
    const said = await Promise.all(
      [first, second].map((place) => must(t, ...place.inside(...flood))),
    );
    for (const out of said) t.true(pinged(out).received >= 1000, out);
    t.true((await stack.ping('10.87.0.2')).rtt > 0);
    t.deepEqual(stack.neighbours.map(({ address }) => address).sort(), ['10.87.0.2', '10.87.0.3']);
  });

  tunTest.serial(`bridge: 100 MiB arrive identical, both ways, ${how}`, async (t) => {
    const [stack, first] = await open(t, offload);
    const bytes = Buffer.alloc(TEXT);
    for (let i = 0; i < TEXT; i += 4) bytes.writeInt32LE(Math.imul(i, 0x9e37_79b1), i);
    const hash = createHash('sha256').update(bytes).digest('hex');
    const theirs = createHash('sha256');
    const server = stack.net.createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('data', (part) => theirs.update(part));
      socket.on('end', () => socket.end(bytes));
    });
    server.listen(80);
    const client = first.node(
      t,
      `const hash = require('node:crypto').createHash('sha256');
       const s = require('node:net').connect({ port: 80, host: '${OURS}', allowHalfOpen: true });
       const bytes = Buffer.alloc(${TEXT});
       for (let i = 0; i < ${TEXT}; i += 4) bytes.writeInt32LE(Math.imul(i, 0x9e3779b1), i);
       s.end(bytes);
       s.on('data', (part) => hash.update(part));
       s.on('end', () => console.log(hash.digest('hex')));`,
    );
    const [said] = await once(client.stdout as NodeJS.ReadableStream, 'data');
    t.is(String(said).trim(), hash);
    t.is(theirs.digest('hex'), hash);
  });

  tunTest.serial(`bridge: datagrams of all sizes come back, ${how}`, async (t) => {
    const [stack, first] = await open(t, offload);
    const echo = first.node(
      t,
      `const s = require('node:dgram').createSocket('udp4');
       s.on('message', (m, from) => s.send(m, from.port, from.address));
       s.bind(9, () => console.log('ready'));`,
    );
    await once(echo.stdout as NodeJS.ReadableStream, 'data');
    const socket = stack.dgram.createSocket('udp4').bind();
    const sizes = [
      ...Array.from({ length: 1600 }, (_, i) => i),
      ...Array.from({ length: 64 }, (_, i) => 1600 + i * 997),
      65_507,
    ];
    const bytes = Buffer.alloc(65_507, 'datagram');
    for (const size of sizes) {
      const answer = once(socket, 'message', { signal: AbortSignal.timeout(20_000) });
      socket.send(bytes.subarray(0, size), 9, '10.87.0.2');
      const [text] = (await answer) as [Buffer];
      if (!text.equals(bytes.subarray(0, size))) t.fail(`${size} bytes came back otherwise`);
    }
    t.pass();
  });
}

testWith('arping', 'busybox').serial(
  'bridge: arping sees the stack, and what two claim',
  async (t) => {
    const [stack, first] = await open(t, false);
    const asked = await run(
      ...(first.inside('arping', '-c', '2', '-w', '10', '-I', 'eth0', OURS) as [string]),
    );
    t.regex(asked.out, /02:00:5e:00:53:01/i);
    // RFC 5227 §2.1.1: who probes is told that the address is taken.
    const words = first.inside('busybox', 'arping', '-D', '-c', '2', '-w', '5', '-I', 'eth0', OURS);
    const probed = await run(...(words as [string]));
    t.regex(probed.out, /reply from 10\.87\.0\.1 \[02:00:5e:00:53:01\]/i);
    const heard = new Promise((resolve) => stack.once('conflict', resolve));
    await must(t, ...first.inside('ip', 'addr', 'add', `${OURS}/32`, 'dev', 'eth0'));
    await run(
      ...(first.inside('busybox', 'arping', '-U', '-c', '1', '-w', '2', '-I', 'eth0', OURS) as [
        string,
      ]),
    );
    t.like(await heard, { address: OURS, device: 'tap0' }); // arping may be gone before it is read
  },
);

testWith('nmap').serial(
  'bridge: nmap -PR finds the stack, its address and nothing else',
  async (t) => {
    const [, first] = await open(t, false);
    const words = first.inside('nmap', '-sn', '-PR', '-n', '--send-eth', '10.87.0.0/29');
    const out = await must(t, ...words);
    t.regex(out, /report for 10\.87\.0\.1\n[\s\S]*?MAC Address: 02:00:5E:00:53:01/);
    t.regex(out, /\(3 hosts up\)/);
  },
);

testWith('curl').serial(
  'examples: a stack in a bridge serves a host of that network',
  async (t) => {
    const [other, first] = await open(t, false);
    await other.close();
    const stack = await joinBridge('br0', '10.87.0.9/24');
    t.teardown(() => stack.close());
    servePage(stack);
    const out = await must(t, ...first.inside('curl', '-s', 'http://10.87.0.9/'));
    t.is(out, `from 10.87.0.9, ${stack.hardwareAddress()}\n`);
  },
);
