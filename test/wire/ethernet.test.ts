/**
 * Ethernet headers and VLAN tags. IEEE 802.3 §3.2, IEEE 802.1Q §9.6.
 * @module
 */
import test from 'ava';
import * as ethernet from '../../src/stack/wire/ethernet.ts';

/** A frame of 60 bytes as a hexadecimal dump of its beginning. */
function frame(hex: string): DataView {
  const bytes = new Uint8Array(64);
  hex.split(' ').forEach((octet, i) => {
    bytes[i] = Number.parseInt(octet, 16);
  });
  return new DataView(bytes.buffer);
}

const plain = frame('ff ff ff ff ff ff 02 00 5e 00 53 01 08 06');
const tagged = frame('01 80 c2 00 00 0e 02 00 5e 00 53 01 81 00 60 64 86 dd');

test('ethernet: addresses and type stand where IEEE 802.3 has them', (t) => {
  t.true(ethernet.isBroadcast(ethernet.destinationHi(plain, 0), ethernet.destinationLo(plain, 0)));
  t.is(
    ethernet.format(ethernet.sourceHi(plain, 0), ethernet.sourceLo(plain, 0)),
    '02:00:5e:00:53:01',
  );
  t.is(ethernet.type(plain, 0), ethernet.EtherType.ARP);
  t.is(ethernet.payload(plain, 0), 14);
  t.false(ethernet.isTagged(plain, 0));
});

test('ethernet: a tag gives VLAN, priority and the type behind it', (t) => {
  t.true(ethernet.isTagged(tagged, 0));
  t.is(ethernet.vlan(tagged, 0), 100);
  t.is(ethernet.priority(tagged, 0), 6);
  t.is(ethernet.type(tagged, 0), ethernet.EtherType.IPV6);
  t.is(ethernet.payload(tagged, 0), 18);
});

test('ethernet: a header, or a tag, that is cut short is not valid', (t) => {
  t.false(ethernet.valid(plain, 0, 13));
  t.true(ethernet.valid(plain, 0, 14));
  t.false(ethernet.valid(tagged, 0, 17));
  t.true(ethernet.valid(tagged, 0, 18));
});

test('ethernet: 01-80-C2-00-00-00 to -0F stay between neighbours (IEEE 802.1Q §8.6.3)', (t) => {
  const reserved = (text: string): boolean => {
    const { hi, lo } = ethernet.parse(text) ?? t.fail(text) ?? { hi: 0, lo: 0 };
    return ethernet.isReserved(hi, lo);
  };
  t.true(reserved('01-80-c2-00-00-00'));
  t.true(reserved('01:80:c2:00:00:0f'));
  t.false(reserved('01:80:c2:00:00:10'));
  t.false(reserved('01:00:5e:00:00:01'));
});

test('ethernet: what is written is read again', (t) => {
  const v = new DataView(new ArrayBuffer(32));
  ethernet.write(v, 4, 0x0200, 1, 0x0a00, -5, ethernet.EtherType.IPV4);
  t.is(ethernet.destinationHi(v, 4), 0x0200);
  t.is(ethernet.destinationLo(v, 4), 1);
  t.is(ethernet.sourceHi(v, 4), 0x0a00);
  t.is(ethernet.sourceLo(v, 4), -5);
  t.is(ethernet.outerType(v, 4), 0x0800);
  ethernet.writeTag(v, 4, 4094, 7);
  t.is(ethernet.vlan(v, 4), 4094);
  t.is(ethernet.priority(v, 4), 7);
});

test('ethernet: addresses are parsed in both usual forms, and nothing else is', (t) => {
  t.deepEqual(ethernet.parse('02:00:5E:00:53:1'), { hi: 0x0200, lo: 0x5e005301 });
  t.deepEqual(ethernet.parse('ff-ff-ff-ff-ff-ff'), { hi: 0xffff, lo: -1 });
  for (const text of ['', '02:00:5e:00:53', '02:00:5e:00:53:01:02', '02:00:5e:00:53:zz', '1']) {
    t.is(ethernet.parse(text), undefined, text);
  }
});
