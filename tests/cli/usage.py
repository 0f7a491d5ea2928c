#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Help, versions, wrong usage, and the commands that need no capture."""

import json
import os
import re
import subprocess
import unittest

from kit import Case, main

COMMANDS = {"trace": 125, "record": 125, "read": 2, "stats": 2, "ps": 2, "compare": 2, "schema": 2,
            "backends": 2, "gvisor": 2}


class Usage(Case):
    def test_help_is_on_stdout(self):
        for arguments in [["--help"], ["-h"], ["help"]]:
            text = self.succeed(*arguments)
            self.assertTrue(text.startswith("Usage: sysfold COMMAND"))
            for command in COMMANDS:
                self.assertRegex(text, rf"\n  {command} ")

    def test_every_command_has_help(self):
        for command in COMMANDS:
            for arguments in [[command, "--help"], [command, "-h"], ["help", command]]:
                text = self.succeed(*arguments)
                self.assertTrue(text.startswith(f"Usage: sysfold {command}"), text)
                self.assertIn("\nExample", text)

    def test_version(self):
        self.assertRegex(self.succeed("--version"), r"\Asysfold \d+\.\d+\.\d+\n\Z")

    def test_no_command(self):
        self.complain(2)

    def test_unknown_command(self):
        self.complain(2, "dance", about="dance")
        self.complain(2, "help", "dance", about="dance")

    def test_unknown_options(self):
        for command, status in COMMANDS.items():
            self.complain(status, command, "--dance", about="--dance")
            self.complain(status, command, "-Z", about="-Z")

    def test_options_with_wrong_values(self):
        self.complain(125, "trace", "-p", about="-p")
        self.complain(125, "trace", "-p", "x", about="'x'")
        self.complain(125, "trace", "-p", "0", about="'0'")
        self.complain(125, "trace", "-s", "60001", "true", about="60001")
        self.complain(125, "trace", "--snaplen=-1", "true", about="-1")
        self.complain(125, "trace", "--string-max=99999999999999999999", "true")
        self.complain(125, "trace", "--json=yes", "true", about="--json=yes")
        self.complain(125, "trace", "--color=blue", "true", about="blue")
        self.complain(125, "record", "-o", "a", "--compress=10", "true", about="10")
        self.complain(2, "read", "--color=blue", "a", about="blue")

    def test_missing_and_surplus_operands(self):
        self.complain(125, "trace")
        self.complain(125, "trace", "--")
        self.complain(125, "trace", "", about="empty")
        self.complain(125, "trace", "-p", "1", "true", about="true")
        self.complain(125, "trace", "-f", "--no-follow", "true")
        self.complain(125, "record", "true", about="-o")
        for command in ["read", "stats", "ps"]:
            self.complain(2, command)
            self.complain(2, command, "a", "b", about="'b'")
        self.complain(2, "schema", "a", about="'a'")
        self.complain(2, "backends", "a", about="'a'")

    def test_output_that_cannot_be_written(self):
        for arguments in [["--help"], ["--version"], ["trace", "--help"], ["schema"], ["schema", "--json"],
                          ["schema", "--man"], ["backends"], ["backends", "--json"]]:
            with open("/dev/full", "wb") as full:
                done = self.run_sysfold(*arguments, stdout=full)
            self.assertNotEqual(done.returncode, 0)
            self.assertEqual(done.stderr, b"sysfold: cannot write to standard output: No space left on device\n")

    def test_closed_output(self):
        done = subprocess.run(["/bin/sh", "-c", '"$0" backends >&-', __import__("kit").SYSFOLD], check=False,
                              stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"cannot write to standard output", done.stderr)


class Documents(Case):
    """Help, manual and completion know the same options."""

    ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

    def read(self, path):
        with open(os.path.join(self.ROOT, path), encoding="utf-8") as file:
            return file.read()

    def options(self, command):
        lines = self.succeed(command, "--help").splitlines()
        return {option for line in lines for option in re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", line)}

    def test_manual(self):
        for command in COMMANDS:
            text = self.read(f"docs/sysfold-{command}.1.scd")
            self.assertEqual({option for option in self.options(command) if f"*{option}*" not in text}, set(), command)
            self.assertIn(f"*sysfold-{command}*(1)", self.read("docs/sysfold.1.scd"))

    def test_completion(self):
        script = f"source {self.ROOT}/cli/sysfold.bash; COMP_WORDS=(sysfold $1 --); COMP_CWORD=2; _sysfold; " \
                 'echo "${COMPREPLY[@]}"'
        for command in COMMANDS:
            done = subprocess.run(["bash", "-c", script, "-", command], stdout=subprocess.PIPE, check=True)
            self.assertEqual(set(done.stdout.decode().split()), self.options(command), command)


class Schema(Case):
    def test_json(self):
        text = json.dumps(json.loads(self.succeed("schema", "--json")))
        self.assertIn('"openat"', text)
        self.assertIn('"process_exit"', text)

    def test_markdown(self):
        text = self.succeed("schema")
        self.assertIn("openat", text)
        self.assertEqual(text, self.succeed("schema", "--markdown"))

    def test_manual_page(self):
        text = self.succeed("schema", "--man")
        self.assertTrue(text.startswith(".TH sysfold\\-events 7"))
        for name in ["openat", "process_exit"]:
            self.assertIn(f"\n.SS {name.replace('-', chr(92) + '-')}\n", text)


class Backends(Case):
    def test_text(self):
        self.assertRegex(self.succeed("backends"), r"(?m)^ptrace: (usable|no permission|unsupported)$")

    def test_json(self):
        ptrace = [entry for entry in json.loads(self.succeed("backends", "--json")) if entry["name"] == "ptrace"]
        self.assertEqual(len(ptrace), 1)
        self.assertIn(ptrace[0]["usability"], ["usable", "no permission", "unsupported"])
        self.assertEqual({"name", "usability", "summary", "reason", "remedy", "declared"}, set(ptrace[0]))
        for entry in ptrace[0]["declared"]:
            self.assertEqual(set(entry), {"row", "param", "kind", "reason"})
            self.assertIn(entry["kind"], ["absent", "different"])

    def test_what_is_declared(self):
        declared = {entry["name"]: entry["declared"] for entry in json.loads(self.succeed("backends", "--json"))}
        text = self.succeed("backends", "-v")
        for entry in [entry for entries in declared.values() for entry in entries]:
            self.assertRegex(text, rf" {re.escape(entry['row'])}\.{re.escape(entry['param'])}[ ,]")
            self.assertIn(entry["reason"], text)
        self.assertEqual(text.count("nothing is absent"), sum(not entries for entries in declared.values()))


assert unittest
if __name__ == "__main__":
    main()
