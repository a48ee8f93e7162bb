/**
 * `tunstack network --listen unixgram:PATH` and machines that go away and come back: the kernel of a namespace, whose
 * card is a program that sends and takes datagrams as QEMU and vfkit do (machine.py).
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { type Running, tunstack } from '../support/process.ts';
import { root } from '../support/root.ts';
import { makeOutside, Namespace, OUTSIDE } from './forwarding.ts';
import { leaseFor } from './lease.ts';
import { testWith } from './serving.ts';

const withAll = testWith('ip', 'nsenter', 'python3', 'udhcpc', 'curl');

interface Desk {
  /** Turn the machine on, its own place at the first of these, and at the next when it is told so. */
  on(...names: string[]): Promise<Running>;
  /** That it has the lease that it had. */
  hasLease(when: string): Promise<void>;
  /** That it reaches a page outside, with what addresses it has. */
  reaches(when: string): Promise<void>;
  /** Settles when the network has seen that the machine is gone, once more. */
  missed(): Promise<void>;
}

/** A machine that is off, and the network that it is plugged into. */
async function desk(t: ExecutionContext, manner: 'dgram' | 'vfkit'): Promise<Desk> {
  await makeOutside(t);
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-datagrams-'));
  const net = join(folder, 'net');
  const gateway = tunstack('network', '--listen', `unixgram:${net}`);
  t.teardown(async () => {
    await gateway.stop('SIGKILL');
    rmSync(folder, { recursive: true });
  });
  await gateway.line();
  const space = await Namespace.make(t);
  await space.ip('tuntap', 'add', 'dev', 'vm0', 'mode', 'tap');
  await space.ip('link', 'set', 'vm0', 'up');
  let ends = 0;
  const program = join(root, 'test/tun/machine.py');
  return {
    on: async (...names) => {
      const places = names.map((name) => join(folder, name));
      const machine = space.start('python3', program, 'vm0', net, manner, ...places);
      t.teardown(() => machine.stop('SIGKILL').then(() => {}));
      t.true(places.includes(await machine.line()));
      return machine;
    },
    hasLease: async (when) => {
      const said = await leaseFor(space, 'vm0', folder);
      t.regex(said, /^bound 10\.83\.0\.10 /, `${when}: ${gateway.err}`);
    },
    reaches: async (when) => {
      const page = await space.run('curl', '-sS', '-m', '10', `http://${OUTSIDE}/`);
      t.regex(page.out, /<title>outside/, `${when}: ${page.err}${gateway.err}`);
    },
    missed: async () => {
      ends++;
      while (gateway.err.split('m0 is gone').length <= ends) await sleep(10);
    },
  };
}

withAll(
  'network: a machine at datagrams goes on where it is killed and there again at once, at its place or another',
  async (t) => {
    const { on, hasLease, reaches } = await desk(t, 'dgram');
    const machine = await on('vm', 'vm', 'another', 'vm');
    await hasLease('first');
    for (const where of ['at its place', 'at another', 'back at the first']) {
      machine.child.kill('SIGUSR1');
      await machine.line();
      await reaches(where);
    }
    await hasLease('in the end');
  },
);

withAll(
  'network: a machine that connects, as vfkit does, is let in again after its end',
  async (t) => {
    const { on, hasLease, reaches, missed } = await desk(t, 'vfkit');
    let machine = await on('vm');
    await hasLease('first');
    for (const name of ['vm', 'another', 'vm']) {
      await machine.stop('SIGKILL');
      await missed();
      machine = await on(name);
      await reaches(`at ${name}`);
    }
    await hasLease('in the end');
  },
);
