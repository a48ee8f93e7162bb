/** The virtio header: little-endian fields. virtio 1.2 §5.1.6. @module */
import test from 'ava';
import * as virtio from '../../src/stack/wire/virtio.ts';

const AT = 4;

test('virtio: every field that is written is read again', (t) => {
  const v = new DataView(new ArrayBuffer(16));
  const gso = virtio.Gso.TCPV4 | virtio.Gso.ECN;
  virtio.write(v, AT, virtio.Flag.NEEDS_CSUM, gso, 54, 1448, 34, 16);
  t.is(virtio.flags(v, AT), 1);
  t.is(virtio.gsoType(v, AT), 0x81);
  t.is(virtio.hdrLen(v, AT), 54);
  t.is(virtio.gsoSize(v, AT), 1448);
  t.is(virtio.csumStart(v, AT), 34);
  t.is(virtio.csumOffset(v, AT), 16);
});

test('virtio: the bytes are those that Linux reads', (t) => {
  const v = new DataView(new ArrayBuffer(10));
  virtio.write(v, 0, 1, 1, 0x0102, 0x0304, 0x0506, 0x0708);
  t.is(Buffer.from(v.buffer).toString('hex'), '01010201040306050807');
});

test('virtio: clearing writes as many bytes as the header has, and no more', (t) => {
  for (const length of [virtio.LEN, virtio.MERGEABLE_LEN]) {
    const bytes = new Uint8Array(32).fill(0xff);
    virtio.clear(new DataView(bytes.buffer), AT, length);
    t.deepEqual(
      [...bytes.keys()].filter((i) => bytes[i] === 0),
      [...Array(length).keys()].map((i) => AT + i),
    );
  }
});
