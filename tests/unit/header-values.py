#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks this machine's headers for the values of the names in common/flags.def.

header-values.py OUTPUT FLAGS_DEF COMPILER...

Writes a C file for each group of headers that can be included together:
OUTPUT is the first one's name, with the group's name to be put for @. Which of
the names a group knows is found by preprocessing it: macros as the compiler
lists them, enumerators between the braces of an enum.
"""
import re
import subprocess
import sys

GROUPS = {
    'libc': '''fcntl.h sys/mman.h sched.h sys/socket.h netinet/in.h netinet/tcp.h netinet/udp.h unistd.h sys/ioctl.h
        termios.h sys/file.h signal.h errno.h sys/wait.h sys/mount.h sys/prctl.h sys/resource.h sys/ptrace.h
        sys/epoll.h poll.h sys/eventfd.h sys/timerfd.h time.h sys/signalfd.h sys/inotify.h sys/random.h stdio.h
        sys/stat.h sys/xattr.h sys/ipc.h sys/shm.h sys/msg.h sys/sem.h sys/time.h netpacket/packet.h''',
    'kernel': '''asm-generic/fcntl.h linux/fcntl.h linux/openat2.h linux/stat.h linux/mman.h linux/sched.h
        linux/falloc.h linux/fadvise.h linux/xattr.h linux/close_range.h linux/capability.h linux/membarrier.h
        linux/futex.h linux/memfd.h linux/userfaultfd.h linux/io_uring.h linux/seccomp.h linux/bpf.h linux/prctl.h
        linux/wait.h linux/eventpoll.h linux/inotify.h linux/landlock.h linux/fs.h linux/mount.h linux/random.h
        linux/resource.h linux/timerfd.h linux/pidfd.h asm/prctl.h linux/errno.h linux/time.h linux/watch_queue.h
        linux/ipc.h linux/signal.h asm/siginfo.h linux/poll.h linux/mempolicy.h''',
    'ptrace': 'linux/ptrace.h asm/ptrace-abi.h',
    'net': '''stdint.h sys/socket.h linux/socket.h linux/in.h linux/in6.h linux/tcp.h linux/udp.h linux/netlink.h
        linux/if_packet.h linux/if_ether.h linux/can.h linux/can/raw.h linux/icmp.h linux/icmpv6.h''',
    'ioctl': '''linux/types.h asm/ioctls.h asm/termbits.h linux/fs.h linux/fiemap.h linux/blkzoned.h linux/blkpg.h
        linux/hdreg.h linux/sockios.h linux/if_tun.h linux/loop.h linux/rtc.h linux/random.h linux/vt.h linux/kd.h
        linux/watchdog.h linux/uinput.h linux/input.h linux/perf_event.h linux/userfaultfd.h linux/nsfs.h
        linux/fscrypt.h linux/fsverity.h linux/btrfs.h linux/dm-ioctl.h linux/kvm.h linux/vhost.h linux/fuse.h
        linux/seccomp.h linux/sync_file.h linux/dma-buf.h linux/dma-heap.h linux/udmabuf.h linux/msdos_fs.h
        linux/auto_fs.h linux/cdrom.h linux/spi/spidev.h linux/i2c-dev.h linux/nbd.h linux/ppp-ioctl.h
        linux/vm_sockets.h linux/usbdevice_fs.h scsi/sg.h linux/nvme_ioctl.h linux/fb.h linux/suspend_ioctls.h
        linux/blktrace_api.h linux/hidraw.h linux/pps.h linux/ptp_clock.h linux/rfkill.h linux/timerfd.h linux/serial.h''',
}

# The C library has its own idea of these: 0 where files are large anyway, and a function.
NOT_FROM_LIBC = {'O_LARGEFILE', 'SIGRTMIN'}

NAMES = '''
#define TABLE_BITS(TABLE)
#define TABLE_VALUES(TABLE)
#define TABLE_END(TABLE)
#define BIT(TABLE, NAME, VALUE) @NAME
#define FIELD(TABLE, NAME, VALUE, MASK) @NAME
#define VALUE(TABLE, NAME, VALUE) @NAME
#include "%s"
'''


def run(compiler, source, *options):
    return subprocess.run([*compiler, '-D_GNU_SOURCE', '-w', *options, '-x', 'c', '-'], input=source, text=True,
                          capture_output=True, check=False)


def known_names(compiler, includes, wanted):
    """The names among `wanted` that the headers know; none when they cannot be included together."""
    if run(compiler, includes, '-fsyntax-only').returncode:
        print('headers that do not go together:', includes, file=sys.stderr)
        return []
    known = set(re.findall(r'^#define (\w+) \S', run(compiler, includes, '-E', '-dM').stdout, re.M))
    for body in re.findall(r'\benum\b\s*\w*\s*\{([^}]*)\}', run(compiler, includes, '-E', '-P').stdout):
        known.update(re.findall(r'(?:^|,)\s*(\w+)', body))
    return usable_names(compiler, includes, sorted(wanted & known))


def usable_names(compiler, includes, names):
    """Without macros that need a structure of another header, or that are no constants."""
    start = includes.count('\n') + 2
    while names:
        values = ''.join(f'(long long)({n}),\n' for n in names)
        source = f'{includes}static const long long all[] = {{\n{values}}};\n'
        errors = run(compiler, source, '-fsyntax-only', '-pedantic-errors').stderr
        bad = {int(line) - start for line in re.findall(r'^<stdin>:(\d+):\d+: error', errors, re.M)}
        if not bad:
            break
        names = [n for i, n in enumerate(names) if i not in bad]
    return names


def main():
    output, flags, *compiler = sys.argv[1:]
    wanted = set(re.findall(r'@\s*(\w+)', run(compiler, NAMES % flags, '-undef', '-E', '-P').stdout))
    for group, headers in GROUPS.items():
        includes = ''.join(f'#if __has_include(<{h}>)\n#include <{h}>\n#endif\n' for h in headers.split())
        names = known_names(compiler, includes, wanted)
        if group == 'libc':
            names = [n for n in names if n not in NOT_FROM_LIBC]
        with open(output.replace('@', group), 'w', encoding='ascii') as file:
            file.write(f'/* Made by header-values.py. */\n{includes}#include "tests/unit/header-values.h"\n'
                       '#pragma GCC diagnostic ignored "-Wpedantic"\n' # shifts into the sign, in the headers
                       f'const struct header_value header_values_{group}[] = {{\n')
            file.writelines(f'    {{"{n}", (uint64_t)({n}), sizeof({n})}},\n' for n in names)
            file.write('    {0, 0, 0},\n};\n')


main()
