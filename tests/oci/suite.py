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
import pathlib
import select
import shutil
import socket
import struct
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
RUNTIME = sys.argv.pop(2)

import kit  # noqa: E402, it takes the arguments that are left
import profiles  # noqa: E402

PROGRAM = shutil.which(RUNTIME, path="/usr/bin:/bin:/usr/sbin:/sbin")
BUSYBOX = "/bin/busybox"
ENGINES = "/usr/share/containers/seccomp.json"
RECEIVE, SEND = 0xc0502100, 0xc0182101  # SECCOMP_IOCTL_NOTIF_*
CONTINUE = 1
REPEATS = 8  # of starts that hang now and then where a call is told that must not be
# Of hybrid cgroups crun wants nothing; the mount is gone with the namespace.
CGROUPS = ["unshare", "-m", "--propagation", "private", "sh", "-c",
           'umount -l /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup; exec "$@"', "sh"]


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


def rootless_part(config):
    config["linux"]["uidMappings"] = [{"containerID": 0, "hostID": kit.NOBODY, "size": 1}]
    config["linux"]["gidMappings"] = [{"containerID": 0, "hostID": kit.NOBODY, "size": 1}]
    config["linux"]["namespaces"].append({"type": "user"})


def configuration(arguments, rootless, may_gain):
    config = {
        "ociVersion": "1.0.2",
        "process": {"terminal": False, "user": {"uid": 0, "gid": 0}, "args": arguments, "env": ["PATH=/bin"], "cwd": "/",
                    "noNewPrivileges": not may_gain,
                    "capabilities": {kind: ["CAP_KILL"] for kind in ["bounding", "effective", "permitted"]}},
        "root": {"path": "rootfs", "readonly": False},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                   {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]}],
        "linux": {"namespaces": [{"type": name} for name in ["pid", "ipc", "uts", "mount"]]},
        "annotations": {"org.example.name": "value"},
    }
    if rootless:
        rootless_part(config)
    return config


class Containers(kit.Case):
    rootless = False
    count = 0

    def setUp(self):
        super().setUp()
        os.makedirs(self.path("rootfs/bin"))
        for name in ["proc", "dev"]:
            os.mkdir(self.path(f"rootfs/{name}"))
        shutil.copy(BUSYBOX, self.path("rootfs/bin/busybox"))
        for applet in ["sh", "ls", "cat", "mkdir", "chroot", "true"]:
            os.symlink("busybox", self.path(f"rootfs/bin/{applet}"))
        if self.rootless:
            for path in [".", "rootfs", "rootfs/bin", "rootfs/proc", "rootfs/dev"]:
                os.chown(self.path(path), kit.NOBODY, kit.NOBODY)
        self.bundle("true")
        done = self.start_container()
        if done.returncode != 0:
            self.skipTest(f"{RUNTIME} starts no container here, without any profile: {done.stdout[-200:]!r}")
        self.agent = Agent(self.path("agent.sock"))
        self.addCleanup(self.agent.stop)

    def bundle(self, script, may_gain=False):
        with open(self.path("config.json"), "w", encoding="utf-8") as file:
            json.dump(configuration(["/bin/sh", "-c", script], self.rootless, may_gain), file)

    def start_container(self):
        Containers.count += 1
        self.name = f"sysfold-test-{os.getpid()}-{Containers.count}"
        options = ["--cgroup-manager=disabled"] if RUNTIME == "crun" else []
        user = [f"--reuid={kit.NOBODY}", f"--regid={kit.NOBODY}", "--clear-groups"]
        command = [*(CGROUPS if RUNTIME == "crun" else []), *(["setpriv", *user] if self.rootless else []), PROGRAM,
                   f"--root={self.path('state')}", *options, "run", f"--bundle={self.directory}", self.name]
        return subprocess.run(command, check=False, cwd=self.directory, env=kit.environment(XDG_RUNTIME_DIR=self.directory),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=kit.PATIENCE)

    def apply(self, *arguments):
        done = self.run_sysfold("oci", "apply", f"--socket={self.path('agent.sock')}", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)

    def run_container(self, script, *arguments, may_gain=False):
        self.bundle(script, may_gain)
        self.apply(*arguments)
        return self.start_container()

    def told(self, name):
        return self.agent.calls.get(profiles.number_of(name), 0)

    def test_status_and_output(self):
        done = self.run_container("cat /proc/self/comm; ls /nonexistent; exit 7", "-e", "file")
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


def why_not():
    if not PROGRAM:
        return f"there is no {RUNTIME}"
    if os.geteuid() != 0:
        return "crun's and runc's containers are started by root here, and by users that root becomes"
    if not os.path.exists(BUSYBOX):
        return f"there is no {BUSYBOX}"
    return None if profiles.LIBSECCOMP else "there is no libseccomp.so"


if __name__ == "__main__":
    if reason := why_not():
        print(f"skipped: {reason}")
        sys.exit(kit.SKIP)
    kit.main()
