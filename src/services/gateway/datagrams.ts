/**
 * A UDP flow, carried: its datagrams out by a socket of its own, and those that come back to the guest.
 *
 * Where its first datagrams are to be heard before they leave (QUIC says in them where it goes), they wait here,
 * a few of them.
 * @module
 */
import type { FlowSocket, UdpFlow } from '../../index.ts';
import { plain, REAL_ZERO } from '../../stack/base/real.ts';
import type { Dialer } from './dial.ts';
import type { Said } from './judge.ts';
import type { LiveEnds } from './live.ts';
import { QuicEar } from './quic.ts';
import type { UdpFlowEntry, UdpFlows } from './udp-flows.ts';

export interface CarriedDatagrams {
  readonly flow: UdpFlow;
  /** Where it is carried to. */
  readonly address: string;
  readonly way: Dialer;
  /** Port of the switch that it came by. */
  readonly port: string | undefined;
  /** The open flows, of which a silent one gives way. */
  readonly row: UdpFlows;
  /** Milliseconds that a dial may take. */
  readonly patience: number;
  opened(ends: LiveEnds): void;
  /** Once, if it was opened. */
  closed(): void;
  /** Whether it may go on, by what it says; undefined: it need not say anything. */
  readonly hear: ((said: Said) => Promise<boolean>) | undefined;
}

/** Datagrams that wait until the flow has said where it goes. */
const MOST_WAITING = 16;

/** Rejects with a code of Node's if it cannot be carried; nothing is open then. */
export async function carryDatagrams(carried: CarriedDatagrams): Promise<void> {
  const { flow, address, way, port, row, patience, opened, closed, hear } = carried;
  const counts: { out: number; in: number } = { out: REAL_ZERO, in: REAL_ZERO };
  let client: FlowSocket | undefined;
  let isOver = false;
  const entry: UdpFlowEntry = { port, close: () => end(false) };
  const upstream = await way.open(
    address,
    flow.localPort,
    {
      received: (message) => {
        if (!client || isOver) return;
        counts.in += message.length;
        row.touch(entry);
        client.send(message);
      },
      closed: (refused) => end(refused),
    },
    patience,
  );
  const end = (refused: boolean): void => {
    if (isOver) return;
    isOver = true;
    upstream.close();
    if (!client) return;
    row.delete(entry);
    closed();
    try {
      if (refused) client.refuse();
      else client.close();
    } catch {
      // It closed by itself, and has not said so yet.
    }
  };
  if (isOver) throw new Error('the far end went away');
  try {
    client = flow.accept();
  } catch (error) {
    end(false); // the flow took too long, or there are too many
    throw error;
  }
  opened({
    bytesOut: () => plain(counts.out),
    bytesIn: () => plain(counts.in),
    cut: () => end(true),
  });
  const send = (message: Uint8Array): void => {
    if (isOver) return;
    row.touch(entry);
    counts.out += message.length;
    upstream.send(message);
  };
  client.on('message', hear === undefined ? send : listenFirst(hear, send));
  client.on('close', () => end(false));
  row.touch(entry);
}

/** Hear the first datagrams, and let them go when that may be. */
function listenFirst(
  hear: (said: Said) => Promise<boolean>,
  send: (message: Uint8Array) => void,
): (message: Uint8Array) => void {
  const ear = new QuicEar();
  let waiting: Uint8Array[] | undefined = [];
  let asked = false;
  return (message) => {
    if (waiting === undefined) {
      send(message);
      return;
    }
    if (waiting.length >= MOST_WAITING) return;
    waiting.push(message);
    if (asked) return;
    const said = ear.take(message);
    if (said === undefined) return;
    asked = true;
    void hear(said).then((passes) => {
      const kept = waiting ?? [];
      if (!passes) return; // it was cut
      waiting = undefined;
      for (const one of kept) send(one);
    });
  };
}
