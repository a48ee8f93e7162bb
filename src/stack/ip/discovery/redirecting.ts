/**
 * A router tells who sends by it of a better first hop: the destination itself, where that is on the sender's link,
 * or the router to which the packet is passed on there. RFC 4861 §8.2.
 *
 * Only where it is asked for, at most so often (§8.2, last paragraph), and never instead of passing the packet on.
 * @module
 */
import { isLinkLocal, isUnspecified, writeIPv6 } from '../../base/address.ts';
import { Ration } from '../../base/ration.ts';
import * as nd from '../../wire/nd.ts';
import * as options from '../../wire/nd-options.ts';
import type { InternetLayer } from '../ip.ts';
import type { Packet } from '../packet.ts';
import type { Route } from '../route.ts';
import { begin, linkLocalOf, NO_MESSAGE, sendDiscovery } from './message.ts';

/** A second, to all and to one. Linux sends one host one redirect a second, and fewer where it does not listen. */
const MOST = 100;
const MOST_EACH = 2;
/** RFC 4861 §4.6.3: as much of the packet as fits without the message passing the least MTU, and a slot. */
const QUOTE_LIMIT = 1024;

export class Redirecting {
  readonly #net: InternetLayer;
  readonly #ration: Ration;

  constructor(net: InternetLayer) {
    this.#net = net;
    this.#ration = new Ration(net.random, MOST, MOST_EACH);
  }

  /** `packet` goes back to the link that it came by, along `route`. */
  tell(packet: Packet, { iface, nextHop }: Route): void {
    const net = this.#net;
    const { source, destination } = packet;
    const own = linkLocalOf(iface);
    // §8.2: who sends is a neighbour; §8.1: a router is named by its link-local address, and so are we.
    if (iface.link === null || isUnspecified(own) || !iface.isOnLink(source)) return;
    if (nextHop !== destination && !isLinkLocal(nextHop)) return;
    if (!this.#ration.takes(source, net.now)) return;
    const at = begin(net);
    if (at === NO_MESSAGE) return;
    const { view: v, bytes } = net.slots;
    const optionsAt = nd.write(v, at, nd.Type.REDIRECT, 0);
    writeIPv6(v, nd.targetAt(at), nextHop);
    writeIPv6(v, nd.destinationAt(at), destination);
    // Where the better hop is, on the link, it is asked for: that is the link's affair, and not known here.
    const quoted = Math.min(packet.length, QUOTE_LIMIT) & ~7;
    const end = options.writeRedirected(v, optionsAt, quoted);
    bytes.copyWithin(end, packet.at, packet.at + quoted);
    sendDiscovery(net, iface, own, source, at, end + quoted - at);
  }
}
