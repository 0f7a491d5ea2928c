# SPDX-License-Identifier: Apache-2.0
"""What the tests of the command share. The first argument of each test file is the command; a second one is the backend
that every trace and record of its tests uses, and without which they are skipped."""

import ctypes
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import time
import unittest

SYSFOLD = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else "sysfold"
BACKEND = sys.argv[2] if len(sys.argv) > 2 and not sys.argv[2].startswith("-") else None
# notify can be asked of a command only, and before its calls are made.
attaches = unittest.skipIf(BACKEND == "notify", "notify attaches to no process")
CHOICE = f"-b {BACKEND}" if BACKEND else ""  # for shell scripts
PATIENCE = float(os.environ.get("PATIENCE", 60))  # seconds for what takes none, on a busy machine
NOBODY = 65534
SKIP = 77
# Whoever runs the tests may block signals, or ignore them (nohup, a shell's background). Python itself ignores two.
signal.pthread_sigmask(signal.SIG_SETMASK, [])
for ignored in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:
    if signal.getsignal(ignored) == signal.SIG_IGN:
        signal.signal(ignored, signal.SIG_DFL)

STORY = "cat /etc/hostname; ls /nonexistent; true | wc -l; kill -9 $$"


def environment(**changes):
    """A plain one; a sanitizer's settings pass."""
    kept = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
    return {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C", "TZ": "UTC0", "TERM": "xterm", **kept, **changes}


def with_backend(arguments):
    """A trace or record that names no backend gets the one that is tested."""
    if not BACKEND or arguments[0] not in ("trace", "record") or "-b" in arguments:
        return arguments
    return [arguments[0], "-b", BACKEND, *arguments[1:]]


def why_unusable(backend):
    """Why the backend cannot be tested here; None where it can."""
    done = subprocess.run([SYSFOLD, "backends", "--json"], check=False, stdout=subprocess.PIPE)
    known = {entry["name"]: entry for entry in json.loads(done.stdout)}
    if backend not in known:
        return "this build is without it"
    return known[backend]["reason"] if known[backend]["usability"] != "usable" else None


LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="sysfold-cli-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.directory, name)

    def run_sysfold(self, *arguments, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        if "input" in options:
            del options["stdin"]
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        return subprocess.run([SYSFOLD, *with_backend(arguments)], cwd=options.pop("cwd", self.directory), check=False,
                              env=environment(**options.pop("env", {})), timeout=PATIENCE, **options)

    def start(self, *command, **options):
        """A process that the test's end ends, and that does not outlive a test that was killed."""
        process = subprocess.Popen(command, cwd=self.directory, env=environment(), preexec_fn=die_with_parent, **options)
        self.addCleanup(end, process)
        return process

    def start_sysfold(self, *arguments, **options):
        """What it says on stderr is in the file `errors`: a target that outlives it must not keep a pipe open."""
        with open(self.path("errors"), "wb") as errors:
            return self.start(SYSFOLD, *with_backend(arguments), stdin=subprocess.DEVNULL, stderr=errors,
                              **{"stdout": subprocess.DEVNULL, **options})

    def errors(self):
        with open(self.path("errors"), encoding="utf-8") as errors:
            return errors.read()

    def assert_ends(self, process, status):
        """The process started last, by itself."""
        self.assertEqual(process.wait(PATIENCE), status, self.errors())

    def wait_until_traced(self, pid):
        def traced():
            with open(f"/proc/{pid}/status", encoding="ascii") as status:
                return "TracerPid:\t0\n" not in status.read()
        self.wait_for(traced, f"sysfold's attaching to {pid}")

    def succeed(self, *arguments, **options):
        done = self.run_sysfold(*arguments, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.decode()

    def complain(self, status, *arguments, about="", **options):
        """Fails with that status and one clear line, which is returned."""
        done = self.run_sysfold(*arguments, **options)
        text = done.stderr.decode()
        self.assertEqual(done.returncode, status, text)
        self.assertRegex(text, r"\Asysfold: [^\n]+\n\Z")
        self.assertIn(about, text)
        return text

    def record(self, *command, options=(), status=0):
        capture = self.path("a.sfold")
        done = self.run_sysfold("record", "-q", "-o", capture, *options, "--", *command)
        self.assertEqual(done.returncode, status, done.stderr)
        return capture

    def events(self, capture):
        return [json.loads(line) for line in self.succeed("read", "--json", capture).splitlines()]

    def wait_for(self, condition, what):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.01)


def end(process):
    process.kill()
    process.wait()
    for pipe in [process.stdin, process.stdout, process.stderr]:
        if pipe:
            pipe.close()


def on_terminal(*arguments, keys=(), env=None, stdout=None):
    """Runs sysfold with a terminal of its own. keys: [(what has to appear first, what is typed then, without an echo)].
    Returns the raw wait status and everything that came out."""
    pid, terminal = pty.fork()
    if pid == 0:
        if stdout:
            os.dup2(os.open(stdout, os.O_WRONLY | os.O_CREAT, 0o600), 1)
        os.execve(SYSFOLD, [SYSFOLD, *with_backend(arguments)], environment(**(env or {})))
    modes = termios.tcgetattr(terminal)
    modes[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSANOW, modes)
    output = b""
    keys = list(keys)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            output += os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
        if keys and keys[0][0] in output:
            os.write(terminal, keys.pop(0)[1])
    else:
        os.kill(pid, signal.SIGKILL)
    os.close(terminal)
    return os.waitpid(pid, 0)[1], output


def main():
    del sys.argv[1:3 if BACKEND else 2]
    if BACKEND and (why := why_unusable(BACKEND)):
        print(f"skipped: {BACKEND}: {why}")
        sys.exit(SKIP)
    unittest.main(verbosity=2)
