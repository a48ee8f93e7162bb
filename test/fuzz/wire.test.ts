/**
 * Random and mutated headers: after a yes of `valid` nothing throws, and nothing is read outside.
 *
 * Each case lies in a view that ends where the packet does, so that one byte too far throws.
 * `TUNSTACK_FUZZ` multiplies the rounds, `TUNSTACK_SEED` repeats a run.
 * @module
 */
import test, { type ExecutionContext } from 'ava';
import { fromBits } from '../../src/stack/base/address.ts';
import { below, type Random } from '../../src/stack/base/random.ts';
import { seq } from '../../src/stack/base/seq.ts';
import { describe } from '../../src/stack/wire/describe.ts';
import * as icmp from '../../src/stack/wire/icmp.ts';
import * as ipv4 from '../../src/stack/wire/ipv4.ts';
import * as tcp from '../../src/stack/wire/tcp.ts';
import * as options from '../../src/stack/wire/tcp-options.ts';
import * as udp from '../../src/stack/wire/udp.ts';
import { between, randomBytes, seeded } from '../support/seeded.ts';

const { TUNSTACK_FUZZ = '1' } = process.env;
const ROUNDS = 40_000 * Number(TUNSTACK_FUZZ);

/** Call `body` with many packets; a failure shows the packet. */
function fuzz(
  t: ExecutionContext,
  make: (random: Random) => Uint8Array,
  body: (v: DataView, at: number, len: number) => void,
): void {
  seeded(t, (random) => {
    for (let round = 0; round < ROUNDS; round++) {
      const packet = make(random);
      const at = below(random, 5);
      const around = new Uint8Array(at + packet.length);
      around.set(packet, at);
      try {
        body(new DataView(around.buffer), at, packet.length);
      } catch (error) {
        t.log(`packet ${Buffer.from(packet).toString('hex')}`);
        throw error;
      }
    }
  });
  t.pass();
}

const anything = (random: Random): Uint8Array => randomBytes(random, below(random, 100));

/** A sound packet: IPv4, with options at times, around TCP, UDP, ICMP or something else. */
function sound(random: Random): Uint8Array {
  const bytes = randomBytes(random, between(random, 100, 160));
  const v = new DataView(bytes.buffer);
  const protocol = [1, 6, 17, 99][below(random, 4)] ?? 6;
  const header = below(random, 4) === 0 ? 4 * between(random, 5, 15) : 20;
  const fragment = below(random, 8) === 0 ? random.int32() & 0xffff : 0;
  const source = fromBits(random.int32());
  const destination = fromBits(random.int32());
  ipv4.write(v, 0, 0, bytes.length, 1, fragment, 64, protocol, source, destination);
  ipv4.setHeaderLen(v, 0, header);
  const length = bytes.length - header;
  if (protocol === 6) {
    const tcpHeader = 4 * between(random, 5, Math.min(15, length >> 2));
    const flags = random.int32() & 0xff;
    tcp.write(v, header, 1, 2, seq(random.int32()), seq(random.int32()), tcpHeader, flags, 9);
    writeOptions(random, v, header + 20, tcpHeader - 20);
  } else if (protocol === 17) {
    udp.write(v, header, 1, 2, length);
  } else {
    icmp.write(v, header, below(random, 20), below(random, 16), random.int32());
    if (length > 28) bytes[header + 8] = 0x45;
  }
  return bytes;
}

/** Known options, as many as fit, in a random order. */
function writeOptions(random: Random, v: DataView, at: number, room: number): void {
  let used = 0;
  while (room - used >= 12) {
    const what = below(random, 5);
    if (what === 0) used += options.writeMss(v, at + used, 1460);
    else if (what === 1) used += options.writeWindowScale(v, at + used, below(random, 15));
    else if (what === 2) used += options.writeSackPermitted(v, at + used);
    else if (what === 3) used += options.writeTimestamps(v, at + used, random.int32(), 1);
    else {
      used += options.writeSackHeader(v, at + used, 1);
      used += options.writeSackBlock(v, at + used, seq(random.int32()), seq(random.int32()));
    }
  }
  for (; used < room; used++) v.setUint8(at + used, options.Kind.NOP);
}

/** A sound packet with some bytes changed, and at times cut short. */
function mutated(random: Random): Uint8Array {
  const bytes = sound(random);
  for (let n = between(random, 0, 4); n > 0; n--) {
    bytes[below(random, Math.min(bytes.length, 80))] = random.int32();
  }
  return below(random, 3) === 0 ? bytes.subarray(0, below(random, bytes.length)) : bytes;
}

/** Read all that a packet has, layer by layer, each behind its gate; false if none lets it in. */
function readAll(v: DataView, at: number, len: number): boolean {
  if (!ipv4.valid(v, at, len)) return false;
  const header = ipv4.headerLen(v, at);
  const length = ipv4.totalLen(v, at) - header;
  for (const read of Object.values(ipv4Readers)) read(v, at);
  let last = at + ipv4.MIN_LEN - 1;
  let option = ipv4.firstOption(v, at);
  for (; option >= 0; option = ipv4.nextOption(v, at, option)) {
    if (option <= last) throw new Error('an option stands before the one ahead of it');
    last = option + ipv4.optionLen(v, option) - 1;
    if (last >= at + header) throw new Error('an option reaches out of the header');
  }
  readTransport(v, at + header, length, ipv4.protocol(v, at));
  return true;
}

const ipv4Readers = {
  tos: ipv4.tos,
  id: ipv4.id,
  flags: ipv4.flagsAndOffset,
  offset: ipv4.fragmentOffset,
  ttl: ipv4.ttl,
  checksum: ipv4.headerChecksum,
  source: ipv4.source,
  destination: ipv4.destination,
};
const tcpReaders = {
  srcPort: tcp.srcPort,
  dstPort: tcp.dstPort,
  seq: tcp.seq,
  ack: tcp.ack,
  flags: tcp.flags,
  window: tcp.window,
  checksum: tcp.checksum,
  urgent: tcp.urgent,
};

function readTransport(v: DataView, at: number, len: number, protocol: number): void {
  if (protocol === ipv4.Protocol.TCP && tcp.valid(v, at, len)) {
    for (const read of Object.values(tcpReaders)) read(v, at);
    options.read(v, at + 20, tcp.headerLen(v, at) - 20, new options.Options());
  } else if (protocol === ipv4.Protocol.UDP && udp.valid(v, at, len)) {
    udp.checksum(v, at);
    if (udp.length(v, at) > len) throw new Error('a datagram is longer than its packet');
  } else if (protocol === ipv4.Protocol.ICMP && icmp.valid(v, at, len)) {
    icmp.mtu(v, at);
    icmp.gateway(v, at);
  }
}

test('wire: random bytes are read, layer by layer, without a throw', (t) => {
  fuzz(t, anything, readAll);
});

test('wire: mutated packets are read, layer by layer, without a throw', (t) => {
  fuzz(t, mutated, readAll);
});

test('wire: sound packets pass the gates', (t) => {
  fuzz(t, sound, (v, at, len) => {
    if (!readAll(v, at, len)) throw new Error('refused');
  });
});

test('wire: random bytes are read as TCP options without a throw', (t) => {
  const into = new options.Options();
  const make = (random: Random): Uint8Array => {
    // Mostly kinds and lengths that mean something, or all would end at once.
    const bytes = randomBytes(random, below(random, options.MAX_LEN + 1));
    return bytes.map((byte) => (below(random, 4) === 0 ? byte : byte % 11));
  };
  fuzz(t, make, (v, at, len) => {
    options.read(v, at, len, into);
    if (into.sackCount > options.MAX_SACK_BLOCKS) throw new Error('too many blocks');
    if (into.windowScale > options.MAX_WINDOW_SCALE) throw new Error('too large a scale');
  });
});

test('wire: anything can be described', (t) => {
  fuzz(t, anything, describe);
  fuzz(t, mutated, describe);
});

test('wire: a length that is longer than the memory can be described', (t) => {
  fuzz(t, mutated, (v, at, len) => describe(v, at, len + 100));
});
