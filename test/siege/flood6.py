"""
A flood of IPv6 on a link, by scapy: frames are made first, then sent again and again from SIGUSR1 to SIGINT.

    flood6.py CASE DEVICE ADDRESS MAC PEER

ADDRESS and MAC are the stack's, PEER is the kernel's address on the link. Every other address is made up.
"""
import logging
import random
import signal
import socket
import sys

logging.getLogger("scapy").setLevel(logging.CRITICAL)
from scapy.all import (  # noqa: E402
    Ether,
    HBHOptUnknown,
    ICMPv6DestUnreach,
    ICMPv6EchoRequest,
    ICMPv6MLQuery,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RA,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptMTU,
    ICMPv6NDOptPrefixInfo,
    ICMPv6NDOptRDNSS,
    ICMPv6NDOptSrcLLAddr,
    ICMPv6PacketTooBig,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
    Raw,
    TCP,
    UDP,
)

CASE, DEVICE, TARGET, MAC, PEER = sys.argv[1:6]
NET = TARGET.rsplit("::", 1)[0]
FRAMES = 500
random.seed(6)


def word():
    return "%x" % random.randrange(1, 65536)


def station():
    """A hardware address and a link-local address that nobody has."""
    mac = "02:" + ":".join("%02x" % random.randrange(256) for _ in range(5))
    return mac, "fe80::%s:%s:%s" % (word(), word(), word())


def neighbour():
    return "%s::%s:%s:%s" % (NET, word(), word(), word())


def stranger():
    return "2001:db8:%s:%s::%s" % (word(), word(), word())


def frame(packet, source=None, to=MAC):
    return bytes(Ether(src=source or station()[0], dst=to) / packet)


def chain():
    """Extension headers one after the other: more than are read, or none that is known, or type 0 routing."""
    kind = random.randrange(4)
    ip = IPv6(src=neighbour(), dst=TARGET)
    if kind == 0:
        for _ in range(random.randrange(1, 40)):
            ip = ip / IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * 4)])
    elif kind == 1:
        kinds = (0x1E, 0x5E, 0x9E, 0xDE)
        options = [HBHOptUnknown(otype=random.choice(kinds), optdata=b"xx") for _ in range(60)]
        ip = ip / IPv6ExtHdrHopByHop(options=options[: random.randrange(1, 60)])
    elif kind == 2:
        ip = ip / IPv6ExtHdrRouting(type=random.choice((0, 2, 4, 99)), segleft=1, addresses=[stranger()])
    else:
        ip = ip / IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\0" * 200)])
        ip.nh = random.choice((0, 43, 44, 60, 135, 139, 253))
    return frame(ip / UDP(sport=7, dport=7) / b"chain")


def endless():
    """A beginning without an end, from anybody."""
    part = IPv6ExtHdrFragment(offset=0, m=1, id=random.getrandbits(32), nh=17)
    return frame(IPv6(src=neighbour(), dst=TARGET) / part / UDP(sport=7, dport=7, len=4000, chksum=1) / Raw(b"x" * 1000))


def overlap():
    """Pieces of few datagrams that lie on one another, and atomic ones. RFC 5722, RFC 6946."""
    offset, more = random.choice(((0, 1), (1, 1), (2, 0), (3, 1), (0, 0)))
    part = IPv6ExtHdrFragment(offset=offset, m=more, id=random.randrange(64), nh=17)
    return frame(IPv6(src=PEER, dst=TARGET) / part / Raw(b"y" * 24))


def router():
    """One of a thousand false routers: a way, a prefix, a server of names and an MTU of its own."""
    mac, source = station()
    packet = (
        IPv6(src=source, dst="ff02::1", hlim=255)
        / ICMPv6ND_RA(routerlifetime=9000, prf=1, reachabletime=1, retranstimer=1)
        / ICMPv6NDOptSrcLLAddr(lladdr=mac)
        / ICMPv6NDOptMTU(mtu=random.randrange(1000, 1500))
        / ICMPv6NDOptPrefixInfo(prefix="2001:db8:%s:%s::" % (word(), word()), prefixlen=64)
        / ICMPv6NDOptRDNSS(dns=[stranger()], lifetime=9000)
    )
    return frame(packet, mac, "33:33:00:00:00:01")


def advertisement():
    """A neighbour that nobody has asked for, or one who claims the stack's own address."""
    mac, _ = station()
    target = TARGET if random.randrange(4) == 0 else neighbour()
    packet = IPv6(src=target if target != TARGET else neighbour(), dst="ff02::1", hlim=255)
    packet = packet / ICMPv6ND_NA(tgt=target, R=1, S=0, O=1) / ICMPv6NDOptDstLLAddr(lladdr=mac)
    return frame(packet, mac, "33:33:00:00:00:01")


def solicitation():
    """A neighbour that asks for the stack, and is to be remembered."""
    mac, _ = station()
    packet = IPv6(src=neighbour(), dst=TARGET, hlim=255) / ICMPv6ND_NS(tgt=TARGET) / ICMPv6NDOptSrcLLAddr(lladdr=mac)
    return frame(packet, mac)


def too_big():
    """A path to somebody takes no more than so much, says anybody."""
    quoted = IPv6(src=TARGET, dst=stranger()) / UDP(sport=7, dport=random.randrange(1, 65536)) / Raw(b"z" * 64)
    if random.randrange(4) == 0:
        return frame(IPv6(src=neighbour(), dst=TARGET) / ICMPv6DestUnreach(code=random.randrange(7)) / quoted)
    return frame(IPv6(src=neighbour(), dst=TARGET) / ICMPv6PacketTooBig(mtu=random.randrange(0, 1600)) / quoted)


def query():
    """A listener query, of all groups or of one. RFC 3810 s. 5.1."""
    mac, source = station()
    group = random.choice(("::", "ff02::1:ff00:2", "ff02::%s" % word()))
    packet = IPv6(src=source, dst="ff02::1", hlim=1) / IPv6ExtHdrHopByHop(options=[])
    return frame(packet / ICMPv6MLQuery(mladdr=group, mrd=random.randrange(1000)), mac, "33:33:00:00:00:01")


def syn():
    """Connections from everywhere in the /64: each answer wants a neighbour that is not there."""
    return frame(IPv6(src=neighbour(), dst=TARGET) / TCP(sport=random.randrange(1, 65536), dport=80, flags="S"))


def echo():
    return frame(IPv6(src=PEER, dst=TARGET) / ICMPv6EchoRequest(id=random.randrange(65536), data=b"e" * 56))


def closed():
    """Datagrams to closed ports, and without a checksum (RFC 8200 s. 8.1)."""
    checksum = {"chksum": 0} if random.randrange(2) else {}
    return frame(IPv6(src=PEER, dst=TARGET) / UDP(sport=9, dport=random.randrange(1000, 9000), **checksum) / b"nobody")


CASES = {
    "chain": chain,
    "endless": endless,
    "overlap": overlap,
    "router": router,
    "advertisement": advertisement,
    "solicitation": solicitation,
    "too-big": too_big,
    "query": query,
    "syn": syn,
    "echo": echo,
    "closed": closed,
}

frames = [CASES[CASE]() for _ in range(FRAMES)]
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind((DEVICE, 0))
running = True


def stop(*_):
    global running
    running = False


signal.signal(signal.SIGINT, stop)
signal.signal(signal.SIGUSR1, lambda *_: None)
print("made", len(frames), flush=True)
signal.pause()
sent = 0
while running:
    for one in frames:
        try:
            out.send(one)
            sent += 1
        except OSError:  # the queue is full: what hping3 does not tell, either
            pass
print("sent", sent)
