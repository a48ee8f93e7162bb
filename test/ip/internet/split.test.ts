/** A packet that was read in two parts: whether it was parted where its text begins, and how it is put together. */
import test from 'ava';
import type { Interface } from '../../../src/stack/ip/interface.ts';
import { isSplitAtText, unite } from '../../../src/stack/ip/internet/split.ts';
import { Slots } from '../../../src/stack/memory/slots.ts';

const VIRTIO = 10;
const AT = 100;
const NEEDS_CSUM = 1;
const DATA_VALID = 2;
const TCP = 6;
const UDP = 17;

interface Headers {
  readonly six?: boolean;
  readonly flags?: number;
  readonly protocol?: number;
  /** Of the header of IPv4, in words. */
  readonly words?: number;
  /** The bits for fragments. */
  readonly fragment?: number;
  /** Bytes of options of TCP. */
  readonly options?: number;
  /** Of TCP. */
  readonly control?: number;
}

const device = (checksum = true, headerLength = VIRTIO): Interface =>
  ({ lead: headerLength, headerLength, offload: { checksum } }) as Interface;

function at(headers: Headers, head: number, iface: Interface = device()): boolean {
  const { six = false, flags = NEEDS_CSUM, protocol = TCP } = headers;
  const { words = 5, fragment = 0, options = 12, control = 16 } = headers;
  const bytes = new Uint8Array(AT + 200).fill(0xee);
  const ip = AT + iface.lead;
  const tcp = ip + (six ? 40 : 4 * words);
  bytes[AT] = flags;
  bytes[ip] = six ? 0x60 : 0x40 | words;
  if (six) bytes[ip + 6] = protocol;
  else bytes.set([fragment >> 8, fragment & 255, 64, protocol], ip + 6);
  bytes.set([(5 + options / 4) << 4, control], tcp + 12);
  return isSplitAtText(new DataView(bytes.buffer), iface, AT, head);
}

test('split: a segment of TCP whose headers end there, over IPv4 and IPv6', (t) => {
  t.true(at({}, VIRTIO + 52));
  t.true(at({ options: 0 }, VIRTIO + 40));
  t.true(at({ six: true }, VIRTIO + 72));
  t.true(at({ six: true, options: 0 }, VIRTIO + 60));
  t.true(at({ flags: DATA_VALID }, VIRTIO + 52));
  t.true(at({ fragment: 0x4000 }, VIRTIO + 52), 'DF');
});

test('split: not where headers are shorter or longer', (t) => {
  for (const head of [VIRTIO + 20, VIRTIO + 40, VIRTIO + 51, VIRTIO + 56, VIRTIO + 72])
    t.false(at({}, head), `${head}`);
  for (const head of [VIRTIO + 40, VIRTIO + 52, VIRTIO + 60]) t.false(at({ six: true }, head));
  t.false(at({ words: 6 }, VIRTIO + 56), 'options of IPv4');
});

test('split: no fragment, and no other protocol', (t) => {
  t.false(at({ fragment: 0x2000 }, VIRTIO + 52));
  t.false(at({ fragment: 1 }, VIRTIO + 52));
  t.false(at({ protocol: UDP }, VIRTIO + 52));
  t.false(at({ six: true, protocol: UDP }, VIRTIO + 72));
  t.false(at({ six: true, protocol: 0 }, VIRTIO + 72), 'a chain of extension headers');
});

test('split: no segment that opens a connection, which who refuses it quotes', (t) => {
  t.false(at({ control: 2 }, VIRTIO + 52));
  t.false(at({ six: true, control: 2 | 16 }, VIRTIO + 72));
  t.true(at({ control: 16 }, VIRTIO + 52));
});

test('split: not where the text is needed for its checksum', (t) => {
  t.false(at({ flags: 0 }, VIRTIO + 52));
  t.false(at({}, VIRTIO + 52, device(false)));
  t.false(at({}, 52, device(true, 0)));
});

test('split: the parts come together, as far as the slot has room', (t) => {
  const slots = new Slots({ count: 4, packetSize: 1500 });
  const [slot, other] = [slots.acquire(), slots.acquire()].sort((a, b) => a - b) as [
    number,
    number,
  ];
  slots.bytes[other] = 1;
  const begin = slot + 38;
  slots.bytes.fill(7, begin, begin + 62);
  const rest = new Uint8Array(65_536).fill(9);
  unite(slots, begin, 62, 62, rest);
  t.is(slots.bytes[begin + 62], 0, 'nothing was apart');
  unite(slots, begin, 1000, 62, rest);
  t.is(slots.bytes[begin + 61], 7);
  t.true(slots.bytes.subarray(begin + 62, begin + 1000).every((byte) => byte === 9));
  t.is(slots.bytes[begin + 1000], 0);
  unite(slots, begin, 60_000, 62, rest);
  t.is(slots.bytes[slot + slots.size - 1], 9);
  t.is(slots.bytes[other], 1, 'the next slot is not its');
});
