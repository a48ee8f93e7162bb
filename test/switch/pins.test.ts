/**
 * Ports that are pinned to addresses: nobody speaks for another. RFC 826, RFC 5227.
 * @module
 */
import test from 'ava';
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
