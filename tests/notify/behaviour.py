#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every program behaves as without sysfold: behaviour.py SYSFOLD

Each script of scripts.py runs bare, and recorded by the notify backend, in a directory of the same name, as root and as
nobody: exit status, output, and what there is in the directory afterwards are equal. What the machine has no program or
no right for is skipped, and said."""

import hashlib
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
sys.argv.insert(2, "notify")

import kit  # noqa: E402, it takes the arguments
from scripts import PYTHON_TESTS, SCRIPTS  # noqa: E402

IDS = {"root": 0, "nobody": kit.NOBODY}
PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
RECENT = 24 * 3600  # seconds: files that are younger were made by the script, whenever it ran
PATIENCE = 300
BARE = {}  # what a command does without sysfold, the same for all tests
RESULTS = re.compile(r"^(test\w+ \([\w.]+\))(?:\n.*)? \.\.\. (ok|FAIL|ERROR|skipped .*|expected failure)$", re.MULTILINE)


def as_user(user):
    """What a child does before it becomes the program."""
    def change():
        kit.die_with_parent()
        os.umask(0o022)
        if os.geteuid() == 0 and IDS[user]:
            os.setgroups([])
            os.setresgid(IDS[user], IDS[user], IDS[user])
            os.setresuid(IDS[user], IDS[user], IDS[user])
            kit.die_with_parent()
    return change


def lacks(need, user, directory):
    """Why a script cannot run; None: it can."""
    if need == "userns":
        probe = ["unshare", "-r", "-m", "-n", "-p", "-u", "-f", "true"]
    elif need == "xattrs":
        probe = ["python3", "-c", "import os; open('x', 'w'); os.setxattr('x', 'user.a', b''); os.unlink('x')"]
    else:
        return None if shutil.which(need, path=PATH) else f"{need} is not installed"
    done = subprocess.run(probe, cwd=directory, preexec_fn=as_user(user), env=kit.environment(), check=False,
                          stderr=subprocess.PIPE)
    return f"{need}: {done.stderr.decode().strip()}" if done.returncode else None


def content(path, status):
    if stat.S_ISREG(status.st_mode):
        return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest(), status.st_size, status.st_nlink
    return (os.readlink(path),) if stat.S_ISLNK(status.st_mode) else ()


def tree(directory):
    """What there is below: everything that does not depend on when it was made."""
    found = {}
    for where, directories, files in os.walk(directory):
        for name in [".", *directories, *files]:
            path = os.path.join(where, name)
            status = os.lstat(path)
            modified = status.st_mtime if time.time() - status.st_mtime > RECENT else "recent"
            found[os.path.relpath(path, directory)] = (stat.filemode(status.st_mode), status.st_uid, status.st_gid, modified,
                                                       *content(path, status))
    return found


class Behaviour(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        """One place for all: its name is in what programs say."""
        cls.place = tempfile.mkdtemp(prefix="sysfold-notify-", dir="/var/tmp")  # no tmpfs: it has no user.* attributes
        cls.addClassCleanup(shutil.rmtree, cls.place, ignore_errors=True)
        os.chmod(cls.place, 0o755)
        os.mkdir(os.path.join(cls.place, "made"))
        os.chmod(os.path.join(cls.place, "made"), 0o1777)

    def run_in_directory(self, user, command):
        directory = os.path.join(self.place, "run")
        shutil.rmtree(directory, ignore_errors=True)
        os.mkdir(directory)
        if os.geteuid() == 0:
            os.chown(directory, IDS[user], IDS[user])
        done = subprocess.run(command, cwd=directory, input=b"from standard input\n", check=False, timeout=PATIENCE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=as_user(user),
                              env=kit.environment(PYTHONDONTWRITEBYTECODE="1", HOME=directory, PWD=directory,
                                                  XDG_CACHE_HOME=os.path.join(self.place, "made", user)))
        left = tree(directory)
        shutil.rmtree(directory)
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"), left

    def bare(self, user, command):
        key = (user, *command)
        if key not in BARE:
            BARE[key] = self.run_in_directory(user, command)
        return BARE[key]

    def recorded(self, user, options, command):
        """The same under sysfold; and how many events were told, which are some."""
        capture = os.path.join(self.place, "made", f"{user}.sfold")
        result = self.run_in_directory(user, [kit.SYSFOLD, "record", "-q", "-b", "notify", *options, "-o", capture, "--", *command])
        events = subprocess.run([kit.SYSFOLD, "read", capture], stdout=subprocess.PIPE, check=True, timeout=PATIENCE)
        self.assertIn(b"execve", events.stdout)
        os.unlink(capture)
        return result

    def assert_same(self, user, options, command):
        bare = self.bare(user, command)
        watched = self.recorded(user, options, command)
        for what, one, other in zip(("exit status", "output", "errors", "files"), bare, watched):
            self.assertEqual(one, other, f"{what}, as {user}, {' '.join(options)}; errors: {watched[2]}")

    def check_script(self, name, user, *options):
        script = SCRIPTS[name]
        if user not in script.users:
            return
        for need in script.needs:
            reason = lacks(need, user, self.place if user == "root" else "/tmp")
            if reason:
                self.skipTest(reason)
        self.assert_same(user, options, ["bash", "-c", script.text])

    def test_own_tests_of_python(self):
        """One by one as without us. They are root's where the interpreter is."""
        missing = subprocess.run([sys.executable, "-c", "import test.test_os"], check=False, stderr=subprocess.PIPE)
        if missing.returncode:
            self.skipTest("Python's own tests are not installed")
        command = [sys.executable, "-m", "unittest", "-v", *(f"test.{name}" for name in PYTHON_TESTS)]
        user = "root" if os.geteuid() == 0 else "nobody"
        bare, watched = self.bare(user, command), self.recorded(user, (), command)
        results = dict(RESULTS.findall(bare[2]))
        self.assertGreater(len(results), 300, bare[2])
        self.assertEqual(results, dict(RESULTS.findall(watched[2])))
        self.assertEqual((bare[0], bare[3]), (watched[0], watched[3]))

    @unittest.skipUnless(os.geteuid() == 0, "only root can make a set-user-id program")
    def test_programs_with_a_users_id_of_their_own(self):
        """Root's filter takes nothing away; others' need no_new_privs, which does: it is declared."""
        program = os.path.join(self.place, "cat")
        shutil.copy("/bin/cat", program)
        os.chmod(program, 0o4755)
        secret = os.path.join(self.place, "secret")
        pathlib.Path(secret).write_text("secret", encoding="ascii")
        os.chmod(secret, 0o600)
        command = ["setpriv", "--reuid", "1234", "--clear-groups", program, secret]
        self.assert_same("root", (), command)
        self.assertEqual(self.bare("root", command)[1], "secret")
        if reason := cannot_be("nobody"):
            self.skipTest(reason)
        self.assertEqual(self.bare("nobody", [program, secret])[:2], (0, "secret"))
        status, output, errors, _ = self.recorded("nobody", (), [program, secret])
        self.assertEqual((status, output), (1, ""))
        self.assertIn("Permission denied", errors)


def add_script_tests():
    for name, script in SCRIPTS.items():
        for user in script.users:
            for results in ("auto", "emulate", "none") if name in EVERY_WAY and user == "root" else ("auto",):
                def test(self, name=name, user=user, results=results):
                    if reason := cannot_be(user):
                        self.skipTest(reason)
                    self.check_script(name, user, "--results", results)
                setattr(Behaviour, f"test_{name.replace(' ', '_')}_{user}_{results}", test)


def cannot_be(user):
    if os.geteuid() == IDS[user]:
        return None
    if os.geteuid() != 0:
        return f"we are not {user}, and cannot be"
    probe = subprocess.run([kit.SYSFOLD, "--version"], preexec_fn=as_user(user), check=False, cwd="/",
                           stdout=subprocess.DEVNULL) if os.access(kit.SYSFOLD, os.X_OK) else None
    return None if probe and probe.returncode == 0 else f"{user} cannot execute {kit.SYSFOLD}"


EVERY_WAY = {"files", "umasks", "descriptors", "fifos", "flags", "threads", "sockets", "no descriptors left"}
add_script_tests()

if __name__ == "__main__":
    kit.main()
