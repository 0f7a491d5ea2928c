#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sysfold oci: profiles, bundles, and that nothing is allowed which the base denies."""

import json
import os
import re
import stat
import subprocess
import unittest

import kit
import profiles
from kit import Case, main
from profiles import ALLOW, LOG, NOTIFY, Filter, number_of

ENGINES = "/usr/share/containers/seccomp.json"
ADDRESS = "/run/sysfold/notify.sock"
LIFE = {"clone", "clone3", "fork", "vfork", "execve", "execveat", "exit", "exit_group"}
RUNC_OWN = {"write", "futex"}
RETURNS = {"rt_sigreturn", "sigreturn"}
CALLS = 480  # numbers that are tried
# Interesting as arguments: AF_NETLINK, NETLINK_AUDIT, personalities, flags of clone, bits of masks and what is beside them.
VALUES = [0, 1, 2, 3, 4, 5, 8, 9, 15, 16, 17, 38, 40, 131072, 131080, 2114060288, 0x10000000, 0xffffffff, 0xfffffffffffffff0]

needs_seccomp = unittest.skipUnless(profiles.LIBSECCOMP, "there is no libseccomp.so")
needs_engines = unittest.skipUnless(os.path.exists(ENGINES), f"there is no {ENGINES} (golang-github-containers-common)")


def compare(value, op="EQ", index=0, two=0):
    return {"index": index, "value": value, "valueTwo": two, "op": f"SCMP_CMP_{op}"}


def rule(action, *names, args=None, **others):
    return {"names": list(names), "action": f"SCMP_ACT_{action}", **({"args": args} if args is not None else {}), **others}


# As the engines have them: what is denied by default, what depends on capabilities, what on arguments, both, and old forms.
DENYING = {
    "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
    "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]}],
    "syscalls": [
        rule("ALLOW", "openat", "close", "read", "write", "execve", "clone3", "exit_group", "openat", "socketcall", "open"),
        rule("LOG", "ptrace", "mount"),
        {"name": "getppid", "action": "SCMP_ACT_ALLOW", "args": None},
        rule("ERRNO", "kexec_load", "reboot", errnoRet=1),
        rule("KILL_PROCESS", "keyctl"),
        rule("TRAP", "add_key"),
        rule("ALLOW", "personality", args=[compare(0)]),
        rule("ALLOW", "personality", args=[compare(8)]),
        rule("ALLOW", "clone", args=[compare(2114060288, "MASKED_EQ")], excludes={"caps": ["CAP_SYS_ADMIN"]}),
        rule("ALLOW", "clone", "setns", "unshare", includes={"caps": ["CAP_SYS_ADMIN"]}),
        rule("ERRNO", "setns", excludes={"caps": ["CAP_SYS_ADMIN"]}, errnoRet=1),
        rule("ERRNO", "socket", args=[compare(16), compare(9, index=2)], errnoRet=22),
        rule("ALLOW", "socket", args=[compare(9, "NE", 2)]),
        rule("ALLOW", "socket", args=[compare(16, "NE")]),
        rule("ALLOW", "arch_prctl", includes={"arches": ["amd64"]}),
        rule("ALLOW", "s390_runtime_instr", includes={"arches": ["s390x"]}),
        rule("ALLOW", "ioctl", args=[compare(1), compare(2), compare(3)]),
        rule("ALLOW", "fcntl", args=[compare(3, "GT", 1), compare(16, "LE", 0)]),
    ],
}
ALLOWING = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
    "flags": ["SECCOMP_FILTER_FLAG_LOG"],
    "syscalls": [
        rule("ERRNO", "reboot", "unshare"),
        rule("KILL_PROCESS", "keyctl"),
        rule("ALLOW", "openat", "close"),
        rule("LOG", "mount"),
        rule("ERRNO", "personality", args=[compare(8)]),
        rule("ERRNO", "socket", args=[compare(16), compare(9, index=2)], errnoRet=22),
        rule("ERRNO", "fcntl", args=[compare(3, "GT")]),
        rule("ERRNO", "fcntl", args=[compare(4, "LE", 1)]),
        rule("ERRNO", "lseek", args=[compare(4, "LE", 1)]),
        rule("ERRNO", "clone", args=[compare(0x10000000, "MASKED_EQ", 0, 0x10000000)]),
        rule("ERRNO", "ioctl", args=[compare(1), compare(2)]),  # alternatives
        rule("ERRNO", "bind", args=[compare(1)]),
        rule("ERRNO", "bind", args=[compare(2)]),
        rule("ERRNO", "kill", args=[compare(3, "MASKED_EQ", 0, 2)]),
        rule("TRACE", "ptrace"),
    ],
}


class Profiles(Case):
    def write(self, name, value):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(value if isinstance(value, str) else json.dumps(value))
        return self.path(name)

    def profile(self, *arguments, base=None):
        done = self.run_sysfold("oci", "profile", "--socket=/a", *arguments,
                                *([f"--base={self.write('base.json', base)}"] if base is not None else []))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.notes = done.stderr.decode()
        return json.loads(done.stdout)

    @staticmethod
    def notified(profile):
        return {name for entry in profile["syscalls"] if entry["action"] == "SCMP_ACT_NOTIFY" for name in entry["names"]}


class Usage(Profiles):
    def test_neither(self):
        self.complain(2, "oci", about="profile or apply")
        self.complain(2, "oci", "dance", about="dance")
        self.complain(2, "oci", "--dance", about="--dance")

    def test_help(self):
        text = self.succeed("oci", "--help")
        for arguments in [["profile", "--help"], ["apply", "-h"]]:
            self.assertEqual(self.succeed("oci", *arguments), text)

    def test_bad_options(self):
        self.complain(2, "oci", "profile", "a", about="'a'")
        self.complain(2, "oci", "profile", "--bundle=.", about="--bundle")
        self.complain(2, "oci", "apply", "--base=a", about="--base")
        self.complain(2, "oci", "apply", "-o", "a", about="-o")
        self.complain(2, "oci", "profile", "--socket=a.sock", about="absolute")
        self.complain(2, "oci", "profile", "--socket=/" + 107 * "a", about="too long")
        self.complain(2, "oci", "profile", "--socket=/a", "-e", "opena", about="opena")
        self.complain(2, "oci", "profile", "--socket=/a", "--runtime=dance", about="dance")
        self.complain(2, "oci", "profile", "--socket=/a", "--metadata=" + 5000 * "a", about="metadata")
        self.complain(2, "oci", "profile", "--socket=/a", b"--metadata=\xff", about="UTF-8")

    def test_default_socket(self):
        expected = ADDRESS if os.geteuid() == 0 else "/x/sysfold/notify.sock"
        text = self.succeed("oci", "profile", "-e", "open", env={"XDG_RUNTIME_DIR": "/x"})
        self.assertEqual(json.loads(text)["listenerPath"], expected)

    def test_full_output(self):
        with open("/dev/full", "wb") as full:
            done = self.run_sysfold("oci", "profile", "--socket=/a", "-e", "open", stdout=full)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"cannot write", done.stderr)
        self.complain(1, "oci", "profile", "--socket=/a", "-e", "open", "-o", "/dev/full", about="/dev/full")
        self.complain(1, "oci", "profile", "--socket=/a", "-e", "open", "-o", "/nonexistent/a", about="/nonexistent/a")

    def test_output_replaces(self):
        path = self.write("out.json", "old")
        os.chmod(path, 0o640)
        os.symlink("out.json", self.path("link"))
        self.succeed("oci", "profile", "--socket=/a", "-e", "open", "-o", self.path("link"))
        with open(path, encoding="utf-8") as file:
            self.assertEqual(json.load(file)["listenerPath"], "/a")
        self.assertTrue(os.path.islink(self.path("link")))
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o640)
        self.assertEqual(sorted(os.listdir(self.directory)), ["link", "out.json"])


class BadBases(Profiles):
    def refuse(self, base, *about):
        path = self.write("base.json", base)
        for place in [path, *about]:
            self.complain(2, "oci", "profile", "--socket=/a", "-e", "open", f"--base={path}", about=place)

    def test_files(self):
        self.complain(2, "oci", "profile", "--socket=/a", "--base=/nonexistent/a", about="/nonexistent/a: No such file")
        self.complain(2, "oci", "profile", "--socket=/a", "--base=/", about="Is a directory")
        self.complain(2, "oci", "profile", "--socket=/a", "--base=/dev/zero", about="too large")
        self.refuse("{\"defaultAction\":\"SCMP_ACT_ALLOW\"}" + (4 << 20) * " ", "too large")

    def test_not_json(self):
        self.refuse("", "line 1")
        self.refuse("{", "line 1, column")
        self.refuse("{\n\n\"a\": \x1b[31m}", "line 3")
        self.refuse("[]", "must be an object")
        self.refuse("{} {}", "line 1")
        self.refuse(100000 * "[", "depth")
        self.refuse("{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"defaultAction\": \"SCMP_ACT_ERRNO\"}", "duplicate")

    def test_a_message_drives_no_terminal(self):
        for base in ["{\n\"\x1b[31m\": \x1b]0;a\x07}", {"defaultAction": "\x1b[31m"}]:
            done = self.run_sysfold("oci", "profile", "--socket=/a", f"--base={self.write('base.json', base)}")
            self.assertRegex(done.stderr, rb"\Asysfold: [ -~]+\n\Z")

    def test_wrong_types(self):
        default = {"defaultAction": "SCMP_ACT_ALLOW"}
        for base, place in [
                ({}, "defaultAction: there is no action"),
                ({"defaultAction": 3}, "defaultAction: this must be a string"),
                ({"defaultAction": "ALLOW"}, "defaultAction: 'ALLOW' is no action"),
                ({"linux": {}, "ociVersion": "1.0"}, "a bundle's configuration"),
                ({**default, "syscalls": {}}, "syscalls: this must be a list"),
                ({**default, "syscalls": [3]}, "syscalls[0]: this must be an object"),
                ({**default, "syscalls": [rule("ERRNO", "a"), rule("DANCE", "a")]}, "syscalls[1].action: 'SCMP_ACT_DANCE'"),
                ({**default, "syscalls": [rule("ERRNO")]}, "syscalls[0]: there are no names"),
                ({**default, "syscalls": [rule("ERRNO", "a", name="b")]}, "either 'name' or 'names'"),
                ({**default, "syscalls": [rule("ERRNO", "a", 3)]}, "syscalls[0].names[1]: this must be a string"),
                ({**default, "syscalls": [rule("ERRNO", 200 * "a")]}, "syscalls[0].names[0]: this is no name"),
                ({**default, "syscalls": [rule("ERRNO", "a", args={})]}, "syscalls[0].args: this must be a list"),
                ({**default, "syscalls": [rule("ERRNO", "a", args=[1])]}, "syscalls[0].args[0]: this must be an object"),
                ({**default, "syscalls": [rule("ERRNO", "a", args=[compare(0, "DANCE")])]}, "args[0].op: 'SCMP_CMP_DANCE'"),
                ({**default, "syscalls": [rule("ERRNO", "a", args=[compare(0, index=6)])]}, "args[0].index: 6 is out"),
                ({**default, "syscalls": [rule("ERRNO", "a", args=[compare(-1)])]}, "args[0].value: -1 is out"),
                ({**default, "syscalls": [rule("ERRNO", "a", args=[{"index": 0}])]}, "args[0].op: there is no comparison"),
                ({**default, "syscalls": [rule("ERRNO", "a", includes=[])]}, "syscalls[0].includes: this must be an object"),
                ({**default, "syscalls": [rule("ERRNO", "a", excludes={"caps": "all"})]}, "excludes.caps: this must be a list"),
                ({**default, "syscalls": [rule("ERRNO", "a", errnoRet="EPERM")]}, "errnoRet: this must be an integer"),
                ({**default, "architectures": "SCMP_ARCH_X86"}, "architectures: this must be a list"),
                ({**default, "flags": [1]}, "flags[0]: this must be a string"),
                ({**default, "archMap": [1]}, "archMap[0]: this must be an object"),
                ({**default, "listenerPath": 1}, "listenerPath: this must be a string"),
                ({**default, "syscalls": 20000 * [rule("ERRNO", "a")]}, "too many rules"),
                ({**default, "syscalls": [rule("ERRNO", *(20000 * ["a"]))]}, "too many names")]:
            with self.subTest(place):
                self.refuse(base, place)

    def test_another_agent(self):
        self.refuse({**DENYING, "listenerPath": "/b"}, "listenerPath: the profile has an agent already")
        self.refuse({**DENYING, "syscalls": [rule("NOTIFY", "mknod")]}, "syscalls[0].action: ", "one agent only")
        self.refuse({"defaultAction": "SCMP_ACT_NOTIFY"}, "defaultAction", "one agent only")

    def test_nothing_to_record(self):
        base = self.write("base.json", {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [rule("ALLOW", "close")]})
        self.complain(2, "oci", "profile", "--socket=/a", "-e", "open", f"--base={base}", about="allows none of the calls")


class Rules(Profiles):
    def test_without_a_base(self):
        profile = self.profile("-e", "openat,stat64", "--metadata=web \u00e4")
        self.assertEqual(profile["defaultAction"], "SCMP_ACT_ALLOW")
        self.assertEqual((profile["listenerPath"], profile["listenerMetadata"]), ("/a", "web \u00e4"))
        self.assertEqual(set(profile["architectures"]), {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"})
        self.assertNotIn("flags", profile)
        self.assertEqual(len(profile["syscalls"]), 1)
        names = self.notified(profile)
        self.assertLessEqual(LIFE | {"openat", "stat64", "setuid", "setuid32", "chroot"}, names)
        self.assertFalse({"open", "stat", "getppid", "read"} & names)
        self.assertEqual(self.notes, "")

    def test_what_runc_makes_itself(self):
        names = self.notified(self.profile())
        self.assertFalse(RUNC_OWN & names)
        self.assertLessEqual(LIFE | {"openat", "read", "getppid", "socketcall", "mmap2"}, names)
        self.assertRegex(self.notes, r"\Asysfold: not recorded: [^\n]*\bwrite\b[^\n]*runc[^\n]*\n\Z")
        self.assertLessEqual(RUNC_OWN, self.notified(self.profile("--runtime=crun")))
        self.assertEqual(self.notes, "")
        self.assertFalse(RUNC_OWN & self.notified(self.profile("--runtime=runc", "-e", "write,open")))
        self.assertRegex(self.notes, r"\Asysfold: not recorded: write \([^\n]*runc[^\n]*\n\Z")

    def test_returns_from_handlers_are_never_stopped_at(self):
        for runtime in "crun", "runc":
            self.assertFalse(RETURNS & self.notified(self.profile(f"--runtime={runtime}")))
            self.assertFalse(RETURNS & self.notified(self.profile(f"--runtime={runtime}", "-e", "rt_sigreturn,read")))

    def test_wait_killable(self):
        flag = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"
        self.assertEqual(self.profile("--wait-killable", "-e", "open")["flags"], [flag])
        self.assertEqual(self.profile("--wait-killable", "-e", "open", base=ALLOWING)["flags"],
                         ["SECCOMP_FILTER_FLAG_LOG", flag])
        self.assertEqual(self.profile("--wait-killable", "-e", "open", base={**ALLOWING, "flags": [flag]})["flags"], [flag])

    def test_what_is_not_understood_stays(self):
        base = {**DENYING, "comment": "mine", "x": [1.5, None, {"y": "\u00e4"}]}
        profile = self.profile("-e", "open", base=base)
        for key in ["comment", "x", "archMap", "defaultErrnoRet"]:
            self.assertEqual(profile[key], base[key])

    def test_a_name_moves_with_its_conditions(self):
        profile = self.profile("-e", "openat,personality,mount", base=DENYING)
        self.assertEqual(profile["syscalls"][0]["names"], ["close", "read", "write", "socketcall", "open"])
        self.assertEqual(profile["syscalls"][1], rule("NOTIFY", "openat", "execve", "clone3", "exit_group", "openat"))
        self.assertIn(rule("LOG", "ptrace"), profile["syscalls"])
        self.assertIn(rule("NOTIFY", "mount"), profile["syscalls"])
        self.assertIn(rule("NOTIFY", "personality", args=[compare(8)]), profile["syscalls"])
        self.assertIn(rule("NOTIFY", "clone", args=[compare(2114060288, "MASKED_EQ")], excludes={"caps": ["CAP_SYS_ADMIN"]}),
                      profile["syscalls"])
        self.assertNotIn("errnoRet", json.dumps([entry for entry in profile["syscalls"]
                                                 if entry["action"] == "SCMP_ACT_NOTIFY"]))

    def test_what_cannot_be_said(self):
        self.profile("--runtime=crun", base=ALLOWING)
        self.assertRegex(self.notes, r"\Asysfold: not recorded: [^\n]*cannot be kept\)\n\Z")
        self.assertEqual(set(re.findall(r"\w+", self.notes.split(":")[2].split("(")[0])), {"socket", "fcntl", "ioctl", "bind", "kill", "ptrace"})


@needs_seccomp
class NotWeaker(Profiles):
    """Every call with many arguments, asked of the base's filter and of the result's."""

    def decisions(self, base, profile, caps):
        before, after = Filter(base, caps), Filter(profile, caps)
        arguments = [(first, second, third, 0, 0, 0) for first in VALUES for second in (0, 4, 5) for third in (0, 9)]
        compared = {name for name, _, conditions in profiles.rules_of(base, caps) if conditions}
        for arch, bit in [(profiles.X86_64, 0), (profiles.X86_64, 0x40000000), (profiles.X86, 0)]:
            interesting = {number_of(name, arch) for name in compared}
            for number in range(CALLS):
                for values in arguments if number in interesting else arguments[:2]:
                    yield (arch, number | bit, values), before.decide(number | bit, values, arch), \
                        after.decide(number | bit, values, arch)

    def check(self, base, *arguments, caps=()):
        """The decisions are the base's, but that what it allows may be notified; the calls that are, always."""
        notified, not_notified = set(), set()
        for call, before, after in self.decisions(base, self.profile(*arguments, base=base), caps):
            if before == after:
                if before in (ALLOW, LOG):
                    not_notified.add(call[:2])
            else:
                self.assertIn(before, (ALLOW, LOG), call)
                self.assertEqual(after, NOTIFY, call)
                notified.add(call[:2])
        return notified, not_notified

    def check_all(self, base, *told):
        """What is told of a call is told whenever it is allowed; these calls are among them."""
        for caps, chosen in [((), "all"), (("CAP_SYS_ADMIN", "CAP_AUDIT_WRITE"), "!file"),
                             (("CAP_SYS_CHROOT", "CAP_SYS_PTRACE"), "openat,personality,clone,socket,fcntl,ioctl")]:
            with self.subTest(caps=caps, chosen=chosen):
                notified, not_notified = self.check(base, "--runtime=crun", "-e", chosen, caps=caps)
                self.assertEqual(notified & not_notified, set())
                missing = [name for name in told if (profiles.X86_64, number_of(name)) not in notified]
                self.assertEqual(missing, [])

    def test_denying(self):
        self.check_all(DENYING, "clone", "clone3", "personality", "socket")

    def test_allowing(self):
        self.check_all(ALLOWING, "clone", "clone3", "personality")  # but for the cases that are denied

    def test_logging(self):
        self.check_all({**ALLOWING, "defaultAction": "SCMP_ACT_LOG"}, "clone", "personality")

    @needs_engines
    def test_engines(self):
        with open(ENGINES, encoding="utf-8") as file:
            base = json.load(file)
        self.check_all(base, "clone", "clone3", "execve", "personality", "socket")

    def test_everything_is_told(self):
        notified, not_notified = self.check({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"]},
                                            "--runtime=crun")
        numbers = {number for arch, number in notified if arch == profiles.X86_64}
        self.assertGreater(len(numbers), 350)
        self.assertFalse(notified & not_notified)

    def test_the_test_notices(self):
        """What a careless merge would do: a rule for all that is chosen."""
        careless = {**DENYING, "syscalls": [*DENYING["syscalls"], rule("NOTIFY", "reboot", "personality", "socket")]}
        try:
            worse = [call for call, before, after in self.decisions(DENYING, careless, ())
                     if before != after and before not in (ALLOW, LOG)]
        except OSError:
            return  # libseccomp noticed itself
        self.assertTrue(worse)


class Apply(Profiles):
    CONFIG = {"ociVersion": "1.0.2", "process": {"args": ["true"]}, "linux": {"namespaces": [{"type": "pid"}]}, "x": 0.25}

    def apply(self, config, *arguments):
        path = self.write("config.json", config)
        done = self.run_sysfold("oci", "apply", "--socket=/a", "-e", "openat", *arguments)
        self.assertEqual((done.returncode, done.stdout), (0, b""), done.stderr)
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    def test_without_a_profile(self):
        for seccomp in [{}, {"seccomp": None}]:
            result = self.apply({**self.CONFIG, "linux": {**self.CONFIG["linux"], **seccomp}})
            profile = result["linux"].pop("seccomp")
            self.assertEqual(result, self.CONFIG)
            self.assertEqual(profile, self.profile("-e", "openat"))

    def test_with_one(self):
        result = self.apply({**self.CONFIG, "linux": {"seccomp": ALLOWING}}, f"--bundle={self.directory}")
        self.assertEqual(result["linux"]["seccomp"], self.profile("-e", "openat", base=ALLOWING))

    def test_the_file(self):
        path = self.write("config.json", self.CONFIG)
        os.chmod(path, 0o600)
        self.apply(self.CONFIG)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual(os.listdir(self.directory), ["config.json"])

    def test_twice(self):
        self.apply(self.CONFIG)
        with open(self.path("config.json"), "rb") as file:
            before = file.read()
        self.complain(2, "oci", "apply", "--socket=/a", about="linux.seccomp.listenerPath: the profile has an agent already")
        with open(self.path("config.json"), "rb") as file:
            self.assertEqual(file.read(), before)

    def test_not_a_bundle(self):
        self.complain(2, "oci", "apply", "--socket=/a", about="config.json: No such file")
        for config, about in [(ALLOWING, "not a bundle"), ("[]", "not a bundle"), ("{", "line 1"),
                              ({"ociVersion": "1.0"}, "linux: this must be an object"),
                              ({**self.CONFIG, "linux": {"seccomp": 3}}, "linux.seccomp."),
                              ({**self.CONFIG, "linux": {"seccomp": {}}}, "linux.seccomp.defaultAction: there is no action")]:
            self.write("config.json", config)
            self.complain(2, "oci", "apply", "--socket=/a", about=about)

    @unittest.skipUnless(os.geteuid() == 0, "root writes anywhere else, and only root becomes somebody else")
    def test_directory_that_is_not_writable(self):
        path = self.write("config.json", self.CONFIG)
        os.chmod(self.directory, 0o755)
        done = subprocess.run([kit.SYSFOLD, "oci", "apply", "--socket=/a", "-e", "open"], check=False, cwd=self.directory,
                              env=kit.environment(), stderr=subprocess.PIPE, user=kit.NOBODY, group=kit.NOBODY,
                              extra_groups=[])
        if done.returncode == 126 or b"sysfold:" not in done.stderr:
            self.skipTest("the command cannot be run by another user where it lies")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"Permission denied", done.stderr)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(json.load(file), self.CONFIG)


if __name__ == "__main__":
    main()
