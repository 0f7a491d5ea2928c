#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a backend that records in the kernel cannot have, and what becomes of it and of the target then: a clear line
or a loss that is accounted for, never a hang, never a dead target."""

import contextlib
import errno
import glob
import json
import os
import signal
import subprocess
import sys
import time
import unittest

from kit import NOBODY, PATIENCE, SYSFOLD, Case, environment, main, why_unusable

AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
CALLS = os.path.join(os.environ.get("PROGRAMS", "."), "program-calls")
GIB = 1 << 30
LARGE = 128 << 20  # as buffers go
NO_ROOM = " is more than |: Cannot allocate memory"  # for kernels before 6.5 it is too large anyway
NOT_BUILT = "this build is without it"
# Runs a command whose calls of one kind fail: SYSCALL ERRNO COMMAND...
REFUSE = """
import ctypes, os, sys
seccomp = ctypes.CDLL("libseccomp.so.2")
seccomp.seccomp_init.restype = ctypes.c_void_p
rules = ctypes.c_void_p(seccomp.seccomp_init(0x7fff0000))
call = seccomp.seccomp_syscall_resolve_name(sys.argv[1].encode())
assert seccomp.seccomp_rule_add(rules, 0x00050000 | int(sys.argv[2]), call, 0) == 0
assert seccomp.seccomp_load(rules) == 0
os.execvp(sys.argv[3], sys.argv[3:])
"""


def only(*capabilities):
    """Nobody, with these alone."""
    names = ",".join(["-all", *(f"+{capability}" for capability in capabilities)])
    return [*AS_NOBODY, f"--inh-caps={names}", f"--ambient-caps={names}"]


def can(*command):
    """May such a command be run here at all?"""
    with contextlib.suppress(OSError):
        return subprocess.run([*command, "true"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False).returncode == 0
    return False


def state(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0]


def who_works_in(directory):
    """All processes; among them would be one that waits for a command on behalf of a recorder."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if os.path.samefile(path, directory):
                found.append(path)
    return found


class Kernel(Case):
    """With the ebpf backend, by name."""

    def setUp(self):
        super().setUp()
        os.chmod(self.directory, 0o777)
        if why_unusable("ebpf") == NOT_BUILT:
            self.skipTest(NOT_BUILT)

    def under(self, *command):
        """The rest of the test happens under that command."""
        if not can(*command):
            self.skipTest(f"`{' '.join(command)}` is refused here")
        return command

    def needs_ebpf(self):
        reason = why_unusable("ebpf")
        if reason:
            self.skipTest(f"ebpf: {reason}")

    def sysfold(self, under, *arguments):
        return subprocess.run([*under, SYSFOLD, *arguments], cwd=self.directory, check=False, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE, env=environment())

    def trace(self, under, *arguments):
        return self.sysfold(under, "trace", "-b", "ebpf", *arguments)

    def refused(self, under, *arguments, about, remedy=""):
        """One line that names the reason and what to do; the command is not run, and nobody waits for it."""
        done = self.trace(under, *arguments, "sh", "-c", "echo > ran")
        text = done.stderr.decode()
        self.assertEqual((done.returncode, done.stdout), (125, b""), text[:500])
        self.assertRegex(text, r"\Asysfold: ebpf: [^\n]+\n\Z")
        self.assertRegex(text, about)
        self.assertIn(remedy, text)
        self.assertFalse(os.path.exists(self.path("ran")))
        self.wait_for(lambda: not who_works_in(self.directory), "the launcher's end")

    def probed(self, under):
        """What `sysfold backends` says of it."""
        done = self.sysfold(under, "backends", "--json")
        return next(entry for entry in json.loads(done.stdout) if entry["name"] == "ebpf")


class Privilege(Kernel):
    BOTH = "run as root, or with CAP_BPF and CAP_PERFMON"

    def setUp(self):
        super().setUp()
        if not os.path.exists("/sys/kernel/btf/vmlinux"):
            self.skipTest("the kernel has no BTF, and that is told first")

    def test_none(self):
        nothing = self.under(*only()) if os.geteuid() == 0 else []
        self.refused(nothing, about="CAP_BPF and CAP_PERFMON are missing", remedy=self.BOTH)

    def test_one_of_the_two(self):
        self.refused(self.under(*only("bpf")), about="CAP_PERFMON is missing", remedy=self.BOTH)
        self.refused(self.under(*only("perfmon")), about="CAP_BPF is missing", remedy=self.BOTH)

    def test_both_suffice(self):
        self.needs_ebpf()
        both = self.under(*only("bpf", "perfmon"))
        done = self.trace(both, "--json", CALLS, "20")
        self.assertEqual((done.returncode, done.stdout), (7, b"getppid 20 fd 3 failures 0\n"), done.stderr)
        events = [json.loads(line) for line in done.stderr.splitlines()]
        self.assertEqual(sum(event["evt.type"] == "getppid" for event in events), 20)
        opened = [event["evt.args"].get("path") for event in events if event["evt.type"] in ["open", "openat"]]
        self.assertIn("/etc/passwd", opened)
        self.assertIn("/nonexistent/file", opened)

    def test_what_both_lack_is_said(self):
        self.needs_ebpf()
        entry = self.probed(self.under(*only("bpf", "perfmon")))
        self.assertEqual(entry["usability"], "usable")
        self.assertIn("tracefs cannot be read", entry["reason"])
        self.assertIn("root", entry["remedy"])

    def test_both_do_not_suffice_to_measure(self):
        self.needs_ebpf()
        both = self.under(*only("bpf", "perfmon"))
        done = self.sysfold(both, "stats", "--live", "-b", "ebpf", "--program-stats", "true")
        self.assertEqual(done.returncode, 125)
        self.assertRegex(done.stderr.decode(), r"\Asysfold: ebpf: cannot measure [^\n]*CAP_SYS_ADMIN[^\n]*\n\Z")


class Machine(Kernel):
    """A mount namespace hides what a smaller machine does not have."""

    def without(self, script):
        self.needs_ebpf()
        self.under("unshare", "--mount")
        return ["unshare", "--mount", "sh", "-ec", script + '; exec "$@"', "-"]

    def test_no_btf(self):
        for script in ["mount -t tmpfs none /sys/kernel/btf",
                       "mount --bind /proc/sys/kernel/ostype /sys/kernel/btf/vmlinux"]:
            self.refused(self.without(script), about="/sys/kernel/btf/vmlinux", remedy="CONFIG_DEBUG_INFO_BTF")

    def test_no_sysfs(self):
        self.refused(self.without("mount -t tmpfs none /sys"), about="/sys/kernel/btf/vmlinux", remedy="mount /sys")

    def test_no_tracefs(self):
        hidden = self.without("for at in /sys/kernel/tracing /sys/kernel/debug; do "
                              "[ ! -d $at ] || mount -t tmpfs none $at; done")
        done = self.trace(hidden, "--json", CALLS, "20")
        self.assertEqual(done.returncode, 7, done.stderr)
        events = [json.loads(line) for line in done.stderr.splitlines()]
        self.assertEqual(sum(event["evt.type"] == "getppid" for event in events), 20)
        self.assertTrue(any(event["evt.args"].get("path") == "/nonexistent/file" for event in events))
        entry = self.probed(hidden)
        self.assertEqual(entry["usability"], "usable")
        self.assertIn("tracefs cannot be read", entry["reason"])
        self.assertIn("tracefs mounted at /sys/kernel/tracing", entry["remedy"])

    def test_another_pid_namespace(self):
        self.needs_ebpf()
        self.refused(self.under("unshare", "--pid", "--fork", "--mount-proc"), about="pid namespace",
                     remedy="outside of the container")


class Sandbox(Kernel):
    """A seccomp filter, as container runtimes install them."""

    def refusing(self, call, code):
        self.needs_ebpf()
        return self.under(sys.executable, "-c", REFUSE, call, str(int(code)))

    def test_bpf_refused(self):
        self.refused(self.refusing("bpf", errno.EPERM), about=r"bpf\(\) is refused here: Operation not permitted",
                     remedy="allow bpf() in the sandbox")

    def test_bpf_not_there(self):
        self.refused(self.refusing("bpf", errno.ENOSYS), about=r"bpf\(\) is refused here: Function not implemented",
                     remedy="CONFIG_BPF_SYSCALL")

    def test_tracepoints_of_calls_refused(self):
        """Another program keeps the paths then, or one line says what cannot be had."""
        done = self.trace(self.refusing("perf_event_open", errno.EPERM), "--json", CALLS, "20")
        if done.returncode == 125:
            self.assertRegex(done.stderr.decode(), r"\Asysfold: ebpf: [^\n]+: Operation not permitted[^\n]*\n\Z")
            return
        self.assertEqual(done.returncode, 7)
        events = [json.loads(line) for line in done.stderr.splitlines()]
        self.assertTrue(any(event["evt.args"].get("path") == "/nonexistent/file" for event in events))


class Room(Kernel):
    def setUp(self):
        super().setUp()
        self.needs_ebpf()

    def test_largest_buffer(self):
        """The calls are all there, or one line says what is too much."""
        done = self.trace([], "--json", f"--buffer={GIB}", CALLS, "20")
        text = done.stderr.decode()
        if done.returncode == 125:
            self.assertRegex(text, r"\Asysfold: ebpf: [^\n]+\n\Z")
            self.assertRegex(text, NO_ROOM)
            self.assertEqual(done.stdout, b"")
        else:
            self.assertEqual(done.returncode, 7, text[:500])
            self.assertEqual(sum(json.loads(line)["evt.type"] == "getppid" for line in text.splitlines()), 20)

    def test_larger_than_the_address_space(self):
        under = self.under("prlimit", f"--as={LARGE}")
        if self.sysfold(under, "--version").returncode != 0:
            self.skipTest("a sanitizer's build does not start in so small an address space")
        self.refused(under, f"--buffer={LARGE}", about=NO_ROOM)

    def test_larger_than_the_memory_of_its_cgroup(self):
        group = self.make_group()
        self.refused(["sh", "-c", f'echo $$ > {group}/cgroup.procs; exec "$@"', "-"], f"--buffer={LARGE}",
                     about=NO_ROOM)

    def test_larger_than_the_option_takes(self):
        done = self.trace([], f"--buffer={GIB + 1}", "true")
        self.assertEqual(done.returncode, 125)
        self.assertIn(str(GIB), done.stderr.decode())

    def test_smallest(self):
        done = self.sysfold([], "record", "-q", "-o", "a.sfold", "-b", "ebpf", "--buffer=4096", CALLS, "20")
        self.assertEqual((done.returncode, done.stderr), (7, b""))

    def test_descriptors(self):
        """With few or many: all is told, or one line says what is short."""
        for most in [4, 5, *range(8, 128, 8)]:
            done = self.trace(self.under("prlimit", f"--nofile={most}"), "--json", "-e", "getppid", CALLS, "20")
            text = done.stderr.decode()
            if done.returncode == 125:
                self.assertRegex(text, r"\Asysfold: ebpf: too few files [^\n]*ulimit[^\n]*\n\Z")
            else:
                self.assertEqual(done.returncode, 7, text)
                self.assertEqual(text.count('"evt.type":"getppid"'), 20, f"with {most} descriptors")
        self.assertEqual(done.returncode, 7)

    def make_group(self):
        for root, limit in [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")]:
            path = os.path.join(root, f"sysfold-refusals-{os.getpid()}")
            if not os.path.exists(os.path.join(root, "cgroup.procs")):
                continue
            with contextlib.suppress(OSError):
                os.mkdir(path)
                self.addCleanup(self.remove_group, path)
                with open(os.path.join(path, limit), "w", encoding="ascii") as file:
                    file.write(str(64 << 20))
                return path
        return self.skipTest("no memory cgroup can be made here")

    def remove_group(self, path):
        def removed():
            with contextlib.suppress(OSError):
                os.rmdir(path)
            return not os.path.exists(path)
        self.wait_for(removed, "an empty cgroup")


class Targets(Kernel):
    def setUp(self):
        super().setUp()
        self.needs_ebpf()

    def test_gone_before_the_start(self):
        gone = subprocess.Popen(["/bin/true"])
        gone.wait()
        text = self.complain(125, "trace", "-b", "ebpf", "-p", str(gone.pid), about=f"cannot record {gone.pid}")
        self.assertIn("No such process", text)
        self.complain(125, "trace", "-b", "ebpf", "-p", "4194304", about="4194304")

    def test_one_of_two_gone(self):
        gone, there = subprocess.Popen(["/bin/true"]), self.start("sleep", "600")
        gone.wait()
        self.complain(125, "trace", "-b", "ebpf", "-p", str(there.pid), "-p", str(gone.pid), about=str(gone.pid))
        self.assertIsNone(there.poll())

    def test_a_zombie(self):
        zombie = self.start("true")
        self.wait_for(lambda: state(zombie.pid) == "Z", "a zombie")
        self.complain(125, "trace", "-b", "ebpf", "-p", str(zombie.pid), about="No such process")

    def test_dies_meanwhile(self):
        """At whatever moment: the recording does not begin, or it ends."""
        for hundredth in range(0, 60, 6):
            target = self.start("sleep", str(hundredth / 100))
            done = self.trace([], "-p", str(target.pid))
            text = done.stderr.decode()
            if done.returncode == 125:
                self.assertRegex(text, rf"\Asysfold: ebpf: cannot record {target.pid}: No such process\n\Z")
            else:
                self.assertEqual(done.returncode, 0, text)
            self.assertEqual(target.wait(PATIENCE), 0)


class Stalls:
    """What a recorder that does not read, or is killed, means for its target: on each backend."""

    backend = ""
    MADE = 100_000
    LIFE = 3  # other events of such a target: exec, thread_exit, process_exit
    # Says that it is there, waits for word, makes the calls and says that it has ended.
    TARGET = """$| = 1; open my $pid, '>', 'pid.new'; print $pid $$; close $pid; rename 'pid.new', 'pid';
        select undef, undef, undef, 0.02 until -e 'go';
        for (1..$ARGV[0]) { my $parent = getppid }
        open my $ended, '>', 'ended'; close $ended; exit 9"""

    def setUp(self):
        super().setUp()
        reason = why_unusable(self.backend)
        if reason:
            self.skipTest(f"{self.backend}: {reason}")
        self.addCleanup(self.touch, "go")

    def touch(self, name):
        with contextlib.suppress(FileNotFoundError), open(self.path(name), "w", encoding="ascii"):
            pass

    def start_recorder(self, *options):
        """In a process group of its own: of one without a shell behind it all processes get a SIGHUP when one of them
        ends while another is stopped."""
        recorder = self.start_sysfold("record", "-q", "-b", self.backend, "-o", "a.sfold", "-e", "getppid", *options,
                                      "perl", "-e", self.TARGET, str(self.MADE), process_group=0)
        self.wait_for(lambda: os.path.exists(self.path("pid")), "a target")
        return recorder

    def told_and_lost(self):
        """The getppid calls that have a record, the other events that have one, and those counted as lost."""
        stats = json.loads(self.succeed("stats", "--json", "a.sfold"))
        counts = {row["event"]: row["events"] for row in stats["by_event"] if row["event"] != "lost"}
        told = counts.pop("getppid", 0)
        others = sum(count for name, count in counts.items() if not name.startswith("snap_"))
        return told, others, stats["lost"]

    def test_stalled(self):
        recorder = self.start_recorder("--buffer=65536")
        recorder.send_signal(signal.SIGSTOP)
        self.touch("go")
        began = time.monotonic()
        self.wait_for(lambda: os.path.exists(self.path("ended")), "the target's end while nobody reads")
        self.assertEqual(state(recorder.pid), "T")
        time.sleep(max(0.0, 3 - (time.monotonic() - began)))
        recorder.send_signal(signal.SIGCONT)
        self.assert_ends(recorder, 9)
        told, others, lost = self.told_and_lost()
        self.assertGreater(lost, 0)
        self.assertGreater(told, 0)
        self.assertEqual(told + others + lost, self.MADE + self.LIFE)

    def test_reader_that_does_not_read(self):
        """What is told waits for its reader; the target does not."""
        recorder = self.start_sysfold("trace", "--json", "-b", self.backend, "-o", "-", "-e", "getppid",
                                      "--buffer=65536", "perl", "-e", self.TARGET, str(self.MADE),
                                      stdout=subprocess.PIPE)
        self.wait_for(lambda: os.path.exists(self.path("pid")), "a target")
        self.touch("go")
        self.wait_for(lambda: os.path.exists(self.path("ended")), "the target's end while nobody reads")
        events = [json.loads(line) for line in recorder.stdout]
        self.assertEqual(recorder.wait(PATIENCE), 9)
        lost = sum(event.get("evt.lost", 0) for event in events)
        told = sum(event["evt.type"] != "lost" and not event["evt.type"].startswith("snap_") for event in events)
        self.assertGreater(lost, 0)
        self.assertEqual(told + lost, self.MADE + self.LIFE)
        self.assertEqual(self.errors(), f"sysfold: {lost} events were lost\n")

    def test_nothing_is_lost_where_somebody_reads(self):
        """The sum above is right."""
        recorder = self.start_recorder("--buffer=67108864")
        self.touch("go")
        self.assert_ends(recorder, 9)
        self.assertEqual(self.told_and_lost(), (self.MADE, self.LIFE, 0))

    def test_killed(self):
        script = 'perl -e "$0" "$1"; echo $? > status'
        recorder = self.start_sysfold("record", "-q", "-b", self.backend, "-o", "a.sfold", "-e", "getppid",
                                      "sh", "-c", script, self.TARGET, str(self.MADE))
        self.wait_for(lambda: os.path.exists(self.path("pid")), "a target")
        recorder.kill()
        recorder.wait()
        self.touch("go")
        self.wait_for(lambda: self.size("status"), "the target's end")
        with open(self.path("status"), encoding="ascii") as status:
            self.assertEqual(status.read(), "9\n")

    def size(self, name):
        with contextlib.suppress(FileNotFoundError):
            return os.path.getsize(self.path(name))
        return 0


class EbpfStalls(Stalls, Case):
    backend = "ebpf"


class PtraceStalls(Stalls, Case):
    backend = "ptrace"
    MADE = 30_000  # each is a stop, which on a busy machine may take a millisecond; 13,000 of them have room


if __name__ == "__main__":
    main()
