# SPDX-License-Identifier: Apache-2.0
"""The programs, how each is made deterministic, and what exactly is compared.

Unless an entry says otherwise, everything is that `sysfold compare --strace` compares: every system call of every
thread, in order, with the arguments that strace shows and the result, and how each thread ended (docs/comparing.md).
"""

import contextlib
import dataclasses
import functools
import http.server
import os
import shutil
import socket
import subprocess
import threading
import time

PYTHON = "/usr/bin/python3"


class Missing(Exception):
    """Something that the program needs is not there."""


@dataclasses.dataclass
class Program:
    name: str
    command: object  # (directory) -> argv
    setup: object = lambda directory: None
    around: object = contextlib.nullcontext  # (directory) -> context manager: what runs untraced next to it
    calls: str = None  # -e for both, None: everything
    ignore: str = ""  # what may differ, as `sysfold compare --ignore` takes it
    ptrace_options: tuple = ()
    by_class: bool = True  # can be compared with --seccomp-bpf and -e too
    why: str = ""  # every loosening above has its reason here
    tries: int = 1  # for schedules that legitimately differ: the two must agree within so many pairs of runs


def find(name):
    path = shutil.which(name, path="/usr/bin:/bin:/usr/sbin:/sbin:" + os.environ.get("WITNESS_PATH", ""))
    if not path:
        raise Missing(f"{name} is not installed")
    return path


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)
    os.utime(path, (1_000_000_000, 1_000_000_000))


def make_tree(directory):
    for a in range(4):
        for b in range(5):
            write(f"{directory}/tree/dir{a}/sub{b}/file{a}{b}", f"{a} {b}\n" * (a * 10 + b))
    os.symlink("../dir0/sub0/file00", f"{directory}/tree/dir1/link")
    os.symlink("nowhere", f"{directory}/tree/dir2/dangling")
    os.mkfifo(f"{directory}/tree/dir3/fifo")
    for top, directories, files in os.walk(f"{directory}/tree"):
        for name in directories + files:
            os.utime(f"{top}/{name}", (1_000_000_000, 1_000_000_000), follow_symlinks=False)


def make_source(directory):
    write(f"{directory}/a.c", "#include <stdio.h>\n#include <string.h>\n\n"
                              "int main(int argc, char **argv)\n{\n"
                              '    printf("%zu\\n", argc + strlen(argv[0]));\n    return 0;\n}\n')


def make_repository(directory):
    make_tree(directory)
    os.unlink(f"{directory}/tree/dir3/fifo")
    git = functools.partial(subprocess.run, cwd=f"{directory}/tree", check=True, stdout=subprocess.DEVNULL, env={
        "PATH": "/usr/bin:/bin", "HOME": directory, "LC_ALL": "C", "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_DATE": "1000000000 +0000", "GIT_COMMITTER_DATE": "1000000000 +0000"})
    git([find("git"), "init", "-q", "-b", "main"])
    git([find("git"), "add", "."])
    git([find("git"), "-c", "user.name=w", "-c", "user.email=w@example.org", "commit", "-qm", "one"])
    write(f"{directory}/tree/dir0/sub0/file00", "changed\n")
    write(f"{directory}/tree/new", "new\n")


@contextlib.contextmanager
def web_server(directory):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            # In one piece, so that the client gets it in one piece.
            self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: 3000\r\n\r\n" + b"x" * 3000)

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", WEB_PORT), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def keep_port():
    """A socket that does not listen: it keeps its port from everybody but those who may share it, as servers do."""
    keeper = socket.socket()
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeper.bind(("127.0.0.1", 0))
    return keeper


WEB_KEEPER = keep_port()
WEB_PORT = WEB_KEEPER.getsockname()[1]


def wait_for(condition, what):
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come")
        time.sleep(0.01)


def redis_arguments(directory):
    return ["--port", "0", "--unixsocket", f"{directory}/redis.sock", "--unixsocketperm", "777", "--save", "",
            "--appendonly", "no", "--daemonize", "no", "--dir", directory, "--loglevel", "warning",
            "--activerehashing", "no", "--hz", "1", "--dynamic-hz", "no", "--jemalloc-bg-thread", "no"]


REDIS_COMMANDS = "SET a 1\nINCR a\nLPUSH l x y z\nLRANGE l 0 -1\nGET nothing\nHSET h f v\nHGETALL h\nSHUTDOWN NOSAVE\n"


@contextlib.contextmanager
def redis_client(directory):
    """Talks to the traced server as soon as it listens, over one connection, and ends it."""
    failures = []

    def talk():
        try:
            wait_for(lambda: os.path.exists(f"{directory}/redis.sock"), "redis-server's socket")
            time.sleep(0.3)  # past the timer that runs right at the start
            subprocess.run([find("redis-cli"), "-s", f"{directory}/redis.sock"], input=REDIS_COMMANDS, text=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120, check=False)
        except Exception as failure:  # reported by the main thread
            failures.append(failure)

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    if failures:
        raise failures[0]


@contextlib.contextmanager
def redis_server(directory):
    server = subprocess.Popen([find("redis-server"), *redis_arguments(directory)], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: os.path.exists(f"{directory}/redis.sock"), "redis-server's socket")
        yield
    finally:
        server.terminate()
        server.wait()


PYTHON_SCRIPT = """
import json, os, subprocess, tempfile
with open("data.json", "w") as file:
    json.dump({str(i): list(range(i)) for i in range(200)}, file)
with open("data.json") as file:
    assert len(json.load(file)) == 200
for i in range(3):
    assert subprocess.run(["/bin/sh", "-c", f"exit {i}"]).returncode == i
try:
    os.rmdir("nothing")
except FileNotFoundError:
    os.mkdir("something")
os.rename("data.json", "something/data.json")
"""

PERL_SCRIPT = r"""
use strict; use warnings;
open(my $out, '>', 'numbers') or die; print $out "$_\n" for 1..5000; close $out;
open(my $in, '<', 'numbers') or die; my $sum = 0; $sum += $_ while <$in>; close $in;
die unless $sum == 12502500;
for my $status (0..3) {
    my $pid = fork(); die unless defined $pid;
    if (!$pid) { exit $status }
    waitpid($pid, 0); die unless $? >> 8 == $status;
}
my $pid = fork(); if (!$pid) { kill 'KILL', $$; sleep 10 }
waitpid($pid, 0); die unless ($? & 127) == 9;
unlink('numbers'); unlink('numbers'); exit 7;
"""

SH_SCRIPT = """
seq 1 1000 > numbers
(sort -rn | head -n 3) < numbers > top
cat numbers | wc -l
while read -r n; do test "$n" -gt 3 && break; done < numbers
for f in *; do test -s "$f" || echo empty; done
cat nothing 2> errors
rm numbers top errors
exit 3
"""

SQL = """
CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO t SELECT i, 'name ' || i FROM n;
CREATE INDEX by_name ON t (name);
DELETE FROM t WHERE id % 3 = 0;
SELECT count(*), max(name) FROM t;
VACUUM;
"""

MAKEFILE = "all: one two\none:\n\techo one > one\ntwo: one\n\tcp one two\n.PHONY: all\n"


def from_build(variable, *arguments, below=""):
    """A program of the build, which the build tells us of."""
    def command(directory):
        if variable not in os.environ:
            raise Missing(f"{variable} is not set")
        return [os.environ[variable] + below, *arguments]
    return command


def program_of_ours(name, *arguments):
    """One of tests/programs."""
    return from_build("WITNESS_PROGRAMS", *arguments, below=f"/program-{name}")


PROGRAMS = [
    Program("ls", lambda d: [find("ls"), "-lR", "tree"], make_tree),
    Program("gcc", lambda d: [find("gcc"), "-O2", "-frandom-seed=0", "-save-temps", "-c", "a.c", "-o", "a.o"], make_source),
    Program("tar", lambda d: [find("tar"), "-cf", "tree.tar", "tree"], make_tree),
    Program("git", lambda d: [find("git"), "-C", "tree", "-c", "core.preloadIndex=false", "status", "--short"],
            make_repository),
    Program("find", lambda d: [find("find"), "tree", "-type", "f", "-newer", "tree/dir1", "-exec", find("cat"), "{}",
                               ";"], make_tree),
    Program("python", lambda d: [find(PYTHON), "-I", "-S", "script.py"],
            lambda d: write(f"{d}/script.py", PYTHON_SCRIPT)),
    Program("perl", lambda d: [find("perl"), "script.pl"], lambda d: write(f"{d}/script.pl", PERL_SCRIPT),
            ignore="read.data", why="perl reads a seed from /dev/urandom"),
    Program("sh", lambda d: [find("sh"), "script.sh"], lambda d: write(f"{d}/script.sh", SH_SCRIPT),
            ignore="rt_sigreturn,wait4.res,wait4.status,signal.sender",
            why="the order in which a pipeline's children end, when their SIGCHLDs interrupt what, and which of two that the "
            "kernel merges stays, is the scheduler's"),
    Program("make", lambda d: [find("make"), "-j1"], lambda d: write(f"{d}/Makefile", MAKEFILE)),
    Program("sqlite", lambda d: [find("sqlite3"), "-init", "script.sql", "a.db", ""],
            lambda d: write(f"{d}/script.sql", SQL),
            ignore="read.data,pwrite64.data", why="a journal has a random number, and sums that depend on it"),
    Program("curl", lambda d: [find("curl"), "-s", "-o", "body", f"http://127.0.0.1:{WEB_PORT}/"], around=web_server, ignore="poll,rt_sigaction", why="curl polls, and guards each poll with rt_sigaction, as often "
            "as the server's answer takes"),
    Program("threads", from_build("WITNESS_THREADS", "8"), ignore="futex",
            why="whether a barrier or a join has to sleep depends on who comes first"),
    Program("calls", program_of_ours("calls")),
    Program("int80", program_of_ours("int80")),
    Program("own-filter", program_of_ours("own-filter"), ptrace_options=("--no-filter",),
            why="what the target's own filter refuses is not seen by another filter, ours or strace's"),
    Program("signals", program_of_ours("signals"), tries=6,
            why="whether the stop and its end interrupt a sleep once or twice depends on how soon one follows the other"),
    Program("vforks", program_of_ours("vforks")),
    Program("exec-by-thread", program_of_ours("exec-by-thread"), by_class=False,
            ignore="openat,read,close,newfstatat,getpid,clock_nanosleep",
            why="it looks into /proc until the others sleep, as often as that takes; by class not, since strace 6.1 takes the "
            "result of a thread's execve under --seccomp-bpf for -1 (errno 2^64-21)"),
    Program("many-children", program_of_ours("many-children", "200"), ignore="wait4.res,wait4.status,signal.sender",
            why="which child ends first, which clone its SIGCHLD interrupts, and which of two that the kernel merges stays, is "
            "the scheduler's"),
    Program("redis-cli", lambda d: [find("redis-cli"), "-s", f"{d}/redis.sock", "LPUSH", "l", "x", "y"],
            around=redis_server),
    Program("redis-server", lambda d: [find("redis-server"), *redis_arguments(d)], around=redis_client, tries=6,
            ignore="read.data,write.data,writev.data,epoll_wait.timeout",
            why="it logs the time and its pid, and draws a seed for the order of its tables; a timer runs once a second, between whichever commands: within so many pairs one has to agree"),
]
