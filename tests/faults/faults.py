#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Is damage to a stream noticed, and nothing else?

Compares what ptrace sees of scenarios with what it sees through a backend that damages the stream (fault.c).

    faults.py caught FAULTY SCENARIOS [KIND...]   each kind of damage, several times each: all must be reported
    faults.py repeats FAULTY SCENARIOS            a hundred runs without damage: none may be reported
"""

import glob
import json
import os
import subprocess
import sys

SKIP = 77
REPEATS = 100
SEEDS = 3  # of each kind

# Every one of them has to be reported as a difference, about the event that was damaged.
NOTICED = ["drop", "duplicate", "swap", "move", "argument", "result", "failure", "path", "data", "cut", "fd", "absent",
           "null", "unreadable", "exit", "drop-exit", "delay-exit", "drop-start", "delay-start", "exec", "drop-exec",
           "signal", "drop-signal"]
# These are told as losses: what is counted as lost is no difference, and a loss where nothing is missing is told too.
LOSSES = ["lost", "false-loss"]
# Of these, more than the event itself is another one afterwards: no line need bear its name.
LIVES = ["exit", "drop-exit", "delay-exit", "drop-start", "delay-start", "exec", "drop-exec"]
DIFFERENT = ["different", "missing", "extra", "disordered"]


class Nothing(Exception):
    """The scenario has nothing that such a fault could strike."""


def compare(faulty, scenario, fault):
    """Returns the exit status, the report, and (row, parameter) of what was damaged."""
    environment = {**os.environ, "SYSFOLD_FAULT": f"{fault},backend=ptrace", "SYSFOLD_FAULT_VERBOSE": "1"}
    done = subprocess.run([faulty, "compare", "-b", "ptrace,fault", "--json", "--", scenario], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, timeout=300,
                          stdin=subprocess.DEVNULL)
    errors = done.stderr.decode(errors="replace")
    if "fault: nothing that" in errors:
        raise Nothing
    struck = [line.split(": ")[2].split()[:2] for line in errors.splitlines() if line.startswith("fault: ")]
    try:
        report = json.loads(done.stdout)
    except ValueError:
        raise RuntimeError(f"{scenario}, {fault}: exit status {done.returncode}: {errors}") from None
    return done.returncode, report, struck


def differences(report):
    return [line for pair in report["pairs"] for line in pair["lines"] if line["kind"] in DIFFERENT]


def shown(report):
    lines = [f"    {line['kind']} {line['thread']} {line['reference']} / {line['other']}"
             for line in differences(report)]
    return "\n".join([f"  {pair['verdict']}: {pair['reason']} {pair['counts']}" for pair in report["pairs"]] + lines)


def is_about(line, row, param):
    if line["name"] != row:
        return False
    named = [difference["param"] for difference in line["differences"] if not difference["reason"]]
    return line["kind"] != "different" or param == "-" or param in named


def check_noticed(kind, status, report, struck):
    if status != 1:
        return f"the exit status is {status}, not 1"
    lines = differences(report)
    row, param = struck[0]
    if not lines or (kind not in LIVES and not any(is_about(line, row, param) for line in lines)):
        return f"no line tells of {row} {param}"
    return None


def check_loss(kind, status, report):
    counts = report["pairs"][0]["counts"]
    if status != 0:
        return f"the exit status is {status}, not 0"
    if counts["other_lost"] != 1 or (kind == "lost" and not counts["lost"]):  # its consequences are lost as well
        return "the loss is not told"
    return None


def check(kind, status, report, struck):
    return check_loss(kind, status, report) if kind in LOSSES else check_noticed(kind, status, report, struck)


def strike(faulty, scenarios, usable, kind, seed):
    """One fault, in the first scenario (from another one on for each seed) that it fits. What was wrong, or None."""
    if "exec" in kind:  # few have any
        scenarios = [scenario for scenario in scenarios if "exec" in scenario]
    for i in range(len(scenarios)):
        scenario = scenarios[(i + (seed - 1) * 7) % len(scenarios)]
        if scenario not in usable:
            usable[scenario] = compare(faulty, scenario, "none")[0] == 0
        if not usable[scenario]:
            continue
        try:
            status, report, struck = compare(faulty, scenario, f"{kind},seed={seed}")
        except Nothing:
            continue
        wrong = check(kind, status, report, struck)
        name = os.path.basename(scenario)
        print(f"{kind}, seed {seed}, in {name}: {' '.join(struck[0])}: {wrong or 'caught'}", flush=True)
        return f"{kind}, seed {seed}, in {name}: {wrong}\n{shown(report)}" if wrong else None
    return f"{kind}: no scenario has anything to strike"


def caught(faulty, scenarios, chosen):
    usable = {}
    results = [strike(faulty, scenarios, usable, kind, seed)
               for kind in chosen or NOTICED + LOSSES for seed in range(1, SEEDS + 1)]
    wrong = [result for result in results if result]
    print(f"{len(results)} faults, {len(results) - len(wrong)} as they should be")
    print("\n".join(wrong))
    return not wrong


def repeats(faulty, scenarios, _):
    wrong = []
    for i in range(REPEATS):
        scenario = scenarios[i % len(scenarios)]
        status, report, _ = compare(faulty, scenario, "none")
        if status:
            wrong.append(f"{os.path.basename(scenario)}: exit status {status}\n{shown(report)}")
    print(f"{REPEATS} runs without a fault, {len(wrong)} reported")
    print("\n".join(wrong))
    return not wrong


def runs_here(path):
    """What skips itself has no markers, and libc's own calls before it says so are not always the same."""
    done = subprocess.run([path], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60,
                          stdin=subprocess.DEVNULL)
    return done.returncode == 0


def find_scenarios(directory):
    """hello first, which has most of what can be struck, then some of each family."""
    paths = sorted(path for path in glob.glob(f"{glob.escape(directory)}/scenario-*")
                   if os.path.isfile(path) and os.access(path, os.X_OK) and runs_here(path))
    return sorted(paths, key=lambda path: not path.endswith("-hello"))


def main():
    part, faulty, directory = sys.argv[1:4]
    backends = json.loads(subprocess.run([faulty, "backends", "--json"], check=True, stdout=subprocess.PIPE).stdout)
    ptrace = [backend for backend in backends if backend["name"] == "ptrace"]
    if not ptrace or ptrace[0]["usability"] != "usable":
        print(f"skipped: ptrace is not usable here: {ptrace[0]['reason'] if ptrace else 'not built'}")
        sys.exit(SKIP)
    scenarios = find_scenarios(directory)
    sys.exit(0 if {"caught": caught, "repeats": repeats}[part](faulty, scenarios, sys.argv[4:]) else 1)


main()
