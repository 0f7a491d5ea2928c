#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sysfold compare: what it says of captures, runs and logs, and how runs end."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import unittest
import xml.etree.ElementTree

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "runsc"))

from kit import PATIENCE, SYSFOLD, Case, environment, main  # noqa: E402
from usable import why_no_sandbox  # noqa: E402

HELLO = os.path.join(os.environ.get("SCENARIOS", "."), "scenario-hello")
OTHER = os.path.join(os.environ.get("SCENARIOS", "."), "scenario-file-open")
TWICE = "ptrace,ptrace"
RUNSC = os.environ.get("SYSFOLD_RUNSC") or shutil.which("runsc")


class Compare(Case):
    def compare(self, status, *arguments, **options):
        """Ends with that status; what it said on stdout and stderr."""
        done = self.run_sysfold("compare", *arguments, **options)
        output, errors = done.stdout.decode(), done.stderr.decode()
        self.assertEqual(done.returncode, status, output + errors)
        return output, errors

    def report(self, status, *arguments, **options):
        return json.loads(self.compare(status, "--json", *arguments, **options)[0])

    def capture(self, name, *command):
        done = self.run_sysfold("record", "-q", "-o", name, "--", *command)
        self.assertNotEqual(done.returncode, 125, done.stderr)
        return name

    def in_turn(self, first, second):
        """A command that does one thing the first time and another one from then on."""
        return ["/bin/sh", "-c", f"if test -e done; then {second}; else : > done; {first}; fi"]

    def captures_left(self):
        return [name for name in os.listdir(self.directory) if name.startswith("sysfold-compare-")]


class Usage(Compare):
    def test_wrong_usage(self):
        for about, *arguments in [
                ("two capture files",), ("two capture files", "a"), ("a capture file", "--truth", "log"),
                ("not both", "--truth", "a", "--strace", "b", "c"), ("--junit=FILE", "--json", "--junit", "a", "b"),
                ("-e and -s", "-e", "open", "a", "b"), ("-e and -s", "-s", "0", "a", "b"),
                ("'nonsense'", "-b", "ptrace,nonsense", "--", "true"), ("''", "-b", "ptrace,", "--", "true"),
                ("a command", "--"), ("a command", "-b", TWICE), ("empty", "-b", TWICE, ""),
                ("'x'", "--timeout=x", "a", "b"), ("'-1'", "--limit=-1", "a", "b"), ("60001", "-s", "60001", "a", "b"),
                ("'blue'", "--color=blue", "a", "b"), ("--story", "--story", "--json", "a"),
                ("--strace", "--strace", "log", "--", "true"), ("-e", "-e", "open", "--truth", "log", "--", "true")]:
            self.complain(2, "compare", *arguments, about=about)

    def test_nothing_to_compare_with(self):
        self.complain(2, "compare", "-b", "ptrace", "--", "touch", "ran", about="only one")
        self.assertFalse(os.path.exists(self.path("ran")))

    def test_calls_that_are_no_calls(self):
        self.compare(2, "-b", TWICE, "-e", "no-such-call", "--", "true")

    def test_ignoring_what_is_not_there(self):
        self.capture("a", "/bin/true")
        self.assertIn("nonsense", self.compare(2, "--ignore", "read.nonsense", "a", "a")[0])


class Sandboxes(Compare):
    """On gVisor's kernel a command runs only where that is asked for."""

    def setUp(self):
        super().setUp()
        if b'"gvisor"' not in self.run_sysfold("backends", "--json").stdout:
            self.skipTest("this build is without the gvisor backend")

    def test_only_where_it_is_named(self):
        self.assertNotIn(b'"gvisor"', self.run_sysfold("compare", "--json", "--", HELLO).stdout)

    def test_without_runsc(self):
        os.mkdir(self.path("empty"))
        output, _ = self.compare(0, "-b", f"{TWICE},gvisor", "--", HELLO, env=environment(PATH=self.path("empty")))
        self.assertIn("runsc is not in PATH", output)

    @unittest.skipUnless(RUNSC, "there is no runsc: neither SYSFOLD_RUNSC nor PATH has one")
    def test_the_same_program_on_two_kernels(self):
        if why := why_no_sandbox(RUNSC):
            self.skipTest(why)
        os.mkdir(self.path("bin"))
        os.symlink(os.path.realpath(RUNSC), self.path("bin/runsc"))
        env = environment(PATH=self.path("bin") + ":/usr/bin:/bin:/usr/sbin:/sbin")
        self.compare(0, "-b", "gvisor,ptrace", "--", HELLO, env=env)
        self.compare(0, "-b", "gvisor,ptrace", "--truth", self.path("log"), "--", HELLO, env=env)


class Files(Compare):
    def test_same(self):
        self.capture("a", HELLO)
        self.capture("b", HELLO)
        output, errors = self.compare(0, "a", "b")
        self.assertTrue(output.endswith("\na and b: same\n"), output)
        self.assertEqual(errors, "")
        self.assertEqual(self.compare(0, "a", "b", "-q"), ("", ""))  # options may come behind files

    def test_more_than_two(self):
        for name in ["a", "b", "c"]:
            self.capture(name, HELLO)
        report = self.report(0, "a", "b", "c")
        self.assertEqual([(pair["reference"], pair["other"]) for pair in report["pairs"]], [("a", "b"), ("a", "c")])

    def test_different_programs(self):
        self.capture("a", HELLO)
        self.capture("b", "/bin/true")
        self.capture("c", "/bin/ls", "/")
        self.assertIn("b and c: different", self.compare(1, "b", "c")[0])
        for pair in [("a", "b"), ("b", "a")]: # one with markers, one without
            output, _ = self.compare(2, *pair)
            self.assertRegex(output, f"{pair[0]} and {pair[1]}: cannot be judged: .*markers")

    def test_what_cannot_be_read(self):
        self.capture("a", HELLO)
        with open(self.path("b"), "wb") as file:
            file.write(b"no capture")
        for other in ["b", "missing", "."]:
            output, errors = self.compare(2, "a", other)
            self.assertIn(f"a and {other}: cannot be judged", output)
            self.assertRegex(errors, r"\Asysfold: compare: [^\n]+\n\Z")
        self.compare(2, "missing", "a")

    def test_damaged_captures_are_never_the_same(self):
        self.capture("a", HELLO)
        with open(self.path("a"), "rb") as file:
            whole = file.read()
        for name, damaged in [("cut", whole[:-40]), ("half", whole[:len(whole) // 2]),
                              ("hit", whole[:len(whole) // 2] + b"\xff\x00\xff" + whole[len(whole) // 2 + 3:])]:
            with open(self.path(name), "wb") as file:
                file.write(damaged)
            self.assertIn("cannot be judged", self.compare(2, "a", name)[0])
            self.compare(2, name, name)

    def test_ignored(self):
        self.capture("a", "/bin/echo", "one")
        self.capture("b", "/bin/echo", "two")
        report = self.report(1, "a", "b")
        self.assertIn(("write", "data"), [(line["name"], difference["param"]) for line in report["pairs"][0]["lines"]
                                          for difference in line["differences"]])
        self.report(0, "--ignore", "write.data,execve", "a", "b")

    def test_story(self):
        self.capture("a", HELLO)
        self.capture("b", HELLO)
        story, _ = self.compare(0, "--story", "a")
        self.assertEqual(story, self.compare(0, "--story", "b")[0])
        self.assertIn('"here"', story)
        both, _ = self.compare(0, "--story", "a", "b")
        self.assertEqual(both, f"# a\n{story}\n# b\n{story}")
        self.compare(2, "--story", "missing")
        self.run_sysfold("record", "-q", "-o", "c", "--", HELLO, env={"SYSFOLD_TRUTH": self.path("log")})
        self.assertIn("\"here\"", self.compare(0, "--story", "--truth", "log")[0])


class Runs(Compare):
    def test_same(self):
        output, _ = self.compare(0, "-b", TWICE, "--", HELLO, env={"TMPDIR": self.directory})
        self.assertIn("\nptrace and ptrace#2: same\n", output)
        self.assertIn("ptrace: ", output)
        self.assertIn("exited with 0", output)
        self.assertEqual(self.captures_left(), [])

    def test_truth(self):
        report = self.report(0, "-b", TWICE, "--truth", "log", "--", HELLO)
        self.assertEqual([entry["kind"] for entry in report["inputs"]], ["truth", "run"] * 2)
        self.assertEqual([(pair["reference"], pair["other"]) for pair in report["pairs"]],
                         [("truth", "ptrace"), ("truth#2", "ptrace#2")])
        self.capture("a", HELLO)
        self.compare(0, "-b", "ptrace", "--truth", self.path("log"), "--", HELLO)

    def test_truth_of_another_run(self):
        self.run_sysfold("record", "-q", "-o", "a", "--", HELLO, env={"SYSFOLD_TRUTH": self.path("log")})
        self.compare(0, "--truth", "log", "a")
        self.capture("b", OTHER)
        self.compare(1, "--truth", "log", "b")

    def test_truth_that_is_missing_or_cut_short(self):
        with open(self.path("log"), "w", encoding="ascii") as log: # an old one is no truth of this run
            log.write('{"truth":1,"scenario":"old"}\n{"end":0}\n')
        output, _ = self.compare(2, "-b", "ptrace", "--truth", "log", "--", "/bin/true")
        self.assertIn("cannot be judged: truth: ", output)
        script = 'echo \'{"truth":1,"scenario":"crash"}\' > "$SYSFOLD_TRUTH"; kill -9 $$'
        output, _ = self.compare(2, "-b", "ptrace", "--truth", "log", "--", "/bin/sh", "-c", script)
        self.assertIn("cannot be judged: truth: ", output)
        self.assertIn("killed by SIGKILL", output)

    def test_only_a_log_is_removed(self):
        os.mkfifo(self.path("fifo"))
        _, errors = self.compare(2, "-b", "ptrace", "--truth", "fifo", "--", "/bin/true")
        self.assertIn("no regular file", errors)
        self.assertTrue(os.path.exists(self.path("fifo")))

    def test_truth_is_named_to_the_command(self):
        _, errors = self.compare(2, "-b", "ptrace", "--truth", "log", "--", "sh", "-c", "echo name=$SYSFOLD_TRUTH.")
        self.assertIn(f"name={os.path.realpath(self.path('log'))}.", errors)

    def test_strace(self):
        if not shutil.which("strace"):
            self.skipTest("strace is not installed")
        report = self.report(0, "-b", "ptrace,strace", "--", HELLO)
        self.assertEqual([entry["status"]["text"] for entry in report["inputs"]], ["exited with 0"] * 2)
        subprocess.run(["strace", "-f", "-o", "log", HELLO], cwd=self.directory, env=environment(), check=True)
        self.capture("a", HELLO)
        self.compare(0, "--strace", "log", "a")

    def test_unusable_is_skipped(self):
        nowhere = {"PATH": self.directory}
        report = self.report(0, "-b", f"{TWICE},strace", "--", HELLO, env=nowhere)
        skipped = report["inputs"][2]
        self.assertEqual((skipped["state"], skipped["reason"]), ("skipped", "strace is not installed"))
        self.assertTrue(skipped["remedy"])
        output, _ = self.compare(0, "-b", f"{TWICE},strace", "--", HELLO, env=nowhere)
        self.assertIn("strace: skipped: strace is not installed; remedy: ", output)
        report = self.report(0, "-b", f"strace,{TWICE}", "--", HELLO, env=nowhere)
        self.assertEqual([pair["reference"] for pair in report["pairs"]], ["ptrace"])
        report = self.report(0, "-b", "strace,ptrace", "--truth", "log", "--", HELLO, env=nowhere)
        self.assertEqual([(pair["reference"], pair["other"]) for pair in report["pairs"]], [("truth", "ptrace")])
        self.complain(2, "compare", "-b", "strace,ptrace", "--", HELLO, about="strace is not installed", env=nowhere)

    def test_runs_that_differ(self):
        report = self.report(1, "-b", TWICE, "--", *self.in_turn("echo one", "echo two"))
        lines = [line for line in report["pairs"][0]["lines"] if line["name"] == "write" and line["differences"]]
        self.assertIn({"param": "data", "reason": None}, [{key: difference[key] for key in ["param", "reason"]}
                                                          for line in lines for difference in line["differences"]])

    def test_ends_that_differ(self):
        for second, text in [("exit 3", "exited with 3"), ("ulimit -c 0; kill -11 $$", "killed by SIGSEGV")]:
            report = self.report(1, "-b", TWICE, "-e", "getrandom", "--", *self.in_turn("exit 0", second))
            self.assertTrue(report["pairs"][0]["ends_differ"])
            self.assertEqual(report["inputs"][1]["status"]["text"], text)
            os.unlink(self.path("done"))

    def test_crash_that_is_the_same(self):
        report = self.report(0, "-b", TWICE, "--", "/bin/sh", "-c", "ulimit -c 0; kill -11 $$")
        self.assertEqual(report["inputs"][0]["status"], {"how": "killed", "signal": 11, "text": "killed by SIGSEGV"})

    def test_command_that_cannot_be_run(self):
        output, errors = self.compare(2, "-b", TWICE, "--", "/no/such/command")
        self.assertIn("cannot be judged", output)
        self.assertIn("/no/such/command", errors)
        _, errors = self.compare(2, "-b", "ptrace", "--truth", "log", "--", "/no/such/command")
        self.assertRegex(errors, r"\Asysfold: compare: ptrace: [^\n]*/no/such/command[^\n]*\n\Z")

    def test_what_the_command_finds(self):
        """Nothing to read, and its output where it is not in the report's way."""
        script = 'read -r line; echo "in=$line"'
        output, errors = self.compare(0, "-b", TWICE, "--", "/bin/sh", "-c", script, input=b"secret\n")
        self.assertEqual(errors, "in=\nin=\n")
        self.assertNotIn("in=\n", output)


class Ends(Compare):
    """Whatever a run leaves behind is ended, and nothing else."""

    STUBBORN = 'echo $$ >> pids; (trap "" TERM; echo $BASHPID >> pids; setsid sh -c "echo \\$\\$ >> pids; ' \
               'exec sleep 600" & sleep 600) & sleep 600'

    def end_by_timeout(self, backends):
        """In the shortest time in which both runs have come so far that there are three processes: how long they take
        for that depends on the machine. Whatever there is by then has to be ended, each time."""
        for seconds in [1, 4, 16]:
            _, errors = outcome = self.compare(2, f"--timeout={seconds}", "-b", backends, "--", "/bin/bash", "-c",
                                               self.STUBBORN)
            self.assertIn(f"took longer than {seconds} second{'s' * (seconds > 1)} and was ended", errors)
            count = len(self.pids())
            self.assert_gone(count)
            os.unlink(self.path("pids"))
            if count == 6:
                return outcome
        return self.fail(f"{count} processes in {seconds} seconds, not 6")

    def pids(self):
        with open(self.path("pids"), "a+", encoding="ascii") as file:
            file.seek(0)
            return [int(line) for line in file if line.strip()]

    def assert_gone(self, count):
        pids = self.pids()
        self.assertEqual(len(pids), count)
        self.wait_for(lambda: not any(map(self.is_running, pids)), "the end of the run")

    def is_running(self, pid):
        """Neither is one that has ended and waits for init, nor is somebody else who has its number."""
        with contextlib.suppress(OSError):
            return os.path.samefile(f"/proc/{pid}/cwd", self.directory)
        return False

    def test_timeout(self):
        output, _ = self.end_by_timeout(TWICE)
        self.assertIn("cannot be judged: ptrace", output)

    def test_timeout_under_strace(self):
        if not shutil.which("strace"):
            self.skipTest("strace is not installed")
        self.end_by_timeout("strace,strace")

    def test_stopped_command(self):
        _, errors = self.compare(2, "--timeout=1", "-b", TWICE, "--", "/bin/sh", "-c", "kill -STOP $$")
        self.assertIn("took longer", errors)

    def test_children_of_others_live_on(self):
        script = 'sleep 600 & echo $! >> pids; exec "$0" compare --timeout=1 -b ptrace,ptrace -- sleep 600'
        done = subprocess.run(["/bin/sh", "-c", script, SYSFOLD], cwd=self.directory, env=environment(), check=False,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=PATIENCE)
        self.assertEqual(done.returncode, 2)
        pid = self.pids()[0]
        self.assertTrue(self.is_running(pid))
        os.kill(pid, signal.SIGKILL)

    def interrupt(self, signo):
        process = self.start("/usr/bin/env", f"TMPDIR={self.directory}", SYSFOLD, "compare", "-b", TWICE, "--",
                             "/bin/bash", "-c", self.STUBBORN, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
        self.wait_for(lambda: len(self.pids()) == 3, "the run")
        self.assertTrue(all(map(self.is_running, self.pids())))
        process.send_signal(signo)
        self.assertEqual(process.wait(PATIENCE), -signo)
        self.assert_gone(3)
        self.wait_for(lambda: not self.captures_left(), "the removal of what was captured")
        os.unlink(self.path("pids"))

    def test_signals(self):
        for signo in [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]:
            self.interrupt(signo)

    def test_killed(self):
        self.interrupt(signal.SIGKILL)


class Reports(Compare):
    def setUp(self):
        super().setUp()
        self.capture("a", "/bin/echo", "one <&> two")
        self.capture("b", "/bin/echo", "one <&> \x01\x1b[31m\xff")

    def test_json(self):
        report = self.report(1, "a", "b")
        self.assertEqual(set(report), {"verdict", "command", "inputs", "pairs"})
        self.assertEqual((report["verdict"], report["command"]), ("different", None))
        self.assertEqual(set(report["inputs"][0]),
                         {"name", "kind", "backend", "path", "state", "reason", "remedy", "events", "threads", "lost",
                          "status", "seconds"})
        pair = report["pairs"][0]
        self.assertEqual(set(pair), {"reference", "other", "verdict", "reason", "ends_differ", "counts", "lines",
                                     "declared"})
        self.assertEqual(set(pair["counts"]), {"same", "declared", "different", "missing", "extra", "lost",
                                               "disordered", "reference_lost", "other_lost"})
        shown = [line["kind"] for line in pair["lines"]]
        for kind in ["different", "missing", "extra"]:
            self.assertEqual(shown.count(kind), pair["counts"][kind])
        self.assertNotIn("same", shown)
        everything = self.report(1, "--all", "a", "b")["pairs"][0]["lines"]
        self.assertEqual(len([line for line in everything if line["kind"] == "same"]), pair["counts"]["same"])

    def test_junit(self):
        text, _ = self.compare(1, "--junit", "a", "b")
        suite = xml.etree.ElementTree.fromstring(text).find("testsuite")
        self.assertEqual((suite.get("tests"), suite.get("failures"), suite.get("errors"), suite.get("skipped")),
                         ("1", "1", "0", "0"))
        case = suite.find("testcase")
        self.assertEqual(case.get("name"), "a and b")
        self.assertIn("one <&> two", case.find("failure").text)

    def test_junit_of_everything_else(self):
        text, _ = self.compare(0, "--junit", "-b", f"{TWICE},strace", "--", HELLO, env={"PATH": self.directory})
        suite = xml.etree.ElementTree.fromstring(text).find("testsuite")
        self.assertEqual((suite.get("tests"), suite.get("skipped")), ("2", "1"))
        self.assertIn("not installed", suite.find("testcase/skipped").get("message"))
        text, _ = self.compare(2, "--junit", "a", "missing")
        self.assertIn("missing", xml.etree.ElementTree.fromstring(text).find("testsuite/testcase/error").get("message"))

    def test_junit_of_strange_names(self):
        name = "a<&>\"'\x01\t\n\x7f\xff\uffff]]>"
        shutil.copy(self.path("a"), self.path(name))
        self.compare(1, "--junit=report.xml", name, "b")
        case = xml.etree.ElementTree.parse(self.path("report.xml")).find("testsuite/testcase")
        self.assertEqual(case.get("name"), name.replace("\x01", "\ufffd").replace("\uffff", "\ufffd") + " and b")

    def test_junit_beside_text(self):
        output, _ = self.compare(1, "--junit=report.xml", "a", "b")
        self.assertIn("a and b: different", output)
        self.assertEqual(self.compare(1, "-q", "--junit=report.xml", "a", "b")[0], "")
        xml.etree.ElementTree.parse(self.path("report.xml"))

    def test_colours(self):
        self.assertNotIn("\033", self.compare(1, "a", "b")[0])
        self.assertNotIn("\033", self.compare(1, "--color=never", "a", "b")[0])
        coloured, _ = self.compare(1, "--color=always", "a", "b")
        self.assertIn("\033[31ma and b: different", coloured)
        self.assertIn("\033[1mthread 1\033[0m", coloured)

    def test_nothing_of_theirs_drives_the_terminal(self):
        self.assertNotIn("\x01", self.compare(1, "--all", "a", "b")[0])
        os.rename(self.path("b"), self.path("b\033[2J"))
        output, errors = self.compare(1, "a", "b\033[2J")
        self.assertNotIn("\033", output)
        self.assertNotIn("\033", self.compare(2, "a", "c\033[2J")[1] + errors)

    def test_columns(self):
        for columns, expected in [("200", " | "), ("60", "\n* > ")]:
            output, _ = self.compare(1, "a", "b", env={"COLUMNS": columns})
            self.assertIn(expected, output)

    def test_context_and_limit(self):
        whole, _ = self.compare(1, "--all", "a", "b")
        short, _ = self.compare(1, "a", "b")
        self.assertLess(len(short.splitlines()), len(whole.splitlines()))
        none, _ = self.compare(1, "--limit=0", "a", "b")
        self.assertRegex(none, r"(?m)^\.\.\. and [1-9]\d* more differences")
        self.assertEqual(self.report(1, "--limit=0", "a", "b")["verdict"], "different")

    def test_output(self):
        output, _ = self.compare(1, "a", "b")
        self.assertEqual(self.compare(1, "-o", "report", "a", "b")[0], "")
        with open(self.path("report"), encoding="utf-8") as report:
            self.assertEqual(report.read(), output)
        self.complain(2, "compare", "-o", "/dev/full", "a", "b", about="/dev/full")
        self.complain(2, "compare", "-o", "no/such/place", "a", "b", about="no/such/place")
        self.complain(2, "compare", "--junit=no/such/place", "a", "b", about="no/such/place")

    def test_quiet(self):
        self.assertEqual(self.compare(1, "-q", "a", "b"), ("", ""))
        self.assertEqual(self.compare(0, "-q", "a", "a"), ("", ""))


assert unittest
if __name__ == "__main__":
    main()
