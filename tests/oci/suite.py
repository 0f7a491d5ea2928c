#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real containers under generated profiles: suite.py SYSFOLD crun|runc

A container starts and ends as without a profile, its calls are told to whoever listens, and what the base denies stays
denied; as root, and as an ordinary user where the machine lets one. Exit status 77, with the reason, where the runtime or
busybox is missing, or a container does not even start without a profile."""

import array
import fcntl
import json
import os
import select
import socket
import struct
import threading
import unittest

from containers import RUNTIME, Case, main
import kit
import profiles

RECEIVE, SEND = 0xc0502100, 0xc0182101  # SECCOMP_IOCTL_NOTIF_*
CONTINUE = 1
REPEATS = 8  # of starts that hang now and then where a call is told that must not be


class Agent:
    """Lets every call go, and counts them by number."""

    def __init__(self, path):
        self.states, self.calls, self.threads = [], {}, []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen(16)
        os.chmod(path, 0o777)
        self.thread = threading.Thread(target=self.accept)
        self.thread.start()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                message, fds, _, _ = socket.recv_fds(connection, 65536, 4)
            if fds:
                self.states.append(json.loads(message))
                self.threads.append(threading.Thread(target=self.serve, args=(fds[0],)))
                self.threads[-1].start()

    def serve(self, listener):
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        while not any(events & select.POLLHUP for _, events in poll.poll()):
            notification = array.array("B", bytes(80))
            try:
                fcntl.ioctl(listener, RECEIVE, notification)
                identity, _, _, number = struct.unpack_from("=QIIi", notification)
                self.calls[number] = self.calls.get(number, 0) + 1
                fcntl.ioctl(listener, SEND, struct.pack("=QqiI", identity, 0, 0, CONTINUE))
            except OSError:
                continue  # it died meanwhile
        os.close(listener)

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        for thread in [self.thread, *self.threads]:
            thread.join()
        self.socket.close()


class Containers(Case):
    def setUp(self):
        super().setUp()
        self.agent = Agent(self.path("agent.sock"))
        self.addCleanup(self.agent.stop)

    def apply(self, *arguments):
        done = self.run_sysfold("oci", "apply", f"--socket={self.path('agent.sock')}", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)

    def run_container(self, script, *arguments, may_gain=False):
        self.bundle(script, may_gain=may_gain)
        self.apply(*arguments)
        return self.start_container()

    def told(self, name):
        return self.agent.calls.get(profiles.number_of(name), 0)

    def test_status_and_output(self):
        done = self.run_container("exec 2>&1; cat /proc/self/comm; ls /nonexistent; exit 7", "-e", "file")
        self.assertEqual((done.returncode, done.stdout), (7, b"cat\nls: /nonexistent: No such file or directory\n"))
        self.assertGreater(self.told("execve"), 0)
        self.assertGreater(self.told("exit_group"), 0)
        self.assertGreater(self.told("open") + self.told("openat"), 0)
        self.assertEqual(self.told("getpid"), 0)
        state = self.agent.states[0]
        self.assertEqual((state["state"]["id"], state["state"]["bundle"], state["fds"]),
                         (self.name, self.directory, ["seccompFd"]))
        self.assertEqual(state["state"]["annotations"]["org.example.name"], "value")

    def test_everything(self):
        for may_gain in [False, True]:
            for _ in range(REPEATS):
                done = self.run_container("mkdir -p /a; ls / >/dev/null; echo a >/b; exit 3", f"--runtime={RUNTIME}",
                                          may_gain=may_gain)
                self.assertEqual((done.returncode, done.stdout), (3, b""))
        self.assertGreater(self.told("getuid") + self.told("getpid"), 0)  # the shell's
        self.assertEqual(self.told("write") > 0, RUNTIME == "crun")
        self.assertEqual(len(self.agent.states), 2 * REPEATS)

    def test_metadata(self):
        self.assertEqual(self.run_container("true", "-e", "file", "--metadata=a b").returncode, 0)
        self.assertEqual(self.agent.states[0]["metadata"], "a b")

    def test_what_was_denied_is_denied(self):
        denying = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
                   "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95},
                                {"names": ["chroot"], "action": "SCMP_ACT_KILL_PROCESS"}]}
        self.bundle("mkdir /a; chroot / true; echo $?; exit 4")
        with open(self.path("config.json"), encoding="utf-8") as file:
            config = json.load(file)
        config["linux"]["seccomp"] = denying
        with open(self.path("config.json"), "w", encoding="utf-8") as file:
            json.dump(config, file)
        before = self.start_container()
        self.assertEqual(self.agent.states, [])
        self.apply("-e", "all")
        after = self.start_container()
        self.assertEqual((after.returncode, sorted(after.stdout.splitlines())),  # of two pipes
                         (before.returncode, sorted(before.stdout.splitlines())))
        self.assertIn(b"not supported", after.stdout)
        self.assertIn(b"159", after.stdout)
        self.assertEqual((self.told("mkdir"), self.told("chroot")), (0, 0))
        self.assertEqual(len(self.agent.states), 1)

    @unittest.skipIf(RUNTIME == "runc", "runc 1.1.5 fails, but its init stays and spins (containers/oci/runc/README.md)")
    def test_nobody_listens(self):
        self.bundle("true")
        done = self.run_sysfold("oci", "apply", f"--socket={self.path('nobody.sock')}", "-e", "file")
        self.assertEqual(done.returncode, 0)
        done = self.start_container()
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"nobody.sock", done.stdout)


@unittest.skipUnless(os.geteuid() == 0, "only root becomes an ordinary user here")
class Rootless(Containers):
    rootless = True


if __name__ == "__main__":
    main()
