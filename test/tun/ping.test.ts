/**
 * `tunstack ping` against the kernel.
 * @module
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from '../support/pcapng.ts';
import { run, tunstack } from '../support/process.ts';
import { command } from '../support/root.ts';
import { tunTest } from './namespace.ts';

tunTest('ping: asks the kernel, and prints what ping prints', async (t) => {
  const { code, out, err } = await tunstack('ping', '10.83.0.1', '-c', '3', '-i', '0.05').ended;
  t.is(code, 0, err);
  const lines = out.split('\n');
  t.is(lines[0], 'PING 10.83.0.1 (10.83.0.1) 56(84) bytes of data.');
  for (const seq of [1, 2, 3]) {
    t.regex(
      lines[seq] ?? '',
      new RegExp(`^64 bytes from 10\\.83\\.0\\.1: icmp_seq=${seq} ttl=64 time=[\\d.]+ ms$`),
    );
  }
  t.is(lines[5], '--- 10.83.0.1 ping statistics ---');
  t.regex(lines[6] ?? '', /^3 packets transmitted, 3 received, 0% packet loss, time \d+ms$/);
  t.regex(lines[7] ?? '', /^rtt min\/avg\/max\/mdev = ([\d.]+\/){3}[\d.]+ ms$/);
});

tunTest('ping: sizes from nothing to a whole packet come back', async (t) => {
  for (const size of ['0', '1', '1472']) {
    const { code, out } = await tunstack('ping', '10.83.0.1', '-c', '1', '-s', size).ended;
    t.is(code, 0, out);
    t.true(out.includes(`${Number(size) + 8} bytes from`));
  }
});

tunTest('ping: with interval 0 it goes as fast as answers come', async (t) => {
  const { code, out } = await tunstack('ping', '10.83.0.1', '-c', '2000', '-i', '0').ended;
  t.is(code, 0);
  t.regex(out, /2000 packets transmitted, 2000 received, 0% packet loss/);
});

tunTest('ping: where nothing answers the exit code is 1', async (t) => {
  const { code, out, err } = await tunstack(
    ...['ping', '10.83.0.77', '-c', '2', '-i', '0.1', '-W', '0.3'],
  ).ended;
  t.is(code, 1);
  t.is(err, '');
  t.regex(out, /2 packets transmitted, 0 received, (\+\d errors?, )?100% packet loss/);
});

tunTest('ping: a name that is no name is told in one line', async (t) => {
  const { code, err } = await tunstack('ping', 'no.such.name.invalid', '-c', '1').ended;
  t.is(code, 1);
  t.regex(err, /^tunstack: no\.such\.name\.invalid [^\n]*\n$/);
});

tunTest('ping: without a count it goes on until SIGINT, and sums up then', async (t) => {
  const running = tunstack('ping', '10.83.0.1', '-i', '0.01');
  for (let i = 0; i < 11; i++) await running.line();
  const { code, out } = await running.stop('SIGINT');
  t.is(code, 0);
  t.regex(out, /\d\d+ packets transmitted, \d\d+ received, [\d.]+% packet loss/);
});

tunTest('ping: with --json every line is an object', async (t) => {
  const { out } = await tunstack('ping', '10.83.0.1', '-c', '2', '-i', '0.01', '--json').ended;
  const lines = out.trimEnd().split('\n');
  const objects = lines.map((line) => JSON.parse(line));
  t.deepEqual(
    objects.map((object) => object.event),
    ['ping', 'reply', 'reply', 'statistics'],
  );
  t.is(objects[3].received, 2);
});

tunTest(
  'ping: a capture on a full disk ends with one line, a count, and a file that is whole',
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'tunstack-'));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const disk = `mount -t tmpfs -o size=64k none ${folder}/disk`;
    const ping = `${process.execPath} ${command} ping 10.83.0.1 -c 200 -i 0.01 -s 1400 --pcap ${folder}/disk/x.pcapng`;
    const script = `mkdir ${folder}/disk && ${disk} && ${ping} && cp ${folder}/disk/x.pcapng ${folder}`;
    const { code, out, err } = await run('unshare', '-m', 'sh', '-c', script);
    t.is(code, 0, err);
    t.regex(out, /200 packets transmitted, 200 received/);
    const [ended, missing, ...rest] = err.trimEnd().split('\n');
    t.regex(ended ?? '', /^tunstack: the capture in .*x\.pcapng has ended: ENOSPC/);
    const count = Number(/^tunstack: (\d+) packets missing in /.exec(missing ?? '')?.[1]);
    t.deepEqual(rest, []);
    const { packets } = parse(readFileSync(join(folder, 'x.pcapng')));
    t.true(packets.length > 30, 'what there was room for');
    t.true(packets.length + count >= 400);
  },
);
