#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The independent witness: real programs under strace and under sysfold, compared by `sysfold compare --strace`.

Each program runs under `strace -f` and under `sysfold record`, each time in a directory made afresh at the same path,
with the same environment and without address space randomisation. Then a line is taken out of strace's output, to see
that the comparison would have noticed. Another backend can take strace's place: two of ours against each other.

    witness.py SYSFOLD PROGRAM... [-b BACKEND] [--against BACKEND] [--user nobody] [--classes] [--keep]
"""

import argparse
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile

import programs

SKIP = 77
SUBSET = "file,process,network"
TIMEOUT = 300


def child_options(user):
    if not user or os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


class Bench:
    """A place for runs: every run finds the same paths, the same environment and the same descriptors."""

    def __init__(self, base, options):
        self.base = base
        self.work = f"{base}/work"
        self.options = options

    def run(self, program, tracer):
        shutil.rmtree(self.work, ignore_errors=True)
        os.mkdir(self.work)
        program.setup(self.work)
        self.give_away()
        with program.around(self.work), open(f"{self.base}/out", "w") as out, open(f"{self.base}/err", "w+") as err:
            done = subprocess.run(
                ["/usr/bin/setarch", "-R", *tracer, "--", *program.command(self.work)], cwd=self.work,
                stdin=subprocess.DEVNULL, stdout=out, stderr=err, check=False, timeout=TIMEOUT,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC0", "HOME": self.work, "PYTHONHASHSEED": "0",
                     "XDG_CACHE_HOME": f"{self.base}/log",  # what sysfold keeps there is not the program's
                     "PYTHONDONTWRITEBYTECODE": "1", "PERL_HASH_SEED": "0", "GIT_OPTIONAL_LOCKS": "0",
                     "GIT_CONFIG_NOSYSTEM": "1"}, **self.options)
            err.seek(0)
            return done.returncode, err.read()

    def give_away(self):
        if "user" not in self.options:
            return
        for directory, _, files in os.walk(self.work):
            for path in [directory, *(os.path.join(directory, file) for file in files)]:
                os.chown(path, self.options["user"], self.options["group"], follow_symlinks=False)


def under_strace(bench, program, calls):
    log = f"{bench.base}/log/strace"
    filters = ["--seccomp-bpf", "-e", f"trace={calls}"] if calls else []
    status, errors = bench.run(program, ["/usr/bin/strace", "-f", "-s", "80", "--quiet=attach,path-resolution",
                                         "-o", log, *filters])
    if not os.path.getsize(log):
        raise ValueError(f"strace saw nothing: {errors}")
    return log, status


def under_sysfold(bench, program, calls, sysfold, backend):
    filters = ["-e", calls] if calls else program.ptrace_options if backend == "ptrace" else []
    if backend == "notify" and bench.options:  # each call's result costs: it is asked for only on request
        filters = [*filters, "--results", "perf"]
    capture = f"{bench.base}/log/{backend}.sfold"
    status, errors = bench.run(program, [sysfold, "record", "-q", "-b", backend, "-o", capture, *filters])
    return capture, status, errors


def judge(program, sysfold, *two):
    """The document of `sysfold compare` on the two."""
    ignore = ["--ignore", program.ignore] if program.ignore else []
    done = subprocess.run([sysfold, "compare", "--json", *ignore, *two], capture_output=True, text=True, check=False,
                          timeout=TIMEOUT)
    if done.returncode not in (0, 1):
        raise ValueError(f"sysfold compare: {done.stderr.strip() or done.stdout.strip()}")
    return json.loads(done.stdout)


def take_a_line(log, program):
    """Without the last call in it that is not ignored and succeeded: whoever compares must see that."""
    with open(log, encoding="utf-8", errors="surrogateescape") as file:
        lines = file.readlines()
    ignored = tuple(f" {name.split('.')[0]}(" for name in program.ignore.split(",") if name)
    for i in reversed(range(len(lines) // 2)):
        if lines[i].endswith(" = 0\n") and "resumed" not in lines[i] and not any(name in lines[i] for name in ignored):
            del lines[i]
            break
    else:
        raise ValueError("strace's output has no line to take away")
    with open(f"{log}.less", "w", encoding="utf-8", errors="surrogateescape") as file:
        file.writelines(lines)
    return f"{log}.less"


def shown(pair):
    lines = [line for line in pair["lines"] if line["kind"] not in ("same", "declared", "lost")]
    text = [f"{pair['verdict']} {pair.get('reason') or ''}: {len(lines)} lines"]
    for line in lines[:12]:
        text.append(f"  {line['kind']} in thread {line['thread']}: {(line.get('reference') or '-')[:200]}")
        if line.get("other"):
            text.append(f"    other: {line['other'][:200]}")
        text += [f"      {entry['param']}: {entry['reference'][:90]} | {entry['other'][:90]}"
                 for entry in line.get("differences", []) if not entry.get("reason")]
    return "\n".join(text)


def why_unusable(sysfold, backends, options):
    """Which of the backends that user cannot use, and why; None where each can be used."""
    try:
        done = subprocess.run([sysfold, "backends", "--json"], capture_output=True, check=False, **options)
        known = {entry["name"]: entry for entry in json.loads(done.stdout)}
    except (PermissionError, ValueError):
        return f"{sysfold} cannot be run"
    for name in backends:
        if name not in known:
            return f"{name}: this build is without it"
        if known[name]["usability"] != "usable":
            return f"{name}: {known[name]['reason']}"
    return None


def subset_of(program, arguments):
    if arguments.classes and (program.calls or not program.by_class):
        return None  # its own subset is compared already, or strace cannot
    return program.calls or (SUBSET if arguments.classes else "")


def compare_once(bench, program, calls, arguments):
    """(what differs, how much was compared)"""
    is_ours = arguments.against != "strace"
    if is_ours:
        reference, expected, _ = under_sysfold(bench, program, calls, arguments.sysfold, arguments.against)
    else:
        reference, expected = under_strace(bench, program, calls)
    capture, status, errors = under_sysfold(bench, program, calls, arguments.sysfold, arguments.backend)
    if expected != status:
        return (f"exit status: {expected} under {arguments.against}, {status} under {arguments.backend} "
                f"({errors.strip()})"), ""
    document = judge(program, arguments.sysfold, *([reference] if is_ours else ["--strace", reference]), capture)
    pair = document["pairs"][0]
    if pair["counts"]["lost"] or document["verdict"] != "same":
        return shown(pair), ""
    if not is_ours and judge(program, arguments.sysfold, "--strace", take_a_line(reference, program),
                             capture)["verdict"] == "same":
        return "a line was taken out of strace's output, and nothing noticed", ""
    seen = document["inputs"][1]
    return "", f"{seen['events']} events of {seen['threads']} threads"


def compare(program, arguments):
    calls = subset_of(program, arguments)
    if calls is None:
        return True
    base = tempfile.mkdtemp(prefix="sysfold-witness-")
    options = child_options(arguments.user)
    os.mkdir(f"{base}/log")
    os.chmod(base, 0o777)
    os.chmod(f"{base}/log", 0o777)
    try:
        for attempt in range(program.tries):
            found, what = compare_once(Bench(base, options), program, calls, arguments)
            if not found:
                print(f"{program.name}: the same: {what}{f' ({calls})' if calls else ''}"
                      f"{f', in pair {attempt + 1}' if attempt else ''}")
                return True
        print(f"{program.name}: {arguments.against} and {arguments.backend} differ{f' ({calls})' if calls else ''}; "
              f"{program.why}\n{found}")
        return False
    finally:
        if arguments.keep:
            print(f"kept: {base}")
        else:
            shutil.rmtree(base, ignore_errors=True)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sysfold", type=os.path.realpath)  # run in other directories
    parser.add_argument("programs", nargs="+", metavar="PROGRAM", help="a name of programs.py, or all")
    parser.add_argument("-b", "--backend", default="ptrace", help="sysfold's (%(default)s)")
    parser.add_argument("--against", default="strace", help="strace, or another backend (%(default)s)")
    parser.add_argument("--user", help="run both tracers as this user, if we are root")
    parser.add_argument("--classes", action="store_true", help=f"only -e {SUBSET}, with strace's --seccomp-bpf")
    parser.add_argument("--keep", action="store_true", help="keep the logs")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    wanted = [program for program in programs.PROGRAMS
              if program.name in arguments.programs or "all" in arguments.programs]
    if arguments.against == "strace" and not os.path.exists("/usr/bin/strace"):
        print("skipped: strace is not installed")
        return SKIP
    if arguments.user and os.geteuid() != 0:
        print("skipped: only root can become another user")
        return SKIP
    backends = [name for name in (arguments.against, arguments.backend) if name != "strace"]
    if why := why_unusable(arguments.sysfold, backends, child_options(arguments.user)):
        print(f"skipped: {why}")
        return SKIP
    failed = done = 0
    for program in wanted:
        try:
            failed += not compare(program, arguments)
            done += 1
        except programs.Missing as reason:
            print(f"{program.name}: skipped: {reason}")
    return 1 if failed else 0 if done else SKIP


if __name__ == "__main__":
    sys.exit(main())
