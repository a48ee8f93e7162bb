/**
 * TCP in the obvious way: every packet parsed into objects, connections found by a string, text copied
 * and emitted as an event, a timer each, and what is sent glued together from buffers. It does a
 * fraction of what the stack does: no options, no windows, no retransmission.
 * @module
 */
import { EventEmitter } from 'node:events';

export interface PlainSegment {
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly port: number;
  readonly seq: number;
  readonly ack: number;
  readonly flags: { syn: boolean; ack: boolean; fin: boolean; rst: boolean; psh: boolean };
  readonly window: number;
  readonly text: Buffer;
}

const dotted = (bytes: Buffer): string => [...bytes].join('.');

export function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let i = 0; i + 1 < bytes.length; i += 2) sum += bytes.readUInt16BE(i);
  if (bytes.length & 1) sum += (bytes[bytes.length - 1] as number) << 8; // it is not empty
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

export function parse(packet: Buffer): PlainSegment {
  const header = (packet.readUInt8(0) & 15) * 4;
  const segment = packet.subarray(header);
  const words = segment.readUInt8(12) >> 4;
  const flags = segment.readUInt8(13);
  return {
    source: dotted(packet.subarray(12, 16)),
    destination: dotted(packet.subarray(16, 20)),
    sourcePort: segment.readUInt16BE(0),
    port: segment.readUInt16BE(2),
    seq: segment.readUInt32BE(4),
    ack: segment.readUInt32BE(8),
    flags: {
      fin: (flags & 1) !== 0,
      syn: (flags & 2) !== 0,
      rst: (flags & 4) !== 0,
      psh: (flags & 8) !== 0,
      ack: (flags & 16) !== 0,
    },
    window: segment.readUInt16BE(14),
    text: segment.subarray(words * 4),
  };
}

export class PlainConnection extends EventEmitter {
  next = 0;
  sent = 1;
  #owed = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #output: (packet: Buffer) => void;

  constructor(output: (packet: Buffer) => void) {
    super();
    this.#output = output;
  }

  receive(segment: PlainSegment): void {
    if (segment.text.length === 0) {
      this.emit('ack', segment.ack);
      return;
    }
    this.next = (segment.seq + segment.text.length) >>> 0;
    this.emit('data', Buffer.from(segment.text));
    clearTimeout(this.#timer);
    if (++this.#owed >= 2) this.#acknowledge();
    else this.#timer = setTimeout(() => this.#acknowledge(), 40).unref();
  }

  send(text: Buffer, mss: number): void {
    for (let at = 0; at < text.length; at += mss) {
      const piece = text.subarray(at, at + mss);
      this.#output(this.#packet(0x18, piece));
      this.sent = (this.sent + piece.length) >>> 0;
    }
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #acknowledge(): void {
    this.#owed = 0;
    this.#output(this.#packet(0x10, Buffer.alloc(0)));
  }

  #packet(flags: number, text: Buffer): Buffer {
    const ip = Buffer.alloc(20);
    ip.writeUInt8(0x45, 0);
    ip.writeUInt16BE(40 + text.length, 2);
    ip.writeUInt8(64, 8);
    ip.writeUInt8(6, 9);
    ip.writeUInt16BE(checksum(ip), 10);
    const tcp = Buffer.alloc(20);
    tcp.writeUInt32BE(this.sent, 4);
    tcp.writeUInt32BE(this.next, 8);
    tcp.writeUInt8(0x50, 12);
    tcp.writeUInt8(flags, 13);
    tcp.writeUInt16BE(0xffff, 14);
    const pseudo = Buffer.concat([ip.subarray(12, 20), Buffer.from([0, 6, 0, 20])]);
    tcp.writeUInt16BE(checksum(Buffer.concat([pseudo, tcp, text])), 16);
    return Buffer.concat([ip, tcp, text]);
  }
}

export class PlainTcp {
  readonly connections: Map<string, PlainConnection> = new Map();
  packetsOut = 0;

  receive(packet: Buffer): void {
    const segment = parse(packet);
    if (checksum(packet.subarray(20)) < 0) return; // computed as it should be, and never wrong here
    const { source, sourcePort, destination, port } = segment;
    const key = `${source}:${sourcePort}-${destination}:${port}`;
    let connection = this.connections.get(key);
    if (connection === undefined) {
      connection = new PlainConnection((out) => {
        this.packetsOut += out.length > 0 ? 1 : 0;
      });
      this.connections.set(key, connection);
    }
    connection.receive(segment);
  }
}
