/**
 * Much text over a link that loses, doubles, reorders and damages: it arrives whole, and never stops.
 * @module
 */
import type { Impairment } from '../../src/device/impair/impairment.ts';
import { seq } from '../../src/stack/base/seq.ts';
import { setSendSequence } from '../../src/stack/tcp/open/open.ts';
import { stampNow } from '../../src/stack/tcp/timing/timestamps.ts';
import { type Watch, World } from '../support/world.ts';
import { Flow } from './flow.ts';
import { checkConnection } from './invariants.ts';

const SECOND = 1e6;
/** Text must have got on within this; the longest RTO is 8 s. */
const STALL = 240 * SECOND;
const TURN = SECOND;

/** Both ways alike: `loss` besides reordering, doubles and damage. */
const bad = (loss: number): Impairment => ({
  delay: 2000,
  jitter: 200,
  rate: 1e9,
  loss,
  reorder: 0.01,
  reorderDelay: 1000,
  duplicate: 0.005,
  corrupt: 0.002,
});

/** Send `bytes` at `loss` each way; gives the flow when all has arrived and both ends have closed. */
export function bulk(seed: number, bytes: number, loss: number, watch: Watch = {}): Flow {
  // With a third lost each way, fifteen time-outs in a row are a matter of time.
  const tcp = { maxRto: 8 * SECOND, timeWait: SECOND, retries: 1000 };
  const link = bad(loss);
  const world = new World({ seed, link, a: { tcp }, b: { tcp }, watch });
  return carry(new Flow(world, bytes, { receiver: { closeLast: true } }));
}

/**
 * The same without loss and with offload, from just below the end of the sequence space, while the
 * timestamps of both sides wrap. Gives how often the sequence numbers did.
 */
export function wraps(seed: number, bytes: number, watch: Watch = {}): number {
  const link = { delay: 500, rate: 4e9, queuePackets: 1000 };
  const world = new World({ seed, link, offload: true, watch });
  const flow = new Flow(world, bytes, { receiver: { closeLast: true } });
  const { tcb } = flow;
  // Nothing has left yet: both numbers may still be chosen.
  setSendSequence(tcb, seq(-3_000_000));
  tcb.tsOffset = 0;
  tcb.tsOffset = (0x1_0000_0000 - 20 - stampNow(tcb, world.now)) | 0;
  const before = stampNow(tcb, world.now);
  let crossed = 0;
  let last = tcb.sndUna >>> 0;
  carry(flow, () => {
    const una = tcb.sndUna >>> 0;
    if (una < last) crossed++;
    last = una;
  });
  if (!(before < 0 && stampNow(tcb, world.now) >= 0)) throw new Error('timestamps did not wrap');
  return crossed;
}

/** Until the end; throws if anything is wrong, or does not get on. `look` is called now and then. */
function carry(flow: Flow, look: () => void = () => {}): Flow {
  const { world, sender, receiver } = flow;
  let seen = -1;
  let since = world.now;
  const over = (): boolean => sender.closed && receiver.closed;
  while (!over()) {
    if (receiver.received !== seen) since = world.now;
    seen = receiver.received;
    // Much goes through in a second of a fast link: the look must not miss a wrap.
    world.until(() => over() || receiver.received - seen > 1e8, TURN);
    if (flow.wrong !== '') throw new Error(flow.wrong);
    if (world.now - since > STALL) throw new Error(`stalled at ${seen} of ${flow.bytes}`);
    checkConnection(flow.tcb);
    look();
  }
  if (!flow.done) throw new Error(`${receiver.received} of ${flow.bytes}, ${sender.failure}`);
  world.run(300 * SECOND);
  const left = world.leftovers();
  if (left !== '') throw new Error(left);
  return flow;
}
