#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""stats --live: what it counts, what it shows where, and how it ends."""

import contextlib
import json
import os
import re
import signal
import unittest

from kit import Case, main, on_terminal, why_unusable

CALLS = os.path.join(os.environ.get("PROGRAMS", "."), "program-calls")
# Runs until two intervals have been shown, however long the machine takes for them.
UNTIL_SHOWN_TWICE = "until test $(wc -l < figures) -ge 2; do sleep 0.1; done"
LINE = re.compile(r"seconds \d+\.\d{3} events \d+ events/s \d+ bytes/s \d+ lost \d+ buffer \d+")
SUMMARY = ["events", "failed", "lost", "bytes", "first", "last", "seconds"]


def may_measure():
    """Has this process CAP_SYS_ADMIN?"""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1], 16) for line in status if line.startswith("CapEff:")) >> 21 & 1


class Live:
    """What holds on each backend."""

    backend = ""

    def setUp(self):
        super().setUp()
        reason = why_unusable(self.backend)
        if reason:
            self.skipTest(f"{self.backend}: {reason}")

    def live(self, *arguments, status=0):
        """What came out, and the errors."""
        done = self.run_sysfold("stats", "--live", "-b", self.backend, "-o", "figures", *arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        with open(self.path("figures"), encoding="utf-8") as figures:
            return figures.read(), done.stderr.decode()

    def documents(self, *arguments, status=0):
        """Those of the intervals, and the one at the end."""
        text, errors = self.live("--json", *arguments, status=status)
        self.assertEqual(errors, "")
        documents = [json.loads(line) for line in text.splitlines()]
        self.assertTrue(all("interval" in document for document in documents[:-1]))
        self.assertNotIn("interval", documents[-1])
        return documents[:-1], documents[-1]

    def test_counts_exactly(self):
        _, summary = self.documents(CALLS, "1234", status=7)
        counts = {row["event"]: (row["events"], row["failed"]) for row in summary["by_event"]}
        self.assertEqual(counts["getppid"], (1234, 0))
        self.assertEqual(counts["exit_group"], (1, 0))
        self.assertEqual(summary["lost"], 0)
        self.assertEqual(summary["events"], sum(events for events, _ in counts.values()))
        self.assertEqual(summary["failed"], sum(failed for _, failed in counts.values()))
        self.assertEqual([row["name"] for row in summary["by_process"]], ["program-calls"])

    def test_intervals_add_up(self):
        intervals, summary = self.documents("--interval=0.2", "sh", "-c", UNTIL_SHOWN_TWICE)
        self.assertGreaterEqual(len(intervals), 2)
        before = {"events": 0, "bytes": 0, "lost": 0}
        age = 0
        for number, document in enumerate(intervals, 1):
            for key, count in before.items():
                self.assertEqual(document["interval"][key], document[key] - count)
                before[key] = document[key]
            age += document["interval"]["duration"]
            self.assertGreaterEqual(age, number * 200_000_000)  # one that is late makes the next one shorter
            for table in ["by_event", "by_process"]:
                counts = [row["events"] for row in document["interval"][table]]
                self.assertEqual(counts, sorted(counts, reverse=True))
                self.assertNotIn(0, counts)
                self.assertLessEqual(sum(counts), document["interval"]["events"])
        self.assertLessEqual(before["events"], summary["events"])
        self.assertLess(intervals[0]["time"], intervals[-1]["time"])

    def test_intervals_of_an_idle_stream(self):
        # Its only process sleeps in open() until there is a writer.
        os.mkfifo(self.path("fifo"))
        process = self.start_sysfold("stats", "--live", "--json", "-b", self.backend, "--interval=0.1", "-o", "figures",
                                     "cat", "fifo")

        def idle():
            documents = [json.loads(line) for line in self.content("figures").split("\n")[:-1]]
            return [document for document in documents if document["interval"]["events"] == 0]
        self.wait_for(lambda: len(idle()) >= 8, "eight intervals without an event")
        with open(self.path("fifo"), "wb"):
            pass
        self.assert_ends(process, 0)

    def test_summary_is_that_of_a_file(self):
        self.record("sh", "-c", "ls; true", options=["-b", self.backend])
        of_file = json.loads(self.succeed("stats", "--json", "a.sfold"))
        _, summary = self.documents("sh", "-c", "ls; true")
        del summary["programs"]
        self.assertEqual(list(summary), list(of_file))
        for table in ["by_event", "by_process"]:
            self.assertEqual(set(summary[table][0]), set(of_file[table][0]))
        self.assertEqual({row["name"] for row in summary["by_process"]}, {row["name"] for row in of_file["by_process"]})

    def test_text(self):
        text, errors = self.live("--interval=0.2", "sh", "-c", UNTIL_SHOWN_TWICE + "; exit 3", status=3)
        self.assertEqual(errors, "")
        lines = text.splitlines()
        figures = [line for line in lines if LINE.fullmatch(line)]
        self.assertGreaterEqual(len(figures), 2, text)
        rest = lines[len(figures):]
        self.assertEqual([line.split()[0] for line in rest[:len(SUMMARY)]], SUMMARY)
        self.assertIn(" EVENT\n", text)
        self.assertIn(" PROCESS\n", text)

    def test_terminal(self):
        # The command ends by a key that is typed when a table has shown it, and has been drawn over by another.
        status, output = on_terminal("stats", "--live", "-b", self.backend, "--interval=0.2", "--", "sh", "-c",
                                     "read key; exit 3", keys=[(b" sh\r\n", b""), (b"\x1b[J", b"\n")])
        self.assertEqual(os.waitstatus_to_exitcode(status), 3)
        text = output.decode()
        tables = text.split("\x1b[?7l")[1:]
        self.assertGreaterEqual(len(tables), 2)
        for table in tables:
            drawn, after = table.split("\x1b[?7h")
            self.assertIn("EVENTS/S", drawn)
            self.assertTrue(after.startswith(f"\x1b[{drawn.count(chr(10))}A\r\x1b[J"), after)
        self.assertRegex(text, r"\d sh\r\n")
        summary = text.rsplit("\x1b[J", 1)[1]
        self.assertTrue(summary.startswith("events "), summary)
        self.assertNotIn("\x1b", summary)

    def test_figures_keep_away_from_the_commands_output(self):
        done = self.run_sysfold("stats", "--live", "-b", self.backend, "echo", "hello")
        self.assertEqual((done.returncode, done.stdout), (0, b"hello\n"))
        self.assertTrue(done.stderr.startswith(b"events "), done.stderr)

    def test_dies_by_the_commands_signal(self):
        _, summary = self.documents("sh", "-c", "kill -TERM $$", status=-signal.SIGTERM)
        self.assertIn("signal", {row["event"] for row in summary["by_event"]})

    def test_attached_until_interrupted(self):
        target = self.start("sh", "-c", "while :; do sleep 0.1; done")
        process = self.start_sysfold("stats", "--live", "-b", self.backend, "--interval=0.1", "-o", "figures", "-p",
                                     str(target.pid))
        self.wait_for(lambda: re.search(r"events [1-9]", self.content("figures")), "figures of an event")
        process.send_signal(signal.SIGINT)
        self.assert_ends(process, 0)
        self.assertIn("\nfirst ", self.content("figures"))
        self.assertIsNone(target.poll())

    def content(self, name):
        with contextlib.suppress(FileNotFoundError), open(self.path(name), encoding="utf-8") as file:
            return file.read()
        return ""

    def test_output_that_fails_does_not_end_the_command(self):
        self.complain(125, "stats", "--live", "-b", self.backend, "-o", "/dev/full", "sh", "-c", "echo > ran",
                      about="cannot write to /dev/full")
        self.assertTrue(os.path.exists(self.path("ran")))


class Ptrace(Live, Case):
    backend = "ptrace"

    def test_nothing_of_it_runs_in_the_kernel(self):
        text, errors = self.live("--json", "--program-stats", "true")
        self.assertEqual(json.loads(text.splitlines()[-1])["programs"], [])
        self.assertRegex(errors, r"\Asysfold: --program-stats: [^\n]*ptrace[^\n]*\n\Z")


class Ebpf(Live, Case):
    backend = "ebpf"

    @unittest.skipUnless(may_measure(), "only CAP_SYS_ADMIN may have the kernel count the runs of programs")
    def test_programs_run_for_every_event(self):
        _, summary = self.documents("--program-stats", CALLS, "5000", status=7)
        programs = {program["name"]: program for program in summary["programs"]}
        self.assertGreaterEqual(programs["sys_exit"]["runs"], 5000)
        for program in programs.values():
            self.assertEqual(program["ns"] > 0, program["runs"] > 0, program)
        self.assertFalse([name for name in programs if name.startswith("sysfold_")])

    @unittest.skipUnless(may_measure(), "only CAP_SYS_ADMIN may have the kernel count the runs of programs")
    def test_programs_as_text(self):
        text, _ = self.live("--program-stats", CALLS, "5000", status=7)
        row = re.search(r"\n +RUNS +AVERAGE NS +MISSED PROGRAM\n(?: .*\n)*? +(\d+) +(\d+\.\d) +\d+ sys_exit\n", text)
        self.assertTrue(row, text)
        self.assertGreaterEqual(int(row[1]), 5000)
        self.assertGreater(float(row[2]), 0)


class WrongUsage(Case):
    def test_arguments(self):
        self.complain(125, "stats", "--live", about="command")
        self.complain(125, "stats", "--live", "-p", "x", about="'x'")
        self.complain(125, "stats", "--live", "-p", "1", "true", about="true")
        self.complain(125, "stats", "--live", "--dance", "true", about="--dance")
        for interval in ["0", "-1", "1x", "", "nan", "1e9"]:
            self.complain(125, "stats", "--live", "--interval", interval, "true", about=f"'{interval}'")
        self.complain(2, "stats", "--interval=1", "a.sfold", about="--interval")
        self.complain(127, "stats", "--live", "no-such-command", about="no-such-command")

    def test_output_that_cannot_be_opened(self):
        self.complain(125, "stats", "--live", "-o", "/no/such/file", "true", about="/no/such/file")


if __name__ == "__main__":
    main()
