/**
 * Somebody who means well and knows of nothing: a handshake and a word, as RFC 9293 §3.5 has them.
 * @module
 */
import type { Address } from '../../../src/stack/base/address.ts';
import { Flag, has } from '../../../src/stack/tcp/tcb/flags.ts';
import { State } from '../../../src/stack/tcp/tcb/state.ts';
import { ip, US } from '../../support/packets.ts';
import { tcpPacket } from '../../support/segments.ts';
import { Bit } from './forge.ts';
import type { Rig } from './rig.ts';
import { textAt } from './text.ts';

const { SYN, RST, PSH, ACK } = Bit;
const TCP = 6;
/** Between two segments. */
const PAUSE = 1e6;

export const STRANGER: Address = ip('10.0.0.77');

/** From its port `from` to our `port`, beginning at `seq`: true if the word was acknowledged. */
export function greet(rig: Rig, from: number, port: number, seq: number): boolean {
  rig.jam(false);
  rig.advance(10e6); // buckets fill, queues drain
  const where = { source: STRANGER, sourcePort: from, destination: US, port, window: 60_000 };
  let answer: DataView | undefined;
  rig.wire.onPacket = (bytes) => {
    const v = new DataView(bytes.buffer);
    if (v.getUint8(9) === TCP && v.getUint16(22) === from) answer = v;
  };
  const say = (bytes: Uint8Array): void => {
    rig.deliver(bytes);
    rig.flush(1);
    rig.advance(PAUSE);
  };
  say(tcpPacket({ ...where, seq, ack: 0, flags: SYN }));
  if (answer === undefined || (answer.getUint8(33) & (SYN | ACK)) !== (SYN | ACK)) return false;
  const ack = (answer.getInt32(24) + 1) | 0;
  const text = textAt(seq + 1, 5);
  say(tcpPacket({ ...where, seq: (seq + 1) | 0, ack, flags: ACK | PSH, text }));
  rig.wire.onPacket = () => {};
  // An owner may have refused it, or be rude: a reset is an answer too.
  const acknowledged = answer.getInt32(28) === ((seq + 6) | 0);
  return acknowledged || (answer.getUint8(33) & RST) !== 0 || isRude(rig, from);
}

/** The owner of the connection from that port is one who does not read, or has closed. */
function isRude(rig: Rig, port: number): boolean {
  const tcb = rig.core.tcp.table.find((t) => t.remotePort === port);
  return tcb === undefined || has(tcb, Flag.PAUSED) || tcb.state !== State.ESTABLISHED;
}
