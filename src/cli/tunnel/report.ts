/**
 * How a tunnel stands: the status line where a person looks, and the same as JSON.
 * @module
 */
import type { Screen } from '../screen.ts';
import { plural, size } from '../words.ts';
import type { OpenedTunnel, TunnelPeer } from './kind.ts';
import { ago } from './show.ts';

const EVERY = 1000; // milliseconds

/** Show it from now on. Gives what ends it. */
export function report(
  screen: Screen,
  tunnel: OpenedTunnel,
  { json, interval }: { readonly json: boolean; readonly interval: number },
): () => void {
  const timers: NodeJS.Timeout[] = [];
  const shaken = new Map<string, number>();
  /** A line for each handshake, which is what people wait for. */
  const look = (): void => {
    const peers = tunnel.peers();
    for (const { name, lastHandshake, endpoint = '' } of peers) {
      if (lastHandshake === 0 || shaken.get(name) === lastHandshake) continue;
      const isFirst = !shaken.has(name);
      shaken.set(name, lastHandshake);
      if (json) {
        const time = new Date(lastHandshake).toISOString();
        screen.line(JSON.stringify({ event: 'handshake', peer: name, endpoint, time }));
      } else if (isFirst) screen.line(`handshake with ${name} at ${endpoint}`);
    }
    screen.status(statusLine(peers, Date.now()));
  };
  timers.push(setInterval(look, json ? Math.min(EVERY, interval * 1000) : EVERY).unref());
  if (json) {
    const tell = (): void =>
      screen.line(JSON.stringify({ event: 'status', peers: tunnel.peers() }));
    timers.push(setInterval(tell, interval * 1000).unref());
  }
  return () => {
    for (const timer of timers) clearInterval(timer);
    screen.status('');
  };
}

const sum = (peers: readonly TunnelPeer[], of: (peer: TunnelPeer) => number): number =>
  peers.reduce((all, peer) => all + of(peer), 0);

/** One line; `now`: milliseconds since 1970. */
export function statusLine(peers: readonly TunnelPeer[], now: number): string {
  const heard = peers.filter(({ lastHandshake }) => lastHandshake > 0);
  const latest = heard.toSorted((a, b) => b.lastHandshake - a.lastHandshake)[0];
  const passed =
    `${size(sum(peers, (peer) => peer.receivedBytes))} in, ` +
    `${size(sum(peers, (peer) => peer.sentBytes))} out`;
  if (latest === undefined) return `no handshake yet, ${passed}`;
  const loss = (latest.loss * 100).toFixed(1);
  const when = ago((now - latest.lastHandshake) / 1000);
  const who =
    peers.length === 1 ? (latest.endpoint ?? '') : `${heard.length}/${peers.length} peers`;
  return `${who}: handshake ${when}, ${passed}, ${loss} % lost`;
}

/** The last line. */
export const endedLine = (peers: readonly TunnelPeer[]): string =>
  `carried ${size(sum(peers, (peer) => peer.receivedBytes))} in, ` +
  `${size(sum(peers, (peer) => peer.sentBytes))} out, ` +
  `${plural(peers.filter(({ lastHandshake }) => lastHandshake > 0).length, 'peer')} heard of`;
