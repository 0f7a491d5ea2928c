#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real containers, recorded from before they begin: whatever the backend, the events within say whose they are."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
from kit import Case, main  # noqa: E402

IS_ROOT = os.geteuid() == 0
BUSYBOX = shutil.which("busybox")
UUID = "0cb1a2e4-f301-4567-89ab-cdef01234567"
SCRIPT = "/busybox true; :"
# crun, and podman where it does not want systemd, take cgroups of one version; where they are mixed they get a view of
# their own.
UNIFY = "umount -l /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup || exit 77; " \
    if os.path.ismount("/sys/fs/cgroup/unified") else ""
CRUN = f'{UNIFY}exec crun --cgroup-manager=cgroupfs run -b "$1" "$2"'
RUNC = 'exec runc --root "$1/state" run -b "$1" "$2"'
PODMAN = f"""{UNIFY}exec podman --root "$1/root" --runroot "$1/run" --tmpdir "$1/tmp" --storage-driver vfs \
--cgroup-manager cgroupfs --events-backend none --runtime runc run --rm --name "$2" --network none --log-driver none \
--pids-limit -1 --ulimit nofile=512:512 --ulimit nproc=512:512 --security-opt seccomp=unconfined \
--rootfs "$1/rootfs" /busybox sh -c '{SCRIPT}'"""


@unittest.skipUnless(IS_ROOT, "only root can run containers in cgroups here")
@unittest.skipUnless(BUSYBOX, "busybox is missing")
class Containers(Case):
    def setUp(self):
        super().setUp()
        self.id = os.urandom(32).hex()
        self.name = f"sysfold-{os.urandom(8).hex()}"  # crun's and podman's containers are the machine's

    def bundle(self, cgroup):
        self.rootfs()
        with open(self.path("config.json"), "w", encoding="ascii") as config:
            json.dump({"ociVersion": "1.0.0", "root": {"path": "rootfs"},
                       "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "env": [],
                                   "args": ["/busybox", "sh", "-c", SCRIPT]},
                       "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
                       "linux": {"cgroupsPath": cgroup, "namespaces": [{"type": "pid"}, {"type": "mount"}]}}, config)

    def rootfs(self):
        for directory in ["dev", "proc", "tmp"]:
            os.makedirs(self.path(f"rootfs/{directory}"))
        shutil.copy(BUSYBOX, self.path("rootfs/busybox"))

    def record_container(self, script):
        """The events of the runtime and of the container, where it runs here at all."""
        command = ["unshare", "-m", "sh", "-c", script, "sh", self.directory, self.name]
        alone = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               check=False)
        if alone.returncode:
            self.skipTest(f"it does not run here: {alone.stdout.decode(errors='replace').strip()[-300:]}")
        return self.events(self.record(*command, options=["-e", "execve,clone,exit_group"]))

    def judge(self, events, wanted, engine, pod=None):
        """Returns the container's id."""
        execs = [event for event in events if event["evt.type"] == "exec"]
        inside = [event for event in execs if event["evt.args"].get("exe") == "/busybox"]
        self.assertGreaterEqual(len(inside), 2, execs)
        ids = {event.get("container.full_id") for event in inside}
        self.assertEqual(len(ids), 1, inside)
        found = ids.pop()
        self.assertRegex(found or "", wanted)
        for event in inside:
            self.assertEqual(event["container.id"], found[:12])
            self.assertEqual(event.get("container.type"), engine)
            self.assertEqual(event.get("k8s.pod.uid"), pod)
        pids = {event["proc.pid"] for event in inside}
        for event in events:  # everything that they did since
            if event.get("proc.pid") in pids and event["evt.type"] in ("exit_group", "process_exit"):
                self.assertEqual(event.get("container.full_id"), found, event)
        for event in execs:  # and nothing of who started it
            if os.path.basename(event["evt.args"].get("exe", "")) in ("unshare", "crun", "runc", "podman"):
                self.assertNotIn("container.id", event)
        return found

    def judge_tables(self, found):
        tree = json.loads(self.succeed("ps", "--json", self.path("a.sfold")))
        self.assertEqual({node["container"]["id"] for node in tree if node["container"]}, {found})
        self.assertTrue([node for node in tree if not node["container"]])
        text = self.succeed("ps", self.path("a.sfold"))
        self.assertIn("CONTAINER", text.splitlines()[0])
        self.assertIn(f" {found[:12]} ", text)
        self.assertNotIn(found, text)
        counts = json.loads(self.succeed("stats", "--json", self.path("a.sfold")))["by_container"]
        self.assertEqual([count["container"] for count in counts], [found])
        self.assertGreater(counts[0]["events"], 2)
        self.assertIn(found, self.succeed("stats", self.path("a.sfold")))

    @unittest.skipUnless(shutil.which("crun"), "crun is missing")
    def test_crun(self):
        self.bundle(f"/docker/{self.id}")
        self.judge_tables(self.judge(self.record_container(CRUN), f"^{self.id}$", "docker"))

    @unittest.skipUnless(shutil.which("crun"), "crun is missing")
    def test_a_pod(self):
        self.bundle(f"/kubepods/burstable/pod{UUID}/{self.id}")
        self.judge(self.record_container(CRUN), f"^{self.id}$", None, UUID)

    @unittest.skipUnless(shutil.which("runc"), "runc is missing")
    def test_runc(self):
        self.bundle(f"/machine.slice/libpod-{self.id}.scope")
        self.judge(self.record_container(RUNC), f"^{self.id}$", "podman")

    @unittest.skipUnless(shutil.which("podman") and shutil.which("runc"), "podman or runc is missing")
    def test_podman(self):
        self.rootfs()
        self.judge(self.record_container(PODMAN), "^[0-9a-f]{64}$", "podman")

    def test_no_container(self):
        events = self.events(self.record("/bin/sh", "-c", "true"))
        self.assertFalse([event for event in events if "container.id" in event and not self.is_contained()])
        if not self.is_contained():
            self.assertNotIn("CONTAINER", self.succeed("ps", self.path("a.sfold")))
            self.assertEqual(json.loads(self.succeed("stats", "--json", self.path("a.sfold")))["by_container"], [])

    @staticmethod
    def is_contained():
        """These tests may run in a container themselves."""
        words = ("docker", "libpod", "kubepods", "lxc", "crio", "containerd", "machine.slice")
        return any(word in pathlib.Path("/proc/self/cgroup").read_text(encoding="utf-8") for word in words)


if __name__ == "__main__":
    main()
