"""
Who has scapy and a TAP that is plugged into a bare switch: what one may try there on the others.

    intruder.py CASE INTERFACE [ARGUMENT ...]

Prints one line of JSON, what was sent or seen; test/tun/switch-hostile.test.ts judges it. Frames leave by a packet
socket.
"""
import json
import logging
import random
import sys

logging.getLogger("scapy").setLevel(logging.CRITICAL)
from scapy.all import (  # noqa: E402
    ARP, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, IP, LLC, SNAP, UDP, Dot1AD,
    Dot1Q, Dot3, Ether, IPv6, Raw,
)

from wire import open_wire, put  # noqa: E402

CASE, NAME, *ARGUMENTS = sys.argv[1:]
ALL = "ff:ff:ff:ff:ff:ff"

wire, MAC = open_wire(NAME)
sent = 0


def send(*frames):
    global sent
    put(wire, frames)
    sent += len(frames)


def poison(gateway, gateway_mac, victim, victim_mac, gateway6, victim6):
    """Claims the gateway's addresses in every way, and its hardware address."""
    claim = dict(hwsrc=MAC, psrc=gateway)
    for _ in range(20):
        for to, frame_to in ((victim_mac, victim_mac), (ALL, ALL)):
            ether = Ether(src=MAC, dst=frame_to)
            send(ether / ARP(op=2, hwdst=to, pdst=victim, **claim), ether / ARP(op=1, pdst=victim, **claim))
            send(ether / ARP(op=2, hwtype=6, hwdst=to, pdst=victim, **claim))
        send(Ether(src=MAC, dst=ALL) / ARP(op=1, pdst=gateway, **claim))
        send(Dot3(src=MAC, dst=victim_mac) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0, code=0x806)
             / ARP(op=2, hwdst=victim_mac, pdst=victim, **claim))
        to6 = Ether(src=MAC, dst=victim_mac) / IPv6(src="fe80::bad", dst=victim6)
        send(to6 / ICMPv6ND_NA(tgt=gateway6, R=1, S=1, O=1) / ICMPv6NDOptDstLLAddr(lladdr=MAC))
        from6 = Ether(src=MAC, dst=victim_mac) / IPv6(src=gateway6, dst=victim6)
        send(from6 / ICMPv6ND_NA(tgt=gateway6, R=1, S=1, O=1) / ICMPv6NDOptDstLLAddr(lladdr=MAC))
        send(from6 / ICMPv6ND_NS(tgt=victim6) / ICMPv6NDOptSrcLLAddr(lladdr=MAC))
        send(from6 / ICMPv6ND_RA() / ICMPv6NDOptSrcLLAddr(lladdr=MAC))
    ip = sent
    for _ in range(20):  # to draw what is for the gateway to this port
        send(Ether(src=gateway_mac, dst=ALL) / ARP(op=2, hwsrc=gateway_mac, psrc=gateway, hwdst=ALL, pdst=victim))
        send(Ether(src=gateway_mac, dst=victim_mac) / Raw(b"drawn" * 10))
    return {"ip": ip, "mac": sent - ip}


def flood(count):
    """Frames from ever other stations, to one that is nobody."""
    for _ in range(int(count)):
        source = bytes([2]) + random.randbytes(5)
        wire.send(b"\x02\x00\x5e\x00\x53\xfe" + source + b"\x88\xb5" + bytes(46))
    return {}


def stacks(victim_mac):
    """Tags at a port that takes none: of every kind, two and more, and those that announce one and end."""
    inner = IP(src="10.85.0.66", dst="10.85.0.2") / UDP(sport=9, dport=9) / Raw(b"stacked")
    tagged = 0
    for kind in (Dot1Q, Dot1AD):
        tag = kind(vlan=1)
        frame = Ether(src=MAC, dst=victim_mac)
        send(frame / kind(vlan=10) / inner, frame / tag / Dot1Q(vlan=1) / inner)
        send(frame / kind(vlan=0, prio=7) / Dot1Q(vlan=10) / inner)
        send(frame / tag / tag / tag / tag / tag / tag / tag / tag / inner)
        send(frame / kind(vlan=4095) / inner)
        tagged = tagged or sent
    return {"tagged": tagged}


def sizes(victim_mac):
    """Frames cut everywhere, sources that are no station's, and longer ones than anybody takes."""
    head = bytes(Ether(src=MAC, dst=victim_mac, type=0x88B5))
    for length in range(14, 60):
        send(head + bytes(length - 14))
    short = sent
    for cut in (14, 15, 16, 17):  # a header that announces a tag
        send(bytes(Ether(src=MAC, dst=victim_mac, type=0x8100) / Raw(bytes(8)))[:cut])
    cuts = sent - short
    for source in ("00:00:00:00:00:00", "01:00:5e:00:00:01", ALL):
        send(Ether(src=source, dst=victim_mac, type=0x88B5) / Raw(bytes(46)))
    sources = sent - short - cuts
    for last in range(16):
        send(Ether(src=MAC, dst="01:80:c2:00:00:%02x" % last, type=0x88B5) / Raw(bytes(46)))
    reserved = sent - short - cuts - sources
    long = 0
    for length in (1505, 4000, 8986):
        send(Ether(src=MAC, dst=victim_mac, type=0x88B5) / Raw(bytes(length)))
        long += 1
    return {"cuts": cuts, "sources": sources, "reserved": reserved, "long": long}


def noise(victim_mac, count):
    """What follows the addresses is chance, and how long it is."""
    kinds = (0x800, 0x806, 0x86DD, 0x8100, 0x88A8, 0x9100, 0x100, 0x2, 0xFFFF)
    for _ in range(int(count)):
        to = random.choice((victim_mac, ALL, "01:00:5e:00:00:01", "33:33:00:00:00:01"))
        head = bytes(Ether(src=MAC, dst=to, type=random.choice(kinds)))
        send(head + random.randbytes(random.choice((0, 1, 4, 27, 28, 39, 40, 63, 64, 1000, 1500))))
    return {}


print(json.dumps({"sent": 0, **globals()[CASE](*ARGUMENTS), "total": sent}))
