#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sysfold gvisor, the options of gVisor's backend, and the configurations in containers/gvisor.
SYSFOLD_RUNSC is the runsc to use, else the one in PATH; tests that need a real one are skipped where there is none."""

import configparser
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import threading
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "runsc"))

import kit  # noqa: E402
from kit import PATIENCE, Case, main  # noqa: E402
from usable import why_no_sandbox  # noqa: E402

RUNSC = os.environ.get("SYSFOLD_RUNSC") or shutil.which("runsc")
FILES = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "containers", "gvisor")
ADDRESS = "/run/sysfold/gvisor.sock"
NO_NAMESPACES = ["unshare", "-Ur", "sh", "-c", 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"', "sh"]
needs_runsc = unittest.skipUnless(RUNSC, "there is no runsc: neither SYSFOLD_RUNSC nor PATH has one")


def points(text):
    return [point["name"] for point in json.loads(text)["trace_session"]["points"]]


class Usage(Case):
    def test_neither_config_nor_attach(self):
        self.complain(2, "gvisor", about="config or attach")
        self.complain(2, "gvisor", "dance", about="dance")
        self.complain(2, "gvisor", "--dance", about="--dance")

    def test_help(self):
        text = self.succeed("gvisor", "--help")
        for arguments in [["config", "--help"], ["attach", "-h"]]:
            self.assertEqual(self.succeed("gvisor", *arguments), text)

    def test_config(self):
        self.complain(2, "gvisor", "config", "a", about="'a'")
        self.complain(2, "gvisor", "config", "--all", about="--all")
        self.complain(2, "gvisor", "config", "-w", "a", about="-w")
        self.complain(2, "gvisor", "config", "--socket=a.sock", about="absolute")
        self.complain(2, "gvisor", "config", "--socket=/" + 107 * "a", about="too long")
        self.complain(2, "gvisor", "config", "--socket=/a", "-e", "opena", about="opena")

    def test_config_without_runsc(self):
        for missing in [[], ["--runsc=runsc"], ["--runsc=" + self.path("runsc")]]:
            self.complain(2, "gvisor", "config", "--socket=/a", *missing, env=kit.environment(PATH=self.directory),
                          about="runsc")
        self.assertIn("install", self.complain(2, "gvisor", "config", "--socket=/a",
                                               env=kit.environment(PATH=self.directory)))

    def test_config_of_something_else(self):
        self.complain(2, "gvisor", "config", "--socket=/a", "--runsc=/bin/true", about="is it gVisor's")
        self.complain(2, "gvisor", "config", "--socket=/a", "--runsc=/bin/false", about="exit status 1")
        self.complain(2, "gvisor", "config", "--socket=/a", "--runsc=/dev/null", about="Permission denied")

    def test_attach(self):
        self.complain(125, "gvisor", "attach", about="--all")
        self.complain(125, "gvisor", "attach", "--all", "web", about="web")
        self.complain(125, "gvisor", "attach", "-w", about="-w")
        self.complain(125, "gvisor", "attach", "--socket=/a", "web", about="--socket")

    def test_attach_is_a_trace_or_a_record(self):
        self.complain(125, "gvisor", "attach", "-e", "opena", "web", about="opena")
        self.complain(125, "gvisor", "attach", "-e", "opena", "--all", about="opena")
        self.complain(125, "gvisor", "attach", "-w", "/dev/null/a", "web", about="/dev/null/a")
        self.complain(125, "gvisor", "attach", "-w", self.path("a"), "-e", "opena", "web", about="opena")
        self.assertFalse(os.path.exists(self.path("a")))


class Options(Case):
    """Of trace and record, where they are checked before anything is done."""

    def test_another_backend_has_none_of_them(self):
        for option in ["--socket=/a", "--socket-mode=600", "--socket-owner=root", "--rootfs=/", "--bind=/tmp",
                       "--runsc=runsc", "--runsc-root=/a"]:
            self.complain(125, "trace", "-b", "ptrace", option, "--", "true", about=option.split("=", maxsplit=1)[0])

    def test_one_target(self):
        for target in [["-p", "1"], ["--system-wide"], ["--container=a"], ["--cgroup=a"], ["--", "true"]]:
            self.complain(125, "trace", "--socket=/a", *target, about="not both")

    def test_each_has_its_target(self):
        for option in ["--rootfs=/", "--bind=/tmp"]:
            self.complain(125, "trace", option, about="a command to run")
            self.complain(125, "record", "-o", "a", option, "--socket=/a", about="a command to run")
        for option in ["--socket-mode=600", "--socket-owner=root"]:
            self.complain(125, "trace", option, "--", "true", about="socket")
            self.complain(125, "trace", option, "--system-wide", about="socket")
        self.complain(125, "trace", "--runsc-root=/a", "--", "true", about="containers that run")

    def test_values(self):
        for mode in ["", "8", "0", "-1", "1000", "0x10", "6oo", "+600", "99999999999999999999"]:
            self.complain(125, "trace", "--socket=/a", f"--socket-mode={mode}", about=f"'{mode}'")
        self.complain(125, "trace", "--socket=a", about="absolute")
        self.complain(125, "trace", "--socket=", about="absolute")


@needs_runsc
class Real(Case):
    def config(self, *arguments):
        return self.succeed("gvisor", "config", f"--runsc={RUNSC}", *arguments)

    def test_points(self):
        chosen = points(self.config("--socket=/a", "-e", "openat", "-e", "unlink"))
        life = ["container/start", "sentry/clone", "sentry/execve", "sentry/exit_notify_parent", "sentry/task_exit"]
        always = [f"sysno/{number}" for number in [15, 56, 57, 58]]  # returns from signals; births, and how their ends signal
        calls = [f"syscall/{name}/{moment}" for name in ["openat", "sysno/257", "sysno/87", *always]
                 for moment in ["enter", "exit"]]
        self.assertEqual(sorted(chosen), sorted(life + calls))
        self.assertGreater(len(points(self.config("--socket=/a"))), 700)

    def test_sink(self):
        sink = json.loads(self.config("--socket=/a b"))["trace_session"]["sinks"][0]
        self.assertEqual(sink["config"]["endpoint"], "/a b")
        self.assertTrue(sink["ignore_setup_error"])
        self.assertNotIn("ignore_setup_error", self.config("--socket=/a", "--must-connect"))

    def test_default_socket(self):
        environment = kit.environment(XDG_RUNTIME_DIR="/x")
        expected = ADDRESS if os.geteuid() == 0 else "/x/sysfold/gvisor.sock"
        text = self.succeed("gvisor", "config", f"--runsc={RUNSC}", env=environment)
        self.assertEqual(json.loads(text)["trace_session"]["sinks"][0]["config"]["endpoint"], expected)

    def test_full_output(self):
        with open("/dev/full", "wb") as full:
            done = self.run_sysfold("gvisor", "config", "--socket=/a", f"--runsc={RUNSC}", stdout=full)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"cannot write", done.stderr)

    def run_sandbox(self, *options):
        """A sandbox with that configuration: what it said, and its exit status."""
        with open(self.path("config.json"), "w", encoding="utf-8") as config:
            config.write(self.config(f"--socket={self.path('socket')}", *options))
        mode = [] if os.geteuid() == 0 else ["--rootless"]
        return subprocess.run([RUNSC, "--root", self.path("state"), *mode, "--network=none",
                               f"--pod-init-config={self.path('config.json')}", "do", "sh", "-c", "exit 7"], check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE)

    def need_sandboxes(self):
        if why := why_no_sandbox(RUNSC):
            self.skipTest(why)

    # There are none in a chroot, nor where the limit is used up, as it is here in a user namespace of its own.
    def test_no_user_namespaces(self):
        os.mkdir(self.path("bin"))
        os.symlink(os.path.realpath(RUNSC), self.path("bin/runsc"))
        command, about = [kit.SYSFOLD], "chroot"
        if subprocess.run(NO_NAMESPACES + ["true"], check=False, stderr=subprocess.DEVNULL).returncode == 0:
            command, about = NO_NAMESPACES + command, "user.max_user_namespaces"
        done = subprocess.run(command + ["backends", "--json"], check=True, stdout=subprocess.PIPE,
                              env=kit.environment(PATH=self.path("bin") + ":/usr/bin:/bin"))
        told = next(entry for entry in json.loads(done.stdout) if entry["name"] == "gvisor")
        self.assertIn("runs no commands", told["reason"])
        self.assertIn(about, told["reason"])
        self.assertIn("unshare -U", told["remedy"])

    def listen(self):
        """Shakes hands with the first sandbox and keeps its packets, in the list that is returned."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(listener.close)
        listener.bind(self.path("socket"))
        listener.listen(1)
        listener.settimeout(PATIENCE)
        packets = []

        def receive():
            peer = listener.accept()[0]
            with peer:
                packets.append(peer.recv(4096))
                peer.send(b"\x08\x01")
                while packet := peer.recv(1 << 20):
                    packets.append(packet)
        thread = threading.Thread(target=receive, daemon=True)
        thread.start()
        return packets, thread

    def test_a_sandbox_tells_what_was_chosen(self):
        self.need_sandboxes()
        packets, thread = self.listen()
        done = self.run_sandbox("--must-connect", "-e", "openat")
        self.assertEqual(done.returncode, 7, done.stdout)
        thread.join(PATIENCE)
        self.assertEqual(packets[0], b"\x08\x01")
        kinds = {int.from_bytes(packet[2:4], "little") for packet in packets[1:]}
        # Start, TaskExit, raw and schematized openat; of other processes only what sh has need of.
        self.assertLessEqual({1, 5, 6, 7}, kinds)
        self.assertLessEqual(kinds, {1, 2, 3, 4, 5, 6, 7})

    def test_nobody_listens(self):
        self.need_sandboxes()
        self.assertEqual(self.run_sandbox().returncode, 7)
        done = self.run_sandbox("--must-connect")
        self.assertNotIn(done.returncode, [0, 7])
        self.assertIn(b"connect", done.stdout)


def toml(path):
    """The tables of what TOML our files use: comments, [a."b.c".d], key = "string" or number."""
    tables = {"": {}}
    table = tables[""]
    with open(path, encoding="utf-8") as file:
        for line in map(str.strip, file):
            if header := re.fullmatch(r'\[((?:[\w-]+|"[^"]+")(?:\.(?:[\w-]+|"[^"]+"))*)\]', line):
                table = tables.setdefault(header[1], {})
            elif entry := re.fullmatch(r'([\w-]+) = ("[^"\\]*"|\d+)', line):
                table[entry[1]] = json.loads(entry[2])
            elif line and not line.startswith("#"):
                raise ValueError(f"{path}: {line}")
    return tables


class Containers(Case):
    """The configurations say the same as each other, and as the command."""

    FLAG = "pod-init-config"
    SESSION = "/etc/sysfold/gvisor.json"

    def test_docker(self):
        with open(os.path.join(FILES, "docker", "daemon.json"), encoding="utf-8") as file:
            runtime = json.load(file)["runtimes"]["runsc-sysfold"]
        self.assertEqual(runtime["runtimeArgs"], [f"--{self.FLAG}={self.SESSION}"])

    def test_containerd(self):
        shim = toml(os.path.join(FILES, "containerd", "runsc.toml"))
        self.assertEqual(shim["runsc_config"], {self.FLAG: self.SESSION})
        for name, version, plugin in [("config.toml", 2, "io.containerd.grpc.v1.cri"),
                                      ("config-v3.toml", 3, "io.containerd.cri.v1.runtime")]:
            tables = toml(os.path.join(FILES, "containerd", name))
            handler = f'plugins."{plugin}".containerd.runtimes.runsc-sysfold'
            self.assertEqual(tables[""], {"version": version})
            self.assertEqual(tables[handler], {"runtime_type": "io.containerd.runsc.v1"})
            self.assertEqual(tables[handler + ".options"], {"TypeUrl": "io.containerd.runsc.v1.options",
                                                            "ConfigPath": "/etc/containerd/runsc-sysfold.toml"})

    def test_unit(self):
        unit = configparser.ConfigParser(strict=False, interpolation=None)
        unit.optionxform = str
        unit.read(os.path.join(FILES, "sysfold-gvisor.service"))
        service = unit["Service"]
        self.assertEqual(f"/run/{service['RuntimeDirectory']}/gvisor.sock", ADDRESS)
        self.assertIn('--socket="$RUNTIME_DIRECTORY/gvisor.sock"', service["ExecStart"])

    @unittest.skipUnless(shutil.which("systemd-analyze"), "there is no systemd-analyze")
    def test_unit_is_understood(self):
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", os.path.join(FILES, "sysfold-gvisor.service")],
                              check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE)
        self.assertEqual((done.returncode, done.stdout), (0, b""))

    @needs_runsc
    def test_runsc_writes_the_same_for_docker(self):
        subprocess.run([RUNSC, "install", f"--config_file={self.path('daemon.json')}", "--runtime=runsc-sysfold", "--",
                        f"--{self.FLAG}={self.SESSION}"], check=True, stderr=subprocess.DEVNULL, timeout=PATIENCE)
        with open(self.path("daemon.json"), encoding="utf-8") as file:
            written = json.load(file)["runtimes"]["runsc-sysfold"]
        with open(os.path.join(FILES, "docker", "daemon.json"), encoding="utf-8") as file:
            ours = json.load(file)["runtimes"]["runsc-sysfold"]
        self.assertEqual(written["runtimeArgs"], ours["runtimeArgs"])

    def test_documents(self):
        for name in ["README.md", "runsc/README.md", "docker/README.md", "containerd/README.md"]:
            with open(os.path.join(FILES, name), encoding="utf-8") as file:
                text = file.read()
            self.assertIn("gvisor.json", text)
            for target in re.findall(r"\]\(([^)]+)\)", text):
                self.assertTrue(os.path.exists(os.path.join(FILES, os.path.dirname(name), target)), f"{name}: {target}")


assert unittest
if __name__ == "__main__":
    main()
