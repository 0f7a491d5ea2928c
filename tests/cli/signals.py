#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What ends a recording, what does not, and that targets live on."""

import contextlib
import os
import signal
import subprocess
import time
import unittest

from kit import CHOICE, PATIENCE, SYSFOLD, Case, attaches, main, on_terminal


AT_ONCE = 2  # seconds: an interrupt that comes later than that after another one is a first one again


class Signals(Case):
    # Lives until told to end, and says so in a file that only it writes.
    TARGET = 'trap "" INT; echo $$ > pid; while [ ! -e stop ]; do sleep 0.05; done; echo done > ended; exit 3'

    def setUp(self):
        super().setUp()
        self.addCleanup(self.stop_target)

    def stop_target(self):
        with open(self.path("stop"), "w", encoding="ascii"):
            pass

    def start_both(self, *arguments):
        process = self.start_sysfold(*arguments, "sh", "-c", self.TARGET)
        self.wait_for(lambda: os.path.exists(self.path("pid")) and os.path.getsize(self.path("pid")), "a target")
        return process

    def end_target(self):
        self.stop_target()
        self.wait_for(lambda: os.path.exists(self.path("ended")), "the target's own end")

    def interrupt(self, process):
        """When it was sent, and when it had arrived."""
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        self.wait_for(lambda: process.poll() is not None or not pending(process.pid, signal.SIGINT), "a SIGINT")
        return sent, time.monotonic()

    def assert_complete(self, capture):
        self.assertTrue(self.events(capture))  # which also checks that nothing is said of damage

    def test_one_interrupt_is_the_targets_business(self):
        process = self.start_both("record", "-q", "-o", "a.sfold")
        process.send_signal(signal.SIGINT)
        self.end_target()
        self.assert_ends(process, 3)
        self.assert_complete(self.path("a.sfold"))

    def test_two_interrupts_end_the_recording(self):
        process = self.start_both("record", "-q", "-o", "a.sfold")
        sent, _ = self.interrupt(process)
        again, arrived = self.interrupt(process)
        while arrived - sent >= AT_ONCE:  # on a busy machine
            sent = again
            again, arrived = self.interrupt(process)
        self.assert_ends(process, 128 + signal.SIGINT)
        self.assert_complete(self.path("a.sfold"))
        self.end_target()

    def test_termination_ends_the_recording(self):
        for signo in [signal.SIGTERM, signal.SIGHUP]:
            for sysfold in [["record", "-q", "-o", "a.sfold"], ["trace", "-o", "log"]]:
                process = self.start_both(*sysfold)
                process.send_signal(signo)
                self.assert_ends(process, 128 + signo)
                self.end_target()
                for name in ["pid", "stop", "ended"]:
                    os.unlink(self.path(name))
            self.assert_complete(self.path("a.sfold"))

    def test_interrupt_from_the_terminal_reaches_the_target(self):
        status, output = on_terminal("trace", "-o", self.path("log"), "perl", "-e",
                                     '$| = 1; print "ready\\n"; sleep 600; print "never\\n"',
                                     keys=[(b"ready", b"\x03")])
        self.assertTrue(os.WIFSIGNALED(status), output)
        self.assertEqual(os.WTERMSIG(status), signal.SIGINT)
        self.assertNotIn(b"never", output)

    def test_target_that_survives_the_terminals_interrupt(self):
        script = 'trap "echo caught; exit 9" INT; echo ready; while :; do sleep 0.1; done'
        status, output = on_terminal("trace", "-o", self.path("log"), "sh", "-c", script, keys=[(b"ready", b"\x03")])
        self.assertEqual(os.waitstatus_to_exitcode(status), 9)
        self.assertIn(b"caught", output)

    def test_what_sysfold_ignores_the_target_ignores_too(self):
        script = f'trap "" INT HUP; exec "$0" trace {CHOICE} -o log grep SigIgn /proc/self/status'
        done = subprocess.run(["/bin/sh", "-c", script, SYSFOLD], cwd=self.directory, check=False,
                              stdout=subprocess.PIPE)
        self.assertEqual(int(done.stdout.split()[1], 16), 1 << signal.SIGINT - 1 | 1 << signal.SIGHUP - 1)

    def test_what_sysfold_catches_the_target_does_not(self):
        done = self.run_sysfold("trace", "-o", "log", "cat", "/proc/self/status")
        masks = [line.split() for line in done.stdout.decode().splitlines() if line.startswith("Sig")]
        self.assertEqual([int(mask, 16) for name, mask in masks if name in ["SigIgn:", "SigCgt:", "SigBlk:"]], [0] * 3)

    def run_without_a_shell(self, script):
        """In a session of its own, as cron's and CI's commands are: nobody there continues what stops."""
        script = script.replace("TRACE", f'"$0" trace {CHOICE} -o log')
        process = self.start("/bin/sh", "-c", script, SYSFOLD, stdout=subprocess.PIPE, start_new_session=True)
        said, _ = process.communicate(timeout=PATIENCE)
        return said, process.returncode

    def test_a_terminals_stop_is_ignored_where_nobody_would_go_on(self):
        done = self.run_without_a_shell("TRACE sh -c 'kill -TSTP $$; echo went on'")
        self.assertEqual(done, (b"went on\n", 0))

    def test_its_end_hangs_up_nobody_else(self):
        done = self.run_without_a_shell("sleep 600 & kill -STOP $!; TRACE true; echo went on; kill -KILL $!")
        self.assertEqual(done, (b"went on\n", 0))

    def test_killed_recorder_leaves_a_readable_file_and_a_living_target(self):
        process = self.start_both("record", "-q", "-o", "a.sfold")
        self.wait_for(lambda: b'"execve"' in self.run_sysfold("read", "--json", "a.sfold").stdout, "the first block")
        process.kill()
        process.wait()
        done = self.run_sysfold("read", "--json", "a.sfold")
        self.assertIn(b'"execve"', done.stdout)
        self.assertRegex(done.stderr.decode(), r"\A(sysfold: a\.sfold: [^\n]+\n)?\Z")
        self.end_target()


def pending(pid, signo):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        masks = [int(line.split()[1], 16) for line in status if line.startswith(("SigPnd", "ShdPnd"))]
    return any(mask >> signo - 1 & 1 for mask in masks)


@attaches
class Attach(Case):
    def start_target(self):
        return self.start("/bin/sh", "-c", "while read -r line; do cat /etc/hostname; done", stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE)

    def feed(self, target):
        target.stdin.write(b"\n")
        target.stdin.flush()
        return target.stdout.readline()

    def attach(self, target, *options):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path("log"))
        process = self.start_sysfold("trace", "-o", "log", *options, "-p", str(target.pid))
        # It may be traced and yet not be stopped at its calls: what follows needs more than the kernel's word.
        self.wait_for(lambda: self.feed(target) and self.log_holds(" read("), "an event")
        return process

    def log_holds(self, text):
        with open(self.path("log"), "a+", encoding="utf-8") as log:
            log.seek(0)
            return text in log.read()

    def test_interrupt_ends_it_and_the_target_lives(self):
        target = self.start_target()
        process = self.attach(target)
        process.send_signal(signal.SIGINT)
        self.assert_ends(process, 0)
        self.assertTrue(self.feed(target))
        self.assertIsNone(target.poll())

    def test_ends_with_the_target(self):
        target = self.start_target()
        process = self.attach(target)
        target.stdin.close()
        self.assert_ends(process, 0)
        self.assertTrue(self.log_holds("process_exit("))

    def test_children_on_request(self):
        for options, seen in [([], False), (["-f"], True)]:
            target = self.start_target()
            process = self.attach(target, *options)
            self.feed(target)
            target.stdin.close()
            self.assert_ends(process, 0)
            self.assertEqual(self.log_holds("/etc/hostname"), seen)

    def test_termination(self):
        target = self.start_target()
        process = self.attach(target)
        process.send_signal(signal.SIGTERM)
        self.assert_ends(process, 128 + signal.SIGTERM)
        self.assertTrue(self.feed(target))


assert unittest
if __name__ == "__main__":
    main()
