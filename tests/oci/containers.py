# SPDX-License-Identifier: Apache-2.0
"""Containers of crun and runc for the suites of this directory: SUITE.py SYSFOLD crun|runc

As root, and as an ordinary user where the machine lets one. Exit status 77, with the reason, where the runtime or busybox
is missing; a visible skip where a container does not even start without a profile."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
RUNTIME = sys.argv.pop(2)

import kit  # noqa: E402, it takes the arguments that are left
import profiles  # noqa: E402

PROGRAM = shutil.which(RUNTIME, path="/usr/bin:/bin:/usr/sbin:/sbin")
BUSYBOX = "/bin/busybox"
APPLETS = ["sh", "ls", "cat", "mkdir", "chroot", "true", "su", "unshare", "id", "sleep"]
ENGINES = "/usr/share/containers/seccomp.json"
NAMESPACES = ["pid", "ipc", "uts", "mount"]
USER = ["setpriv", f"--reuid={kit.NOBODY}", f"--regid={kit.NOBODY}", "--clear-groups"]
# Of hybrid cgroups crun wants nothing; the mount is gone with the namespace.
CGROUPS = ["unshare", "-m", "--propagation", "private", "sh", "-c",
           'umount -l /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup; exec "$@"', "sh"]
CAPABILITIES = ["CAP_KILL"]


def rootless_part(config):
    config["linux"]["uidMappings"] = [{"containerID": 0, "hostID": kit.NOBODY, "size": 1}]
    config["linux"]["gidMappings"] = [{"containerID": 0, "hostID": kit.NOBODY, "size": 1}]
    config["linux"]["namespaces"].append({"type": "user"})


def configuration(arguments, rootfs, rootless=False, may_gain=False, capabilities=(), uid=0):
    capabilities = [*CAPABILITIES, *capabilities]
    config = {
        "ociVersion": "1.0.2",
        "process": {"terminal": False, "user": {"uid": uid, "gid": uid}, "args": arguments, "env": ["PATH=/bin"], "cwd": "/",
                    "noNewPrivileges": not may_gain,
                    "capabilities": {kind: capabilities for kind in ["bounding", "effective", "permitted"]}},
        "root": {"path": rootfs, "readonly": False},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                   {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]}],
        "linux": {"namespaces": [{"type": name} for name in NAMESPACES]},
        "annotations": {"org.example.name": "value"},
    }
    if rootless:
        rootless_part(config)
    return config


class Case(kit.Case):
    rootless = False
    count = 0

    def setUp(self):
        super().setUp()
        os.makedirs(self.path("rootfs/bin"))
        for name in ["proc", "dev"]:
            os.mkdir(self.path(f"rootfs/{name}"))
        shutil.copy(BUSYBOX, self.path("rootfs/bin/busybox"))
        for applet in APPLETS:
            os.symlink("busybox", self.path(f"rootfs/bin/{applet}"))
        if self.rootless:
            for path in [".", "rootfs", "rootfs/bin", "rootfs/proc", "rootfs/dev"]:
                os.chown(self.path(path), kit.NOBODY, kit.NOBODY)
        self.bundle("true")
        done = self.start_container()
        if done.returncode != 0:
            self.skipTest(f"{RUNTIME} starts no container here, without any profile: {done.stdout[-200:]!r}")

    def environment(self):
        return kit.environment(XDG_RUNTIME_DIR=self.directory)

    def write_bundle(self, config, name="."):
        os.makedirs(self.path(name), exist_ok=True)
        with open(self.path(f"{name}/config.json"), "w", encoding="utf-8") as file:
            json.dump(config, file)

    def bundle(self, script, name=".", **options):
        config = configuration(["/bin/sh", "-c", script], self.path("rootfs"), self.rootless, **options)
        self.write_bundle(config, name)

    def runtime(self, *arguments):
        options = ["--cgroup-manager=disabled"] if RUNTIME == "crun" else []
        return [*(CGROUPS if RUNTIME == "crun" else []), *(USER if self.rootless else []), PROGRAM,
                f"--root={self.path('state')}", *options, *arguments]

    def run_command(self, bundle, name):
        return self.runtime("run", f"--bundle={os.path.normpath(self.path(bundle))}", name)

    def new_name(self):
        Case.count += 1
        return f"sysfold-test-{os.getpid()}-{Case.count}"

    def start_container(self, bundle="."):
        """Runs it to its end."""
        self.name = self.new_name()
        return subprocess.run(self.run_command(bundle, self.name), check=False, cwd=self.directory, env=self.environment(),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=kit.PATIENCE,
                              input=b"")  # no /dev/null: they give what they are given to the container's user


def why_not():
    if not PROGRAM:
        return f"there is no {RUNTIME}"
    if os.geteuid() != 0:
        return "crun's and runc's containers are started by root here, and by users that root becomes"
    if not os.path.exists(BUSYBOX):
        return f"there is no {BUSYBOX}"
    return None if profiles.LIBSECCOMP else "there is no libseccomp.so"


def main(also=None):
    if reason := why_not() or also:
        print(f"skipped: {reason}")
        sys.exit(kit.SKIP)
    kit.main()
