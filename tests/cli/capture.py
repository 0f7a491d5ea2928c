#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""trace and record: what is shown where, how they end, and what they do not do to their target."""

import json
import os
import re
import signal
import struct
import subprocess
import time
import unittest

from kit import BACKEND, CHOICE, NOBODY, SYSFOLD, Case, attaches, environment, main, on_terminal

LINE = re.compile(r"^\d\d:\d\d:\d\d\.\d{9} \S+\[\d+(/\d+)?\] [\w:]+\(.*\)( = .*)?$")


needs_nobody = unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
for_ordinary_users = unittest.skipIf(BACKEND == "ebpf", "an ordinary user cannot use ebpf")


class ExitStatus(Case):
    def each(self, check):
        check("trace", "-o", "/dev/null")
        check("record", "-q", "-o", self.path("a.sfold"))

    def test_is_the_targets(self):
        def check(*sysfold):
            for status in [0, 1, 77, 125, 126, 127, 255]:
                done = self.run_sysfold(*sysfold, "sh", "-c", f"exit {status}")
                self.assertEqual((done.returncode, done.stderr), (status, b""))
        self.each(check)

    def test_dies_by_the_signal_that_killed_the_target(self):
        def check(*sysfold):
            for signo in [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGINT, signal.SIGPIPE, signal.SIGUSR1]:
                done = self.run_sysfold(*sysfold, "sh", "-c", f"ulimit -c 0; kill -{int(signo)} $$")
                self.assertEqual((done.returncode, done.stderr), (-signo, b""))
        self.each(check)
        self.assertEqual([name for name in os.listdir(self.directory) if name.startswith("core")], [])

    def test_command_not_found(self):
        self.each(lambda *sysfold: self.complain(127, *sysfold, "no-such-command", about="no-such-command"))
        self.each(lambda *sysfold: self.complain(127, *sysfold, "/no/such/command", about="/no/such/command"))

    def test_command_that_cannot_be_executed(self):
        with open(self.path("text"), "w", encoding="ascii") as file:
            file.write("text\n")
        with open(self.path("garbage"), "w", encoding="ascii") as file:
            file.write("\x01\x02garbage\n")
        os.chmod(self.path("garbage"), 0o755)
        os.mkdir(self.path("directory"))
        self.each(lambda *sysfold: self.complain(126, *sysfold, "./text", about="./text"))
        self.each(lambda *sysfold: self.complain(126, *sysfold, "./garbage", about="./garbage"))
        self.each(lambda *sysfold: self.complain(126, *sysfold, "./directory", about="./directory"))
        self.each(lambda *sysfold: self.complain(126, *sysfold, "./text/x", about="./text/x"))

    @for_ordinary_users
    @needs_nobody
    def test_command_that_others_may_not_execute(self):
        os.chmod(self.directory, 0o711)
        with open(self.path("secret"), "w", encoding="ascii") as file:
            file.write("#!/bin/sh\n")
        os.chmod(self.path("secret"), 0o700)
        self.complain(126, "trace", self.path("secret"), about="Permission denied", user=NOBODY, group=NOBODY,
                      extra_groups=[])

    def test_unknown_system_call(self):
        self.each(lambda *sysfold: self.complain(125, *sysfold, "-e", "opennat", "true", about="opennat"))
        self.each(lambda *sysfold: self.complain(125, *sysfold, "-e", "/[", "true", about="["))

    def test_unknown_backend(self):
        self.each(lambda *sysfold: self.complain(125, *sysfold, "-b", "crystal-ball", "true", about="crystal-ball"))

    @attaches
    def test_process_that_is_not_there(self):
        gone = subprocess.Popen(["/bin/true"])
        gone.wait()
        self.each(lambda *sysfold: self.complain(125, *sysfold, "-p", str(gone.pid), about=str(gone.pid)))

    @attaches
    @for_ordinary_users
    @needs_nobody
    def test_process_that_is_not_ours(self):
        text = self.complain(125, "trace", "-p", str(os.getpid()), user=NOBODY, group=NOBODY, extra_groups=[])
        self.assertIn(str(os.getpid()), text)
        self.assertIn("not permitted", text)


class Trace(Case):
    def test_text_is_on_stderr_and_the_targets_output_is_its_own(self):
        done = self.run_sysfold("trace", "--", "echo", "hello")
        self.assertEqual((done.returncode, done.stdout), (0, b"hello\n"))
        lines = done.stderr.decode().splitlines()
        for line in lines:
            self.assertRegex(line, LINE)
        self.assertTrue(any("write(" in line and line.endswith(" = 6") for line in lines), lines)
        self.assertTrue(any("process_exit(" in line for line in lines), lines)
        self.assertFalse(any("snap_" in line for line in lines), lines)

    def test_time_is_local(self):
        before = int(time.time()) // 60 * 60
        done = self.run_sysfold("trace", "-e", "execve", "true", env={"TZ": "XXX-5:30"})
        text = done.stderr.decode()[:5]
        minutes = [time.strftime("%H:%M", time.gmtime(t + 19800)) for t in range(before, int(time.time()) + 60, 60)]
        self.assertIn(text, minutes)

    def test_all_shows_what_was_there_before(self):
        done = self.run_sysfold("trace", "--all", "true")
        self.assertIn(b" snap_thread(", done.stderr)

    def test_output_file(self):
        done = self.run_sysfold("trace", "-o", "log", "sh", "-c", "echo out; echo err >&2")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"out\n", b"err\n"))
        with open(self.path("log"), encoding="utf-8") as log:
            for line in log:
                self.assertRegex(line, LINE)

    def test_output_on_stdout(self):
        done = self.run_sysfold("trace", "-o", "-", "-e", "execve", "true")
        self.assertIn(b"execve(", done.stdout)
        self.assertEqual(done.stderr, b"")

    def test_json(self):
        done = self.run_sysfold("trace", "--json", "sh", "-c", "cat /nonexistent 2>/dev/null; exit 3")
        self.assertEqual(done.returncode, 3)
        events = [json.loads(line) for line in done.stderr.decode().splitlines()]
        self.assertEqual([event["evt.num"] for event in events], list(range(1, len(events) + 1)))
        for event in events:
            self.assertIsInstance(event["evt.time"], int)
            self.assertIsInstance(event["evt.args"], dict)
            self.assertIsInstance(event["evt.failed"], bool)
            self.assertGreaterEqual({*event}, {"evt.type", "evt.source", "thread.tid"})
        failed = [event for event in events if event.get("evt.args", {}).get("path") == "/nonexistent"]
        self.assertEqual([(event["evt.failed"], event["evt.errno"]) for event in failed], [(True, "ENOENT")])
        self.assertEqual(failed[0]["proc.name"], "cat")
        self.assertEqual(failed[0]["proc.ppid"], events[-1]["proc.pid"])

    def test_only_the_chosen_calls(self):
        def calls(expression):
            done = self.run_sysfold("trace", "--json", "-e", expression, "cat", "/etc/hostname")
            self.assertEqual(done.returncode, 0, done.stderr)
            return {event["evt.type"] for event in map(json.loads, done.stderr.decode().splitlines())
                    if "evt.res" in event}
        self.assertEqual(calls("openat"), {"openat"})
        self.assertEqual(calls("openat,close"), {"openat", "close"})
        self.assertEqual(calls("trace=openat"), {"openat"})
        self.assertEqual(calls("/^opena"), {"openat"})
        self.assertGreaterEqual(calls("file"), {"openat", "execve", "access"})
        self.assertNotIn("read", calls("file"))
        self.assertNotIn("openat", calls("!openat"))
        self.assertIn("read", calls("!openat"))

    def test_e_twice_adds(self):
        done = self.run_sysfold("trace", "-e", "openat", "-e", "close", "true")
        self.assertIn(b"openat(", done.stderr)
        self.assertIn(b"close(", done.stderr)

    def test_options_behind_the_command_are_the_commands(self):
        for separator in [[], ["--"]]:
            done = self.run_sysfold("trace", "-o", "log", *separator, "echo", "--json", "-p", "1", "-o", "x")
            self.assertEqual((done.returncode, done.stdout), (0, b"--json -p 1 -o x\n"))

    def test_children(self):
        def names(*options):
            done = self.run_sysfold("trace", "--json", *options, "sh", "-c", "cat /etc/hostname; true")
            return {event["proc.name"] for event in map(json.loads, done.stderr.decode().splitlines())
                    if "evt.res" in event}
        self.assertEqual(names(), {"sh", "cat"})
        self.assertEqual(names("--no-follow"), {"sh"})

    def test_durations(self):
        done = self.run_sysfold("trace", "--timed", "-e", "/nanosleep", "sleep", "0.2")
        times = [float(text) for text in re.findall(r"<(\d+\.\d{9})>", done.stderr.decode())]
        self.assertEqual(len(times), 1)
        self.assertGreaterEqual(times[0], 0.2)
        done = self.run_sysfold("trace", "-e", "/nanosleep", "sleep", "0")
        self.assertNotRegex(done.stderr.decode(), r"<\d+\.\d{9}>")

    def test_snaplen(self):
        def data(*options):
            done = self.run_sysfold("trace", "--json", "-e", "write", *options, "head", "-c", "300", "/dev/zero")
            return [len(event["evt.args"].get("data") or "") for event in map(
                json.loads, done.stderr.decode().splitlines()) if event.get("evt.res") == 300 or
                event.get("evt.args", {}).get("size") == 300]
        self.assertEqual(data("-s", "0"), [0])
        self.assertGreater(data("-s", "300")[0], data()[0])

    def test_hostile_names_do_not_drive_the_terminal(self):
        os.symlink("/bin/true", self.path("a\033[31m\x9b"))
        done = self.run_sysfold("trace", self.path("a\033[31m\x9b"))
        self.assertEqual(done.returncode, 0)
        self.assertNotIn(b"\033", done.stderr)
        self.assertNotIn(b"\x9b", done.stderr)
        self.assertIn(b"a\\x1b[31m", done.stderr)


class Output(Case):
    def test_unwritable_output_means_that_nothing_is_run(self):
        for command in ["trace", "record"]:
            for path in ["/nonexistent/file", "/"]:
                self.complain(125, command, "-o", path, "touch", self.path("touched"), about=path)
        self.assertFalse(os.path.exists(self.path("touched")))

    def test_full_disk(self):
        for command in ["trace", "record"]:
            touched = self.path(command)
            self.complain(125, command, "-o", "/dev/full", "sh", "-c", f"ls -lR /etc > /dev/null 2>&1; touch {touched}",
                          about="No space left on device")
            self.assertTrue(os.path.exists(touched), "the target goes on to its end")

    def test_file_size_limit(self):
        capture = self.path("a.sfold")
        limited = f'ulimit -f 8; exec "$0" record {CHOICE} -o "{capture}" --compress=0 sh -c "ls -lR /etc; exit 3"'
        done = subprocess.run(["/bin/sh", "-c", limited, SYSFOLD], check=False, env=environment(),
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertIn(b"File too large", done.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "only root can mount a small disk")
    def test_what_was_captured_before_the_disk_was_full_is_kept(self):
        disk = self.path("disk")
        os.mkdir(disk)
        script = (f'mount -t tmpfs -o size=512k none {disk} || exit 77; '
                  f'"$0" record {CHOICE} --compress=0 -o {disk}/a.sfold '
                  f'sh -c "ls -lR /usr/share/doc > /dev/null; touch {self.path("touched")}"; echo $?; '
                  f'"$0" read --json {disk}/a.sfold; echo $?')
        done = subprocess.run(["unshare", "-m", "/bin/sh", "-c", script, SYSFOLD], check=False, env=environment(),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)
        if done.returncode == 77 or done.stderr.startswith(b"unshare: "):  # as in a chroot, whose root is no mount
            self.skipTest("mounting is not possible here: " + done.stderr.decode().splitlines()[0])
        lines = done.stdout.decode().splitlines()
        self.assertEqual(lines[0], "125", done.stderr)
        self.assertTrue(os.path.exists(self.path("touched")))
        self.assertIn(b"No space left on device", done.stderr)
        self.assertGreater(len(lines), 500)
        for number, line in enumerate(lines[1:-1], 1):
            self.assertEqual(json.loads(line)["evt.num"], number)

    def test_reader_that_went_away(self):
        script = (f'("$0" trace {CHOICE} -o - sh -c "ls -lR /etc > /dev/null 2>&1; exit 3"; echo "status $?" >&2) | '
                  'head -n 1')
        done = subprocess.run(["/bin/sh", "-c", script, SYSFOLD], check=False, env=environment(),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.stderr, b"status 3\n")

    def test_closed_descriptors_stay_closed_for_the_target(self):
        script = f'"$0" trace {CHOICE} -o log ls -l /proc/self/fd <&- >&2'
        done = subprocess.run(["/bin/sh", "-c", script, SYSFOLD], check=False, env=environment(),
                              stderr=subprocess.PIPE, cwd=self.directory)
        self.assertNotIn(b"/dev/null", done.stderr)
        self.assertNotIn(b"log", done.stderr)


class Record(Case):
    def test_summary(self):
        done = self.run_sysfold("record", "-o", "a.sfold", "true")
        self.assertRegex(done.stderr.decode(), r"\Asysfold: \d+ events, 0 lost, [\d.]+ (bytes|KiB) in a\.sfold\n\Z")
        count = len(self.events(self.path("a.sfold")))
        self.assertIn(f" {count} events,", done.stderr.decode())

    def test_quiet(self):
        done = self.run_sysfold("record", "-q", "-o", "a.sfold", "true")
        self.assertEqual(done.stderr, b"")

    def test_compression(self):
        """Of captures in equally many blocks. A slow recording has more of them, since what waits is written each
        second, and the more there are the larger is the file."""
        known = {}  # number of blocks: {level: size}

        def is_comparable():
            for level in 0, 4, 8:
                capture = self.record("ls", "-lR", "/etc", options=[f"--compress={level}"])
                self.events(capture)
                known.setdefault(self.count_blocks(capture), {})[level] = os.path.getsize(capture)
            return any(len(sizes) == 3 for sizes in known.values())
        self.wait_for(is_comparable, f"captures in equally many blocks: {known}")
        sizes = next(sizes for sizes in known.values() if len(sizes) == 3)
        self.assertGreater(sizes[0], sizes[4] * 1.3)
        self.assertGreater(sizes[4], sizes[8])

    def count_blocks(self, capture):
        with open(capture, "rb") as file:
            content = file.read()
        at = count = 0
        while at < len(content):
            at += 16 + struct.unpack_from("<I", content, at + 4)[0]  # what is stored behind the block's header
            count += 1
        return count

    def test_to_a_pipe(self):
        script = f'"$0" record {CHOICE} -q -o - sh -c "exit 0" | "$0" read --json -'
        done = subprocess.run(["/bin/sh", "-c", script, SYSFOLD], check=False, env=environment(),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(json.loads(done.stdout.splitlines()[-1])["evt.type"], "process_exit")

    def test_a_capture_is_nothing_for_a_terminal(self):
        status, output = on_terminal("record", "-o", "-", "true")
        self.assertEqual(os.waitstatus_to_exitcode(status), 125)
        self.assertIn(b"terminal", output)

    def test_existing_file_survives_a_command_that_is_not_there(self):
        with open(self.path("a.sfold"), "w", encoding="ascii") as file:
            file.write("precious")
        self.complain(127, "record", "-o", "a.sfold", "no-such-command")
        with open(self.path("a.sfold"), encoding="ascii") as file:
            self.assertEqual(file.read(), "precious")
        self.complain(127, "record", "-o", "b.sfold", "no-such-command")
        self.assertFalse(os.path.exists(self.path("b.sfold")))

    def test_progress_on_a_terminal_only(self):
        # The command ends by a key that is typed when progress has been shown.
        _, output = on_terminal("record", "-o", self.path("a.sfold"), "sh", "-c", "read key",
                                keys=[(b"/s, 0 lost", b"\n")])
        self.assertRegex(output.replace(b"\033[K", b""), rb"\d+ events, \d+/s, 0 lost")
        self.assertRegex(output, rb"sysfold: \d+ events, 0 lost, [\d.]+ KiB in ")
        command = ["record", "-o", self.path("a.sfold"), "sh", "-c", "for i in 1 2 3; do sleep 0.7; done"]
        self.assertNotRegex(self.run_sysfold(*command).stderr, rb"/s,")
        _, output = on_terminal(command[0], "-q", *command[1:])
        self.assertEqual(output, b"")


class Color(Case):
    COMMAND = ["-e", "openat", "cat", "/nonexistent"]

    def test_on_a_terminal(self):
        _, output = on_terminal("trace", *self.COMMAND)
        self.assertRegex(output, rb"/nonexistent[^\n]* = \033\[31m-1 ENOENT[^\n]*\033\[0m\r\n")
        self.assertRegex(output, rb"\033\[2m[^\n]*process_exit\([^\n]*\033\[0m\r\n")

    def test_not_elsewhere(self):
        self.assertNotIn(b"\033", self.run_sysfold("trace", *self.COMMAND).stderr)
        on_terminal("trace", "-o", self.path("log"), *self.COMMAND)
        with open(self.path("log"), "rb") as log:
            self.assertNotIn(b"\033", log.read())

    def test_not_when_not_wanted(self):
        for options, env in [(["--color=never"], {}), ([], {"NO_COLOR": "1"}), ([], {"TERM": "dumb"}), (["--json"], {})]:
            self.assertNotIn(b"\033", on_terminal("trace", *options, *self.COMMAND, env=env)[1])
        self.assertIn(b"\033", on_terminal("trace", *self.COMMAND, env={"NO_COLOR": ""})[1])

    def test_always(self):
        done = self.run_sysfold("trace", "--color=always", *self.COMMAND, env={"NO_COLOR": "1"})
        self.assertIn(b"\033[31m", done.stderr)


if __name__ == "__main__":
    main()
