/** The life of one connection, in a dialog, from when it is opened until it is closed. */
import { StreamChart } from './chart.js';
import { at, make, setText } from './dom.js';
import { amount, bitRate, bytes, duration } from './format.js';
import { SequenceChart } from './sequence.js';

const MOST_EVENTS = 200;
/** Samples over which shares of the time go. */
const RECENT = 12;
/** A time-out, a state, a size are events; of segments only those that tell of trouble. */
const TOLD = { syn: 'SYN', fin: 'FIN', reset: 'reset', doubled: 'came twice (D-SACK)' };

export class LifeDialog {
  #charts;
  #last;
  #began = 0;

  /** `closed` is called when it is left. */
  constructor(closed) {
    at('life-close').addEventListener('click', () => at('life').close());
    at('life').addEventListener('close', () => {
      closed();
      this.#charts = undefined;
      at('life-graphs').replaceChildren();
    });
    at('life').addEventListener('click', ({ target }) => {
      if (target === at('life')) at('life').close(); // beside it
    });
  }

  get isOpen() {
    return this.#charts !== undefined;
  }

  open() {
    this.#last = undefined;
    this.#began = 0;
    this.#hasGaps = false;
    this.#recent = [];
    setText(at('life-head'), '…');
    setText(at('life-state'), '');
    setText(at('life-words'), 'Waiting for its first numbers.');
    at('life-facts').replaceChildren();
    at('life-events').replaceChildren();
    const of = { seconds: 60, height: 130 };
    this.#charts = {
      out: new SequenceChart({ title: 'What we send', id: 'life-out' }),
      in: new SequenceChart({ title: 'What the peer sends', id: 'life-in' }),
      window: new StreamChart({
        ...{ ...of, title: 'Windows', format: bytes, floor: 4096 },
        series: [
          { label: 'congestion', colour: 'in' },
          { label: 'in flight', colour: 'good', fill: true },
          { label: 'peer’s', colour: 'edge', dash: [5, 3] },
          { label: 'ssthresh', colour: 'soft', dash: [2, 3] },
        ],
      }),
      rtt: new StreamChart({
        ...{ ...of, title: 'Round trip', format: duration, floor: 1 },
        series: [
          { label: 'smoothed', colour: 'in' },
          { label: 'shortest', colour: 'good', dash: [5, 3] },
        ],
      }),
      rate: new StreamChart({
        ...{ ...of, title: 'Delivery', format: bitRate, floor: 1000 },
        series: [
          { label: 'acknowledged', colour: 'out', fill: true },
          { label: 'received', colour: 'in' },
        ],
      }),
    };
    const graphs = Object.entries(this.#charts).map(([name, { element }]) =>
      make('div', { class: name === 'out' || name === 'in' ? 'card wide' : 'card' }, element),
    );
    at('life-graphs').replaceChildren(...graphs);
    this.#side('out').hidden = false;
    this.#side('in').hidden = true;
    at('life').showModal();
  }

  #side(name) {
    return this.#charts[name].element.parentElement;
  }

  /** A sample of the server. */
  show(sample) {
    if (!this.isOpen) return;
    const { info, time, unseen } = sample;
    const began = this.#began || time;
    this.#began = began;
    for (const name of ['out', 'in']) {
      const events = sample[name].map(readEvent);
      for (const event of sample[name]) this.#tell(name, event);
      const chart = this.#charts[name];
      if (events.length > 0) chart.push(events);
      const hasText = chart.events.some(({ kind }) => kind === 'sent' || kind === 'resent');
      if (name === 'in') this.#side(name).hidden = !hasText;
    }
    // Of two graphs the one that is empty steps back.
    const outIsEmpty = !this.#charts.out.events.some(({ kind }) => kind !== 'acked');
    this.#side('out').hidden = outIsEmpty && !this.#side('in').hidden;
    this.#tellUnseen(time, unseen);
    if (info === undefined) {
      this.#over();
      return;
    }
    this.#numbers(time / 1000, info);
    this.#last = info;
  }

  /** A graph with gaps is told once. */
  #tellUnseen(time, unseen) {
    if (unseen === 0 || this.#hasGaps) return;
    this.#hasGaps = true;
    this.#note(time, 'too many segments to show each: the sequence graph has gaps');
  }

  #hasGaps = false;

  /** It is over, or nobody answers. */
  #over() {
    setText(at('life-state'), 'over');
    setText(at('life-words'), 'This connection is over. What is shown is how it was.');
  }

  #numbers(seconds, info) {
    const last = this.#last;
    const peer = (address, port) =>
      address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
    setText(
      at('life-head'),
      `${peer(info.localAddress, info.localPort)} – ${peer(info.remoteAddress, info.remotePort)}`,
    );
    setText(at('life-state'), info.state.toLowerCase());
    const { out, rate, rtt, window } = this.#charts;
    const ssthresh = info.ssthresh < 2 ** 40 && info.ssthresh > 0 ? info.ssthresh : null;
    const shown = Math.max(info.cwnd, info.inFlight) * 4;
    window.push(seconds, [
      info.cwnd,
      info.inFlight,
      info.sndWnd > shown ? null : info.sndWnd,
      ssthresh !== null && ssthresh > shown ? null : ssthresh,
    ]);
    rtt.push(seconds, [info.rtt > 0 ? info.rtt : null, info.minRtt > 0 ? info.minRtt : null]);
    if (last !== undefined) {
      const per = (a, b) => Math.max(0, b - a) / Math.max(0.05, seconds - this.#seconds);
      rate.push(seconds, [
        per(last.bytesAcked, info.bytesAcked),
        per(last.bytesReceived, info.bytesReceived),
      ]);
      this.#changes(seconds * 1000, last, info);
    }
    this.#seconds = seconds;
    this.#recent.push({ seconds, first: info });
    if (this.#recent.length > RECENT) this.#recent.shift();
    this.#words(info, out);
    this.#facts(info);
  }

  #seconds = 0;
  #recent = [];

  #words(info, out) {
    const parts = [];
    if (info.sndWnd < info.sndMss && info.notsent > 0) {
      parts.push(
        `The peer’s window is shut (${info.sndWnd} bytes); ${bytes(info.notsent)} wait for it.`,
      );
    } else parts.push(this.#limit(info));
    if (info.rcvWnd < info.rcvMss)
      parts.push('Our own window is shut: a program here does not read.');
    if (info.backoff > 0) parts.push(`No answer for ${info.retransmits} time-outs.`);
    if (info.caState === 'Recovery' || info.caState === 'Loss')
      parts.push('Losses are being repaired.');
    setText(at('life-words'), parts.join(' '));
    at('life').dataset.resent = String(out.events.filter(({ kind }) => kind === 'resent').length);
  }

  /** For which shares of the last seconds what held text back. */
  #shares(info) {
    const { seconds, first } = this.#recent[0] ?? {};
    const ms = (this.#seconds - seconds) * 1000;
    if (!(ms > 0)) return { network: 0, peer: 0, buffer: 0 };
    const share = (name) => Math.min(1, Math.max(0, info[name] - first[name]) / ms);
    return {
      network: share('networkLimited'),
      peer: share('rwndLimited'),
      buffer: share('sndbufLimited'),
    };
  }

  /** What limits it. */
  #limit(info) {
    const { network, peer, buffer } = this.#shares(info);
    const most = Math.max(network, peer, buffer);
    const time = `for ${percent(most)} of the last seconds`;
    if (most < 0.1) {
      const sends = info.bytesAcked > (this.#recent[0]?.first.bytesAcked ?? 0);
      return sends || info.unacked > 0
        ? 'Its program sets the pace: all that it writes is on its way at once.'
        : 'It is idle: nothing waits to be sent.';
    }
    if (most === peer)
      return `The window of the peer limits it ${time}: its program reads no faster.`;
    if (most === network)
      return `The network limits it ${time}: more was written than the congestion window lets go.`;
    return `The send buffer limits it ${time}: all that it holds is on its way.`;
  }

  #facts(info) {
    const { network, peer, buffer } = this.#shares(info);
    const facts = {
      'network holds it': `${percent(network)} of the time`,
      'peer’s window does': `${percent(peer)} of the time`,
      'send buffer does': `${percent(buffer)} of the time`,
      'congestion control': `${info.congestion}, ${info.caState.toLowerCase()}`,
      'congestion window': bytes(info.cwnd),
      ssthresh: info.ssthresh < 2 ** 40 ? bytes(info.ssthresh) : 'none yet',
      'in flight': bytes(info.inFlight),
      'lost, sacked': `${bytes(info.lost)}, ${bytes(info.sacked)}`,
      'not sent yet': bytes(info.notsent),
      'peer’s window': bytes(info.sndWnd),
      'our window': bytes(info.rcvWnd),
      'round trip': `${duration(info.rtt)} ± ${duration(info.rttvar)}`,
      'time-out': duration(info.rto),
      'path MTU': `${info.pmtu} B`,
      'segment size': `${info.sndMss} B`,
      'sent again': `${amount(info.totalRetrans)} segments, ${bytes(info.bytesRetrans)}`,
      acknowledged: bytes(info.bytesAcked),
      received: bytes(info.bytesReceived),
      'pacing rate': info.pacingRate > 0 ? bitRate(info.pacingRate) : 'off',
      options: info.options.join(' ') || 'none',
      'soft error': info.softError || 'none',
    };
    const list = at('life-facts');
    const names = Object.keys(facts);
    if (list.children.length !== names.length) {
      list.replaceChildren(
        ...names.map((name) => make('div', {}, make('dt', {}, name), make('dd', {}))),
      );
    }
    names.forEach((name, i) => {
      setText(list.children[i].lastChild, facts[name]);
    });
  }

  /** What is another than it was. */
  #changes(time, last, info) {
    if (last.state !== info.state) this.#note(time, `${last.state} → ${info.state}`);
    if (last.caState !== info.caState) this.#note(time, `${last.caState} → ${info.caState}`);
    if (last.pmtu !== info.pmtu) this.#note(time, `path MTU ${last.pmtu} → ${info.pmtu}`);
    if (info.retransmits > last.retransmits)
      this.#note(time, `time-out number ${info.retransmits}`);
    if (last.sndWnd >= last.sndMss && info.sndWnd < info.sndMss)
      this.#note(time, 'the peer’s window shuts');
    if (last.sndWnd < last.sndMss && info.sndWnd >= info.sndMss)
      this.#note(time, 'the peer’s window opens');
    if (last.rcvWnd > 0 && info.rcvWnd === 0) this.#note(time, 'our window shuts');
    if (last.rcvWnd === 0 && info.rcvWnd > 0) this.#note(time, 'our window opens');
    const resent = info.totalRetrans - last.totalRetrans;
    if (resent > 0) this.#note(time, `${amount(resent)} segments sent again`);
    if (last.softError !== info.softError && info.softError)
      this.#note(time, `ICMP says ${info.softError}`);
  }

  #tell(side, [at, kind, seq]) {
    const word = TOLD[kind];
    if (word)
      this.#note(
        this.#began + at / 1000,
        `${side === 'out' ? 'we' : 'peer'}: ${word} at ${amount(seq)}`,
      );
  }

  #note(time, text) {
    const list = at('life-events');
    list.prepend(
      make(
        'li',
        {},
        make('time', {}, `+${((time - this.#began) / 1000).toFixed(2)} s`),
        ` ${text}`,
      ),
    );
    while (list.children.length > MOST_EVENTS) list.lastChild.remove();
  }
}

const percent = (share) => `${Math.round(share * 100)} %`;

/** As the server sends it, and as the graph takes it. */
function readEvent([micros, kind, seq, more]) {
  const at = micros / 1e6;
  if (kind === 'acked') return { at, kind, seq, edge: more < 0 ? undefined : more };
  return { at, kind: kind === 'filled' ? 'resent' : kind, seq, length: more };
}
