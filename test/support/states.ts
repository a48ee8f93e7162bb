/**
 * Connections in the states that tests begin in, each with its peer.
 * @module
 */
import type { ExecutionContext } from 'ava';
import { Peer, type PeerOptions } from './peer.ts';

/** Nobody has said anything yet. */
export const listening = (t: ExecutionContext, options: PeerOptions = {}): Peer =>
  new Peer(t, options).listen();

/** The stack's SYN is out, and has been looked at. */
export function synSent(t: ExecutionContext, options: PeerOptions = {}): Peer {
  const peer = new Peer(t, options).connect();
  peer.skip();
  return peer;
}

/** The stack has answered a SYN. */
export function synReceived(t: ExecutionContext, options: PeerOptions = {}): Peer {
  const peer = listening(t, options);
  peer.send('S');
  peer.skip();
  return peer;
}

/** Open, nothing sent; the peer began unless `active`. */
export function established(t: ExecutionContext, options: PeerOptions = {}): Peer {
  const peer = new Peer(t, options).shake();
  peer.skip();
  return peer;
}

/** The stack's FIN is out. */
export function finWait1(t: ExecutionContext, options: PeerOptions = {}): Peer {
  const peer = established(t, options);
  peer.shutdown();
  peer.skip();
  return peer;
}

/** The stack's FIN is acknowledged. */
export function finWait2(t: ExecutionContext, options: PeerOptions = {}): Peer {
  const peer = finWait1(t, options);
  peer.send('.');
  peer.skip();
  return peer;
}

/** Both sent a FIN, and neither has seen its own acknowledged. */
export function closing(t: ExecutionContext, options: PeerOptions = {}): Peer {
  const peer = finWait1(t, options);
  peer.send('F.', { ack: 1 });
  peer.skip();
  return peer;
}

/** Closed from here, first. */
export function timeWait(t: ExecutionContext, options: PeerOptions = {}): Peer {
  const peer = finWait2(t, options);
  peer.send('F.');
  peer.skip();
  return peer;
}

/** The peer's FIN is in. */
export function closeWait(t: ExecutionContext, options: PeerOptions = {}): Peer {
  const peer = established(t, options);
  peer.send('F.');
  peer.skip();
  return peer;
}

/** The peer closed first, then the stack; its FIN is not acknowledged. */
export function lastAck(t: ExecutionContext, options: PeerOptions = {}): Peer {
  const peer = closeWait(t, options);
  peer.shutdown();
  peer.skip();
  return peer;
}
