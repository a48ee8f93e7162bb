/**
 * The frame that a switch is handing on: where it lies, and in which VLAN. One instance a switch, filled
 * again for each.
 *
 * A tag is put in and taken out where the frame lies: what precedes it, the device's header and both
 * addresses, moves by four bytes. IEEE 802.1Q §9.
 * @module
 */
import type { Pieces } from '../device/queue.ts';
import * as ethernet from '../stack/wire/ethernet.ts';
import * as virtio from '../stack/wire/virtio.ts';

/** Both addresses: what stands before a tag. */
const BEFORE_TAG = 12;

/** Priority alone, no VLAN. IEEE 802.1Q §9.6. */
const NO_VLAN = 0;

export class Frame {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Where the device's header begins. */
  at = 0;
  /** Bytes, the device's header included. */
  length = 0;
  /** Bytes of the device's header. */
  headerLength = 0;
  /** Where its last bytes lie, if that is not behind the others: with who sent it. Headers are never among them. */
  tail: Pieces | undefined = undefined;
  /** The bytes of `tail` stay as they are until the turn ends, and the ports are flushed. */
  stays = false;
  vlan = 0;
  /** Of the tag, if it had one: priority and drop eligibility, four bits. */
  priority = 0;
  /** Whether it stands there with the tag of its VLAN; a tag below that one is payload. */
  tagged = false;

  constructor(memory: Uint8Array) {
    this.bytes = memory;
    this.view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  }

  /** Have all of it in one place. */
  whole(): void {
    const { tail } = this;
    if (tail === undefined) return;
    this.tail = undefined;
    tail.copy(this.bytes, this.at + this.length - tail.length);
  }

  /** Where the frame itself begins. */
  get start(): number {
    return this.at + this.headerLength;
  }

  /** Whether its checksum is only begun: the device it came from leaves the rest to others. */
  get needsChecksum(): boolean {
    if (this.headerLength === 0) return false;
    return (virtio.flags(this.view, this.at) & virtio.Flag.NEEDS_CSUM) !== 0;
  }

  /** Of what kind the segments are that it stands for; `virtio.Gso.NONE`: it is what it is. */
  get gsoType(): number {
    return this.headerLength === 0 ? virtio.Gso.NONE : virtio.gsoType(this.view, this.at);
  }

  /** Bytes behind its header and tag: the packet in it, and padding. */
  get payloadLength(): number {
    return this.at + this.length - ethernet.payload(this.view, this.start);
  }

  /** Whether there is another tag below that of its VLAN. IEEE 802.1ad. */
  get stacked(): boolean {
    if (!this.tagged) return false;
    const type = ethernet.type(this.view, this.start);
    return type === ethernet.EtherType.VLAN || type === ethernet.EtherType.PROVIDER_VLAN;
  }

  /** True if a header can be read, and the tag that it announces. */
  get valid(): boolean {
    return ethernet.valid(this.view, this.start, this.length - this.headerLength);
  }

  /** Read the tag, if there is one; the VLAN that it names, or 0. */
  readTag(): number {
    this.tagged = ethernet.isTagged(this.view, this.start);
    this.priority = this.tagged ? ethernet.priority(this.view, this.start) : 0;
    return this.tagged ? ethernet.vlan(this.view, this.start) : NO_VLAN;
  }

  /** Give it the tag of its VLAN. Four bytes before it must be free. */
  tag(): void {
    if (!this.tagged) {
      const end = this.start + BEFORE_TAG;
      this.bytes.copyWithin(this.at - ethernet.TAG_LEN, this.at, end);
      this.at -= ethernet.TAG_LEN;
      this.length += ethernet.TAG_LEN;
      if (this.headerLength > 0) virtio.shift(this.view, this.at, ethernet.TAG_LEN);
      this.tagged = true;
    }
    ethernet.writeTag(this.view, this.start, this.vlan, this.priority);
  }

  /** Take its tag away. */
  untag(): void {
    if (!this.tagged) return;
    const end = this.start + BEFORE_TAG;
    this.bytes.copyWithin(this.at + ethernet.TAG_LEN, this.at, end);
    this.at += ethernet.TAG_LEN;
    this.length -= ethernet.TAG_LEN;
    if (this.headerLength > 0) virtio.shift(this.view, this.at, -ethernet.TAG_LEN);
    this.tagged = false;
  }
}
