"""
A packet socket of an interface, for scripts that send frames of their own making.
"""
import errno
import socket
import time


def open_wire(name):
    """The socket, and the hardware address of the interface."""
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    wire.bind((name, 3))
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    return wire, ":".join("%02x" % octet for octet in wire.getsockname()[4])


def put(wire, frames):
    """Sends each, once there is room in the interface's queue."""
    for frame in frames:
        octets = bytes(frame)
        while True:
            try:
                wire.send(octets)
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                time.sleep(0.001)
