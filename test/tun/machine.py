"""
A machine at a socket of datagrams, whose network card is a TAP that is there: what the kernel sends on the TAP is a
datagram each to NET, what comes to its own place is the kernel's.

    machine.py TAP NET dgram|vfkit OWN [OWN ...]

As QEMU's `-netdev dgram` it binds its place, what was left there removed, sends to the other's and loses what is not
taken; as vfkit it connects, and ends where that fails. Each SIGUSR1 it leaves its socket behind and has one at the
next place, as if it was killed and there again. Prints the place when frames pass.
"""
import fcntl
import os
import select
import signal
import socket
import struct
import sys

name, net, manner, *places = sys.argv[1:]
TUNSETIFF, TAP_WITHOUT_INFO = 0x400454CA, 0x1002

tap = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), TAP_WITHOUT_INFO))
again, bell = os.pipe()
os.set_blocking(bell, False)
signal.set_wakeup_fd(bell)
signal.signal(signal.SIGUSR1, lambda *_: None)

for place in places:
    if os.path.exists(place):
        os.unlink(place)
    wire = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    wire.bind(place)
    if manner == "vfkit":
        wire.connect(net)
    print(place, flush=True)
    while True:
        ready = select.select([wire, tap, again], [], [])[0]
        if again in ready:
            os.read(again, 1)
            wire.close()
            break
        if wire in ready:
            os.write(tap, wire.recv(65535))
        if tap in ready:
            frame = os.read(tap, 65535)
            try:
                wire.send(frame) if manner == "vfkit" else wire.sendto(frame, net)
            except OSError:
                if manner == "vfkit":
                    raise
