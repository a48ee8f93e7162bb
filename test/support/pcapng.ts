/**
 * A strict reader of captures: draft-ietf-opsawg-pcapng §4, as far as our writer uses it.
 * @module
 */

export interface Packet {
  readonly micros: number;
  readonly direction: number;
  readonly data: Buffer;
}
export interface Parsed {
  readonly linkType: number;
  readonly packets: readonly Packet[];
  readonly statistics: { readonly received: number; readonly dropped: number };
}

/** A strict reader of what the writer should write. */
export function parse(file: Buffer): Parsed {
  const packets: Packet[] = [];
  let linkType = -1;
  let statistics = { received: -1, dropped: -1 };
  for (let at = 0; at < file.length; ) {
    const type = file.readUInt32LE(at);
    const length = file.readUInt32LE(at + 4);
    if (length % 4 !== 0 || file.readUInt32LE(at + length - 4) !== length) {
      throw new Error(`block of type ${type} at ${at} has lengths that differ`);
    }
    if (at === 0 && (type !== 0x0a0d0d0a || file.readUInt32LE(8) !== 0x1a2b3c4d)) {
      throw new Error('no section header');
    }
    if (type === 1) linkType = file.readUInt16LE(at + 8);
    if (type === 5) {
      statistics = {
        received: Number(file.readBigUInt64LE(at + 24)),
        dropped: Number(file.readBigUInt64LE(at + 36)),
      };
    }
    if (type === 6) {
      const size = file.readUInt32LE(at + 20);
      const options = at + 28 + ((size + 3) & ~3);
      packets.push({
        micros: file.readUInt32LE(at + 12) * 2 ** 32 + file.readUInt32LE(at + 16),
        data: file.subarray(at + 28, at + 28 + size),
        direction: file.readUInt32LE(options + 4),
      });
    }
    at += length;
  }
  return { linkType, packets, statistics };
}
