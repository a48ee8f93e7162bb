/**
 * A real machine at the command, by the option that it says is to be pasted: `tunstack network --listen unixgram:PATH`
 * and QEMU's `-netdev dgram`. It is killed and booted again, and goes on with the same lease.
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestFn } from 'ava';
import { tunstack } from '../support/process.ts';
import { Guest, whyNoMachines, writeInitramfs } from './guest.ts';

const why = whyNoMachines();
if (why !== undefined) console.log(`skipped, no machines: ${why}`);
const machineTest: TestFn = why === undefined ? test : (test.skip as unknown as TestFn);

machineTest(
  'machines: one at the datagrams of the command is killed and booted again, and keeps its lease',
  async (t) => {
    t.timeout(600_000);
    const folder = mkdtempSync(join(tmpdir(), 'tunstack-command-'));
    const initramfs = join(folder, 'initramfs.gz');
    writeInitramfs(initramfs);
    const command = tunstack('network', '--listen', `unixgram:${join(folder, 'net')}`);
    const guests: Guest[] = [];
    t.teardown(async () => {
      for (const guest of guests) guest.kill();
      await command.stop('SIGKILL');
      rmSync(folder, { recursive: true });
    });
    t.regex(await command.line(), /^ready /);
    const [, cable = ''] = /^qemu -netdev (dgram,\S+) /.exec(await command.line()) ?? [];
    for (const time of ['first', 'second']) {
      guests.at(-1)?.kill();
      const guest = new Guest(
        time,
        '02:00:5e:00:53:0a',
        [cable.replace('id=net0,', '')],
        initramfs,
      );
      guests.push(guest);
      await guest.booted();
      const lease = await guest.sh('udhcpc -i eth0 -n -q -t 10 -T 2');
      t.regex(lease.out, /^lease 10\.83\.0\.10\/24 by 10\.83\.0\.1$/m, `${time}: ${command.err}`);
      const ping = await guest.sh('ping -c 2 -w 20 10.83.0.1');
      t.regex(ping.out, / 0% packet loss/, time);
      const name = await guest.sh('nslookup gateway.internal');
      t.true(name.out.includes('10.83.0.1'), name.out);
    }
  },
);
