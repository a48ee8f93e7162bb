/**
 * Text that a device takes from where it lies, behind the bytes of a slot.
 * @module
 */
import test from 'ava';
import { ANY } from '../../../src/stack/base/address.ts';
import { Failure } from '../../../src/stack/base/failure.ts';
import { Verdict } from '../../../src/stack/ip/hooks.ts';
import { Chunks } from '../../../src/stack/memory/chunks.ts';
import { Host, type HostOptions, ip, pattern, Wire } from '../../support/packets.ts';

const OFFLOAD = { checksum: true, tso4: true, uso4: false };
const HEAD = 40;

/** A device that gathers, as far as `places` go. */
class Gatherer extends Wire {
  places = 15;
  pieces: Uint8Array[] = [];

  gather(bytes: Uint8Array, from: number, length: number): boolean {
    if (this.pieces.length >= this.places) {
      this.pieces = [];
      return false;
    }
    this.pieces.push(bytes.slice(from, from + length));
    return true;
  }

  override write(at: number, length: number): boolean {
    const pieces = this.pieces.splice(0);
    if (!super.write(at, length)) return false;
    const head = this.sent.pop() ?? new Uint8Array(0);
    this.sent.push(new Uint8Array(Buffer.concat([head, ...pieces])));
    return true;
  }
}

interface World {
  readonly host: Host;
  readonly device: Gatherer;
  /** Send a head of `HEAD` bytes and `text` behind it, from two chunks. */
  send(text: Uint8Array): Failure;
}

function world(options: HostOptions = {}): World {
  const host = new Host({
    headerLength: 10,
    offload: OFFLOAD,
    slots: { packetSize: 65_535 },
    ...options,
  });
  const device = new Gatherer(host.slots);
  Object.assign(host.iface.out, {
    write: (at: number, length: number) => device.write(at, length),
    gather: (bytes: Uint8Array, from: number, length: number) => device.gather(bytes, from, length),
  });
  const send = (text: Uint8Array): Failure => {
    const route = host.net.route(ip('10.0.0.1'), ANY);
    if (route === undefined) throw new Error('no route');
    const chunks = new Chunks();
    const before = 5;
    chunks.append(pattern(before, 9), 0, before, undefined);
    const half = text.length >> 1;
    chunks.append(text, 0, half, undefined);
    chunks.append(text, half, text.length - half, undefined);
    const at = host.net.output.reserve(route);
    host.slots.bytes.set(pattern(HEAD, 3), at);
    host.slots.bytes.fill(0, at + HEAD, at + HEAD + text.length);
    Object.assign(host.net.output.next, {
      gsoSize: 1400,
      checksumAt: 16,
      text: chunks,
      textFrom: before,
      textLength: text.length,
    });
    return host.net.output.send(route, route.source, 6, at, HEAD + text.length);
  };
  return { host, device, send };
}

const body = (device: Gatherer): Uint8Array => device.take(10).body.subarray(HEAD);
const LONG = pattern(20_000);

test('gather: long text follows the head without a copy', (t) => {
  const { host, device, send } = world();
  let gathered = 0;
  const { gather } = host.iface.out;
  host.iface.out.gather = (...piece) => {
    gathered++;
    return gather?.(...piece) === true;
  };
  t.is(send(LONG), Failure.NONE);
  t.is(gathered, 2);
  t.deepEqual(body(device), LONG);
  t.true(host.balanced);
});

test('gather: short text is copied into the slot', (t) => {
  const { device, send } = world();
  device.places = 0;
  t.is(send(pattern(1400)), Failure.NONE);
  t.deepEqual(body(device), pattern(1400));
});

test('gather: what has more pieces than the device takes is copied, all of it', (t) => {
  const { device, send } = world();
  device.places = 1;
  t.is(send(LONG), Failure.NONE);
  t.deepEqual(body(device), LONG);
});

test('gather: a packet that the device refuses waits with its text', (t) => {
  const { host, device, send } = world();
  device.open = false;
  t.is(send(LONG), Failure.NONE);
  t.is(send(pattern(10_000, 1)), Failure.NONE, 'not gathered: others wait');
  device.open = true;
  host.net.writable(host.iface);
  t.deepEqual(body(device), LONG);
  t.deepEqual(body(device), pattern(10_000, 1));
  t.true(host.balanced);
});

test('gather: a hook sees the whole packet', (t) => {
  const { host, device, send } = world();
  let seen: Uint8Array = new Uint8Array(0);
  host.net.hooks.output = ({ at }) => {
    seen = host.slots.bytes.slice(at + 20 + HEAD, at + 20 + HEAD + LONG.length);
    return Verdict.PASS;
  };
  t.is(send(LONG), Failure.NONE);
  t.deepEqual(seen, LONG);
  t.deepEqual(body(device), LONG);
});
