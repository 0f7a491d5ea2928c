#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A watched program lives on, whatever becomes of those who watch it: liveness.py SYSFOLD

The recorder, the supervisor and the guardian are killed, one by one and together, while a program is busy; a consumer
stands still; the disk is full; targets flood, die, stop. What they do is what they do without us, and nobody of ours is
left over."""

import contextlib
import ctypes
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
sys.argv.insert(2, "notify")

import kit  # noqa: E402, it takes the arguments

kit.PATIENCE = max(kit.PATIENCE, 120)
PROGRAMS = pathlib.Path(os.environ["PROGRAMS"])
BUSY, POINTERS = str(PROGRAMS / "notify-busy"), str(PROGRAMS / "notify-pointers")
ROUNDS = 4000
OPENS = 4 * 2 * ROUNDS
EVERYBODY = {"sysfold", "sysfold-guard", "sysfold-notify"}
PTRACE_SEIZE, WALL = 0x4206, 0x40000000  # Python has no names for them
GROWTH_KIB = 8192  # of the supervisor, over a long run: far less than what it would keep of each call or process


def read(path):
    with contextlib.suppress(OSError), open(path, "rb") as file:
        return file.read()
    return b""


def field(pid, name):
    """Of /proc/PID/status; None if it is gone."""
    found = re.search(rf"^{name}:\s*(.*)$".encode(), read(f"/proc/{pid}/status"), re.MULTILINE)
    return found and found[1].decode()


def directory_of(pid):
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/{pid}/cwd")
    return None


class Case(kit.Case):
    """Everybody of a recording has the name of its capture, which is in the test's directory, among its arguments."""

    def setUp(self):
        super().setUp()
        self.capture = self.path("a.sfold")
        self.addCleanup(self.end_all)

    def ours(self):
        """{name: pid} of those of sysfold's that are alive: sysfold, sysfold-guard, sysfold-notify. Not who closes the
        probe's events in the background, an orphan of the same name that ends by itself."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            if self.capture.encode() in read(f"/proc/{pid}/cmdline").split(b"\0") and (field(pid, "State") or "Z")[:1] not in "ZX":
                name, parent = field(pid, "Name"), field(pid, "PPid")
                if name and (name != "sysfold" or parent == str(os.getpid())):
                    found[name] = int(pid)
        return found

    def wait_until_all_are_there(self):
        """The program may be ready before the guardian, which has a name of its own then. Returns {name: pid}."""
        self.wait_for(lambda: set(self.ours()) == EVERYBODY, "everybody's beginning")
        return self.ours()

    def end_all(self):
        for pid in self.ours().values():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    def start_recording(self, command, *options, **more):
        """The command is given to a shell, which says how it ended in `status`; what it says is in `said`."""
        with open(self.path("said"), "wb") as said:
            return self.start_sysfold("record", *options, "-o", self.capture, "--", "sh", "-c",
                                      f"{command}; code=$?; echo $code > new; mv new status; exit $code", stdout=said, **more)

    def start_busy(self, *options, until=""):
        """A program that is ready, and goes on when it is told to; if there is a file until which, for longer."""
        recorder = self.start_recording(f"{BUSY} 4 {ROUNDS} go {until}", *options)
        self.wait_for(lambda: read(self.path("said")) == b"ready\n" or recorder.poll() is not None, "the program")
        self.assertEqual(read(self.path("said")), b"ready\n", self.errors())
        return recorder

    def let_go(self):
        pathlib.Path(self.path("go")).touch()

    def let_go_and_wait_until_busy(self):
        """Its calls are being answered: threads of its own were not there before."""
        program = next(pid for pid in filter(str.isdigit, os.listdir("/proc"))
                       if read(f"/proc/{pid}/cmdline").startswith(BUSY.encode()) and
                       directory_of(pid) == self.directory)
        self.let_go()
        self.wait_for(lambda: int(field(program, "Threads") or 9) > 4, "its threads")
        self.assertFalse(os.path.exists(self.path("status")), "it ended by itself")

    def let_end(self):
        pathlib.Path(self.path("enough")).touch()

    def target_ended(self):
        """How many opens it has made, each of them rightly."""
        self.wait_for(lambda: os.path.exists(self.path("status")), "the program's own end")
        said = read(self.path("said")).decode()
        self.assertEqual(int(read(self.path("status"))), 42, said)
        self.assertRegex(said, r"\Aready\n[0-9]+ opens\n\Z")
        return int(said.split()[1])

    def assert_target_ended(self):
        self.assertEqual(self.target_ended(), OPENS)

    def remove_traces(self):
        for name in ("go", "status", "said", "enough"):
            pathlib.Path(self.path(name)).unlink(missing_ok=True)

    def assert_nobody_left(self):
        self.wait_for(lambda: not self.ours(), "the end of all of us")

    def told(self):
        """(events, lost) as the recorder says itself."""
        found = re.search(r"^sysfold: (\d+) events?, (\d+) lost, ", self.errors(), re.MULTILINE)
        self.assertTrue(found, self.errors())
        return int(found[1]), int(found[2])


class Killed(Case):
    def kill_while_busy(self, *names):
        recorder = self.start_busy(until="enough")
        who = self.wait_until_all_are_there()
        self.let_go_and_wait_until_busy()
        for name in names:
            os.kill(who[name], signal.SIGKILL)
        self.let_end()
        self.assertGreaterEqual(self.target_ended(), OPENS)
        return recorder, who

    def test_recorder(self):
        recorder, _ = self.kill_while_busy("sysfold")
        self.assertEqual(recorder.wait(kit.PATIENCE), -signal.SIGKILL)
        self.assert_nobody_left()

    def test_supervisor(self):
        recorder, who = self.kill_while_busy("sysfold-notify")
        self.assert_ends(recorder, 125)
        self.assertIn(f"sysfold: notify: the supervisor (pid {who['sysfold-notify']}) was killed: its targets run on, "
                      "unrecorded\n", self.errors())
        self.assert_nobody_left()

    def test_supervisor_many_times(self):
        """At whatever it was: receiving, reading memory, performing, answering."""
        for _ in range(8):
            recorder, _ = self.kill_while_busy("sysfold-notify")
            self.assert_ends(recorder, 125)
            self.assert_nobody_left()
            self.remove_traces()

    def test_guardian(self):
        recorder, _ = self.kill_while_busy("sysfold-guard")
        self.assert_ends(recorder, 42)
        self.assertGreater(self.told()[0], OPENS)
        self.assert_nobody_left()

    def test_recorder_and_supervisor(self):
        for names in ("sysfold", "sysfold-notify"), ("sysfold-notify", "sysfold"):
            recorder, _ = self.kill_while_busy(*names)
            self.assertEqual(recorder.wait(kit.PATIENCE), -signal.SIGKILL)
            self.assert_nobody_left()
            self.remove_traces()

    def test_guardian_and_then_recorder(self):
        """The supervisor is all there is: it stays."""
        recorder, _ = self.kill_while_busy("sysfold-guard", "sysfold")
        self.assertEqual(recorder.wait(kit.PATIENCE), -signal.SIGKILL)
        self.assert_nobody_left()

    def test_recorder_before_the_command_does_anything(self):
        recorder = self.start_busy()
        recorder.kill()
        recorder.wait()
        self.let_go()
        self.assert_target_ended()
        self.assert_nobody_left()


class Consumer(Case):
    def test_that_stands_still(self):
        """The target ends all the same; what was not taken is told to be lost, and nothing else is."""
        totals = []
        for stalled in False, True:
            recorder = self.start_busy("-e", "openat", "--buffer=65536")
            if stalled:
                recorder.send_signal(signal.SIGSTOP)
            self.let_go()
            self.assert_target_ended()
            recorder.send_signal(signal.SIGCONT)
            self.assert_ends(recorder, 42)
            events = self.events(self.capture)
            losses = [event for event in events if event["evt.type"] == "lost"]
            lost = sum(event["evt.args"]["count"] for event in losses)
            self.assertEqual(self.told()[1], lost)
            totals.append((len(events) - len(losses) + lost, lost))
            self.assert_nobody_left()
            self.remove_traces()
        self.assertGreater(totals[1][1], OPENS // 2)
        self.assertEqual(totals[0][0], totals[1][0])

    @unittest.skipUnless(os.geteuid() == 0, "only root can make a small file system")
    def test_whose_disk_is_full(self):
        os.mkdir(self.path("small"))
        probe = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=64k", "none", self.path("small")],
                               check=False, stderr=subprocess.PIPE)
        if probe.returncode:
            self.skipTest(probe.stderr.decode().strip())
        self.capture = self.path("small/a.sfold")
        script = f'mount -t tmpfs -o size=64k none small && exec "$0" record -b notify --compress=0 -o {self.capture} -- "$@"'
        done = subprocess.run(["unshare", "-m", "sh", "-c", script, kit.SYSFOLD, "sh", "-c",
                               f"{BUSY} 4 {ROUNDS}; echo $? > new; mv new status"], cwd=self.directory, check=False,
                              env=kit.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=kit.PATIENCE)
        self.assertEqual(done.returncode, 125)
        self.assertRegex(done.stderr.decode(), r"(?m)^sysfold: .*No space left on device")
        self.wait_for(lambda: os.path.exists(self.path("status")), "the program's own end")
        self.assertEqual(read(self.path("status")), b"42\n")
        self.assert_nobody_left()

    def test_that_wants_no_more(self):
        """Once interrupted it goes on; twice, and the target goes on without it."""
        recorder = self.start_busy(until="enough")
        recorder.send_signal(signal.SIGINT)
        self.wait_for(lambda: int(field(recorder.pid, "ShdPnd"), 16) == 0, "the first SIGINT")
        self.let_go_and_wait_until_busy()
        self.assertIsNone(recorder.poll())
        recorder.send_signal(signal.SIGINT)
        self.assert_ends(recorder, 128 + signal.SIGINT)
        self.let_end()
        self.assertGreaterEqual(self.target_ended(), OPENS)
        self.assert_nobody_left()


class Targets(Case):
    def assert_runs(self, script, *options, status=0, output=None):
        """It does what it does without us, and everybody has gone."""
        done = self.run_sysfold("record", "-q", *options, "-o", self.capture, "--", "bash", "-c", script)
        self.assertEqual((done.returncode, done.stderr.decode()), (status, ""))
        if output is not None:
            self.assertEqual(done.stdout.decode(), output)
        self.assert_nobody_left()
        return done.stdout.decode()

    def count(self, kind):
        return sum(event["evt.type"] == kind for event in self.events(self.capture))

    def test_that_are_killed_in_the_middle_of_a_call(self):
        self.assert_runs(f"for i in 1 2 3 4 5; do {BUSY} 4 1000000 & sleep 0.1; kill -9 $!; wait $!; echo $?; done 2> /dev/null",
                         output="137\n" * 5)

    def test_that_are_stopped_and_go_on(self):
        # It does not end before that is over: a program that has ended is never stopped.
        self.assertRegex(self.assert_runs(f"""{BUSY} 4 {ROUNDS} / enough & for i in 1 2 3 4 5; do
            kill -STOP $!; until grep -q '^State:.*stopped' /proc/$!/status; do sleep 0.01; done; kill -CONT $!; done
            : > enough; wait $!""", status=42), r"\Aready\n[0-9]+ opens\n\Z")

    def test_that_are_a_thousand_threads(self):
        self.assert_runs(f"{BUSY} 1000 10", status=42, output="20000 opens\n")
        self.assertGreaterEqual(self.count("thread_exit") + self.count("lost"), 1000)

    def test_that_die_by_the_thousand(self):
        self.assert_runs("""exec python3 -c '
import os, signal
for i in range(2000):
    pid = os.fork()
    if pid == 0:
        os.open("/etc/passwd", os.O_RDONLY)
        os.kill(os.getpid(), signal.SIGKILL) if i % 2 else os._exit(i % 100)
    if i % 50 == 0:
        while True:
            try:
                os.waitpid(-1, os.WNOHANG) == (0, 0) and os.wait()
            except ChildProcessError:
                break
'""")
        self.assertGreaterEqual(self.count("process_exit") + self.count("lost"), 2001)

    def test_that_fork_bomb_until_their_limit(self):
        self.assert_runs("""exec python3 -c '
import os
def bomb(depth):
    children = []
    for _ in range(3 if depth else 0):
        pid = os.fork()
        if pid == 0:
            os._exit(bomb(depth - 1))
        children.append(pid)
    return sum(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children) % 256 + 1 & 255
print(bomb(5))
'""", output=f"{sum(3 ** i for i in range(6)) & 255}\n")

    def test_that_nest_deeply(self):
        self.assert_runs("""exec python3 -c '
import os
for depth in range(300):
    pid = os.fork()
    if pid:
        os._exit((os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) + 1) % 200)
os._exit(7)
'""", status=(7 + 300) % 200)

    def test_that_pass_pointers_to_nowhere(self):
        bare = subprocess.run([POINTERS], cwd=self.directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False, timeout=kit.PATIENCE)
        if bare.returncode == kit.SKIP:
            self.skipTest("its memory cannot be where it should")
        self.assertEqual((bare.returncode, bare.stdout[-8:]), (0, b"0 wrong\n"))
        for results in "auto", "emulate", "none":
            self.assert_runs(f"exec {POINTERS}", "--results", results, output=bare.stdout.decode())
            self.events(self.capture)

    @unittest.skipUnless(os.geteuid() == 0, "only root may trace whoever he likes")
    def test_whose_end_takes_long(self):
        """They have let go of their filter, and their exit status is not there yet: a thread of theirs is traced by
        somebody who takes his time."""
        recorder = self.start_recording("""exec python3 -c '
import os, threading, time
gate = threading.Lock()
gate.acquire()
threading.Thread(target=gate.acquire, daemon=True).start()
print(os.getpid(), flush=True)
while not os.path.exists("go"):
    time.sleep(0.01)
os._exit(5)'""")
        self.wait_for(lambda: read(self.path("said")).endswith(b"\n"), "the program")
        pid = int(read(self.path("said")))
        tid = next(int(tid) for tid in os.listdir(f"/proc/{pid}/task") if int(tid) != pid)
        libc = ctypes.CDLL(None, use_errno=True)
        self.assertEqual(libc.ptrace(PTRACE_SEIZE, tid, None, None), 0, os.strerror(ctypes.get_errno()))
        self.let_go()
        self.wait_for(lambda: (field(pid, "State") or "Z")[:1] == "Z", "its end")
        time.sleep(2.5)
        self.assertEqual(os.waitpid(tid, WALL)[0], tid)
        self.assert_ends(recorder, 5)
        self.assertEqual([event["evt.args"]["status"] for event in self.events(self.capture)
                          if event["evt.type"] == "process_exit"], [{"how": "exited", "code": 5}])
        self.assert_nobody_left()

    def test_that_orphan_their_children(self):
        """Nobody of ours collects what is not ours, nor leaves it lying about."""
        recorder = self.start_recording("""python3 -c '
import os, time
for i in range(300):
    if os.fork() == 0:
        if os.fork() == 0:
            time.sleep(0.05)
        os._exit(0)
    os.wait()
print("ready", flush=True)
while not os.path.exists("go"):
    time.sleep(0.01)
os._exit(5)'""", "-q")
        self.wait_for(lambda: read(self.path("said")) == b"ready\n", "the program")
        ours = self.ours().values()

        def dead():
            return [pid for pid in filter(str.isdigit, os.listdir("/proc"))
                    if (field(pid, "State") or "")[:1] == "Z" and int(field(pid, "PPid") or 0) in ours]
        self.wait_for(lambda: not dead(), "the burial of the dead")
        self.let_go()
        self.assert_ends(recorder, 5)
        self.assert_nobody_left()

    def test_that_flood_for_long_cost_no_more_memory(self):
        recorder = self.start_recording(f"""{BUSY} 4 {ROUNDS} && exit 9; touch early; {BUSY} 4 {4 * ROUNDS}
python3 -c 'import os, threading
for i in range(1500):
    if os.fork() == 0:
        os._exit(0)
    os.wait()
    thread = threading.Thread(target=lambda: None); thread.start(); thread.join()
print("ready", flush=True)'
until [ -e go ]; do sleep 0.01; done""", "-q")
        self.wait_for(lambda: os.path.exists(self.path("early")), "the first part")
        supervisor = self.ours()["sysfold-notify"]
        early = int(field(supervisor, "RssAnon").split()[0])
        self.wait_for(lambda: b"ready" in read(self.path("said")), "the rest")
        late = int(field(supervisor, "RssAnon").split()[0])
        self.let_go()
        self.assert_ends(recorder, 0)
        self.assertLess(late - early, GROWTH_KIB)
        self.assert_nobody_left()


if __name__ == "__main__":
    kit.main()
