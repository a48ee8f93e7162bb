/**
 * What a port writes down: each frame, and for those that were dropped the reason, where Wireshark shows it.
 * draft-ietf-opsawg-pcapng §3.5, §4.3.
 * @module
 */
import { Writable } from 'node:stream';
import test from 'ava';
import { Bench, frame } from './bench.ts';

class Sink extends Writable {
  readonly pieces: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.pieces.push(Buffer.from(chunk));
    done();
  }
}

/** Direction, length and comment of each packet of a pcapng file. */
function packets(bytes: Buffer): [direction: number, length: number, comment: string][] {
  const found: [number, number, string][] = [];
  for (let at = 0; at < bytes.length; at += bytes.readUInt32LE(at + 4)) {
    if (bytes.readUInt32LE(at) !== 6) continue;
    const length = bytes.readUInt32LE(at + 20);
    let option = at + 28 + ((length + 3) & ~3);
    let direction = 0;
    let comment = '';
    for (let code = bytes.readUInt16LE(option); code !== 0; code = bytes.readUInt16LE(option)) {
      const size = bytes.readUInt16LE(option + 2);
      if (code === 2) direction = bytes.readUInt32LE(option + 4);
      if (code === 1) comment = bytes.toString('latin1', option + 4, option + 4 + size);
      option += 4 + ((size + 3) & ~3);
    }
    found.push([direction, length, comment]);
  }
  return found;
}

test('switch: a capture of a port has each frame, and why it was dropped', async (t) => {
  const bench = new Bench();
  const a = bench.plug({ mac: '02:00:00:00:00:61', storm: 2 });
  const b = bench.plug({ queue: 1 }, 2);
  const [in_, out] = [new Sink(), new Sink()];
  const captures = [a.port.capture(in_), b.port.capture(out)];
  bench.send(a, frame('a', '*', 'one'));
  bench.send(a, frame('c', '*', 'not from here'));
  bench.send(a, frame('a', '*', 'tagged', 7));
  b.reading = false;
  bench.send(a, frame('a', '*', 'two'));
  bench.send(a, frame('a', '*', 'too many'));
  bench.now += 1e6;
  for (const text of ['waits', 'is too much']) bench.send(a, frame('a', '*', text));
  bench.now += 1e6;
  bench.send(a, frame('a', '*', 'is too much too'));
  t.is(captures[0]?.captured, 8);
  await Promise.all(captures.map((capture) => capture.close()));
  t.deepEqual(packets(Buffer.concat(in_.pieces)), [
    [1, 60, ''],
    [1, 60, 'dropped: pinnedMac'],
    [1, 60, 'dropped: vlan'],
    [1, 60, ''],
    [1, 60, 'dropped: storm'],
    [1, 60, ''],
    [1, 60, ''],
    [1, 60, ''],
  ]);
  const left = packets(Buffer.concat(out.pieces));
  t.deepEqual(left.slice(0, 2), [
    [2, 60, ''],
    [2, 60, ''],
  ]);
  t.deepEqual(left.at(-1), [2, 60, 'dropped: queueFull']);
  t.is(captures[0]?.lost, 0);
});

test('switch: a capture ends with its port, and another one takes its place', async (t) => {
  const bench = new Bench();
  const [a, b] = [bench.plug(), bench.plug()];
  const [first, second] = [new Sink(), new Sink()];
  const begun = a.port.capture(first);
  bench.send(a, frame('a', '*', 'one'));
  a.port.capture(second);
  bench.send(a, frame('a', '*', 'two'));
  bench.send(b, frame('b', 'a', 'three'));
  const closing = a.port.unplug();
  bench.run();
  await closing;
  await begun.close();
  await new Promise((resolve) =>
    second.writableFinished ? resolve(0) : second.on('finish', resolve),
  );
  t.is(packets(Buffer.concat(first.pieces)).length, 1);
  t.deepEqual(
    packets(Buffer.concat(second.pieces)).map(([direction]) => direction),
    [1, 2],
  );
});
