#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whatever becomes of the recorder, containers run on: outlive.py SYSFOLD crun|runc

Recorder, guardian and supervisors are killed while real containers run, recorders come again, and strangers say what they
like at the socket. Each container ends with its own status and its whole output."""

import array
import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys

from containers import main
from recorder import ONE_PIPE, RecorderCase, calls_of
import kit

WAITING = ONE_PIPE + "echo ready; read line; ls /after; exit 7"
TWICE = ONE_PIPE + "echo ready; read line; ls /between; echo ready; read line; ls /after; exit 7"
BETWEEN = b"ls: /between: No such file or directory\n"
ENDED = (7, b"ls: /after: No such file or directory\n")
BUSY = ONE_PIPE + "echo ready; while [ ! -e /stop ]; do :; done; ls /after; exit 7"  # it calls all the time
STRANGERS = 100
PRETENDER = pathlib.Path(__file__).with_name("pretender.py")


def parent_of(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return int(file.read().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0  # it was one that lived shortly


class Outlived(RecorderCase):
    def setUp(self):
        super().setUp()
        self.bundle_told(WAITING)

    def supervisors(self, capture="a.sfold"):
        guardians = self.parts("sysfold-guard", capture)
        return [pid for pid in self.parts("sysfold-notify", capture) if parent_of(pid) in guardians]

    def looks_for(self, path, name, capture="a.sfold"):
        return [event for event in self.events_of(name, capture) if event["evt.args"].get("path") == path]

    def assert_runs_on(self, container):
        container.go_on()
        self.assertEqual(container.finish(), ENDED)

    def markers(self, capture="a.sfold"):
        return [(event["evt.source"], event["evt.args"]["text"]) for event in self.all_events(capture)
                if event["evt.type"] == "marker"]

    def test_recorder_killed(self):
        recorder = self.start_recorder()
        containers = [self.start_one(), self.start_one()]
        recorder.kill()
        recorder.wait()
        for container in containers:
            self.assert_runs_on(container)

    def test_recorder_killed_and_a_container_begun(self):
        recorder = self.start_recorder()
        recorder.kill()
        recorder.wait()
        self.assert_runs_on(self.start_one())
        again = self.start_successor("b.sfold")
        container = self.start_one()
        self.assert_runs_on(container)
        self.stop_recorder(again)
        self.assertEqual(len(self.looks_for("/after", container.name, "b.sfold")), 1)

    def test_guardian_killed_and_recorder_stopped(self):
        """The supervisor is all there is: it stays."""
        recorder = self.start_recorder()
        container = self.start_one()
        self.wait_until_recorded(container)
        os.kill(self.parts("sysfold-guard")[0], signal.SIGKILL)
        self.wait_for(lambda: not self.parts("sysfold-guard"), "its end")
        self.stop_recorder(recorder)
        self.assert_runs_on(container)

    def test_recorder_comes_again(self):
        self.bundle_told(TWICE, "twice")
        recorder = self.start_recorder()
        containers = [self.start_one("twice"), self.start_one("twice")]
        recorder.kill()
        recorder.wait()
        for container in containers:
            container.go_on()
            self.assertEqual(container.process.stdout.readline(), BETWEEN)
            container.await_ready()
        again = self.start_successor("b.sfold")
        self.wait_for(lambda: len(self.supervisors("b.sfold")) == 2, "a supervisor for each")
        for container in containers:
            self.assert_runs_on(container)
        self.stop_recorder(again)
        for container in containers:
            self.assertEqual(len(self.looks_for("/after", container.name, "b.sfold")), 1)
            self.assertEqual(self.looks_for("/between", container.name, "b.sfold"), [])
            self.assertEqual(len(calls_of(self.events_of(container.name, "b.sfold"), "exit_group", status=7)), 1)

    def test_recorder_comes_amid_births_and_ends(self):
        # Those that end while the new recorder looks at what there is keep nobody from being recorded. Nobody forks
        # while others' ends are signalled to it: before a call is received, that ends it with EINTR (the backend's
        # README.md).
        churn = "while [ ! -e /stop ]; do (:); done"
        self.bundle_told(f"{ONE_PIPE} {4 * f'{churn} & '} echo ready; wait; ls /after; exit 7", "churn")
        recorder = self.start_recorder()
        container = self.start_one("churn")
        recorder.kill()
        recorder.wait()
        again = self.start_successor("b.sfold")
        self.wait_for(lambda: self.supervisors("b.sfold"), "its supervisor")
        with open(self.path("rootfs/stop"), "wb"):
            pass
        self.assertEqual(container.finish(), ENDED)
        self.stop_recorder(again)
        self.assertEqual(self.markers("b.sfold"), [])
        self.assertEqual(len(self.looks_for("/after", container.name, "b.sfold")), 1)

    def test_recorder_stopped(self):
        for with_signal in [signal.SIGINT, signal.SIGTERM]:
            recorder = self.start_recorder()
            containers = [self.start_one(), self.start_one()]
            self.stop_recorder(recorder, with_signal)
            for container in containers:
                self.assertGreater(len(self.events_of(container.name)), 0)
                self.assert_runs_on(container)
            self.wait_for(lambda: not self.parts("sysfold-guard"), "the guardian's end")

    def test_nobody_keeps_what_the_recorder_had(self):
        # Who reads what the recorder says sees the end of it, whatever is still guarded.
        errors, other = os.pipe()
        recorder = self.start_recorder(errors=other)
        os.close(other)
        container = self.start_one()
        self.wait_for(self.supervisors, "its supervisor")
        recorder.terminate()
        with os.fdopen(errors, "rb") as stream:
            self.assertIn(b" events", self.read_to_end(stream))
        self.assertEqual(recorder.wait(kit.PATIENCE), 0)
        self.assert_runs_on(container)

    def read_to_end(self, stream):
        parts = [b""]
        while len(parts) == 1 or parts[-1]:
            self.assertTrue(select.select([stream], [], [], kit.PATIENCE)[0], f"no end after {parts}")
            parts.append(os.read(stream.fileno(), 65536))
        return b"".join(parts)

    def test_supervisor_killed(self):
        recorder = self.start_recorder()
        left = self.start_one()
        self.wait_for(self.supervisors, "its supervisor")
        supervisors = self.supervisors()
        self.assertEqual(len(supervisors), 1)
        other = self.start_one()
        os.kill(supervisors[0], signal.SIGKILL)
        self.assert_runs_on(left)
        self.assert_runs_on(other)
        self.assert_runs_on(self.start_one())
        self.stop_recorder(recorder)
        self.assertEqual(self.looks_for("/after", left.name), [])
        self.assertEqual(len(self.looks_for("/after", other.name)), 1)
        [(_, text)] = self.markers()
        self.assertIn(f"container {left.name} runs on, unrecorded", text)

    def test_ends_amid_calls(self):
        self.bundle_told(BUSY, "busy")
        ends = {"recorder killed": lambda recorder: recorder.kill(),
                "recorder stopped": lambda recorder: recorder.send_signal(signal.SIGINT),
                "supervisors killed": lambda _: [os.kill(pid, signal.SIGKILL) for pid in self.supervisors(capture)]}
        for name, end in ends.items():
            with self.subTest(name):
                capture = f"{name}.sfold"  # the last guardian may still be there, and must not be taken for this one's
                recorder = self.start_successor(capture)
                containers = [self.start_one("busy"), self.start_one("busy")]
                self.wait_for(lambda: len(self.supervisors(capture)) == 2, "a supervisor for each")
                end(recorder)
                with open(self.path("rootfs/stop"), "wb"):
                    pass
                self.assertEqual([container.finish() for container in containers], [ENDED, ENDED])
                os.remove(self.path("rootfs/stop"))
                recorder.terminate()
                recorder.wait(kit.PATIENCE)

    def test_guardian_killed(self):
        recorder = self.start_recorder()
        container = self.start_one()
        self.wait_until_recorded(container)  # until it has been told of, nobody but the guardian knows of it
        os.kill(self.parts("sysfold-guard")[0], signal.SIGKILL)
        self.assert_runs_on(container)
        self.assertEqual(recorder.wait(kit.PATIENCE), 125)
        self.assertIn("notify: the guardian was killed: no more containers can be recorded", self.said())
        self.assertEqual(len(self.looks_for("/after", container.name)), 1)

    # --- strangers ---

    def tell(self, message, fds=()):
        client = self.connect()
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        client.sendmsg([message], ancillary)
        client.shutdown(socket.SHUT_WR)
        return client

    @staticmethod
    def forge(name, pid):
        return json.dumps({"ociVersion": "0.2.0", "fds": ["seccompFd"], "pid": pid, "metadata": "",
                           "state": {"ociVersion": "0.2.0", "id": name, "status": "creating", "pid": pid,
                                     "bundle": "/"}}).encode()

    def test_strangers(self):
        recorder = self.start_recorder()
        container = self.start_one()
        with open("/dev/null", "rb") as null:
            forged = self.forge(container.name, os.getpid())
            self.tell(b"\xff" * 5000)
            self.tell(b"{" * 60000)
            self.tell(forged)
            self.tell(forged, [null.fileno()])
            self.tell(forged, [self.connect().fileno()])
            self.tell(b"{}", [null.fileno()] * 200)
            for _ in range(STRANGERS):
                self.connect()
        self.assert_runs_on(container)
        later = self.start_one()
        self.assert_runs_on(later)
        self.stop_recorder(recorder)
        for name in (container.name, later.name):
            self.assertEqual(len(self.looks_for("/after", name)), 1)
        refusals = [text for source, text in self.markers() if source == "host" and f"pid {os.getpid()} is refused" in text]
        self.assertGreaterEqual(len(refusals), 5)


    def test_pretenders(self):
        # Who says that it is a container that it is not is told apart from that one.
        recorder = self.start_recorder()
        container = self.start_one()
        pid = int(self.container_state(container)["pid"])
        pids = []
        for name, number in [(container.name, pid), (container.name, 1), ("other", pid), ("other", 2 ** 31 - 1)]:
            process = self.start(sys.executable, PRETENDER, self.socket, self.forge(name, number), stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT)
            pids.append(process.pid)
            self.assertEqual(process.communicate(timeout=kit.PATIENCE)[0], b"True\n")
        self.assert_runs_on(container)
        self.stop_recorder(recorder)
        looks = self.looks_for("/after", container.name)
        self.assertEqual(len(looks), 1, looks)
        pretended = {event["evt.source_num"] for event in self.all_events() if event["thread.tid"] in pids}
        self.assertGreaterEqual(len(pretended), 2)
        self.assertNotIn(looks[0]["evt.source_num"], pretended)
        with open("/proc/1/status", encoding="utf-8") as status:
            is_filtered = "Seccomp:\t2" in status.read()  # in some containers it is
        self.assertTrue(is_filtered or any("process 1 has no seccomp filter" in text for _, text in self.markers()))

    def container_state(self, container):
        done = subprocess.run(self.runtime("state", container.name), check=True, env=self.environment(),
                              stdout=subprocess.PIPE, timeout=kit.PATIENCE)
        return json.loads(done.stdout)


class OutlivedRootless(Outlived):
    rootless = True


if __name__ == "__main__":
    main()
