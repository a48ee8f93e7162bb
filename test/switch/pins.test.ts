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
