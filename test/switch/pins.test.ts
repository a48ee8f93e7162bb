/**
 * Ports that are pinned to addresses: nobody speaks for another. RFC 826, RFC 5227.
 * @module
 */
import test from 'ava';
import type { PortOptions } from '../../src/index.ts';
import { fromOctets } from '../../src/stack/base/address.ts';
import * as arp from '../../src/stack/wire/arp.ts';
import * as ethernet from '../../src/stack/wire/ethernet.ts';
import { Bench, frame, parse } from './bench.ts';

const HOME = fromOctets(10, 0, 0, 2);
const GATEWAY = fromOctets(10, 0, 0, 1);
const NOBODY = fromOctets(0, 0, 0, 0);

/** A reply that says who has `sender`: in the frame `from`, in the packet `claimed`. */
function arpFrame(from: string, sender: number, claimed = from): Uint8Array {
  const bytes = frame(from, '*', '');
  const view = new DataView(bytes.buffer);
  view.setUint16(12, ethernet.EtherType.ARP);
  const { hi, lo } = parse(claimed);
  arp.write(view, 14, arp.Operation.REPLY, hi, lo, sender as typeof HOME, 0, 0, HOME);
  return bytes;
}

function ipv4Frame(source: number, destination = GATEWAY): Uint8Array {
  const bytes = frame('a', '*', '');
  const view = new DataView(bytes.buffer);
  view.setUint16(12, ethernet.EtherType.IPV4);
  view.setUint8(14, 0x45);
  view.setInt32(14 + 12, source);
  view.setInt32(14 + 16, destination);
  return bytes;
}

const count = (frames: readonly Uint8Array[], reason: string, options: object): number[] => {
  const bench = new Bench();
  const [a, b] = [bench.plug(options), bench.plug()];
  for (const bytes of frames) bench.send(a, bytes);
  return [b.heard.length, a.port.stats().drops[reason] ?? -1];
};

test('pins: a port that is pinned to stations takes no other source', (t) => {
  const frames = [frame('a', '*', '1'), frame('e', '*', '2'), frame('b', '*', '3')];
  const options = { mac: ['02:00:00:00:00:61', '02-00-00-00-00-62'] };
  t.deepEqual(count(frames, 'pinnedMac', options), [2, 1]);
});

test('pins: a port that is pinned to an address sends from no other', (t) => {
  const frames = [ipv4Frame(HOME), ipv4Frame(GATEWAY), ipv4Frame(NOBODY)];
  t.deepEqual(count(frames, 'pinnedIp', { ip: '10.0.0.2' }), [2, 1], 'DHCP asks from 0.0.0.0');
});

test('pins: a neighbour cannot be poisoned from a pinned port', (t) => {
  const frames = [
    arpFrame('a', HOME),
    arpFrame('a', NOBODY), // RFC 5227 §2.1.1: a probe
    arpFrame('a', GATEWAY),
    arpFrame('a', HOME, 'e'), // says of another that it has our address
  ];
  t.deepEqual(count(frames, 'pinnedIp', { ip: '10.0.0.2' }), [2, 2]);
});

test('pins: what cannot be looked at does not pass a port that is pinned to an address', (t) => {
  const short = ipv4Frame(HOME).subarray(0, 14 + 19);
  const frames = [frame('a', '*', 'another protocol'), short];
  t.deepEqual(count(frames, 'pinnedIp', { ip: '10.0.0.2' }), [0, 2]);
});

const groups = (text: string): number[] => {
  const [left = '', right = ''] = text.split('::');
  const words = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((one) => Number.parseInt(one, 16));
  const [a, b] = [words(left), words(right)];
  const all = [...a, ...new Array<number>(8 - a.length - b.length).fill(0), ...b];
  return all.flatMap((word) => [word >> 8, word & 255]);
};

function ipv6Frame(source: string, next: number, body: number[], destination = 'ff02::1') {
  const bytes = new Uint8Array([...frame('a', '*', '').subarray(0, 14), ...new Array(40), ...body]);
  const head = [0x60, 0, 0, 0, 0, body.length, next, 255];
  bytes.set([0x86, 0xdd, ...head, ...groups(source), ...groups(destination)], 12);
  return bytes;
}

const PINNED6 = { ip: ['10.0.0.2', 'fd00::2', 'fe80::2'] };
const ICMP = 58;
const told = (type: number, target: string, ...option: number[]): number[] => [
  ...[type, 0, 0, 0, 0, 0, 0, 0, ...groups(target), ...option],
];

test('pins: a port that is pinned to addresses of IPv6 sends from these, and asks before it has them', (t) => {
  const frames = [
    ipv6Frame('fd00::2', 59, [], 'fd00::1'),
    ipv6Frame('fe80::2', ICMP, told(135, 'fd00::1')),
    ipv6Frame('::', ICMP, told(135, 'fd00::2')), // RFC 4862 §5.4.2
    ipv4Frame(HOME),
    ipv6Frame('fd00::3', 59, [], 'fd00::1'),
    ipv6Frame('fe80::3', 59, []),
    ipv6Frame('::', 59, [], 'fd00::1'), // RFC 4291 §2.5.2
    ipv6Frame('::', ICMP, told(135, 'fd00::3')),
  ];
  t.deepEqual(count(frames, 'pinnedIp', PINNED6), [4, 4]);
  t.deepEqual(count([frames[0] as Uint8Array], 'pinnedIp', { ip: '10.0.0.2' }), [0, 1]);
});

// RFC 4861 §7.2.5: whoever hears it sends there from then on.
test('pins: a neighbour of IPv6 cannot be poisoned from a pinned port', (t) => {
  const { hi, lo } = parse('a');
  const link = (kind: number, last: number): number[] => [
    ...[kind, 1, hi >> 8, hi & 255, lo >>> 24, (lo >>> 16) & 255, (lo >>> 8) & 255, last],
  ];
  const own = lo & 255;
  const frames = [
    ipv6Frame('fe80::2', ICMP, told(136, 'fd00::2', ...link(2, own))),
    ipv6Frame('fe80::2', ICMP, told(136, 'fd00::1', ...link(2, own))),
    ipv6Frame('fe80::2', ICMP, told(136, 'fd00::2', ...link(2, own + 1))),
    ipv6Frame('fe80::2', ICMP, told(135, 'fd00::1', ...link(1, own + 1))),
    ipv6Frame('fe80::2', 44, [ICMP, 0, 0, 1, 0, 0, 0, 1, ...told(136, 'fd00::1')]), // RFC 6980 §5
  ];
  t.deepEqual(count(frames, 'pinnedIp', PINNED6), [1, 4]);
});

/** What two others hear, the one that is pinned first, of frames of one that is not; and why the rest is dropped. */
function beside(options: PortOptions, frames: readonly Uint8Array[], own: PortOptions = {}) {
  const bench = new Bench();
  const [pinned, stranger, other] = [bench.plug(options), bench.plug(own), bench.plug()];
  for (const bytes of frames) bench.send(stranger, bytes);
  const { pinnedMac, pinnedIp } = stranger.port.stats().drops;
  return [pinned.heard.length, other.heard.length, pinnedMac, pinnedIp];
}

test('pins: a station that is pinned to one port is nobody at another, and draws nothing there', (t) => {
  const bench = new Bench();
  const stranger = bench.plug();
  bench.send(stranger, frame('a', '*', 'before'));
  const [home, other] = [bench.plug({ mac: '02:00:00:00:00:61' }), bench.plug()];
  bench.send(other, frame('b', 'a', 'to whom it was heard of')); // forgotten: it goes to everyone
  t.deepEqual([home.take().length, stranger.take().length], [1, 1]);
  bench.send(home, frame('a', '*', 'here'));
  bench.send(stranger, frame('a', '*', 'no, here'));
  bench.now += 1e9; // long after all that was heard is forgotten
  bench.send(stranger, frame('a', '*', 'here at last'));
  t.is(stranger.port.stats().drops['pinnedMac'], 2);
  bench.send(home, frame('a', '*', 'here'));
  [home, stranger, other].map((plug) => plug.take());
  bench.send(other, frame('b', 'a', 'for it'));
  t.deepEqual([home.take(), stranger.take()], [['for it'], []]);
});

test('pins: what is pinned to one port may be pinned to another one, and be another station’s in other VLANs', (t) => {
  const frames = [frame('a', '*', ''), arpFrame('a', GATEWAY)];
  const pins = { mac: '02:00:00:00:00:61', ip: '10.0.0.1' };
  t.deepEqual(beside(pins, frames), [0, 0, 2, 0]);
  t.deepEqual(beside(pins, [arpFrame('b', GATEWAY)]), [0, 0, 0, 1]);
  t.deepEqual(beside(pins, [arpFrame('a', GATEWAY)], pins), [1, 1, 0, 0]);
  t.deepEqual(beside({ ...pins, vlan: 2 }, frames), [0, 2, 0, 0]);
});

// RFC 826: whoever hears it sends there from then on.
test('pins: nobody at another port says that an address of a pinned one is his', (t) => {
  const odd = arpFrame('b', GATEWAY);
  odd[15] = 6; // IEEE 802's number for the hardware, which Linux believes as well
  const snap = new Uint8Array([...arpFrame('b', GATEWAY).subarray(0, 12), 0, 46]);
  const hidden = new Uint8Array([...snap, 0xaa, 0xaa, 3, 0, 0, 0, 8, 6, ...odd.subarray(14)]);
  const frames = [
    arpFrame('b', GATEWAY),
    arpFrame('b', HOME),
    arpFrame('b', NOBODY), // RFC 5227 §2.1.1: a probe
    ...[odd, hidden],
    frame('b', '*', 'another protocol'),
  ];
  t.deepEqual(beside({ ip: '10.0.0.1' }, frames), [3, 3, 0, 3]);
});

// RFC 4861 §7.2.3, §7.2.5, §6.3.4: the sources of all messages, and the targets of advertisements.
test('pins: nor of one of IPv6', (t) => {
  const hidden = new Array(9).fill([60, 0, 0, 0, 0, 0, 0, 0]).flat();
  const frames = [
    ipv6Frame('fe80::3', ICMP, told(136, 'fd00::2')),
    ipv6Frame('fe80::2', ICMP, told(135, 'fd00::1')),
    ipv6Frame('fe80::2', ICMP, told(134, 'fd00::1')),
    ipv6Frame('::', ICMP, told(135, 'fd00::2')),
    ipv6Frame('fe80::3', 44, [ICMP, 0, 0, 1, 0, 0, 0, 1, ...told(136, 'fd00::2')]), // RFC 6980 §5
    ipv6Frame('fe80::3', 60, [...hidden, ...told(136, 'fd00::2')]), // RFC 7113 §2.1
    ipv6Frame('fe80::3', ICMP, told(136, 'fd00::3')),
    ipv6Frame('fe80::3', ICMP, told(135, 'fd00::2')), // asks for it
    ipv6Frame('fd00::3', 59, [], 'fd00::1'),
  ];
  t.deepEqual(beside(PINNED6, frames), [3, 3, 0, 6]);
});
