/**
 * Header split: a packet whose headers lie in a slot, and its text in memory of its own, which who reads it may keep.
 * That saves the copy of the text. But where the text begins has to be known before the packet is read: where that of
 * those before it began. A packet of which that is not so, or whose text others than TCP would see, is put together.
 * @module
 */
import { copyBytes } from '../../base/copy.ts';
import type { Slots } from '../../memory/slots.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { Protocol } from '../../wire/protocol.ts';
import * as tcp from '../../wire/tcp.ts';
import * as virtio from '../../wire/virtio.ts';
import type { Interface } from '../interface.ts';

const { NEEDS_CSUM, DATA_VALID } = virtio.Flag;

/**
 * True if the `head` bytes at `at` are all headers of a whole TCP segment, and its checksum, which is over the text too, is
 * the device's business. Not of one that opens a connection: who refuses that quotes it (RFC 792). What else is wrong with
 * it is found where it is taken in.
 */
export function isSplitAtText(v: DataView, iface: Interface, at: number, head: number): boolean {
  if (iface.headerLength === 0 || !iface.offload.checksum) return false;
  if ((virtio.flags(v, at) & (NEEDS_CSUM | DATA_VALID)) === 0) return false;
  const ip = at + iface.lead;
  const headers = head - iface.lead;
  if (headers < ipv4.MIN_LEN + tcp.MIN_LEN) return false;
  if (ipv4.version(v, ip) === ipv4.VERSION) {
    if (ipv4.headerLen(v, ip) !== ipv4.MIN_LEN || ipv4.protocol(v, ip) !== Protocol.TCP)
      return false;
    if (ipv4.isFragment(v, ip)) return false;
    return isTextAt(v, ip + ipv4.MIN_LEN, headers - ipv4.MIN_LEN);
  }
  if (ipv6.nextHeader(v, ip) !== Protocol.TCP) return false;
  if (headers < ipv6.HEADER_LEN + tcp.MIN_LEN) return false;
  return isTextAt(v, ip + ipv6.HEADER_LEN, headers - ipv6.HEADER_LEN);
}

const isTextAt = (v: DataView, at: number, length: number): boolean =>
  tcp.headerLen(v, at) === length && (tcp.flags(v, at) & tcp.Flag.SYN) === 0;

/** Let the `length` bytes of a packet that was split after `head` lie together at `at`, as far as they have room in its slot. */
export function unite(
  slots: Slots,
  at: number,
  length: number,
  head: number,
  rest: Uint8Array,
): void {
  const end = Math.min(at + length, slots.slotOf(at) + slots.size);
  if (end > at + head) copyBytes(rest, 0, slots.bytes, at + head, end - at - head);
}
