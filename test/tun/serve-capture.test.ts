/**
 * What `tunstack serve --pcap` writes, read by tshark with every checksum checked.
 * @module
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { run } from '../support/process.ts';
import { serve, testWith } from './serving.ts';

const withTshark = testWith('tshark', 'ping', 'curl');

const CHECKS = ['ip', 'tcp', 'udp'].flatMap((name) => ['-o', `${name}.check_checksum:TRUE`]);
/** Everything that a packet can be wrong in; a checksum's status is 0 when it is bad. */
const WRONG =
  '_ws.malformed or _ws.short or ip.checksum.status == 0 or tcp.checksum.status == 0 ' +
  'or udp.checksum.status == 0 or icmp.checksum.status == 0 or _ws.expert.severity == error';

/** The lines that tshark prints for the packets that a filter shows. */
async function show(file: string, filter: string): Promise<string[]> {
  const { code, out, err } = await run('tshark', '-r', file, '-n', ...CHECKS, '-Y', filter);
  if (code !== 0) throw new Error(err);
  return out.split('\n').filter((line) => line !== '');
}

/** One run with all that `serve` does, captured; `least` segments carry the echoed text. */
async function capturedRun(t: ExecutionContext, mode: string, least: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tunstack-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'run.pcapng');
  const { running, address } = await serve(t, mode, '--pcap', file);

  t.is((await run('ping', '-q', '-c', '20', '-i', '0.01', '-s', '333', address)).code, 0);
  t.is((await run('curl', '-sS', '-o', '/dev/null', `http://${address}/`)).code, 0);
  const socket = connect({ port: 7, host: address, allowHalfOpen: true });
  socket.end(Buffer.alloc(3_000_001, 'odd lengths too '));
  let back = 0;
  for await (const piece of socket as AsyncIterable<Buffer>) back += piece.length;
  t.is(back, 3_000_001);
  const datagrams = createSocket('udp4');
  for (let i = 0; i < 50; i++) {
    datagrams.send(Buffer.alloc(i * 29, 'x'), 7, address);
    await once(datagrams, 'message');
  }
  datagrams.send('nobody', 8, address); // a port that is closed: ICMP answers
  await run('curl', '-sS', `http://${address}:81/`); // and one that RST answers
  datagrams.close();
  t.is((await running.stop()).code, 0);

  t.deepEqual(await show(file, WRONG), []);
  t.is((await show(file, 'icmp.type == 0')).length, 20);
  t.is((await show(file, 'icmp.type == 3')).length, 1);
  t.is((await show(file, `udp and ip.src == ${address} and not icmp`)).length, 50);
  t.true((await show(file, `tcp.len > 0 and ip.src == ${address}`)).length > least);
  t.is((await show(file, `http.response.code == 200`)).length, 1);
}

withTshark('serve: tshark finds nothing wrong in the capture of a run', (t) =>
  capturedRun(t, '--no-offload', 1000),
);

withTshark('serve: nor in one with offload, whose checksums were only begun', (t) =>
  capturedRun(t, '--offload', 45),
);
