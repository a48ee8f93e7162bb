/**
 * `npm run profile:heap`: what the core leaves to the collector a packet, by the function that asked for
 * it. No device and no kernel: the packets come from memory, so what shows is the core's own.
 * @module
 */
import { type HeapProfiler, Session } from 'node:inspector';
import { TcpWorld } from './support/tcp-world.ts';

const OFFLOAD = { checksum: true, tso4: true, uso4: false, tso6: true };
const KIB_64 = 65_536;
const ROUNDS = 2000;
const WARM = 3;
/** Bytes between samples, on average. */
const INTERVAL = 512;
const SHOWN = 10;

type Node = HeapProfiler.SamplingHeapProfileNode;

/** Bytes by function and caller. */
function sum(node: Node, caller: string, into: Map<string, number>): number {
  const { functionName, url, lineNumber } = node.callFrame;
  const file = url.slice(url.lastIndexOf('/') + 1);
  const name = `${functionName || '(anonymous)'} ${file}:${lineNumber + 1}, called by ${caller}`;
  if (node.selfSize > 0) into.set(name, (into.get(name) ?? 0) + node.selfSize);
  let total = node.selfSize;
  for (const child of node.children) total += sum(child, functionName, into);
  return total;
}

function profile(session: Session, round: () => void): HeapProfiler.SamplingHeapProfile {
  for (let i = 0; i < WARM * ROUNDS; i++) round();
  let found: HeapProfiler.SamplingHeapProfile | undefined;
  session.post('HeapProfiler.startSampling', {
    samplingInterval: INTERVAL,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  });
  for (let i = 0; i < ROUNDS; i++) round();
  session.post('HeapProfiler.stopSampling', (error, result) => {
    if (error) throw error;
    found = result.profile;
  });
  if (found === undefined) throw new Error('the inspector gave no profile');
  return found;
}

/** `packets`: how many one round takes in and sends. */
function show(session: Session, name: string, packets: number, round: () => void): void {
  const { head } = profile(session, round);
  const functions = new Map<string, number>();
  const each = (bytes: number): string => (bytes / ROUNDS / packets).toFixed(1);
  const total = sum(head, '', functions);
  console.log(`${name}: ${each(total)} bytes a packet`);
  const most = [...functions].sort(([, a], [, b]) => b - a).slice(0, SHOWN);
  for (const [what, bytes] of most) console.log(`${each(bytes).padStart(10)}  ${what}`);
}

const session = new Session();
session.connect();
const text = new Uint8Array(KIB_64);
for (const family of [4, 6] as const) {
  const plain = new TcpWorld(undefined, family);
  const large = new TcpWorld(OFFLOAD, family);
  const segments = Math.ceil(KIB_64 / plain.segment);
  const acks = Math.ceil(segments / 2);
  console.log(`IPv${family}`);
  show(session, 'in, 32 segments a batch', 33, () => plain.receive(32));
  show(session, 'pure ACKs, 32 a batch', 32, () => plain.takeAcks(32));
  show(session, 'out, by reference, an ACK for two segments', segments + acks, () =>
    plain.send(text, KIB_64, 2 * plain.segment),
  );
  show(session, 'out, by reference, offload, an ACK for 64 KiB', 2, () =>
    large.send(text, KIB_64, KIB_64),
  );
  show(session, 'out, copied, offload, an ACK for 64 KiB', 2, () =>
    large.send(text, KIB_64, KIB_64, true),
  );
}
session.disconnect();
