"""
An attacker who has scapy: the claims of docs/security.md, one by one, against a stack behind a TUN.

    stranger.py CASE ADDRESS TUN

Prints one line of JSON, what was seen; test/tun/security.test.ts judges it. Packets leave by a raw socket from
addresses behind the TUN that the kernel does not have, so that its own TCP answers nothing.
"""
import json
import logging
import random
import socket
import sys
import time

logging.getLogger("scapy").setLevel(logging.CRITICAL)
from scapy.all import ICMP, IP, TCP, UDP, IPOption_LSRR, Raw, fragment  # noqa: E402

CASE, TARGET, TUN = sys.argv[1:4]
ME = "10.83.0.77"
OTHER = "10.83.0.78"
ECHO, DISCARD, CHARGEN, CLOSED = 7, 9, 19, 99

out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
heard = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
heard.bind((TUN, 0x0800))
heard.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)


def send(*packets):
    for packet in packets:
        out.sendto(bytes(packet), (TARGET, 0))


def hear(seconds=0.5, want=None, until=None):
    """What the stack sent within so many seconds; `until` ends it sooner."""
    got = []
    end = time.time() + seconds
    while time.time() < end:
        heard.settimeout(max(0.001, end - time.time()))
        try:
            data, place = heard.recvfrom(65535)
        except TimeoutError:
            break
        if place[2] == socket.PACKET_OUTGOING:
            continue
        packet = IP(data)
        if packet.src != TARGET or (want and not want(packet)):
            continue
        got.append(packet)
        if until and until(packet):
            break
    return got


def is_to(me, port=None):
    return lambda p: p.dst == me and (port is None or (TCP in p and p[TCP].dport == port))


class Connection:
    """A handshake by hand; `options` are the SYN's."""

    def __init__(self, port=DISCARD, me=ME, options=None, sport=None, window=65535):
        self.me = me
        self.sport = sport or random.randrange(20000, 60000)
        self.port = port
        self.window = window
        self.seq = random.randrange(1 << 32)
        send(self.segment("S", options=options if options is not None else [("MSS", 1460)]))
        answers = hear(2, is_to(me, self.sport), lambda p: p[TCP].flags == "SA")
        if not answers:
            raise SystemExit("no SYN-ACK")
        self.synack = answers[-1][TCP]
        self.seq = (self.seq + 1) & 0xFFFFFFFF
        self.ack = (self.synack.seq + 1) & 0xFFFFFFFF
        send(self.segment("A"))

    def segment(self, flags, seq=None, ack=None, options=None, text=b""):
        tcp = TCP(
            sport=self.sport,
            dport=self.port,
            flags=flags,
            seq=(self.seq if seq is None else seq) & 0xFFFFFFFF,
            ack=(0 if flags == "S" or flags == "R" else self.ack if ack is None else ack) & 0xFFFFFFFF,
            window=self.window,
            options=options or [],
        )
        return IP(src=self.me, dst=TARGET) / tcp / Raw(text)

    def say(self, flags="A", **rest):
        send(self.segment(flags, **rest))

    def hear(self, seconds=0.5):
        return [p[TCP] for p in hear(seconds, is_to(self.me, self.sport))]

    def lives(self):
        """Text to the echo port comes back."""
        hear(0.05)
        self.say("PA", text=b"still here")
        return any(bytes(tcp.payload) == b"still here" for tcp in self.hear(1))


def flags(segments):
    return [str(tcp.flags) for tcp in segments]


def blind():
    """RFC 5961: resets, SYNs, ACKs and text beside the exact numbers."""
    seen = {}
    for name, kind, offset in [("reset", "R", 1), ("reset far", "R", 60000), ("syn", "S", 5)]:
        c = Connection(ECHO)
        c.say(kind, seq=c.seq + offset)
        seen[name] = [flags(c.hear(0.3)), c.lives()]
    c = Connection(ECHO)
    c.say("R", seq=c.seq + 100_000)
    seen["reset outside"] = [flags(c.hear(0.3)), c.lives()]
    c = Connection(ECHO)
    c.say("PA", ack=c.ack + 5000, text=b"forged")
    said = c.hear(0.3)
    seen["ack of what was not sent"] = [any(bytes(s.payload) == b"forged" for s in said), c.lives()]
    c = Connection(ECHO)
    for i in range(200):
        c.say("R", seq=c.seq + 1 + i)
    seen["challenges"] = len(c.hear(0.5))
    c = Connection(ECHO)
    c.say("R")
    seen["exact"] = c.lives()
    return seen


def numbers():
    """RFC 6528, RFC 7323 §5.4: first numbers and timestamps of connections one after the other."""
    stamp = [("MSS", 1460), ("Timestamp", (1, 0))]
    isns, stamps = [], []
    for i in range(12):
        c = Connection(DISCARD, sport=30000 + i, options=stamp)
        isns.append(c.synack.seq)
        stamps.append(dict(o for o in c.synack.options if o[0] == "Timestamp")["Timestamp"][0])
        c.say("R")
    steps = [(b - a) & 0xFFFFFFFF for a, b in zip(isns, isns[1:])]
    offsets = [(b - a) & 0xFFFFFFFF for a, b in zip(stamps, stamps[1:])]
    near = lambda n: n < 1 << 20 or n > (1 << 32) - (1 << 20)
    return {"isn steps that are near": sum(map(near, steps)), "stamps that are near": sum(map(near, offsets))}


def strangers():
    """What is answered, how often, and by nothing longer than what came."""
    seen = {}
    tcp = lambda sport, flags_, dport=CLOSED: IP(src=ME, dst=TARGET) / TCP(sport=sport, dport=dport, flags=flags_, seq=1, ack=1)
    send(*[tcp(1024 + i, "A") for i in range(2000)])
    seen["resets"] = len(hear(0.6, is_to(ME)))
    time.sleep(1.1)
    send(*[IP(src=ME, dst=TARGET) / UDP(sport=5, dport=2000 + i) / Raw(b"x" * 20) for i in range(1500)])
    errors = hear(0.6, lambda p: p.dst == ME and ICMP in p)
    seen["unreachables"] = len(errors)
    time.sleep(1.1)
    for kind in ["R", "RA", "SF", "SR", "FR", ""]:
        send(tcp(3000, kind), tcp(3000, kind, ECHO))
    seen["answers to odd flags"] = len(hear(0.4, is_to(ME, 3000)))
    for source in ["255.255.255.255", "224.0.0.1", "127.0.0.1", "10.83.0.255", TARGET]:
        send(IP(src=source, dst=TARGET) / TCP(sport=3001, dport=ECHO, flags="S"))
        send(IP(src=source, dst=TARGET) / UDP(sport=3001, dport=CLOSED))
    seen["answers to no host"] = len(hear(0.4, lambda p: p.dst not in (ME, "224.0.0.22")))
    send(IP(src=ME, dst=TARGET, options=[IPOption_LSRR(routers=["10.83.0.1"])]) / ICMP())
    seen["source routes"] = len(hear(0.3, is_to(ME)))
    big = IP(src=ME, dst=TARGET, id=77) / ICMP() / Raw(b"a" * 4000)
    pieces = fragment(big, 1480)
    overlap = IP(src=ME, dst=TARGET, id=77, proto=1, frag=100, flags="MF") / Raw(b"b" * 1480)
    send(pieces[0], overlap, *pieces[1:])
    seen["overlapping fragments"] = len(hear(0.4, is_to(ME)))
    send(*fragment(IP(src=ME, dst=TARGET, id=78) / ICMP() / Raw(b"a" * 4000), 1480))
    seen["whole fragments"] = len(hear(0.4, is_to(ME))) > 0
    return seen


def flood():
    """RFC 4987: half-open connections beyond the backlog, and one that means it."""
    send(*[IP(src=OTHER, dst=TARGET) / TCP(sport=1024 + i, dport=ECHO, flags="S", seq=i) for i in range(3000)])
    time.sleep(0.3)
    hear(0.2)
    c = Connection(ECHO, options=[("MSS", 1460), ("Timestamp", (1, 0)), ("SAckOK", b""), ("WScale", 7)])
    stamp = [("Timestamp", (2, dict(c.synack.options)["Timestamp"][0]))]
    c.say("PA", options=stamp, text=b"by a cookie")
    return {"opened": any(bytes(tcp.payload) == b"by a cookie" for tcp in c.hear(1))}


def lengths(c):
    return [len(bytes(tcp.payload)) for tcp in c.hear(0.4)]


def paths():
    """RFC 5927: who may narrow the path of a connection, and by how much."""
    def after(error):
        c = Connection(CHARGEN, window=1460)  # one segment: a device with offload would show several as one
        first = c.hear(0.3)
        most = max(len(bytes(tcp.payload)) for tcp in first)
        if error:
            send(error(c, first))
        time.sleep(0.2)
        last = first[-1]
        c.ack = (last.seq + len(bytes(last.payload))) & 0xFFFFFFFF
        c.say()
        more = max(lengths(c) or [0])
        c.say("R")
        return [most, more]

    def needed(mtu, inner):
        return IP(src=OTHER, dst=TARGET) / ICMP(type=3, code=4, nexthopmtu=mtu) / Raw(bytes(inner)[:28])

    quote = lambda c, seq: IP(src=TARGET, dst=ME) / TCP(sport=CHARGEN, dport=c.sport, seq=seq & 0xFFFFFFFF)
    udp = IP(src=TARGET, dst=ME) / UDP(sport=7, dport=5000)
    return {
        "nothing": after(None),
        "a number not in flight": after(lambda c, first: needed(576, quote(c, c.ack - 70_000))),
        "a number beyond": after(lambda c, first: needed(576, quote(c, c.ack + 1_000_000))),
        "about a datagram": after(lambda c, first: needed(576, udp)),
        "unreachable, in flight": after(
            lambda c, first: IP(src=OTHER, dst=TARGET) / ICMP(type=3, code=3) / Raw(bytes(quote(c, first[0].seq))[:28])
        ),
        # Last: what is believed here is remembered for this destination.
        "in flight": after(lambda c, first: needed(68, quote(c, first[0].seq))),
    }


def small():
    """A peer that wants silly segments, and one whose window is of an octet."""
    c = Connection(CHARGEN, me=OTHER, options=[("MSS", 1)], window=500)
    return {"least": min(n for n in lengths(c) if n > 0)}


def assassin():
    """RFC 1337: a reset in TIME-WAIT. The stack closes first (daytime)."""
    c = Connection(13)
    said = c.hear(0.5)
    fin = next(tcp for tcp in said if "F" in str(tcp.flags))
    c.ack = (fin.seq + len(bytes(fin.payload)) + 1) & 0xFFFFFFFF
    c.say("FA")
    c.seq += 1
    c.hear(0.3)
    c.say("R")
    c.say("R", seq=c.seq + 1)
    time.sleep(0.1)
    hear(0.1)
    c.say("FA", seq=c.seq - 1)  # our FIN again: who is still in TIME-WAIT answers by an ACK, who is not by a reset
    return {"answers": flags(c.hear(0.5))}


print(json.dumps({f.__name__: f for f in [blind, numbers, strangers, flood, paths, small, assassin]}[CASE]()))
