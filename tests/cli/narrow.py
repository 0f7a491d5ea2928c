#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whom to record and by which backend: the whole machine, families, cgroups, containers, samples, -b auto."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import unittest

from kit import NOBODY, PATIENCE, SYSFOLD, Case, environment, main

CALLS = os.path.join(os.environ.get("PROGRAMS", "."), "program-calls")
AS_NOBODY = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
IS_ROOT = os.geteuid() == 0
NO_SUCH_CGROUP = "sysfold-no-such-cgroup"
LOG_MAX = 64 << 20  # far beyond what any test here should record


def backends():
    done = subprocess.run([SYSFOLD, "backends", "--json"], env=environment(), stdout=subprocess.PIPE, check=True)
    return {entry["name"]: entry for entry in json.loads(done.stdout)}


def mount_point(kind, option=""):
    """Where the first hierarchy of that kind is mounted; None where there is none."""
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        for line in mounts:
            _, point, name, options, *_ = line.split()
            if name == kind and (not option or option in options.split(",")):
                return pathlib.Path(point)
    return None


def who_did_what(event):
    return event["thread.tid"], event["evt.type"]


class Narrow(Case):
    """What the tests of several kinds of targets need."""

    SERVER = "while read -r line; do cat /etc/hostname; done"  # a line in, a child that opens a file, a line out

    def setUp(self):
        super().setUp()
        os.chmod(self.directory, 0o777)
        self.forget_log()

    def forget_log(self):
        self.told, self.told_size = [], 0

    def need(self, backend):
        entry = backends().get(backend, {"usability": "", "reason": "not built"})
        if entry["usability"] != "usable":
            self.skipTest(f"{backend}: {entry['reason']}")

    def start_server(self, *command):
        return self.start(*(command or ("/bin/sh", "-c", self.SERVER)), stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def feed(self, server):
        server.stdin.write(b"\n")
        server.stdin.flush()
        return server.stdout.readline()

    def log(self):
        """What there is of it: a list of events. As it may grow as fast as it is read, what comes meanwhile is left."""
        with open(self.path("log"), "ab+") as log:
            size = os.fstat(log.fileno()).st_size
            self.assertLess(size, LOG_MAX, "much is recorded that no test wants")
            log.seek(self.told_size)
            new = log.read(size - self.told_size)
        whole = new[:new.rfind(b"\n") + 1]
        self.told_size += len(whole)
        self.told.extend(map(json.loads, whole.splitlines()))
        return self.told

    def opens(self, path="/etc/hostname"):
        return [event for event in self.log() if event["evt.type"] == "openat" and path == event["evt.args"]["path"]]

    def has_begun(self):
        return any(event["evt.type"] == "snap_thread" for event in self.log())

    def trace(self, *options, calls="openat"):
        self.forget_log()
        return self.start_sysfold("trace", "--json", "-o", "log", "-e", calls, *options)

    def interrupt(self, process, signo=signal.SIGINT, status=0):
        process.send_signal(signo)
        self.assert_ends(process, status)


class Usage(Case):
    def refuse(self, *arguments, about):
        self.complain(125, "trace", *arguments, about=about)

    def test_one_kind_of_target(self):
        self.refuse("--system-wide", "true", about="either --system-wide or a command ('true'), not both")
        self.refuse("--cgroup=a", "true", about="either --cgroup or a command ('true'), not both")
        self.refuse("--container=a", "true", about="either --container or a command ('true'), not both")
        self.refuse("--system-wide", "-p", "1", about="either -p or --system-wide, not both")
        self.refuse("--cgroup=a", "-p", "1", about="either -p or --cgroup, not both")
        self.refuse("--container=a", "--system-wide", about="either --system-wide or --container, not both")
        self.refuse(about="--system-wide")

    def test_options_without_a_value(self):
        for option in ["--cgroup", "--container", "--sample"]:
            self.refuse(option, about=option)

    def test_following_is_of_commands_and_processes(self):
        for target in ["--system-wide", "--cgroup=a", "--container=a"]:
            self.refuse(target, "-f", about="--follow")
            self.refuse(target, "--no-follow", about="--no-follow")

    def test_samples(self):
        self.refuse("--sample=read:0", "true", about="sample, item 1: '0' is no number from 1 to 1000000")
        self.refuse("--sample=read:2,wriet:3", "true", about="item 2: unknown system call 'wriet' (did you mean 'write'?)")
        self.refuse("--sample=read:2", "--sample=x", "true", about="item 2: 'x' is neither")

    def test_nothing_is_run_or_kept_after_a_refusal(self):
        self.complain(125, "record", "-o", "a.sfold", "--sample=read:x", "touch", "touched", about="'x'")
        self.assertEqual(os.listdir(self.directory), [])

    def test_a_backend_that_cannot_names_those_that_can(self):
        if "ptrace" not in backends():
            self.skipTest("ptrace: not built")
        who = r"\((ebpf can|no backend of this build can)\)"
        for arguments, what in [(["--system-wide"], "record the whole system"), (["--cgroup=/"], "record a cgroup"),
                                (["--container=a"], "record a container"), (["--sample=2", "true"], "sample calls")]:
            text = self.complain(125, "trace", "-b", "ptrace", *arguments)
            self.assertRegex(text, rf"\Asysfold: ptrace: cannot {what} {who}\n")


class Auto(Narrow):
    def line(self, *options, **how):
        done = self.run_sysfold("trace", "-o", "log", *options, "true", **how)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr.decode()

    def test_says_which_and_why(self):
        best = next((entry for entry in backends().values() if entry["usability"] == "usable"), None)
        if not best:
            self.skipTest("no backend is usable here")
        self.assertTrue(self.line("-b", "auto").startswith(f"sysfold: backend {best['name']}: {best['reason']}"))
        self.assertRegex(self.line("--backend=auto"), r"\A[^\n]+\n\Z")

    def test_says_nothing_unasked(self):
        self.assertEqual(self.line(), "")

    def test_the_last_choice_counts(self):
        self.need("ptrace")
        self.assertEqual(self.line("-b", "auto", "-b", "ptrace"), "")
        self.assertEqual(self.line("-b", "ptrace", "-b", "auto"), self.line("-b", "auto"))

    @unittest.skipUnless(IS_ROOT, "only root can become somebody else")
    def test_says_why_not_a_better_one(self):
        if not {"ebpf", "ptrace"} <= set(backends()):
            self.skipTest("this build has not both backends")
        self.assertRegex(self.line("-b", "auto", **AS_NOBODY),
                         r"\Asysfold: backend ptrace: [^\n(]+ \(ebpf: [^\n]+: [^\n]+\)\n\Z")

    @unittest.skipUnless(IS_ROOT, "only root can become somebody else")
    def test_each_reason_where_none_can(self):
        text = self.complain(125, "trace", "--system-wide", **AS_NOBODY)
        self.assertIn("no backend can do that here: ", text)
        for name in set(backends()) - {"gvisor", "notify"}:  # which nobody gets who does not name them
            self.assertIn(f"{name}: ", text)


class Machine(Narrow):
    """Records a call of the server's, and those that sysfold waits with; none of those by which the test looks at the
    log, or each look would lengthen it."""

    SETTER = "import os, sys\n" \
             "for line in sys.stdin:\n" \
             "    os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0))\n" \
             "    print(flush=True)"

    def setUp(self):
        super().setUp()
        self.need("ebpf")
        self.server = self.start_server(sys.executable, "-c", self.SETTER)

    def is_seen(self):
        return (self.server.pid, "setpriority") in map(who_did_what, self.log())

    def see_the_server(self):
        process = self.trace("--system-wide", calls="setpriority,epoll_wait,epoll_pwait")
        self.wait_for(lambda: self.feed(self.server) and self.is_seen(), "the server's call")
        return process

    def test_others_are_seen_and_sysfold_is_not(self):
        process = self.see_the_server()
        self.interrupt(process)
        events = self.log()
        self.assertNotIn(process.pid, {event.get("proc.pid") for event in events})
        self.assertNotIn(process.pid, {event["thread.tid"] for event in events})

    def test_who_was_there_before_is_known(self):
        self.interrupt(self.see_the_server())
        known = {event["thread.tid"] for event in self.log() if event["evt.type"] == "snap_thread"}
        self.assertIn(self.server.pid, known)

    def test_what_ends_it(self):
        for signo, status in [(signal.SIGINT, 0), (signal.SIGTERM, 0), (signal.SIGHUP, 128 + signal.SIGHUP)]:
            self.interrupt(self.see_the_server(), signo, status)
            os.unlink(self.path("log"))

    def test_a_capture_file(self):
        capture = pathlib.Path(self.path("a.sfold"))
        process = self.start_sysfold("record", "-q", "-o", capture.name, "-e", "setpriority", "--system-wide")
        self.wait_for(lambda: capture.exists() and capture.stat().st_size, "the recording")
        self.assertTrue(self.feed(self.server))
        self.interrupt(process, signal.SIGTERM)
        self.assertIn((self.server.pid, "setpriority"), map(who_did_what, self.events(capture.name)))


class Family:
    """-p PID -f on each backend."""

    backend = ""
    NESTED = f"sh -c '{Narrow.SERVER}'; true"

    def setUp(self):
        super().setUp()
        self.need(self.backend)

    def attach(self, pid, *options):
        process = self.trace("--all", "-b", self.backend, "-p", str(pid), *options)
        self.wait_for(self.has_begun, "the snapshot")
        return process

    def test_descendants_that_are_there(self):
        server = self.start_server("/bin/sh", "-c", self.NESTED)
        self.assertTrue(self.feed(server))  # the inner shell is there
        process = self.attach(server.pid, "-f")
        self.wait_for(lambda: self.feed(server) and self.opens(), "an open of a child's child")
        self.interrupt(process)
        self.assertTrue(self.feed(server))

    def test_not_without_f(self):
        server = self.start_server("/bin/sh", "-c", self.NESTED)
        self.assertTrue(self.feed(server))
        process = self.attach(server.pid)
        self.assertTrue(self.feed(server))
        server.stdin.close()
        self.assert_ends(process, 0)
        self.assertEqual(self.opens(), [])

    def test_sysfold_may_descend_from_it(self):
        script = '"$0" trace --json --all -o log -b "$1" -e openat -f -p $$ & ' \
                 "until grep -q snap_thread log 2> /dev/null; do sleep 0.05; done; " \
                 "cat /etc/hostname; kill $!; wait $!"
        done = subprocess.run(["/bin/sh", "-c", script, SYSFOLD, self.backend], cwd=self.directory, check=False,
                              env=environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
        self.assertEqual((done.returncode, done.stderr), (128 + signal.SIGTERM, b""))
        self.assertEqual(len(self.opens()), 1)

    def test_who_is_born_meanwhile_is_not_missed(self):
        # They end when the test's directory is gone.
        worker = "while [ -e workers ]; do read -r line < /etc/hostname; sleep 0.3; done"
        brood = f"for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sh -c '{worker}' & " \
                "echo $! >> workers; sleep 0.05; done; wait"
        pathlib.Path(self.path("workers")).touch()  # or the first of them might not find it
        server = self.start("/bin/sh", "-c", "sh -c \"$0\"; true", brood, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
        self.wait_for(lambda: len(self.workers()) > 2, "the first workers")
        process = self.attach(server.pid, "-f")
        self.wait_for(lambda: len(self.workers()) == 20, "the last worker")
        self.wait_for(lambda: {event["proc.pid"] for event in self.opens()} >= self.workers(), "an open of each")
        self.interrupt(process)

    def workers(self):
        with open(self.path("workers"), "a+", encoding="ascii") as workers:
            workers.seek(0)
            return {int(pid) for pid in workers}

    def test_members_come_and_go(self):
        server = self.start("/bin/sh", "-c", "while [ ! -e stop ]; do cat /etc/hostname > /dev/null; done")
        self.addCleanup(pathlib.Path(self.path("stop")).touch)
        process = self.attach(server.pid, "-f")
        self.wait_for(self.opens, "an open of a child")
        self.interrupt(process)
        self.assertIsNone(server.poll())


class FamilyByPtrace(Family, Narrow):
    backend = "ptrace"


class FamilyByEbpf(Family, Narrow):
    backend = "ebpf"


@unittest.skipUnless(IS_ROOT, "only root can make cgroups")
class Grouped(Narrow):
    """Cgroups and containers, with cgroups made for it."""

    DIGITS = "fedcba98765432100123456789abcdeffedcba98765432100123"

    def setUp(self):
        super().setUp()
        self.need("ebpf")
        self.unified = mount_point("cgroup2")
        if not self.unified:
            self.skipTest("no version 2 cgroup hierarchy is mounted")

    def make(self, path):
        try:
            path.mkdir()
        except OSError as why:
            self.skipTest(f"no cgroup can be made: {why}")
        self.addCleanup(self.remove, path)
        return path

    def remove(self, path):
        def is_removed():
            with contextlib.suppress(OSError):
                path.rmdir()
            return not path.exists()
        self.wait_for(is_removed, f"{path} to be empty")

    def start_server_in(self, directory):
        return self.start_server("/bin/sh", "-c", f'echo 0 > "$0/cgroup.procs"; {self.SERVER}', str(directory))

    def outside_is_not_seen(self, process, inside):
        """A server elsewhere opens as well, before one that is seen."""
        outside = self.start_server()
        before = len(self.opens())
        self.assertTrue(self.feed(outside))
        self.wait_for(lambda: self.feed(inside) and len(self.opens()) > before, "an open inside")
        self.interrupt(process)
        ours = {event.get("proc.ppid") for event in self.opens()}
        self.assertNotIn(outside.pid, ours)

    def see(self, server, *options):
        process = self.trace(*options)
        self.wait_for(lambda: self.feed(server) and self.opens(), f"the server's open: {self.errors()}")
        return process

    def test_a_cgroup(self):
        directory = self.make(self.unified / f"sysfold-{os.getpid()}")
        server = self.start_server_in(directory)
        self.assertTrue(self.feed(server))
        for path in [directory.name, f"/{directory.name}", str(directory)]:
            self.outside_is_not_seen(self.see(server, f"--cgroup={path}"), server)
            os.unlink(self.path("log"))

    def test_a_cgroup_below_it(self):
        directory = self.make(self.unified / f"sysfold-{os.getpid()}")
        server = self.start_server_in(self.make(directory / "inner"))
        self.assertTrue(self.feed(server))
        self.interrupt(self.see(server, f"--cgroup={directory.name}"))

    def test_several(self):
        directories = [self.make(self.unified / f"sysfold-{os.getpid()}-{n}") for n in range(2)]
        servers = [self.start_server_in(directory) for directory in directories]
        self.assertTrue(all(map(self.feed, servers)))
        process = self.trace(*[f"--cgroup={directory.name}" for directory in directories])
        for server in servers:
            self.wait_for(lambda server=server: self.feed(server) and server.pid in
                          {event.get("proc.ppid") for event in self.opens()}, "an open in each")
        self.interrupt(process)

    def test_who_enters_later(self):
        directory = self.make(self.unified / f"sysfold-{os.getpid()}")
        process = self.trace("--all", f"--cgroup={directory.name}")
        server = self.start_server_in(directory)
        self.wait_for(lambda: self.feed(server) and self.opens(), "the server's open")
        self.interrupt(process, signal.SIGTERM)

    def test_no_such_cgroup(self):
        text = self.complain(125, "trace", f"--cgroup={NO_SUCH_CGROUP}", about=NO_SUCH_CGROUP)
        self.assertIn(str(self.unified), text)
        self.complain(125, "trace", "--cgroup=", about="empty")
        self.complain(125, "trace", "--cgroup=../etc", about="../etc")
        self.complain(125, "record", "-o", "a.sfold", "--cgroup=cgroup.procs", about="cgroup.procs")
        self.assertEqual(os.listdir(self.directory), [])

    def test_a_container(self):
        digits = f"{os.getpid():012x}"
        server = self.start_server_in(self.make(self.unified / f"docker-{digits}{self.DIGITS}.scope"))
        self.assertTrue(self.feed(server))
        for container in [digits, digits + self.DIGITS]:
            self.outside_is_not_seen(self.see(server, f"--container={container}"), server)
            os.unlink(self.path("log"))

    def test_no_such_container(self):
        self.complain(125, "trace", "--container=feedfacefeedface", about="feedfacefeedface")
        self.complain(125, "trace", "--container=feedface", about="12 digits")
        self.complain(125, "trace", "--container=", about="no container's id")

    def test_more_than_one_container(self):
        digits = f"{os.getpid():012x}"
        for n in range(2):
            server = self.start_server_in(self.make(self.unified / f"{digits}{n}{self.DIGITS}"))
            self.assertTrue(self.feed(server))
        text = self.complain(125, "trace", f"--container={digits}", about=f"{digits}0{self.DIGITS}")
        self.assertIn(f"{digits}1{self.DIGITS}", text)

    def test_a_container_of_the_old_hierarchies(self):
        old = mount_point("cgroup", "freezer")
        if not old:
            self.skipTest("no version 1 cgroup hierarchy is mounted")
        name = f"sysfold-{os.getpid()}"
        server = self.start_server_in(self.make(old / name))
        self.assertTrue(self.feed(server))
        self.outside_is_not_seen(self.see(server, f"--container={name}"), server)

    @unittest.skipUnless(shutil.which("crun") and shutil.which("busybox"), "crun or busybox is missing")
    def test_a_container_of_cruns(self):
        name = f"sysfold-crun-{os.getpid()}"
        runner = self.run_container(name)
        process = self.trace(f"--container={name}", calls="execve")
        self.wait_for(lambda: any(event["evt.type"] == "execve" for event in self.log()) or process.poll() is not None,
                      "an execve inside")
        self.interrupt(process)
        paths = {event["evt.args"]["path"] for event in self.log() if event["evt.type"] == "execve"}
        self.assertLessEqual(paths, {"/busybox", "/proc/self/exe"}, paths)
        self.assertIsNone(runner.poll())

    def run_container(self, name):
        """It executes something again and again, until the test ends."""
        for directory in ["rootfs/dev", "rootfs/proc"]:
            os.makedirs(self.path(directory))
        shutil.copy(shutil.which("busybox"), self.path("rootfs/busybox"))
        with open(self.path("config.json"), "w", encoding="ascii") as config:
            json.dump({"ociVersion": "1.0.0", "root": {"path": "rootfs"},
                       "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "env": [],
                                   "args": ["/busybox", "sh", "-c", "while :; do /busybox usleep 50000; done"]},
                       "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
                       "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}]}}, config)
        unify = "umount -l /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && " \
            if os.path.ismount("/sys/fs/cgroup/unified") else ""
        with open(self.path("crun"), "wb") as said:
            runner = self.start("unshare", "-m", "sh", "-c", f"{unify} exec crun --cgroup-manager=cgroupfs run {name}",
                                stdin=subprocess.PIPE, stdout=said, stderr=said)
        self.addCleanup(self.end_container, runner, self.unified / name / "cgroup.procs")
        self.wait_for(lambda: runner.poll() is not None or self.is_executing(name), "a container")
        if runner.poll() is not None:
            with open(self.path("crun"), encoding="utf-8") as said:
                self.skipTest(f"crun runs nothing here: {said.read().strip()}")
        return runner

    def is_executing(self, name):
        with contextlib.suppress(OSError):
            return "usleep" in {self.command(pid) for pid in (self.unified / name / "cgroup.procs").read_text().split()}
        return False

    @staticmethod
    def command(pid):
        with contextlib.suppress(OSError):
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
            return words[1] if len(words) > 1 else ""
        return ""

    def end_container(self, runner, procs):
        with contextlib.suppress(OSError):
            for pid in procs.read_text().split():
                os.kill(int(pid), signal.SIGKILL)
        runner.wait(PATIENCE)


class Sampled(Narrow):
    COUNT = 2000

    def setUp(self):
        super().setUp()
        self.need("ebpf")

    def counts(self, *options):
        capture = self.record(CALLS, str(self.COUNT), options=["-b", "ebpf", *options], status=7)
        counts = {}
        for event in self.events(capture):
            counts[event["evt.type"]] = counts.get(event["evt.type"], 0) + 1
        return counts

    def test_one_in_ten_of_one_call(self):
        everything, counts = self.counts(), self.counts("--sample=getppid:10")
        self.assertEqual(everything.pop("getppid"), self.COUNT)
        sampled = counts.pop("getppid")
        self.assertGreater(sampled, self.COUNT / 20)
        self.assertLess(sampled, self.COUNT / 5)
        self.assertEqual(counts, everything)

    def test_none_but_the_rest(self):
        counts = self.counts("--sample=1000000,close:1")
        self.assertEqual(counts["close"], self.counts("-e", "close")["close"])
        self.assertLess(counts.get("getppid", 0), 2)
        self.assertEqual(counts["process_exit"], 1)


if __name__ == "__main__":
    main()
