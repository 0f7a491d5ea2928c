#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real containers recorded from outside: record.py SYSFOLD crun|runc

What `sysfold oci profile` has told is what the recorder records: the container's own calls with their results, under the
container's name; and the container notices nothing. As root, as an ordinary user, and with root's recorder for an ordinary
user's containers."""

import os
import shutil
import unittest

from containers import ENGINES, RUNTIME, main
from recorder import ONE_PIPE, RecorderCase, calls_of
import kit

SCRIPT = ONE_PIPE + "cat /proc/self/comm; cat /bin/sh >/dev/null; ls /nonexistent; exit 7"
OUTPUT = b"cat\nls: /nonexistent: No such file or directory\n"
MANY = 8
# Threads that call without a pause, until they are told to stop and have made 1200 calls each: of the host's Python,
# seen read-only.
FLOOD = """
import os, sys, threading
stopped = False
def flood():
    rounds = 0
    while not stopped or rounds < 400:
        rounds += 1
        for name in ("/a", "/b", "/c"):
            try: os.stat(name)
            except OSError: pass
threads = [threading.Thread(target=flood) for _ in range(8)]
for thread in threads: thread.start()
print("ready", flush=True)
sys.stdin.readline()
stopped = True
for thread in threads: thread.join()
sys.exit(5)
"""
PYTHON = "/usr/bin/python3"


def see_host(config):
    """The container has the host's programs as well."""
    for name in ["usr", "lib", "lib64"]:
        if os.path.isdir(f"/{name}"):
            config["mounts"].append({"destination": f"/{name}", "type": "bind", "source": os.path.realpath(f"/{name}"),
                                     "options": ["rbind", "ro"]})


class Recorded(RecorderCase):
    has_results = True

    def record_one(self, script, **bundle):
        self.bundle_told(script, **bundle)
        recorder = self.start_recorder()
        done = self.start_container()
        self.stop_recorder(recorder)
        return done, self.events_of(self.name)

    def test_plain(self):
        done, events = self.record_one(SCRIPT)
        self.check_story(done, events)

    @unittest.skipUnless(os.path.exists(ENGINES), f"there is no {ENGINES}")
    def test_on_the_engines_profile(self):
        done, events = self.record_one(SCRIPT, profile=self.make_profile(ENGINES))
        self.check_story(done, events)

    def check_story(self, done, events):
        self.assertEqual((done.returncode, done.stdout), (7, OUTPUT))
        shells = {event["proc.pid"] for event in calls_of(events, "exit_group", status=7)}
        self.assertEqual(len(shells), 1)
        shell = shells.pop()
        self.check_execs(events, shell)
        self.check_calls(events, shell)
        self.assertRegex(self.succeed("ps", self.path("a.sfold")), rf"(?m)^ +{shell} .* exit 7 +{self.name[:12]} ")
        self.assertEqual([event for event in events if event["evt.type"] == "lost"], [])

    def check_execs(self, events, shell):
        inode = os.stat(self.path("rootfs/bin/busybox")).st_ino
        images = [event["evt.args"] for event in events if event["evt.type"] == "exec" and event["proc.pid"] == shell]
        self.assertEqual([(image["exe"], image["ino"]) for image in images], [("/bin/busybox", inode)])
        execs = [event for event in events if event["evt.type"] == "execve" and event["evt.res"] == 0]
        names = [event["evt.args"].get("argv") for event in execs if event["proc.pid"] != shell]
        self.assertEqual(names, [["cat", "/proc/self/comm"], ["cat", "/bin/sh"]])
        first = [event["evt.args"].get("argv") for event in execs if event["proc.pid"] == shell]
        # An ordinary user may not read crun, which runs from memory of its own and cannot be dumped.
        unreadable = [None] if RUNTIME == "crun" and self.rootless and not self.recorder_is_root else []
        self.assertIn(first, [[["/bin/sh", "-c", SCRIPT]], unreadable])

    def check_calls(self, events, shell):
        opens = calls_of(events, "openat", path="/bin/sh") + calls_of(events, "open", path="/bin/sh")
        looks = [event for name in ("newfstatat", "stat", "lstat") for event in calls_of(events, name, path="/nonexistent")]
        clones = [event for name in ("clone", "fork", "vfork") for event in calls_of(events, name)
                  if event["proc.pid"] == shell]
        self.assertEqual((len(opens), len(looks), len(clones)), (1, 1, 3))
        if not self.has_results:
            self.assertEqual({event["evt.res"] for event in opens + looks + clones}, {None})
            return
        self.assertEqual((opens[0]["evt.res"], looks[0]["evt.errno"]), (3, "ENOENT"))
        if self.recorder_is_root or not self.rootless:  # performed, so that it is known which file it was
            inode = os.stat(self.path("rootfs/bin/busybox")).st_ino
            self.assertEqual((opens[0]["evt.args"].get("ino"), opens[0]["fd.name"]), (inode, "/bin/busybox"))
        # What the container was told: ids of its own pid namespace, where it is the first.
        ids = [event["evt.res"] for event in clones]
        self.assertTrue(all(1 < number < 100 for number in ids), ids)
        own = [event["evt.res"] for event in events if event["evt.type"] == "set_tid_address"]
        self.assertEqual(own, [1, *ids[:2]])

    def test_many_at_once(self):
        recorder = self.start_recorder()
        for number in range(MANY):
            self.bundle_told(f"echo ready; read line; ls /only-{number}; exit {10 + number}", f"bundle-{number}")
        containers = [self.start_one(f"bundle-{number}") for number in range(MANY)]
        self.wait_for(lambda: len(self.parts("sysfold-notify")) >= MANY, "a supervisor for each")
        for container in containers:
            container.go_on()
        for number, container in enumerate(containers):
            self.assertEqual(container.finish(),
                             (10 + number, f"ls: /only-{number}: No such file or directory\n".encode()))
        self.stop_recorder(recorder)
        numbers = set()
        for number, container in enumerate(containers):
            events = self.events_of(container.name)
            numbers |= {event["evt.source_num"] for event in events}
            paths = {path for path in self.paths(events) if path.startswith("/only")}
            self.assertEqual(paths, {f"/only-{number}"})
            self.assertEqual(len(calls_of(events, "exit_group", status=10 + number)), 1)
        self.assertEqual(len(numbers), MANY)

    @staticmethod
    def paths(events):
        return {event["evt.args"]["path"] for event in events if "path" in event["evt.args"]}

    @unittest.skipUnless(os.path.exists(PYTHON), f"there is no {PYTHON}")
    def test_beside_a_flood(self):
        self.bundle_told("", "flood", change=self.make_flood)
        self.bundle_told("echo ready; read line; for a in 1 2 3 4 5 6 7 8; do [ -e /quiet-$a ]; cat /proc/self/comm; done",
                         "quiet")
        recorder = self.start_recorder()
        flood, quiet = self.start_one("flood"), self.start_one("quiet")
        quiet.go_on()
        self.assertEqual(quiet.finish(), (0, 8 * b"cat\n"))
        flood.go_on()
        self.assertEqual(flood.finish()[0], 5)
        self.stop_recorder(recorder)
        events = self.events_of(quiet.name)
        self.assertEqual({path for path in self.paths(events) if "quiet" in path}, {f"/quiet-{n}" for n in range(1, 9)})
        self.assertEqual(len([event for event in events if event["evt.type"] == "execve"
                              and event["evt.args"].get("argv") == ["cat", "/proc/self/comm"]]), 8)
        self.assertEqual([event for event in events if event["evt.type"] == "lost"], [])
        self.assertGreater(len(self.events_of(flood.name)), 1000)

    @staticmethod
    def make_flood(config):
        config["process"]["args"] = [PYTHON, "-S", "-c", FLOOD]
        see_host(config)

    def test_namespaces_within(self):
        script = ONE_PIPE + "unshare -U sh -c 'cat /proc/self/uid_map >/dev/null; ls /within'; echo $?"
        self.bundle(script)
        before = self.start_container()
        if b"unshare:" in before.stdout:
            self.skipTest(f"no user namespaces within a container here: {before.stdout!r}")
        done, events = self.record_one(script)
        self.assertEqual((done.returncode, done.stdout), (before.returncode, before.stdout))
        self.assertTrue(calls_of(events, "unshare"))
        self.assertLessEqual({"/proc/self/uid_map", "/within"}, self.paths(events))


class Root(Recorded):
    """What takes root in the container as well."""

    def test_pid_namespace_within(self):
        done, events = self.record_one("unshare -p -f sh -c 'ls /within; sh -c true; exit 9'",
                                       capabilities=["CAP_SYS_ADMIN"])
        self.assertEqual(done.returncode, 9, done.stdout)
        within = {event["proc.pid"] for event in events if event["evt.args"].get("path") == "/within"}
        ends = [event["proc.pid"] for event in calls_of(events, "exit_group", status=9)]
        self.assertEqual(len(ends), 2)  # and unshare itself
        first = [event["proc.pid"] for event in events if event["evt.type"] == "execve" and event["proc.pid"] in ends
                 and event["evt.args"].get("argv", [None])[0] == "sh"]
        own = [event["evt.res"] for event in events if event["evt.type"] == "set_tid_address"
               and event["proc.pid"] in first]
        self.assertEqual(own[-1:], [1])
        self.assertTrue(within)

    @unittest.skipUnless(os.path.exists(PYTHON), f"there is no {PYTHON}")
    def test_program_that_gains(self):
        gaining = self.path("rootfs/bin/gaining")
        shutil.copy(os.path.realpath(PYTHON), gaining)
        os.chmod(gaining, 0o4755)
        secret = self.path("rootfs/secret")
        with open(secret, "w", encoding="ascii") as file:
            file.write("told\n")
        os.chmod(secret, 0o600)
        look = "import os; print(os.getuid(), os.geteuid(), open('/secret').read())"
        script = f'{ONE_PIPE}cat /secret; gaining -I -S -c "{look}"; exit 3'
        done, events = self.record_one(script, may_gain=True, uid=kit.NOBODY, change=see_host)
        self.assertEqual((done.returncode, done.stdout.replace(b"\n", b"|")),
                         (3, b"cat: can't open '/secret': Permission denied|%d 0 told||" % kit.NOBODY))
        opens = calls_of(events, "openat", path="/secret") + calls_of(events, "open", path="/secret")
        self.assertEqual([event.get("evt.errno") for event in opens], ["EACCES", None])
        gained = [event["evt.args"] for event in events if event["evt.type"] == "exec"
                  and event["evt.args"]["exe"] == "/bin/gaining"]
        self.assertEqual([(image["uid"], image["euid"]) for image in gained], [(kit.NOBODY, 0)])


class Rootless(Recorded):
    """Recorder and containers are the same ordinary user's."""

    rootless = True
    has_results = False

    def setUp(self):
        super().setUp()
        with open("/proc/sys/kernel/perf_event_paranoid", encoding="ascii") as file:
            self.has_results = int(file.read()) <= 1


class Others(Recorded):
    """Root records an ordinary user's containers."""

    rootless = True
    recorder_is_root = True
    options = ("--socket-mode=666",)


class Owned(RecorderCase):
    rootless = True
    recorder_is_root = True

    def test_owner(self):
        self.bundle_told("exit 4")
        recorder = self.start_recorder("--socket-owner=nobody")
        self.assertEqual(self.start_container().returncode, 4)
        self.stop_recorder(recorder)
        self.assertEqual(len(calls_of(self.events_of(self.name), "exit_group", status=4)), 1)

    @unittest.skipIf(RUNTIME == "runc", "runc 1.1.5 fails, but its init stays and spins (containers/oci/runc/README.md)")
    def test_nobody_else(self):
        self.bundle_told("exit 4")
        recorder = self.start_recorder()
        done = self.start_container()
        self.assertIn(b"ermission denied", done.stdout)
        self.assertNotEqual(done.returncode, 4)
        self.stop_recorder(recorder)
        self.assertEqual(self.events_of(self.name), [])


del Recorded

if __name__ == "__main__":
    main()
