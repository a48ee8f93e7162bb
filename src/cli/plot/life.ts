/**
 * What a plot draws: the life of one direction of a connection, out of a capture or of a stack's own events.
 * @module
 */
import { Sequence, type SequenceEvent } from '../../lab.ts';

/** What a stack knows besides and packets do not show. */
export type InnerEvent =
  | {
      readonly at: number;
      readonly kind: 'window';
      readonly cwnd: number;
      readonly ssthresh: number;
    }
  | { readonly at: number; readonly kind: 'recovery'; readonly recovery: number };

export type LifeEvent = SequenceEvent | InnerEvent;

/** One direction; times in microseconds. */
export interface Life {
  readonly title: string;
  /** What counts as second 0. */
  readonly began: number;
  readonly events: readonly LifeEvent[];
  /** Whether SACK is among the events: without it, what it names counts as in flight. */
  readonly knowsSack: boolean;
}

const NO_SEGMENT = {
  ...{ seq: 0, ack: 0, isAck: false, isSyn: false, isFin: false, isReset: false, length: 0 },
  ...{ window: 0, windowScale: -1, sackCount: 0, sackLeft: [], sackRight: [] },
};

/** An event as src/stack/tcp/tcb/trace.ts writes it, of which nothing is believed. */
type Given = Readonly<Record<string, unknown>>;

const numberOf = (event: Given, name: string): number => {
  const value = event[name];
  // What is endless, such as the first ssthresh, is null in JSON.
  if (value === null) return Number.POSITIVE_INFINITY;
  if (typeof value !== 'number')
    throw new Error(`an event has no ${name}: ${JSON.stringify(event)}`);
  return value;
};

/** The events of a trace, and what follows from them: round trips, and what is in flight. */
export function fromTrace(trace: unknown, file: string): Life {
  const { events: given = trace, title = file } = (trace ?? {}) as Record<string, unknown>;
  if (!Array.isArray(given)) throw new Error('there are no events in it');
  if (given.length === 0) throw new Error('the trace is empty');
  const events: LifeEvent[] = [];
  const sequence = new Sequence((event) => events.push(event));
  for (const event of given as Given[]) {
    const at = numberOf(event, 'at');
    const { kind } = event;
    if (kind === 'sent' || kind === 'resent') {
      const [seq, length] = [numberOf(event, 'seq'), numberOf(event, 'length')];
      sequence.text(at, { ...NO_SEGMENT, seq, length });
    } else if (kind === 'acked') {
      sequence.answer(at, { ...NO_SEGMENT, ack: numberOf(event, 'seq'), isAck: true }, -1);
      const [cwnd, ssthresh] = [numberOf(event, 'cwnd'), numberOf(event, 'ssthresh')];
      events.push({ at, kind: 'window', cwnd, ssthresh });
    } else if (kind === 'recovery') {
      events.push({ at, kind, recovery: numberOf(event, 'recovery') });
    }
  }
  return {
    title: String(title),
    began: numberOf(given[0] as Given, 'at'),
    events,
    knowsSack: false,
  };
}

/** What lies between two times, in seconds from the beginning; what lasts begins before it. Throws if that is all. */
export function between(life: Life, from: number, to: number): Life {
  const [first, last] = [life.began + from * 1e6, life.began + to * 1e6];
  const lasting = new Map<string, LifeEvent>();
  const events: LifeEvent[] = [];
  for (const event of life.events) {
    if (event.at > last) continue;
    if (event.at >= first) events.push(event);
    else if (LASTING.has(event.kind)) lasting.set(event.kind, event);
  }
  if (events.length === 0)
    throw new Error('there is nothing in it to draw: nothing passed in that time');
  const begun = [...lasting.values()].map((event) => ({ ...event, at: first }));
  return { ...life, events: [...begun, ...events] };
}

/** Events that say how it is from then on. */
const LASTING: ReadonlySet<string> = new Set(['acked', 'flight', 'window', 'recovery']);
