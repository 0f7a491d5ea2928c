# SPDX-License-Identifier: Apache-2.0
"""A recorder that real containers are told to, for the suites of this directory."""

import json
import os
import pathlib
import re
import secrets
import select
import signal
import socket
import subprocess

from containers import RUNTIME, USER, Case
import kit
import profiles

READY = b"ready\n"
GUARDED = re.compile("somebody does already|cannot take over .*Broken pipe")
ONE_PIPE = "exec 2>&1; "  # runc copies two of them in any order


def resolve(profile, capabilities=()):
    """What an engine makes of a profile for one container."""
    made = {"defaultAction": profile["defaultAction"],
            "architectures": profile.get("architectures") or ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
            "listenerPath": profile["listenerPath"], "syscalls": []}
    for name in ("defaultErrnoRet", "listenerMetadata"):
        if name in profile:
            made[name] = profile[name]
    for rule in profile["syscalls"]:
        if profiles.applies(rule, capabilities):
            kept = {"names": rule.get("names") or [rule["name"]], "action": rule["action"]}
            made["syscalls"].append(kept | {name: rule[name] for name in ("args", "errnoRet") if rule.get(name)})
    return made


class Running:
    """A container that waits for a line on its standard input, and one more for each read of its script."""

    def __init__(self, case, bundle, name):
        self.name = name
        self.process = case.start(*case.run_command(bundle, name), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, bufsize=0)
        case.addCleanup(case.remove_container, self)

    def await_ready(self):
        if not select.select([self.process.stdout], [], [], kit.PATIENCE)[0]:
            raise AssertionError(f"{self.name} says nothing")
        line = self.process.stdout.readline()
        if line != READY:
            raise AssertionError(line + self.process.stdout.read())

    def go_on(self):
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def finish(self):
        output = self.process.communicate(timeout=kit.PATIENCE)[0]
        return self.process.returncode, output


class RecorderCase(Case):
    recorder_is_root = False
    calls = "file,process,set_tid_address"
    options = ()

    def setUp(self):
        super().setUp()
        self.socket = self.path("notify.sock")
        self.profile = self.make_profile()

    # --- profiles ---

    def make_profile(self, base=None):
        based = [f"--base={base}"] if base else []
        return json.loads(self.succeed("oci", "profile", "-e", self.calls, f"--runtime={RUNTIME}", f"--socket={self.socket}",
                                       *based))

    def bundle_told(self, script, name=".", profile=None, change=None, **options):
        """A bundle whose container's calls are told."""
        self.bundle(script, name, **options)
        with open(self.path(f"{name}/config.json"), encoding="utf-8") as file:
            config = json.load(file)
        config["linux"]["seccomp"] = resolve(profile or self.profile, config["process"]["capabilities"]["bounding"])
        if change:
            change(config)
        self.write_bundle(config, name)

    # --- the recorder ---

    def parts(self, name, capture="a.sfold"):
        """The guardian's or the supervisors' pids."""
        found = []
        for directory in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if ((directory / "comm").read_bytes().strip() == name.encode()
                        and self.path(capture).encode() in (directory / "cmdline").read_bytes()):
                    found.append(int(directory.name))
            except OSError:
                continue
        return sorted(found)

    def attempt_recorder(self, *options, capture="a.sfold", errors=None):
        """One that listens, or has ended."""
        user = USER if self.rootless and not self.recorder_is_root else []
        with open(self.path(f"{capture}.errors"), "wb") as file:
            recorder = self.start(*user, kit.SYSFOLD, "record", "-b", "notify", f"--listen={self.socket}", "-o",
                                  self.path(capture), *self.options, *options, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=errors or file)
        self.wait_for(lambda: recorder.poll() is not None or self.is_listening(capture), "the recorder")
        return recorder

    def start_recorder(self, *options, capture="a.sfold", errors=None):
        recorder = self.attempt_recorder(*options, capture=capture, errors=errors)
        self.assertIsNone(recorder.poll(), self.said(capture))
        return recorder

    def start_successor(self, capture):
        """At the same socket as one that is gone. It gives up after a second if the guardian that was left has not seen
        by then that it is; on a machine that stalls that may take longer, and the next attempt is made."""
        recorders = []

        def begins():
            recorders[:] = [self.attempt_recorder(capture=capture)]
            return recorders[0].poll() is None or not GUARDED.search(self.said(capture))
        self.wait_for(begins, "the recorder that comes again")
        self.assertIsNone(recorders[0].poll(), self.said(capture))
        return recorders[0]

    def wait_until_recorded(self, container, capture="a.sfold"):
        """The recorder has heard of it, and has written something down."""
        self.wait_for(lambda: container.name.encode() in self.run_sysfold("read", "--json", self.path(capture)).stdout,
                      "the container's first events")

    def is_listening(self, capture):
        return os.path.exists(self.socket) and self.parts("sysfold-guard", capture)

    def said(self, capture="a.sfold"):
        return pathlib.Path(self.path(f"{capture}.errors")).read_text(encoding="utf-8")

    def stop_recorder(self, recorder, with_signal=signal.SIGTERM):
        recorder.send_signal(with_signal)
        self.assertEqual(recorder.wait(kit.PATIENCE), 0, self.said())

    def all_events(self, capture="a.sfold"):
        return self.events(self.path(capture))

    def events_of(self, name, capture="a.sfold"):
        """Of that source; no event of it may say that it is another container's."""
        found = [event for event in self.all_events(capture) if event["evt.source"] == name]
        for event in found:
            if event["thread.tid"]:
                self.assertEqual(event["container.full_id"], name, event)
                self.assertEqual(event["container.id"], name[:12], event)
        return found

    # --- containers ---

    def new_name(self):
        return secrets.token_hex(32)  # as engines name them

    def start_one(self, bundle="."):
        running = Running(self, bundle, self.new_name())
        running.await_ready()
        return running

    def remove_container(self, running):
        if running.process.returncode is None:
            subprocess.run(self.runtime("delete", "-f", running.name), check=False, env=self.environment(),
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=kit.PATIENCE)

    def connect(self):
        client = socket.socket(socket.AF_UNIX)
        client.connect(self.socket)
        self.addCleanup(client.close)
        return client


def is_call(event, name, **arguments):
    return event["evt.type"] == name and all(event["evt.args"].get(key) == value for key, value in arguments.items())


def calls_of(events, name, **arguments):
    return [event for event in events if is_call(event, name, **arguments)]
