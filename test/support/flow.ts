/**
 * A connection as far as congestion control looks at it: numbers, and rounds of ACKs in virtual time.
 * @module
 */
import { makeStats } from '../../src/stack/base/stats.ts';
import { DEFAULTS } from '../../src/stack/tcp/tcb/settings.ts';
import type { CongestionControl, Tcb } from '../../src/stack/tcp/tcb/tcb.ts';
import { MS, S } from './lab.ts';

export class Flow {
  readonly tcb: Tcb;
  readonly control: CongestionControl;
  now: number = S;
  rtt: number;

  /** `cwnd` and `ssthresh` in segments of 1000 octets. */
  constructor(control: CongestionControl, cwnd: number, ssthresh: number, rtt: number = 100 * MS) {
    this.control = control;
    this.rtt = rtt;
    const fields = { cwnd: cwnd * 1000, ssthresh: ssthresh * 1000, mss: 1000, srtt8: rtt * 8 };
    const settings = { ...DEFAULTS, pacing: false };
    // What congestion control reads of a connection, and no more.
    const rest = { sndUna: 0, sndNxt: 0, route: null, tcp: { stats: makeStats() } };
    this.tcb = { ...fields, ...rest, settings } as unknown as Tcb;
  }

  /** In segments. */
  get window(): number {
    return this.tcb.cwnd / 1000;
  }

  /** One round trip: a window is acknowledged a segment at a time, and each ACK lets others go. */
  round(rtt: number = this.rtt): void {
    const { tcb, control } = this;
    const count = Math.floor(this.window);
    Object.assign(tcb, { sndNxt: Math.max(tcb.sndNxt, count * 1000), srtt8: rtt * 8 });
    for (let i = 0; i < count; i++) {
      this.now += rtt / count;
      Object.assign(tcb, { sndUna: tcb.sndUna + 1000 });
      control.onRound(tcb, rtt, this.now);
      control.onAck(tcb, 1000, this.now);
      const sent = tcb.sndUna + Math.floor(this.window) * 1000;
      Object.assign(tcb, { sndNxt: Math.max(tcb.sndNxt, sent) });
    }
  }

  /** Rounds until `micros` have passed. */
  run(micros: number): void {
    const end = this.now + micros;
    while (this.now < end) this.round();
  }

  loss(): void {
    this.control.onLoss(this.tcb, this.tcb.cwnd, this.now);
    this.tcb.cwnd = this.tcb.ssthresh;
  }

  timeout(): void {
    this.control.onTimeout(this.tcb, this.tcb.cwnd, this.now);
    this.tcb.cwnd = this.tcb.mss;
  }
}
