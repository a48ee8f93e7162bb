/**
 * The segment that is being taken in: SEG of RFC 9293 §3.10, and where its text lies.
 *
 * One instance a stack, filled again for each segment.
 * @module
 */
import { type Seq, seq } from '../../base/seq.ts';
import type { Packet } from '../../ip/packet.ts';
import * as wire from '../../wire/tcp.ts';
import * as options from '../../wire/tcp-options.ts';

export class Segment {
  seq: Seq = seq(0);
  ack: Seq = seq(0);
  /** SEG.SEQ plus the length in sequence numbers, SYN and FIN counted. */
  end: Seq = seq(0);
  flags = 0;
  /** As sent, not scaled. */
  window = 0;
  /** Bytes of text, and where they begin: in `rest`, or in the slots' memory if that is null. */
  length = 0;
  text = 0;
  rest: Uint8Array | null = null;
  srcPort = 0;
  dstPort = 0;
  /** Text bytes in each segment that an offloaded packet stands for; 0: it is one. */
  gsoSize = 0;
  /** ECN codepoint of the packet, RFC 3168 §5. */
  ecn = 0;
  readonly options: options.Options = new options.Options();

  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }
}

/** Fill `segment` from a packet whose TCP header is `valid`. False if its options are malformed. */
export function read(segment: Segment, v: DataView, packet: Packet): boolean {
  const at = packet.body;
  const headerLen = wire.headerLen(v, at);
  segment.srcPort = wire.srcPort(v, at);
  segment.dstPort = wire.dstPort(v, at);
  segment.seq = wire.seq(v, at);
  segment.ack = wire.ack(v, at);
  segment.flags = wire.flags(v, at);
  segment.window = wire.window(v, at);
  segment.rest = packet.rest;
  segment.text = packet.rest === null ? at + headerLen : 0;
  segment.length = packet.bodyLength - headerLen;
  segment.gsoSize = packet.gsoSize;
  segment.ecn = packet.tos & 3;
  const { SYN, FIN } = wire.Flag;
  const control = ((segment.flags & SYN) !== 0 ? 1 : 0) + ((segment.flags & FIN) !== 0 ? 1 : 0);
  segment.end = seq(segment.seq + segment.length + control);
  return options.read(v, at + wire.MIN_LEN, headerLen - wire.MIN_LEN, segment.options);
}

/** Cut the text (and a SYN) that lies before `left`. */
export function trimLeft(segment: Segment, left: Seq): void {
  let cut = (left - segment.seq) | 0;
  if (cut <= 0) return;
  if (segment.has(wire.Flag.SYN)) {
    segment.flags &= ~wire.Flag.SYN;
    segment.seq = seq(segment.seq + 1);
    cut--;
  }
  const text = Math.min(cut, segment.length);
  segment.seq = seq(segment.seq + text);
  segment.text += text;
  segment.length -= text;
}

/** Cut the text at or after `right`, and a FIN further behind: one just there takes no room. */
export function trimRight(segment: Segment, right: Seq): void {
  const over = (segment.end - right) | 0;
  if (over <= 0) return;
  let text = over;
  if (segment.has(wire.Flag.FIN)) {
    if (over === 1) return;
    segment.flags &= ~wire.Flag.FIN;
    text--;
  }
  segment.length -= Math.min(text, segment.length);
  segment.end = right;
}
