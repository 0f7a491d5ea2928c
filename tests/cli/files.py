#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""read, stats and ps, on captures that are whole, damaged, foreign or not there."""

import collections
import json
import os
import subprocess
import unittest

from kit import STORY, SYSFOLD, Case, environment, main

READERS = ["read", "stats", "ps"]


class Whole(Case):
    def setUp(self):
        super().setUp()
        self.capture = self.record("sh", "-c", STORY, status=-9)

    def test_text_and_json_tell_of_the_same_events(self):
        lines = self.succeed("read", "--all", self.capture).splitlines()
        events = self.events(self.capture)
        self.assertEqual(len(lines), len(events))
        for line, event in zip(lines, events):
            self.assertIn(f"] {event['evt.type']}(", line)

    def test_snapshots_only_on_request(self):
        self.assertNotIn(" snap_", self.succeed("read", self.capture))
        self.assertIn(" snap_thread(", self.succeed("read", "-a", self.capture))

    def test_standard_input(self):
        for reader in READERS:
            with open(self.capture, "rb") as file:
                piped = self.succeed(reader, "-", stdin=file)
            self.assertEqual(piped, self.succeed(reader, self.capture))

    def test_stats(self):
        stats = json.loads(self.succeed("stats", "--json", self.capture))
        events = self.events(self.capture)
        self.assertEqual((stats["events"], stats["lost"], stats["damaged"]), (len(events), 0, 0))
        self.assertEqual(stats["failed"], sum(event["evt.failed"] for event in events))
        self.assertEqual(stats["first_time"], events[0]["evt.time"])
        self.assertEqual(stats["last_time"], max(event["evt.time"] for event in events))
        for key, table, column in [("evt.type", "by_event", "event"), ("proc.pid", "by_process", "pid")]:
            wanted = collections.Counter(event[key] for event in events if key in event)
            failed = collections.Counter(event[key] for event in events if event["evt.failed"])
            self.assertEqual({row[column]: (row["events"], row["failed"]) for row in stats[table]},
                             {name: (count, failed[name]) for name, count in wanted.items()})
            counts = [row["events"] for row in stats[table]]
            self.assertEqual(counts, sorted(counts, reverse=True))

    def test_stats_as_text(self):
        text = self.succeed("stats", self.capture)
        openat = sum(event["evt.type"] == "openat" for event in self.events(self.capture))
        self.assertRegex(text, rf"(?m)^ +{openat} +\d+ openat$")
        self.assertRegex(text, r"(?m)^ +\d+ +\d+ +\d+ cat$")
        self.assertRegex(text, r"(?m)^lost +0$")

    def test_durations(self):
        self.assertNotIn("SECONDS", self.succeed("stats", self.capture))
        capture = self.record("sleep", "0.2", options=["-b", "ptrace", "--timed"])
        self.assertIn("SECONDS", self.succeed("stats", capture))
        rows = json.loads(self.succeed("stats", "--json", capture))["by_event"]
        slept = [row["duration"] for row in rows if "nanosleep" in row["event"]]
        self.assertGreaterEqual(sum(slept), 200_000_000)

    def test_ps(self):
        tree = json.loads(self.succeed("ps", "--json", self.capture))
        self.assertEqual([(p["depth"], p["end"]) for p in tree],
                         [(0, "killed by SIGKILL"), (1, "exit 0"), (1, "exit 2"), (1, "exit 0"), (1, "exit 0")])
        self.assertEqual([p["name"] for p in tree[:3]], ["sh", "cat", "ls"])
        self.assertEqual({p["ppid"] for p in tree[1:]}, {tree[0]["pid"]})
        self.assertEqual([p["exit"] for p in tree[:3]],
                         [{"signal": "SIGKILL", "signo": 9, "core": False}, {"code": 0}, {"code": 2}])
        self.assertEqual(tree[0]["cmdline"], f"sh -c {STORY}")
        self.assertEqual(tree[1]["cmdline"], "cat /etc/hostname")
        made = [event for event in self.events(self.capture) if not event["evt.type"].startswith("snap_")]
        self.assertEqual(sum(p["events"] for p in tree), len(made))
        for process in tree:
            self.assertFalse(process["doubtful"])
            self.assertEqual(process["exit_time"] - process["start_time"], process["duration"])
            self.assertLess(process["duration"], 60_000_000_000)

    def test_ps_as_text(self):
        text = self.succeed("ps", self.capture)
        self.assertRegex(text, r"(?m)^ *\d+ +-?\d+\.\d{6} +\d+\.\d{6} killed by SIGKILL +sh -c cat ")
        self.assertRegex(text, r"(?m)^ *\d+ +\d+\.\d{6} +\d+\.\d{6} exit 2 +  ls /nonexistent$")

    def test_ps_of_what_still_ran(self):
        target = self.start("/bin/sleep", "600")
        recorder = self.start_sysfold("record", "-b", "ptrace", "-q", "-o", "b.sfold", "-p", str(target.pid))
        self.wait_until_traced(target.pid)
        recorder.terminate()
        self.assert_ends(recorder, 143)
        tree = json.loads(self.succeed("ps", "--json", self.path("b.sfold")))
        self.assertEqual([(p["pid"], p["end"], p["exit"], p["duration"]) for p in tree],
                         [(target.pid, "running", None, None)])
        self.assertEqual(tree[0]["cmdline"], "/bin/sleep 600")

    def test_output_that_cannot_be_written(self):
        for arguments in [["read"], ["read", "--json"], ["stats"], ["stats", "--json"], ["ps"], ["ps", "--json"]]:
            with open("/dev/full", "wb") as full:
                done = self.run_sysfold(*arguments, self.capture, stdout=full)
            self.assertEqual(done.returncode, 1)
            self.assertEqual(done.stderr, b"sysfold: cannot write to standard output: No space left on device\n")

    def test_reader_that_went_away(self):
        done = subprocess.run(["/bin/sh", "-c", f'"$0" read --json {self.capture} | head -n 1', SYSFOLD], check=False,
                              env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.stderr, b"")
        self.assertEqual(len(done.stdout.splitlines()), 1)

    def test_follow(self):
        capture = self.record("ls", "-lR", "/usr/share/doc", options=["--compress=0"])
        with open(capture, "rb") as file:
            content = file.read()
        with open(self.path("growing"), "wb") as file:
            file.write(content[:len(content) // 2])
        reader = self.start_sysfold("read", "--follow", "--json", "growing", stdout=subprocess.PIPE)
        lines = [reader.stdout.readline()]
        with open(self.path("growing"), "ab") as file:
            file.write(content[len(content) // 2:])
        lines += reader.stdout.readlines()
        self.assert_ends(reader, 0)
        self.assertEqual(self.errors(), "")
        self.assertEqual(b"".join(lines).decode(), self.succeed("read", "--json", capture))


class Bad(Case):
    def test_file_that_is_not_there(self):
        for reader in READERS:
            self.complain(2, reader, "nothing", about="nothing: No such file or directory")

    def test_directory(self):
        for reader in READERS:
            self.complain(2, reader, "/", about="Is a directory")

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
    def test_file_that_may_not_be_read(self):
        os.chmod(self.directory, 0o711)
        with open(self.path("secret"), "wb"):
            pass
        os.chmod(self.path("secret"), 0)
        for reader in READERS:
            self.complain(2, reader, self.path("secret"), about="Permission denied", user=65534, group=65534,
                          extra_groups=[])

    def test_foreign_files(self):
        for name, content in [("empty", b""), ("text", b"hello, world\n" * 100), ("zeros", bytes(5000)),
                              ("capture's magic alone", b"sysfold")]:
            with open(self.path(name), "wb") as file:
                file.write(content)
            for reader in READERS:
                self.complain(2, reader, name, about=name)

    def check_damaged(self, content, what):
        """Whatever it is: a clear line for each damage, a documented status, no crash, and lines that are JSON."""
        with open(self.path("bad"), "wb") as file:
            file.write(content)
        done = self.run_sysfold("read", "--json", "bad")
        self.assertIn(done.returncode, [0, 1, 2], f"{what}: {done.stderr}")
        for line in done.stderr.decode().splitlines():
            self.assertRegex(line, r"^sysfold: .*bad", what)
        self.assertEqual(done.returncode != 0, bool(done.stderr), what)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()

    def test_truncated_anywhere(self):
        with open(self.record("sh", "-c", STORY, options=["--compress=0"], status=-9), "rb") as file:
            content = file.read()
        whole = self.events(self.path("a.sfold"))
        most = 0
        for size in {*range(0, 200, 13), *range(0, len(content), len(content) // 60)}:
            status, events, errors = self.check_damaged(content[:size], f"cut at {size}")
            self.assertNotEqual(status, 0, f"cut at {size}")
            self.assertEqual(len(errors.splitlines()), 1)
            self.assertEqual(events, whole[:len(events)])
            most = max(most, len(events))
        self.assertGreater(most, 0)

    def test_flipped_bytes(self):
        with open(self.record("sh", "-c", STORY, status=-9), "rb") as file:
            content = file.read()
        for at in {*range(0, 200, 17), *range(0, len(content), len(content) // 60)}:
            flipped = content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1:]
            self.check_damaged(flipped, f"flipped at {at}")

    def test_damage_is_told_once_with_its_offset_and_the_rest_is_shown(self):
        capture = self.record("sh", "-c", "for i in 1 2 3 4 5 6; do ls -lR /etc/apt /usr/bin > /dev/null; done",
                              options=["--compress=0"])
        with open(capture, "rb") as file:
            content = bytearray(file.read())
        whole = self.events(capture)
        content[len(content) // 2] ^= 0xff
        status, events, errors = self.check_damaged(bytes(content), "one byte in the middle")
        self.assertEqual(status, 1)
        self.assertRegex(errors, r"\Asysfold: bad: .*\b(offset|at) \d+.*\n\Z")
        self.assertGreater(len(events), len(whole) // 10)
        self.assertLess(len(events), len(whole))
        self.assertEqual(events[0], whole[0])
        for reader in ["stats", "ps"]:
            self.complain(1, reader, "bad", about="bad: ")


if __name__ == "__main__":
    main()
