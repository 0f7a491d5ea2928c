#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Boots one of Debian's stock kernels in qemu, emulated in full, and runs commands inside, as root.

    boot.py 6.1|6.12 --build DIRECTORY [--timeout SECONDS] [--console FILE] -- COMMAND [ARGUMENT]...

Prints what the command wrote, standard output and standard error as one, and ends with its exit status: 124 behind a
command that took too long, 77 with the reason where something to boot with is missing, 98 where the machine died.

Inside are busybox's commands, sysfold of that build directory, and its scenarios in /scenarios; all of it in memory.
The kernel's console goes to a file of its own; the first serial port carries what the commands say:

    command <index> <exit status> <began> <ended> <size>\\n<size bytes>
"""

import argparse
import os
import pathlib
import re
import selectors
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

KERNELS = ("6.1", "6.12")
SKIP = 77
DIED = 98
TIMED_OUT = 124
BOOT_SECONDS = 120  # at most, on a busy machine
HERE = pathlib.Path(__file__).resolve().parent
FETCH = HERE / "fetch"
# The second port, so that what the kernel says never falls between what the commands say.
CONSOLE = "console=ttyS1 loglevel=5 panic=-1 oops=panic"

# The root directory is a mount of its own, as everywhere: nobody can pivot_root away from the initramfs.
INIT = """\
#!/bin/busybox sh
mount -t proc proc /proc
mount --bind /system /system
cd /system
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t devtmpfs devtmpfs dev
mount --move . /
exec chroot . /inside
"""

INSIDE = """\
#!/bin/sh
export PATH=/usr/bin:/bin:/usr/sbin:/sbin TMPDIR=/tmp HOME=/root LC_ALL=C.UTF-8
cd /
mount -t tmpfs -o mode=1777 tmpfs /tmp
mkdir -p /dev/shm /dev/mqueue /dev/pts /results
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t mqueue mqueue /dev/mqueue
mount -t devpts devpts /dev/pts
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tracefs tracefs /sys/kernel/tracing
mount -t bpf bpf /sys/fs/bpf
ln -sf /proc/self/fd /dev/fd
ip link set lo up
stty -F /dev/ttyS0 raw -echo
exec 3>/dev/ttyS0
while read -r index limit; do
    began=$(cut -d ' ' -f 1 /proc/uptime)
    timeout -k 5 "$limit" sh "/commands/$index" >/results/now 2>&1 </dev/null
    status=$?
    echo "command $index $status $began $(cut -d ' ' -f 1 /proc/uptime) $(wc -c </results/now)" >&3
    cat /results/now >&3
done </commands/limits
echo finished >&3
stty -F /dev/ttyS0 sane
poweroff -f
"""


class Missing(Exception):
    """Something to boot with is not here."""


class Died(Exception):
    """The machine ended, or came to its time limit, before its commands had."""


class Result(NamedTuple):
    status: int
    seconds: float
    output: str


def find_tool(name, why):
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not found:
        raise Missing(f"{name}, {why}, is not installed")
    return found


def static_busybox():
    busybox = find_tool("busybox", "for the system inside (busybox-static)")
    done = subprocess.run(["ldd", busybox], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        raise Missing("busybox is not a static one (busybox-static)")
    return busybox


def fetched(version, build):
    """The directory with vmlinuz in it."""
    done = subprocess.run([FETCH, version, build / "kernels"], capture_output=True, text=True, check=False)
    last = done.stdout.strip().splitlines()[-1:] or [""]
    if done.returncode == SKIP:
        raise Missing(last[0].removeprefix("skipped: "))
    if done.returncode != 0:
        raise RuntimeError(f"fetch {version}: exit status {done.returncode}: {done.stderr.strip()}")
    return pathlib.Path(last[0])


def libraries_of(program):
    """What the program loads, {path inside: path here}; its loader where the program itself names it."""
    done = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    found = {}
    for name, path in re.findall(r"^\s*(\S+)(?: => (\S+))? \(0x", done.stdout, re.MULTILINE):
        if path:
            found["/lib/" + name] = path
        elif name.startswith("/"):
            found[name] = name
    return found


def put(root, path, source, strip=False):
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
    target.chmod(0o755)
    if strip and shutil.which("strip"):
        subprocess.run(["strip", "-g", target], check=True)


def write(root, path, text, mode=0o644):
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    target.chmod(mode)


def lay_system(root, busybox, programs):
    for name in ("proc", "sys", "dev", "tmp", "root", "etc", "run", "usr/bin", "usr/sbin", "bin", "sbin"):
        (root / name).mkdir(parents=True, exist_ok=True)
    put(root, "/bin/busybox", busybox)
    applets = subprocess.run([busybox, "--list-full"], capture_output=True, text=True, check=True).stdout
    for path in applets.split():
        if not (root / path).exists():
            (root / path).symlink_to("/bin/busybox")
    for path, source in programs.items():
        for inside, here in libraries_of(source).items():
            put(root, inside, here, strip=True)
        put(root, path, source, strip=True)
    write(root, "/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n")
    write(root, "/etc/group", "root:x:0:\nnogroup:x:65534:\n")
    write(root, "/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")


def pack(top, archive):
    cpio = find_tool("cpio", "to make an initramfs")
    names = sorted(str(path.relative_to(top)) for path in top.rglob("*"))
    with archive.open("wb") as output:
        subprocess.run([cpio, "-o", "-H", "newc", "-R", "0:0", "--quiet", "-0"], cwd=top, stdout=output,
                       input="\0".join([".", *names]).encode(), check=True)


def make_initramfs(work, programs, commands):
    """Of the programs {path inside: path here}, and the commands (seconds, shell command)."""
    top, archive = work / "initramfs", work / "initramfs.cpio"
    system = top / "system"
    lay_system(system, static_busybox(), programs)
    put(top, "/bin/busybox", static_busybox())
    for applet in ("mount", "chroot"):
        (top / "bin" / applet).symlink_to("busybox")
    (top / "proc").mkdir()
    write(top, "/init", INIT, 0o755)
    write(system, "/inside", INSIDE, 0o755)
    write(system, "/commands/limits", "".join(f"{index} {limit}\n" for index, (limit, _) in enumerate(commands)))
    for index, (_, command) in enumerate(commands):
        write(system, f"/commands/{index}", command + "\n")
    pack(top, archive)
    shutil.rmtree(top)
    return archive


def start(qemu, kernel, archive, console):
    memory = 1024 + 2 * archive.stat().st_size // 2**20
    # One thread for both cpus: with more, what a cpu patches in the kernel's code (tracepoints are switched on that way)
    # is not always seen by the other as the architecture promises, and 6.12 panics.
    return subprocess.Popen(
        [qemu, "-accel", "tcg,thread=single", "-cpu", "max", "-smp", "2", "-m", str(memory), "-nodefaults", "-display",
         "none", "-no-reboot", "-kernel", kernel / "vmlinuz", "-initrd", archive, "-append", CONSOLE,
         "-serial", "stdio", "-serial", f"file:{console}"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)


def status_of(status, seconds, limit):
    """busybox's timeout tells of itself only by the signal that it sends."""
    return TIMED_OUT if status in (128 + 15, 128 + 9) and seconds >= limit else status


def take_results(pending, commands):
    """The results that are complete, and what is left of the bytes."""
    found = []
    while frame := re.match(rb"command (\d+) (\d+) ([\d.]+) ([\d.]+) (\d+)\n", pending):
        size = int(frame[5])
        if len(pending) < frame.end() + size:
            break
        text = pending[frame.end():frame.end() + size].decode(errors="replace")
        seconds = float(frame[4]) - float(frame[3])
        found.append(Result(status_of(int(frame[2]), seconds, commands[int(frame[1])][0]), seconds, text))
        pending = pending[frame.end() + size:]
    return found, pending


def tail_of(console):
    try:
        return "\n".join(console.read_text(errors="replace").splitlines()[-15:])
    except OSError:
        return ""


def listen(machine, commands, console):
    """Each command's result as it comes."""
    deadline = time.monotonic() + BOOT_SECONDS + sum(limit + 5 for limit, _ in commands)
    pending = b""
    with selectors.DefaultSelector() as selector:
        selector.register(machine.stdout, selectors.EVENT_READ)
        while pending != b"finished\n":
            if not selector.select(max(0, deadline - time.monotonic())):
                raise Died(f"it takes too long; its console's end:\n{tail_of(console)}")
            got = machine.stdout.read(65536)
            if not got:
                said = pending.decode(errors="replace")
                raise Died(f"qemu ended with {machine.wait()} {said}; its console's end:\n{tail_of(console)}")
            results, pending = take_results(pending + got, commands)
            yield from results


def run(version, build, programs, commands, console=None):
    """Boots the kernel and gives each command's Result, in order, as soon as it is there."""
    qemu = find_tool("qemu-system-x86_64", "to boot kernels in (qemu-system-x86)")
    find_tool("cpio", "to make an initramfs")
    static_busybox()
    kernel = fetched(version, build)
    with tempfile.TemporaryDirectory(prefix="sysfold-boot-") as directory:
        work = pathlib.Path(directory)
        console = pathlib.Path(console or work / "console").resolve()
        archive = make_initramfs(work, programs, commands)
        machine = start(qemu, kernel, archive, console)
        try:
            yield from listen(machine, commands, console)
        finally:
            machine.kill()
            machine.wait()


def scenarios_of(build):
    return sorted(path.name.removeprefix("scenario-") for path in (build / "tests/scenarios").glob("scenario-*")
                  if path.is_file())


def programs_of(build, scenarios):
    """{path inside: path here} of sysfold and these scenarios"""
    sysfold = (build / "cli/sysfold").resolve()
    if not sysfold.exists():
        raise RuntimeError(f"{sysfold} is not built")
    found = {"/usr/bin/sysfold": sysfold}
    for name in scenarios:
        found[f"/scenarios/scenario-{name}"] = build / f"tests/scenarios/scenario-{name}"
        if not found[f"/scenarios/scenario-{name}"].exists():
            raise RuntimeError(f"there is no scenario {name}, or it is not built")
    return found


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kernel", choices=KERNELS)
    parser.add_argument("--build", type=lambda path: pathlib.Path(path).resolve(), required=True)
    parser.add_argument("--timeout", type=int, default=300, help="of the command, in seconds")
    parser.add_argument("--console", help="where the kernel's own messages go")
    parser.add_argument("command", nargs="+", metavar="COMMAND")
    return parser.parse_args()


def main():
    options = parse_arguments()
    try:
        commands = [(options.timeout, shlex.join(options.command))]
        programs = programs_of(options.build, scenarios_of(options.build))
        (result,) = run(options.kernel, options.build, programs, commands, options.console)
    except Missing as why:
        print(f"skipped: {why}")
        return SKIP
    except (Died, RuntimeError) as why:
        print(f"boot.py: {options.kernel}: {why}", file=sys.stderr)
        return DIED
    sys.stdout.write(result.output)
    return result.status


if __name__ == "__main__":
    sys.exit(main())
