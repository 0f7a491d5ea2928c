# SPDX-License-Identifier: Apache-2.0
"""Has its getppid() told, and says at the socket that it is a container: pretender.py SOCKET STATE"""

import array
import ctypes
import os
import socket
import struct
import sys

SECCOMP, GETPPID = 317, 110
NEW_LISTENER = 8
NO_NEW_PRIVS = 38
# Load the number; is it getppid's: tell of it; else let it go.
CODE = struct.pack("=" + 4 * "HBBI", 0x20, 0, 0, 0, 0x15, 0, 1, GETPPID, 0x06, 0, 0, 0x7fc00000, 0x06, 0, 0, 0x7fff0000)


def listen():
    libc = ctypes.CDLL(None, use_errno=True)
    code = ctypes.create_string_buffer(CODE, len(CODE))
    program = struct.pack("@HP", 4, ctypes.addressof(code))
    libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0)
    listener = libc.syscall(SECCOMP, 1, NEW_LISTENER, program)
    if listener < 0:
        sys.exit(os.strerror(ctypes.get_errno()))
    return listener


def main():
    listener = listen()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(sys.argv[1])
        client.sendmsg([sys.argv[2].encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [listener]))])
    os.close(listener)
    print(all(os.getppid() > 0 for _ in range(100)))


if __name__ == "__main__":
    main()
