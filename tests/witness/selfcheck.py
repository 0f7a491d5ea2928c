#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Would the witness notice? Its parsers on lines of either tracer, and its comparison on differences made on purpose."""

import copy
import json
import os
import tempfile
import unittest

import programs
import trace
import witness

STRACE = """\
10  execve("/bin/x", ["x"], 0x7ffe /* 9 vars */) = 0
10  openat(AT_FDCWD, "a) = 3", O_RDONLY) = -1 ENOENT (No such file or directory)
10  umask(022)                              = 022
10  clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>
11  getpid( <unfinished ...>
10  <... clone resumed>, child_tidptr=0x7f) = 11
11  <... getpid resumed>)                   = 11
10  wait4(-1,  <unfinished ...>
11  read(0, 0x7ffe, 1) = ? ERESTARTSYS (To be restarted if SA_RESTART is set)
11  --- SIGTERM {si_signo=SIGTERM, si_code=SI_USER, si_pid=1, si_uid=0} ---
11  futex(0x7f, FUTEX_WAIT, 1, NULL) <ptrace(SYSCALL):No such process>
11  +++ killed by SIGTERM +++
10  <... wait4 resumed>[{WIFSIGNALED(s) && WTERMSIG(s) == SIGTERM}], 0, NULL) = 11
10  mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3, 0) = 0x7f0000000000
10  restart_syscall(<... resuming interrupted nanosleep ...>) = 0
10  poll([{fd=3, events=POLLIN}], 1, 100)   = 0 (Timeout)
10  exit_group(3)                           = ?
10  +++ exited with 3 +++
"""
CALLS = {
    10: [("execve", 0), ("openat", "ENOENT"), ("umask", 0o22), ("clone", 11), ("wait4", 11), ("mmap", 0x7f0000000000),
         ("restart_syscall", 0), ("poll", 0), ("exit_group", None)],
    11: [("getpid", 11), ("read", "ERESTARTSYS"), ("futex", None)],
}


def sysfold_lines(offset):
    """The same run as sysfold tells it, under other pids."""
    def event(tid, kind, arguments=None, **more):
        return json.dumps({"thread.tid": tid + offset, "evt.type": kind, "evt.args": arguments or {}, **more})
    lines = []
    for tid, calls in CALLS.items():
        for name, result in calls:
            if name in trace.PIDS:
                result += offset
            more = {"evt.res": -1, "evt.errno": result} if isinstance(result, str) else {"evt.res": result}
            lines.append(event(tid, name, **more))
    lines += [event(11, "signal", {"signo": "SIGTERM"}), event(11, "thread_exit", {"status.raw": 15}),
              event(10, "thread_exit", {"status.raw": 3 << 8})]
    return "\n".join(lines)


class SelfCheck(unittest.TestCase):
    def setUp(self):
        self.program = programs.Program("x", None)
        self.strace = self.read(STRACE, trace.read_strace)
        self.sysfold, self.lost = self.read(sysfold_lines(500), trace.read_sysfold)

    def read(self, text, reader):
        with tempfile.NamedTemporaryFile("w", delete=False) as file:
            file.write(text)
        self.addCleanup(os.unlink, file.name)
        return reader(file.name)

    def differences(self):
        return witness.differences(self.program, self.strace, self.sysfold)

    def test_nothing_is_left_out_without_a_reason(self):
        for program in programs.PROGRAMS:
            loosened = program.drop or program.drop_results or program.any_child or program.calls or program.tries > 1 \
                or program.sysfold_options or not program.by_class
            self.assertEqual(bool(loosened), bool(program.why), program.name)

    def test_strace_is_understood(self):
        calls = {tid: [(call.name, call.result) for call in made] for tid, made in self.strace.calls.items()}
        self.assertEqual(calls, CALLS)
        self.assertEqual(self.strace.ends, {10: "exit 3", 11: "killed by SIGTERM"})
        self.assertEqual(self.strace.signals, {11: ["SIGTERM"]})
        self.assertEqual(self.strace.names(), {10: "0", 11: "0.1"})

    def test_lines_not_understood_are_an_error(self):
        for line in ["10  whatever", "whatever", "10  x(1) = what"]:
            with self.assertRaises(ValueError):
                self.read(STRACE + line + "\n", trace.read_strace)

    def test_the_same_run_is_the_same(self):
        self.assertEqual((self.differences(), self.lost), ([], 0))

    def test_every_missing_call_is_noticed(self):
        for tid, calls in copy.deepcopy(self.sysfold.calls).items():
            for at in range(len(calls)):
                self.sysfold.calls[tid] = calls[:at] + calls[at + 1:]
                self.assertTrue(self.differences(), calls[at])
            self.sysfold.calls[tid] = calls

    def test_every_other_result_is_noticed(self):
        for tid, calls in copy.deepcopy(self.sysfold.calls).items():
            for at, call in enumerate(calls):
                for result in [None, "EPERM", 77]:
                    if result != call.result:
                        self.sysfold.calls[tid] = calls[:at] + [call._replace(result=result)] + calls[at + 1:]
                        self.assertTrue(self.differences(), (call, result))
            self.sysfold.calls[tid] = calls

    def test_calls_in_another_order_are_noticed(self):
        calls = self.sysfold.calls[510]
        calls[1], calls[2] = calls[2], calls[1]
        self.assertTrue(self.differences())

    def test_missing_and_surplus_threads_are_noticed(self):
        calls = self.sysfold.calls.pop(511)
        self.assertTrue(self.differences())
        self.sysfold.calls[511] = calls
        self.sysfold.calls[512] = calls
        self.assertTrue(self.differences())

    def test_other_ends_and_signals_are_noticed(self):
        self.sysfold.ends[511] = "exit 15"
        self.assertTrue(self.differences())
        self.sysfold.ends[511] = "killed by SIGTERM"
        self.assertFalse(self.differences())
        self.sysfold.signals[511].append("SIGHUP")
        self.assertTrue(self.differences())


if __name__ == "__main__":
    unittest.main()
