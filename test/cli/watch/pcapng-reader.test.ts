/** The reader of pcapng: what the recorder writes comes out, however it is cut, and nothing else does. */
import { PassThrough } from 'node:stream';
import test from 'ava';
import { type CapturedPacket, readPackets } from '../../../src/cli/watch/pcapng-reader.ts';
import { Recorder } from '../../../src/index.ts';

async function file(): Promise<Buffer> {
  const stream = new PassThrough();
  let now = 1_700_000_000_123_456;
  const recorder = new Recorder(stream, 'ethernet', 'tap0', { now: () => now++ });
  for (let length = 14; length < 30; length++) {
    recorder.record(new DataView(new ArrayBuffer(64)), 0, length, 0, 1 + (length % 2));
  }
  await recorder.finish();
  return Buffer.concat(await stream.toArray());
}

async function* parts(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function all(stream: AsyncIterable<Uint8Array>): Promise<CapturedPacket[]> {
  const found: CapturedPacket[] = [];
  for await (const packet of readPackets(stream)) found.push(packet);
  return found;
}

for (const size of [1, 7, 64, 1e6]) {
  test(`pcapng: packets come out of parts of ${size} bytes as they went in`, async (t) => {
    const packets = await all(parts(await file(), size));
    t.is(packets.length, 16);
    t.deepEqual(
      packets.map(({ bytes, micros, direction }) => [bytes.length, micros, direction]),
      packets.map((_, i) => [14 + i, 1_700_000_000_123_456 + i, 1 + (i % 2)]),
    );
    t.true(packets.every(({ isFrame }) => isFrame));
  });
}

test('pcapng: a file that was cut gives what is whole', async (t) => {
  const bytes = await file();
  for (let length = 0; length < bytes.length; length += 13) {
    t.true((await all(parts(bytes.subarray(0, length), 1e6))).length <= 16);
  }
});

test('pcapng: what is none says so, with any octet turned', async (t) => {
  await t.throwsAsync(all(parts(Buffer.from('#!/bin/sh\nexit 0\n'), 1e6)), {
    message: /no pcapng/,
  });
  const bytes = await file();
  for (let at = 0; at < bytes.length; at++) {
    const turned = Buffer.from(bytes);
    turned[at] = (turned[at] as number) ^ 0x80;
    const ended = await all(parts(turned, 1e6)).then(
      () => 'read',
      (error: Error) => error.message,
    );
    t.regex(ended, /^(read|that is no pcapng)/);
  }
});
