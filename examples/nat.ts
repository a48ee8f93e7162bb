/**
 * A network address translator: the hosts behind it share one address of each family. RFC 3022, on the stack's hooks.
 *
 * A mapping belongs to a host's own address and port, whomever it talks to (RFC 4787 REQ-1), and lets in
 * those that it talks to (REQ-8); a ping's identifier takes the place of a port (RFC 5508). Errors about
 * what was translated are translated with the packet that they quote. All else that comes from outside
 * is dropped, what is for the translator's own sockets too, but for what neighbours on a link of IPv6 say to each
 * other (RFC 4890 §4.4.1).
 *
 *     node dist/examples/nat.js
 * @module
 */
import { isIP } from 'node:net';
import { createStack, type HookPacket, openTun, type Stack } from 'tunstack';
import {
  type Address,
  dropAddress,
  holdAddress,
  icmp,
  icmp6,
  ipv4,
  parseAddress,
  tcp,
} from 'tunstack/wire';

const { ICMP, ICMPV6, TCP, UDP } = ipv4.Protocol;
const { FIN, SYN, RST } = tcp.Flag;
const MOST_PEERS = 256; // of one mapping; the oldest goes

interface Mapping {
  readonly protocol: number;
  readonly address: Address;
  readonly port: number;
  readonly ours: Address; // what stands for it outside
  readonly outer: number;
  readonly peers: Set<Address>;
  answered: boolean;
  closing: boolean;
  until: number;
}

export class Nat {
  refused = 0; // packets that nobody had asked for, or that there was no room for
  full = 0; // of these, for want of room
  readonly #inside: Map<number, Mapping> = new Map();
  readonly #outside: Map<number, Mapping> = new Map();
  readonly #most: number;
  readonly #now: () => number;
  #swept = 0;

  /** Translate what leaves by the device `outside` to these addresses, one a family; `most` mappings, `now` in ms. */
  constructor(
    stack: Stack,
    outside: string,
    addresses: readonly string[],
    most = 16_384,
    now?: () => number,
  ) {
    const [ours4, ours6] = [4, 6].map((family) => {
      const address = addresses.find((one) => isIP(one) === family);
      return address === undefined ? undefined : parseAddress(address);
    });
    const oursOf = ({ version }: HookPacket): Address | undefined =>
      version === 4 ? ours4 : ours6;
    this.#most = Math.min(most, 60_000); // of 64 512 ports: one is always free
    this.#now = now ?? ((): number => performance.now());
    const judge = (passes: boolean): 'pass' | 'drop' => {
      if (!passes) this.refused++;
      return passes ? 'pass' : 'drop';
    };
    stack.hook('forward', (p) => judge(p.leavesBy !== outside || this.#leave(p, oursOf(p))));
    // Errors here, where the stack's own pass too: about what came in, and was translated by then.
    stack.hook('output', (p) =>
      judge(p.leavesBy !== outside || !p.quoted || this.#tell(p, oursOf(p))),
    );
    // Its own about what was to leave are for who has sent it, and that is us by then: by loopback.
    stack.hook('input', (p) =>
      judge(this.#enter(p, oursOf(p)) || p.device !== outside || isOfLink(p)),
    );
  }

  /** How many there are; one that ran out goes when it is met, or its place is needed. */
  get mappings(): number {
    return this.#inside.size;
  }

  /** From inside to outside. */
  #leave(p: HookPacket, ours: Address | undefined): boolean {
    if (ours === undefined) return false;
    if (p.quoted) return true; // see `#tell`
    const mapping =
      this.#find(this.#inside, p.protocol, p.source, p.sourcePort) ?? this.#open(p, ours);
    if (mapping === undefined) return false;
    const { peers, outer } = mapping;
    if (!peers.has(p.destination)) {
      if (peers.size >= MOST_PEERS) forgetFirst(peers);
      peers.add(holdAddress(p.destination));
    }
    this.#renew(mapping, p);
    p.setSource(ours, outer);
    return true;
  }

  /** From outside to inside; an error because of the packet that it quotes, which is one of ours. */
  #enter(p: HookPacket, ours: Address | undefined): boolean {
    if (ours === undefined || p.destination !== ours) return false;
    const { quoted } = p;
    const port = quoted ? quoted.sourcePort : p.destinationPort;
    const mapping = this.#find(this.#outside, (quoted ?? p).protocol, ours, port);
    if (!mapping?.peers.has(quoted ? quoted.destination : p.source)) return false;
    quoted?.setSource(mapping.address, mapping.port);
    if (!quoted) this.#renew(mapping, p, true);
    p.setDestination(mapping.address, mapping.port);
    return true;
  }

  /** An error from inside, or of our own, about a packet that came in. */
  #tell(p: HookPacket, ours: Address | undefined): boolean {
    if (ours === undefined) return false;
    const { protocol, destination, destinationPort } = p.quoted ?? p;
    const mapping = this.#find(this.#inside, protocol, destination, destinationPort);
    if (mapping) p.quoted?.setDestination(ours, mapping.outer);
    p.setSource(ours);
    return mapping !== undefined;
  }

  #find(from: Map<number, Mapping>, protocol: number, address: number, port: number) {
    const mapping = from.get(key(protocol, address, port));
    if (mapping === undefined || mapping.until > this.#now()) return mapping;
    this.#inside.delete(key(protocol, mapping.address, mapping.port));
    this.#outside.delete(key(protocol, mapping.ours, mapping.outer));
    for (const held of [mapping.address, ...mapping.peers]) dropAddress(held);
    return undefined;
  }

  #open(p: HookPacket, ours: Address): Mapping | undefined {
    const { protocol, source: address, sourcePort: port, view, body } = p;
    if (port < 0 || (protocol === ICMP && icmp.type(view, body) !== icmp.Type.ECHO)) return;
    if (protocol === ICMPV6 && icmp6.type(view, body) !== icmp6.Type.ECHO) return;
    if (protocol === TCP && !(tcp.flags(view, body) & SYN)) return;
    if (this.#inside.size >= this.#most) this.#sweep();
    if (this.#inside.size >= this.#most) return void this.full++;
    let outer = Math.max(port, 1024);
    while (this.#find(this.#outside, protocol, ours, outer)) {
      outer = outer < 65_535 ? outer + 1 : 1024;
    }
    const state = { peers: new Set<Address>(), answered: false, closing: false, until: 0 };
    const mapping: Mapping = {
      protocol,
      address: holdAddress(address),
      port,
      ours,
      outer,
      ...state,
    };
    this.#inside.set(key(protocol, address, port), mapping);
    this.#outside.set(key(protocol, ours, outer), mapping);
    return mapping;
  }

  /** How long it lasts from now on: RFC 4787 REQ-5, RFC 5382 REQ-5, RFC 5508 REQ-2. */
  #renew(mapping: Mapping, { view, protocol, body }: HookPacket, answer = false): void {
    const flags = protocol === TCP ? tcp.flags(view, body) : 0;
    mapping.answered ||= answer;
    if (flags & (FIN | RST | SYN)) mapping.closing = !(flags & SYN);
    const ofTcp = mapping.answered && !mapping.closing ? 124 : 4;
    const minutes = protocol === TCP ? ofTcp : protocol === UDP ? 5 : 1;
    mapping.until = this.#now() + minutes * 60_000;
  }

  /** Make room, if it was not tried within this second: a flood must not make us search always. */
  #sweep(): void {
    if (this.#now() < this.#swept + 1000) return;
    this.#swept = this.#now();
    for (const { protocol, ours, outer } of this.#inside.values()) {
      this.#find(this.#outside, protocol, ours, outer);
    }
  }
}

/** All of them in one number: ICMP's is another in each family, as addresses are. Without a port, -1, which nothing has. */
const key = (protocol: number, address: number, port: number): number =>
  port < 0 ? -1 : ((protocol % 32) * 2 ** 32 + (address >>> 0)) * 2 ** 16 + port;

function forgetFirst(peers: Set<Address>): void {
  for (const peer of peers) {
    peers.delete(peer);
    dropAddress(peer);
    return;
  }
}

/** Neighbours, routers and listeners of a link, from the link itself: RFC 4861 §6.1, §7.1, RFC 3810 §5. */
function isOfLink({ protocol, ttl, view, body }: HookPacket): boolean {
  if (protocol !== ICMPV6) return false;
  const { LISTENER_QUERY, LISTENER_DONE, REDIRECT, LISTENER_REPORT_V2 } = icmp6.Type;
  const type = icmp6.type(view, body);
  if (type > LISTENER_DONE && type <= REDIRECT) return ttl === 255;
  const isOfGroups = type >= LISTENER_QUERY && type <= LISTENER_DONE;
  return ttl === 1 && (isOfGroups || type === LISTENER_REPORT_V2);
}

if (process.argv[1] === import.meta.filename) {
  const near = ['10.85.0.1/24', 'fd85::1/64'];
  const inside = { device: await openTun({ name: 'nat-in' }), address: near };
  const hostAddress = ['10.86.0.1/24', 'fd86::1/64'];
  const outside = await openTun({ name: 'nat-out', hostAddress });
  const far = { address: ['10.86.0.2/24', 'fd86::2/64'], gateway: ['10.86.0.1', 'fd86::1'] };
  const devices = [inside, { device: outside, ...far }];
  const stack = createStack({ devices, forwarding: true });
  const nat = new Nat(stack, outside.name, ['10.86.0.2', 'fd86::2']);
  console.log('try: a network namespace that has nat-in, 10.85.0.2/24; there: ping 10.86.0.1');
  setInterval(() => console.log(`${nat.mappings} mappings, ${nat.refused} refused`), 10_000);
}
