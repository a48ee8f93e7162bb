/**
 * passt as a port: a stack in the place of the machine that passt serves, by the stream that QEMU speaks to it. It
 * gets the address of this namespace by DHCP, and reaches a server of its loopback by the router's. passt(1).
 * @module
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectMachine, createStack } from '../../src/index.ts';
import { createDhcpClient } from '../../src/services.ts';
import { run } from '../support/process.ts';
import { tunTest } from './namespace.ts';

const LINK = 'passtlink';
const MINE = '192.0.2.10';
const ROUTER = '192.0.2.1';

tunTest.serial(
  'passt: a stack gets its address by DHCP, and reaches a server of this host',
  async (t) => {
    if (spawnSync('passt', ['--version']).error) {
      t.log('not tried: passt is not installed');
      t.pass();
      return;
    }
    const added = await run('ip', 'link', 'add', LINK, 'type', 'veth', 'peer', 'name', `${LINK}1`);
    t.is(added.code, 0, added.err);
    t.teardown(() => run('ip', 'link', 'del', LINK).then(() => {}));
    for (const name of [LINK, `${LINK}1`]) await run('ip', 'link', 'set', name, 'up');
    await run('ip', 'addr', 'add', `${MINE}/24`, 'dev', LINK);
    await run('ip', 'route', 'add', 'default', 'via', ROUTER);
    // Of root's it makes nobody's: the folder is for anyone.
    const folder = mkdtempSync(join(tmpdir(), 'tunstack-passt-'));
    chmodSync(folder, 0o777);
    t.teardown(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'machine');
    const passt = spawn('passt', ['-f', '-1', '-4', '-s', path, '-i', LINK], { stdio: 'ignore' });
    t.teardown(() => void passt.kill('SIGKILL'));
    const stack = createStack({ device: connectMachine({ path }) });
    t.teardown(() => stack.close({ linger: 0 }));
    const { address, router } = await createDhcpClient(stack, { probe: false }).ready;
    t.deepEqual([address, router], [`${MINE}/24`, ROUTER]);
    const server = createServer((socket) => socket.end('hello')).listen(0, '127.0.0.1');
    t.teardown(() => void server.close());
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const socket = stack.net.connect(port, ROUTER).setEncoding('utf8');
    const [text] = await once(socket, 'data');
    t.is(text, 'hello');
  },
);
