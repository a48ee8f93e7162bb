/** The reader of both forms of captures: draft-ietf-opsawg-pcap §4 and §5, and what link types begin with. */
import test from 'ava';
import { readCapture } from '../../../src/cli/watch/pcap-reader.ts';
import type { CapturedPacket } from '../../../src/cli/watch/pcapng-reader.ts';

interface Made {
  readonly isLittle: boolean;
  readonly nanos: boolean;
  readonly link: number;
}

/** A file of packets of 4, 5 and 6 octets, behind `before` octets of another header. */
function file({ isLittle, nanos, link }: Made, before = 0): Buffer {
  const word = (value: number): Buffer => {
    const made = Buffer.alloc(4);
    if (isLittle) made.writeUInt32LE(value);
    else made.writeUInt32BE(value);
    return made;
  };
  const header = [nanos ? 0xa1b23c4d : 0xa1b2c3d4, isLittle ? 0x0004_0002 : 0x0002_0004, 0, 0];
  const packets = [4, 5, 6].flatMap((length, i) => [
    word(1_700_000_000),
    word(nanos ? 5_000 + i * 1000 : 5 + i),
    word(before + length),
    word(before + length),
    Buffer.alloc(before, 0xee),
    Buffer.alloc(length, i),
  ]);
  return Buffer.concat([...[...header, 262_144, link].map(word), ...packets]);
}

async function all(bytes: Buffer, size: number): Promise<CapturedPacket[]> {
  async function* parts(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  const found: CapturedPacket[] = [];
  for await (const packet of readCapture(parts())) {
    found.push({ ...packet, bytes: Uint8Array.from(packet.bytes) });
  }
  return found;
}

for (const isLittle of [true, false]) {
  for (const nanos of [true, false]) {
    const name = `${isLittle ? 'little' : 'big'} end first, in ${nanos ? 'nano' : 'micro'}seconds`;
    test(`pcap: packets come out, however the file is cut: ${name}`, async (t) => {
      for (const size of [1, 3, 17, 1e6]) {
        const packets = await all(file({ isLittle, nanos, link: 101 }), size);
        t.deepEqual(
          packets.map(({ bytes, micros }) => [bytes.length, bytes[0], micros]),
          [4, 5, 6].map((length, i) => [length, i, 1_700_000_000_000_005 + i]),
        );
        t.true(packets.every(({ isFrame }) => !isFrame));
      }
    });
  }
}

for (const [link, before] of [
  [0, 4],
  [113, 16],
  [276, 20],
] as const) {
  test(`pcap: what stands before the packets of link type ${link} is left out`, async (t) => {
    const packets = await all(file({ isLittle: true, nanos: false, link }, before), 1e6);
    t.deepEqual(
      packets.map(({ bytes }) => [...bytes]),
      [
        [0, 0, 0, 0],
        [1, 1, 1, 1, 1],
        [2, 2, 2, 2, 2, 2],
      ],
    );
  });
}

test('pcap: frames are frames, a file that was cut gives what is whole, and what is none says so', async (t) => {
  const bytes = file({ isLittle: true, nanos: false, link: 1 });
  t.true((await all(bytes, 1e6)).every(({ isFrame }) => isFrame));
  for (let length = 24; length < bytes.length; length++) {
    t.true((await all(bytes.subarray(0, length), 1e6)).length < 3);
  }
  bytes.writeUInt32LE(2 ** 31, 32);
  await t.throwsAsync(all(bytes, 1e6), { message: /no capture, or it is damaged/ });
  await t.throwsAsync(all(Buffer.from('#!/bin/sh\nexit 0\n'), 1e6), { message: /no pcapng/ });
  t.deepEqual(await all(Buffer.alloc(0), 1), []);
});
