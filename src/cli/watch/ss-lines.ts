/**
 * Sockets as `ss` prints them: its columns, its names of the states, its words for what is known of a
 * connection. ss(8); iproute2 6.1.
 * @module
 */
import type { SocketLine, TcpInfo } from '../../index.ts';

/** What `ss` calls the states of RFC 9293. */
const STATES: Readonly<Record<string, string>> = {
  LISTEN: 'LISTEN',
  'SYN-SENT': 'SYN-SENT',
  'SYN-RECEIVED': 'SYN-RECV',
  ESTABLISHED: 'ESTAB',
  'FIN-WAIT-1': 'FIN-WAIT-1',
  'FIN-WAIT-2': 'FIN-WAIT-2',
  'CLOSE-WAIT': 'CLOSE-WAIT',
  CLOSING: 'CLOSING',
  'LAST-ACK': 'LAST-ACK',
  'TIME-WAIT': 'TIME-WAIT',
  UNCONNECTED: 'UNCONN',
};

export const stateOf = ({ state }: SocketLine): string => STATES[state] ?? state;

export interface Columns {
  /** Say which protocol each is of: where several are asked for. */
  readonly netid: boolean;
  readonly header: boolean;
  readonly timers: boolean;
  readonly info: boolean;
}

/** The table, a line each. */
export function ssLines(sockets: readonly SocketLine[], columns: Columns): string[] {
  const rows = sockets.map((socket) => cells(socket, columns));
  const head = [
    ...(columns.netid ? ['Netid'] : []),
    ...['State', 'Recv-Q', 'Send-Q', 'Local Address:Port', 'Peer Address:Port'],
    ...(columns.timers ? [''] : []),
  ];
  const table = columns.header ? [head, ...rows] : rows;
  const widths = head.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const addressAt = columns.netid ? 4 : 3;
  const lines = table.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] as number; // every row has the header's columns
        return column === addressAt ? cell.padStart(width) : cell.padEnd(width);
      })
      .join(' ')
      .trimEnd(),
  );
  if (!columns.info) return lines;
  const shift = columns.header ? 1 : 0;
  return lines.flatMap((line, index) => {
    const known = sockets[index - shift]?.info;
    return known === undefined ? [line] : [line, `\t ${infoWords(known).join(' ')}`];
  });
}

function cells(socket: SocketLine, columns: Columns): string[] {
  return [
    ...(columns.netid ? [socket.protocol] : []),
    stateOf(socket),
    String(socket.receiveQueue),
    String(socket.sendQueue),
    place(socket.localAddress, socket.localPort),
    place(socket.remoteAddress, socket.remotePort),
    ...(columns.timers ? [timerWord(socket)] : []),
  ];
}

const place = (address: string, port: number): string =>
  `${address.includes(':') ? `[${address}]` : address}:${port === 0 ? '*' : port}`;

function timerWord({ timer }: SocketLine): string {
  return timer === undefined
    ? ''
    : `timer:(${timer.name},${duration(timer.left)},${timer.retries})`;
}

/** As `ss` says it: `200ms`, `1.200ms` (a second and 200 ms), `12sec`, `1min59sec`. */
export function duration(ms: number): string {
  const whole = Math.round(ms);
  const minutes = Math.floor(whole / 60_000);
  const seconds = Math.floor((whole % 60_000) / 1000);
  const rest = whole % 1000;
  if (minutes > 0) return `${minutes}min${seconds > 0 ? `${seconds}sec` : ''}`;
  if (seconds > 9) return `${seconds}sec`;
  return seconds > 0 ? `${seconds}.${String(rest).padStart(3, '0')}ms` : `${rest}ms`;
}

const rate = (bytesPerSecond: number): string => `${Math.round(bytesPerSecond * 8)}bps`;
/** A time in milliseconds with as many digits as it deserves. */
const short = (ms: number): string => String(Number(ms.toPrecision(ms >= 1000 ? 6 : 4)));

/** A time in which something limits, and its share of the time in which there was text to deliver. */
const limited = (name: string, ms: number, busy: number): string[] =>
  ms >= 1 ? [`${name}:${Math.round(ms)}ms(${((100 * ms) / busy).toFixed(1)}%)`] : [];

/** The words of `ss -i`, in its order; counts that are 0 are left out as there. */
export function infoWords(info: TcpInfo): string[] {
  const counts: readonly [string, number][] = [
    ['bytes_sent', info.bytesSent],
    ['bytes_retrans', info.bytesRetrans],
    ['bytes_acked', info.bytesAcked],
    ['bytes_received', info.bytesReceived],
    ['segs_out', info.segsOut],
    ['segs_in', info.segsIn],
  ];
  const sending = info.rtt > 0 ? (info.cwnd / info.rtt) * 1000 : 0;
  const words = [
    ...info.options.filter((name) => name !== 'wscale'),
    info.congestion,
    ...(info.options.includes('wscale') ? [`wscale:${info.sndWscale},${info.rcvWscale}`] : []),
    `rto:${short(info.rto)}`,
    ...(info.backoff > 0 ? [`backoff:${info.backoff}`] : []),
    ...(info.rtt > 0 ? [`rtt:${short(info.rtt)}/${short(info.rttvar)}`] : []),
    `mss:${info.sndMss}`,
    `pmtu:${info.pmtu}`,
    `rcvmss:${info.rcvMss}`,
    // In segments, as Linux counts it.
    `cwnd:${Math.max(1, Math.floor(info.cwnd / Math.max(1, info.sndMss)))}`,
    ...(info.ssthresh < 2 ** 31 - 1
      ? [`ssthresh:${Math.floor(info.ssthresh / Math.max(1, info.sndMss))}`]
      : []),
    ...counts.filter(([, count]) => count > 0).map(([name, count]) => `${name}:${count}`),
    ...(sending > 0 ? [`send ${rate(sending)}`] : []),
    `lastsnd:${Math.round(info.lastDataSent)}`,
    `lastrcv:${Math.round(info.lastDataReceived)}`,
    ...(info.pacingRate > 0 ? [`pacing_rate ${rate(info.pacingRate)}`] : []),
    ...(info.deliveryRate > 0 ? [`delivery_rate ${rate(info.deliveryRate)}`] : []),
    ...(info.busyTime >= 1 ? [`busy:${Math.round(info.busyTime)}ms`] : []),
    ...limited('rwnd_limited', info.rwndLimited, info.busyTime),
    ...limited('sndbuf_limited', info.sndbufLimited, info.busyTime),
    ...(info.unacked > 0 ? [`unacked:${Math.ceil(info.unacked / Math.max(1, info.sndMss))}`] : []),
    ...(info.totalRetrans > 0 ? [`retrans:${info.retransmits}/${info.totalRetrans}`] : []),
    ...(info.lost > 0 ? [`lost:${Math.ceil(info.lost / Math.max(1, info.sndMss))}`] : []),
    ...(info.sacked > 0 ? [`sacked:${Math.ceil(info.sacked / Math.max(1, info.sndMss))}`] : []),
    ...(info.notsent > 0 ? [`notsent:${info.notsent}`] : []),
    ...(info.minRtt > 0 ? [`minrtt:${short(info.minRtt)}`] : []),
    `snd_wnd:${info.sndWnd}`,
    `rcv_wnd:${info.rcvWnd}`,
  ];
  return words;
}
