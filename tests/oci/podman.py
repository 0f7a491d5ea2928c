#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""podman's containers recorded: podman.py SYSFOLD crun|runc

With a profile on top of podman's own, named as users name it. The container has a root directory here, and no image."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess

from containers import CGROUPS, ENGINES, RUNTIME, USER, main
from recorder import RecorderCase, calls_of
import kit

SCRIPT = "cat /proc/self/comm; cat /bin/sh >/dev/null; exit 7"
LIMITS = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"]  # podman's own are beyond what a container's root may


class Podman(RecorderCase):
    calls = "file,process"

    def setUp(self):
        super().setUp()
        for name in ["podman", "podman/runtime"]:
            os.mkdir(self.path(name), 0o700)
            if self.rootless:
                os.chown(self.path(name), kit.NOBODY, kit.NOBODY)
        self.addCleanup(self.end_pause)
        done = self.start_podman()
        if done.returncode != 7:
            self.skipTest(f"podman starts no container with {RUNTIME} here, without any profile: {done.stderr[-300:]!r}")
        os.remove(self.path("podman/id"))

    def end_pause(self):
        """The process by which rootless podman keeps a user namespace."""
        for path in pathlib.Path(self.path("podman/runtime")).rglob("pause.pid"):
            with contextlib.suppress(ProcessLookupError):  # it has ended with the last container
                os.kill(int(path.read_text(encoding="ascii")), signal.SIGKILL)

    def start_podman(self, *options):
        # Where there are cgroups of both versions, crun wants nothing of them, and runc has those of the first.
        without = CGROUPS if RUNTIME == "crun" else []
        cgroups = ["--cgroups=disabled"] if RUNTIME == "crun" else []
        command = [*without, *(USER if self.rootless else []), shutil.which("podman"), f"--root={self.path('podman/root')}",
                   f"--runroot={self.path('podman/runtime/root')}", f"--tmpdir={self.path('podman/runtime/tmp')}",
                   "--storage-driver=vfs", "--cgroup-manager=cgroupfs", f"--runtime={RUNTIME}", "run", "--rm",
                   "--network=none", f"--cidfile={self.path('podman/id')}", *LIMITS, *cgroups, *options, "--rootfs",
                   self.path("rootfs"), "/bin/sh", "-c", SCRIPT]
        return subprocess.run(command, check=False, cwd=self.directory, input=b"", stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=kit.PATIENCE,
                              env=kit.environment(XDG_RUNTIME_DIR=self.path("podman/runtime"), HOME=self.path("podman")))

    def test_recorded(self):
        profile = self.path("profile.json")
        self.succeed("oci", "profile", "-e", self.calls, f"--runtime={RUNTIME}", f"--socket={self.socket}",
                     f"--base={ENGINES}", "-o", profile)
        recorder = self.start_recorder()
        done = self.start_podman(f"--security-opt=seccomp={profile}")
        self.stop_recorder(recorder)
        self.assertEqual((done.returncode, done.stdout), (7, b"cat\n"), done.stderr)
        name = pathlib.Path(self.path("podman/id")).read_text(encoding="ascii")
        events = self.events_of(name)
        self.assertEqual(len(calls_of(events, "exit_group", status=7)), 1)
        opens = calls_of(events, "openat", path="/bin/sh") + calls_of(events, "open", path="/bin/sh")
        self.assertEqual(len(opens), 1)
        if not self.rootless:
            self.assertEqual(opens[0]["evt.res"], 3)
        self.assertRegex(self.succeed("ps", self.path("a.sfold")), rf"(?m) exit 7 +{name[:12]} ")


class PodmanRootless(Podman):
    rootless = True


def why_not_podman():
    if not shutil.which("podman"):
        return "there is no podman"
    return None if os.path.exists(ENGINES) else f"there is no {ENGINES}"


if __name__ == "__main__":
    main(why_not_podman())
