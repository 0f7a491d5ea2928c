#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The scenarios under one of Debian's stock kernels, each held against its own truth.

    suite.py 6.1|6.12 --build DIRECTORY [-b BACKENDS] [--console FILE] [SCENARIO]...

Every scenario runs without a tracer first, which says whether it runs on that kernel at all, and then under each of
the backends (ptrace). Each backend then records a program of so many calls, to the last of them.
Exit status 77, with the reason, where nothing can be booted.
"""

import argparse
import pathlib
import sys

import boot

TIMEOUT = 300  # an emulated machine is slow, and it may share its processor
CALLS = 2000  # of program-calls, which says so itself and ends with 7


def judged(name, backends):
    """The shell command. Its exit status is the scenario's own where that fails or skips, then compare's."""
    return (f"said=$(/scenarios/scenario-{name} 2>&1) || {{ status=$?; echo \"$said\"; exit $status; }}; "
            f"sysfold compare --limit=8 --timeout={TIMEOUT // 2} -b {backends} --truth /tmp/truth "
            f"-- /scenarios/scenario-{name}")


def counted(backend):
    """The shell command that fails unless each call is recorded, once."""
    return (f"sysfold trace -b {backend} -e getppid -o /tmp/log -- /programs/program-calls {CALLS}; status=$?; "
            f"told=$(grep -c ' getppid()' /tmp/log); lost=$(grep -c ' lost(' /tmp/log); "
            f'echo "exit status $status, $told of {CALLS} calls, $lost times lost"; tail -n 3 /tmp/log; '
            f'[ "$status $told $lost" = "7 {CALLS} 0" ]')


class Outcomes:
    def __init__(self):
        self.passed, self.failed, self.skipped = [], [], []

    def add(self, name, result):
        said = result.output.strip()
        if result.status == boot.SKIP:
            print(f"skipped: {name}: {said.removeprefix('skipped: ')}")
            self.skipped.append(name)
        elif result.status == 0:
            self.passed.append(name)
        else:
            print(f"{name}: exit status {result.status}, after {result.seconds:.1f} s")
            print("\n".join("  " + line[:300] for line in said.splitlines()[:60]))
            self.failed.append(name)
        sys.stdout.flush()


def run_all(options, names):
    commands = [("uname", "uname -rv"), ("backends", "sysfold backends")]
    commands += [(name, judged(name, options.backends)) for name in names]
    commands += [(f"calls under {name}", counted(name)) for name in options.backends.split(",")]
    programs = {**boot.programs_of(options.build, names),
                "/programs/program-calls": options.build / "tests/programs/program-calls"}
    results = boot.run(options.kernel, options.build, programs, [(TIMEOUT, command) for _, command in commands],
                       options.console)
    outcomes = Outcomes()
    for name, _ in commands:
        try:
            result = next(results)
        except boot.Died as why:
            raise boot.Died(f"{name}: {why}") from why
        if name in ("uname", "backends"):
            print(result.output.rstrip())
            outcomes.failed += [name] * (result.status != 0)
        else:
            outcomes.add(name, result)
    return outcomes


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kernel", choices=boot.KERNELS)
    parser.add_argument("names", nargs="*", metavar="SCENARIO")
    parser.add_argument("--build", type=lambda path: pathlib.Path(path).resolve(), required=True)
    parser.add_argument("-b", "--backends", default="ptrace")
    parser.add_argument("--console", help="where the kernel's own messages go")
    return parser.parse_intermixed_args()


def main():
    options = parse_arguments()
    names = options.names or boot.scenarios_of(options.build)
    try:
        outcomes = run_all(options, names)
    except boot.Missing as why:
        print(f"skipped: {why}")
        return boot.SKIP
    except (boot.Died, RuntimeError) as why:
        print(f"{options.kernel}: {why}")
        return 1
    count = len(outcomes.passed) + len(outcomes.failed) + len(outcomes.skipped)
    print(f"{count} scenarios and counts on Linux {options.kernel}, {len(outcomes.failed)} not the same, "
          f"{len(outcomes.skipped)} skipped")
    return 1 if outcomes.failed else 0


if __name__ == "__main__":
    sys.exit(main())
