# SPDX-License-Identifier: Apache-2.0
"""What either tracer saw, in one form: per thread a list of calls with results, and how the thread ended.

A result is an int, an errno's name ("ENOENT"), or None where the call never returned.
"""

import collections
import json
import os
import re
import signal

Call = collections.namedtuple("Call", "name result text")

FORKS = {"fork", "vfork", "clone", "clone3"}
# Calls whose result is a process or thread: it differs between two runs, its place in the tree of births does not.
PIDS = FORKS | {"getpid", "gettid", "getppid", "wait4", "waitid", "set_tid_address", "setsid", "getpgrp", "getpgid",
                "getsid", "rt_sigreturn"}  # the last restores what an interrupted wait4 had returned
WAITS = {"wait4", "waitid"}
TIMES = {"time", "times"}


class Trace:
    def __init__(self):
        self.calls = {}
        self.ends = {}
        self.signals = {}

    def add_call(self, tid, name, result, text=""):
        self.calls.setdefault(tid, []).append(Call(name, result, text))

    def names(self):
        """Each tid's place: "0" is the first thread, "0.2" the second that it made, and so on."""
        names = {}
        waiting = [(next(iter(self.calls)), "0")] if self.calls else []
        while waiting:
            tid, name = waiting.pop(0)
            names[tid] = name
            born = 0
            for call in self.calls.get(tid, []):
                if call.name in FORKS and isinstance(call.result, int) and call.result > 0:
                    born += 1
                    waiting.append((call.result, f"{name}.{born}"))
        return names


STRACE_LINE = re.compile(r"^(\d+) +(.*)$")
STRACE_CALL = re.compile(r"^(\w+)\(.*\)\s+= (.*)$")
STRACE_RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>.*\)\s+= (.*)$")
STRACE_BEGUN = re.compile(r"^(\w+)\(")
STRACE_EXITED = re.compile(r"^\+\+\+ exited with (\d+) \+\+\+$")
STRACE_KILLED = re.compile(r"^\+\+\+ killed by (\w+)( \(core dumped\))? \+\+\+$")
STRACE_SIGNAL = re.compile(r"^--- (SIG\w+) ")
STRACE_SUPERSEDED = re.compile(r"^\+\+\+ superseded by execve in pid (\d+) \+\+\+$")


def strace_result(text):
    words = text.split()
    if words[0] == "?":
        return words[1] if len(words) > 1 and words[1].startswith("ERESTART") else None
    if words[0] == "-1" and len(words) > 1 and words[1].startswith("E"):
        return words[1]
    if re.fullmatch(r"0[0-7]+", words[0]):  # umask
        return int(words[0], 8)
    return int(words[0], 0)


def read_strace(path):
    trace = Trace()
    pending = {}
    with open(path, encoding="latin-1") as file:
        for line in file:
            match = STRACE_LINE.match(line.rstrip("\n"))
            if not match:
                raise ValueError(f"not a line of strace -f -o: {line!r}")
            read_strace_line(trace, pending, int(match[1]), match[2])
    for tid, name in pending.items():
        trace.add_call(tid, name, None)
    return trace


def read_strace_line(trace, pending, tid, text):
    if match := STRACE_EXITED.match(text):
        trace.ends[tid] = f"exit {match[1]}"
    elif match := STRACE_KILLED.match(text):
        trace.ends[tid] = f"killed by {match[1]}"
    elif match := STRACE_SIGNAL.match(text):
        trace.signals.setdefault(tid, []).append(match[1])
    elif match := STRACE_SUPERSEDED.match(text):  # its thread goes on under this tid, which goes on with its execve
        if tid in pending:
            trace.add_call(tid, pending[tid], None, text)
        pending[tid] = pending.pop(int(match[1]))
    elif match := STRACE_RESUMED.match(text):
        pending.pop(tid, None)
        trace.add_call(tid, match[1], strace_result(match[2]), text)
    elif text.endswith("<unfinished ...>"):
        pending[tid] = STRACE_BEGUN.match(text)[1]
    elif match := STRACE_CALL.match(text):
        trace.add_call(tid, match[1], strace_result(match[2]), text)
    elif match := STRACE_BEGUN.match(text):  # "name(...) <ptrace(SYSCALL):No such process>": killed within
        trace.add_call(tid, match[1], None, text)
    elif not text.startswith("--- stopped by "):
        raise ValueError(f"not understood: {text!r}")


def end_text(status):
    if os.WIFSIGNALED(status):
        return f"killed by {signal.Signals(os.WTERMSIG(status)).name}"
    return f"exit {os.WEXITSTATUS(status)}"


def read_sysfold(path):
    """`sysfold read --json`, or `sysfold trace --json`. Returns the trace, and how many events were lost."""
    trace = Trace()
    lost = 0
    with open(path, encoding="utf-8") as file:
        for line in file:
            event = json.loads(line)
            tid = event["thread.tid"]
            if "evt.res" in event:
                result = event.get("evt.errno", event["evt.res"])
                name = event["evt.type"].removeprefix("i386:")  # strace has one name for both
                trace.add_call(tid, name, result, json.dumps(event["evt.args"]))
            elif event["evt.type"] == "thread_exit":
                trace.ends[tid] = end_text(event["evt.args"]["status.raw"])
            elif event["evt.type"] == "signal":
                trace.signals.setdefault(tid, []).append(event["evt.args"]["signo"])
            lost += event.get("evt.lost", 0)
    return trace, lost
