#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Commands in a bare root, recorded: what `ps`, `read` and `stats` tell is what the commands say of themselves.

    suite.py SYSFOLD gvisor|ptrace INSIDE [SYSFOLD_RUNSC_OLD]

With gvisor the root is a sandbox's, of the runsc that SYSFOLD_RUNSC names, or that other variable, or of the one in PATH.
With ptrace the same commands run without one, which says that the assertions are about them and not about gVisor. INSIDE is
the static program.
Exit status 77, with the reason, where there is no runsc, or none that starts sandboxes, or no busybox.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))  # usable.py is beside this one
INSIDE = pathlib.Path(sys.argv.pop(3)).resolve()
NAMED_BY = sys.argv.pop(3) if len(sys.argv) > 3 and sys.argv[3].startswith("SYSFOLD_") else "SYSFOLD_RUNSC"

import kit  # noqa: E402, it takes the arguments that are left
from usable import why_no_sandbox  # noqa: E402

RUNSC = shutil.which(os.environ.get(NAMED_BY) or ("runsc" if NAMED_BY == "SYSFOLD_RUNSC" else ""))
BUSYBOX = "/bin/busybox"
APPLETS = ["sh", "cat", "grep", "sort", "wc", "seq", "sleep", "ls", "mkdir", "touch", "true", "false"]
SANDBOXED = kit.BACKEND == "gvisor"
TRIES = 20  # of a run in which something was lost


class Bare(kit.Case):
    """A root with nothing but busybox and the static program."""

    def setUp(self):
        super().setUp()
        os.chmod(self.directory, 0o755)
        self.root = self.path("root")
        os.makedirs(os.path.join(self.root, "bin"))
        shutil.copy(BUSYBOX, os.path.join(self.root, "bin/busybox"))
        shutil.copy(INSIDE, os.path.join(self.root, "bin/inside"))
        for applet in APPLETS:
            os.symlink("busybox", os.path.join(self.root, "bin", applet))

    def inside(self, path):
        """What a path of the root is called by the command."""
        return path if SANDBOXED else self.root + path

    def run_inside(self, *command, options=(), **others):
        path = self.path("a.sfold")
        if SANDBOXED:
            options = [f"--runsc={RUNSC}", f"--rootfs={self.root}", *options]
        for _ in range(TRIES):
            done = self.run_sysfold("record", "-q", "-o", path, *options, "--", *command,
                                    env={"PATH": self.inside("/bin")}, **others)
            if not self.has_lost(path):
                break
        return done

    def has_lost(self, path):
        """A sandbox drops what a busy machine takes from it too late, and says so."""
        return os.path.exists(path) and json.loads(self.succeed("stats", "--json", path))["lost"] > 0

    def recorded(self, *command, status=0, said_otherwise=b"", **others):
        """What the command said, and the tree that ps tells."""
        done = self.run_inside(*command, **others)
        self.assertEqual((done.returncode, done.stderr), (status, said_otherwise), done.stdout)
        self.tree = json.loads(self.succeed("ps", "--json", self.path("a.sfold")))
        return done.stdout.decode()

    def told(self, kind):
        return [event for event in self.events(self.path("a.sfold")) if event["evt.type"] == kind]

    def assert_nothing_lost(self):
        stats = json.loads(self.succeed("stats", "--json", self.path("a.sfold")))
        self.assertEqual(stats["lost"], 0)
        return stats

    def by_pid(self):
        return {process["pid"]: process for process in self.tree}


class Shell(Bare):
    def test_pipeline(self):
        commands = [self.inside(f"/bin/{command}") for command in ["seq 1 300", "grep 7", "sort -r", "wc -l"]]
        said = self.recorded("sh", "-c", " | ".join(commands) + "; exit 5", status=5)
        self.assertEqual(said.strip(), str(sum("7" in str(number) for number in range(1, 301))))
        self.assertEqual([(process["depth"], process["end"]) for process in self.tree],
                         [(0, "exit 5")] + 4 * [(1, "exit 0")])
        self.assertEqual([process["cmdline"] for process in self.tree[1:]], commands)
        self.assertEqual({process["ppid"] for process in self.tree[1:]}, {self.tree[0]["pid"]})
        stats = self.assert_nothing_lost()
        counts = {row["event"]: row["events"] for row in stats["by_event"]}
        self.assertEqual(counts["process_exit"], 5)
        self.assertGreaterEqual(counts["execve"], 4)

    def test_files(self):
        directory = self.inside("/made")
        script = f"mkdir {directory} && echo text >{directory}/file && cat {directory}/file {directory}/none"
        done = self.run_inside("sh", "-c", script)
        self.assertEqual((done.returncode, done.stdout), (1, b"text\n"), done.stderr)
        opened = [(event["evt.args"].get("path"), event.get("evt.errno", 0)) for event in
                  self.told("openat") + self.told("open")]
        self.assertIn((f"{directory}/file", 0), opened)
        self.assertIn(f"{directory}/none", [path for path, errno in opened if errno])
        self.assertEqual(os.path.exists(os.path.join(self.root, "made")), not SANDBOXED)

    def test_input(self):
        self.assertEqual(self.recorded("cat", input=b"through\0it\n"), "through\0it\n")

    def test_command_not_found(self):
        done = self.run_inside("no-such-command")
        self.assertEqual(done.returncode, 127)
        self.assertRegex(done.stderr.decode(), r"\Asysfold: [^\n]*no-such-command[^\n]*\n\Z")


class Ends(Bare):
    def test_statuses(self):
        for status in [0, 1, 129, 255]:
            self.recorded("sh", "-c", f"exit {status}", status=status)
            self.assertEqual(self.tree[0]["exit"], {"code": status})

    def test_signals(self):
        for signo in [signal.SIGKILL, signal.SIGTERM]:
            self.recorded("sh", "-c", f"kill -{int(signo)} $$", status=-signo)
            self.assertEqual(self.tree[0]["exit"]["signo"], signo)


class Programs(Bare):
    def test_tree(self):
        said = self.recorded("inside", "tree", status=5)
        lines = re.findall(r"process (\d+) (\d+) (exit|signal) (\d+)", said)
        self.assertEqual(len(lines), 3, said)
        self.assertEqual(len(self.tree), 4)
        known = self.by_pid()
        for pid, ppid, how, number in lines:
            process = known[int(pid)]
            self.assertEqual(process["ppid"], int(ppid))
            self.assertEqual(process["exit"]["code" if how == "exit" else "signo"], int(number))
        self.assertEqual([process["depth"] for process in self.tree], [0, 1, 2, 1])
        self.assert_nothing_lost()

    def test_network(self):
        said = self.recorded("inside", "network")
        server, port = map(int, re.search(r"server (\d+) (\d+)", said).groups())
        client, size = map(int, re.search(r"client (\d+) (\d+)", said).groups())
        connects = [event for event in self.told("connect") if event["proc.pid"] == client]
        self.assertEqual([(event["evt.res"], event["evt.args"]["addr"]) for event in connects],
                         [(0, {"family": "AF_INET", "addr": "127.0.0.1", "port": port})])
        self.assertEqual([event["evt.res"] for event in self.told("sendto") if event["proc.pid"] == client], [size])
        self.assertEqual(sum(event["evt.res"] for event in self.told("recvfrom") if event["proc.pid"] == server), size)
        self.assertEqual(len([event for event in self.told("accept") if event["evt.res"] >= 0]), 1)
        self.assert_nothing_lost()

    def test_threads(self):
        said = self.recorded("inside", "threads")
        threads = set(map(int, re.findall(r"thread (\d+)", said)))
        self.assertEqual(len(threads), 4)
        self.assertEqual([process["threads"] for process in self.tree], [5])
        self.assertEqual({event["thread.tid"] for event in self.told("thread_start")} - {self.tree[0]["pid"]}, threads)
        self.assertEqual({event["thread.tid"] for event in self.told("thread_exit")}, threads | {self.tree[0]["pid"]})
        self.assert_nothing_lost()


def descendants(pid):
    """Of the process, those that live now, as (pid, start time)."""
    parents, started = {}, {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as stat:
                fields = stat.read().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] not in "ZX":
            parents[int(name)], started[int(name)] = int(fields[1]), fields[19]
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return {(child, started[child]) for child in found - {pid}}


@unittest.skipUnless(SANDBOXED, "it is about sandboxes")
class Sandbox(Bare):
    def test_termination_leaves_nothing(self):
        process = self.start_sysfold("record", "-q", "-o", self.path("a.sfold"), f"--runsc={RUNSC}",
                                     f"--rootfs={self.root}", "--", "/bin/sh", "-c", "echo ready; exec sleep 600",
                                     stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        begun = descendants(process.pid)
        self.assertGreaterEqual(len(begun), 3)
        process.terminate()
        self.assert_ends(process, 128 + signal.SIGTERM)
        self.wait_for(lambda: not begun & descendants(1), "the end of the sandbox")
        self.assertEqual(len(self.told("snap_container")), 1)

    def test_nothing_is_left(self):
        self.recorded("true")
        self.assertEqual(sorted(os.listdir(self.root)), ["bin"])
        with open("/proc/self/mounts", encoding="utf-8") as mounts:
            self.assertNotIn(self.directory, mounts.read())

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
    def test_ordinary_user(self):
        if why := why_no_sandbox(RUNSC, kit.NOBODY):
            self.skipTest(why)
        os.chmod(self.root, 0o755)
        os.chown(self.directory, kit.NOBODY, kit.NOBODY)
        said = self.recorded("inside", "tree", status=5, user=kit.NOBODY, group=kit.NOBODY, extra_groups=[])
        self.assertEqual(len(self.tree), 1 + said.count("process "))


def main():
    if not os.access(BUSYBOX, os.X_OK):
        print(f"skipped: there is no {BUSYBOX}")
        sys.exit(kit.SKIP)
    if SANDBOXED and not RUNSC:
        print(f"skipped: there is no runsc ({NAMED_BY} names one; tests/runsc/fetch brings Debian's)")
        sys.exit(kit.SKIP)
    if SANDBOXED and (why := why_no_sandbox(RUNSC)):
        print(f"skipped: {why}")
        sys.exit(kit.SKIP)
    kit.main()


if __name__ == "__main__":
    main()
