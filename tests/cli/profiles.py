# SPDX-License-Identifier: Apache-2.0
"""What a seccomp profile does: its rules resolved as engines and runtimes do, made into a filter by libseccomp, and the
filter run here, instruction by instruction, on whatever call is asked for."""

import ctypes
import ctypes.util
import os
import struct

ALLOW, LOG, NOTIFY, TRACE, ERRNO = 0x7fff0000, 0x7ffc0000, 0x7fc00000, 0x7ff00000, 0x00050000
ACTIONS = {"SCMP_ACT_KILL": 0, "SCMP_ACT_KILL_THREAD": 0, "SCMP_ACT_KILL_PROCESS": 0x80000000, "SCMP_ACT_TRAP": 0x00030000,
           "SCMP_ACT_ERRNO": ERRNO, "SCMP_ACT_TRACE": TRACE, "SCMP_ACT_LOG": LOG, "SCMP_ACT_ALLOW": ALLOW,
           "SCMP_ACT_NOTIFY": NOTIFY}
OPERATORS = {f"SCMP_CMP_{name}": number for number, name in enumerate(["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"], 1)}
X86_64, X86 = 0xc000003e, 0x40000003
TOKENS = {"SCMP_ARCH_X86_64": X86_64, "SCMP_ARCH_X86": X86, "SCMP_ARCH_X32": 0x4000003e}


class Comparison(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def library():
    name = ctypes.util.find_library("seccomp")
    if not name:
        return None
    found = ctypes.CDLL(name)
    found.seccomp_init.restype = ctypes.c_void_p
    found.seccomp_init.argtypes = [ctypes.c_uint32]
    found.seccomp_release.argtypes = [ctypes.c_void_p]
    found.seccomp_arch_add.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
    found.seccomp_rule_add_array.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint,
                                             ctypes.POINTER(Comparison)]
    found.seccomp_export_bpf.argtypes = [ctypes.c_void_p, ctypes.c_int]
    found.seccomp_syscall_resolve_name_arch.argtypes = [ctypes.c_uint32, ctypes.c_char_p]
    found.seccomp_attr_set.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32]
    return found


LIBSECCOMP = library()


def number_of(name, arch=X86_64):
    return LIBSECCOMP.seccomp_syscall_resolve_name_arch(arch, name.encode())


def applies(rule, caps):
    """Does an engine put this rule into a container's configuration, on amd64?"""
    includes, excludes = rule.get("includes") or {}, rule.get("excludes") or {}
    if includes.get("arches") and "amd64" not in includes["arches"] or "amd64" in (excludes.get("arches") or []):
        return False
    return set(includes.get("caps") or []) <= set(caps) and not set(excludes.get("caps") or []) & set(caps)


def rules_of(profile, caps=()):
    """(name, action, comparisons) in order."""
    for rule in profile.get("syscalls") or []:
        if applies(rule, caps):
            for name in rule.get("names") or [rule["name"]]:
                yield name, rule["action"], rule.get("args") or []


def architectures(profile):
    mapped = [name for entry in profile.get("archMap") or [] if entry["architecture"] == "SCMP_ARCH_X86_64"
              for name in entry["subArchitectures"]]
    return [TOKENS[name] for name in (profile.get("architectures") or mapped) if name in TOKENS]


def action_of(name, number):
    return ACTIONS[name] | (number if name in ("SCMP_ACT_ERRNO", "SCMP_ACT_TRACE") else 0)


def groups(arguments):
    """A rule's comparisons: all of them, or, where two are of the same argument, each one as runc and crun take it."""
    compared = [argument["index"] for argument in arguments]
    return [arguments] if len(set(compared)) == len(compared) else [[argument] for argument in arguments]


class Filter:
    """The filter that a runtime makes of a profile."""

    def __init__(self, profile, caps=()):
        default = profile["defaultAction"]
        context = LIBSECCOMP.seccomp_init(action_of(default, profile.get("defaultErrnoRet", 1)))
        try:
            for arch in architectures(profile):
                LIBSECCOMP.seccomp_arch_add(context, arch)
            LIBSECCOMP.seccomp_attr_set(context, 3, 0)  # no_new_privs is the loader's affair
            for name, action, arguments in rules_of(profile, caps):
                if action != default:
                    self.add(context, name, action, arguments)
            self.program = self.export(context)
        finally:
            LIBSECCOMP.seccomp_release(context)

    @staticmethod
    def add(context, name, action, arguments):
        number = LIBSECCOMP.seccomp_syscall_resolve_name_arch(0, name.encode())
        if number == -1:
            return
        for group in groups(arguments):
            array = (Comparison * max(len(group), 1))(
                *[Comparison(argument["index"], OPERATORS[argument["op"]], argument.get("value", 0),
                             argument.get("valueTwo", 0)) for argument in group])
            result = LIBSECCOMP.seccomp_rule_add_array(context, action_of(action, 1), number, len(group), array)
            if result < 0:
                raise OSError(-result, f"{name}, {action}, {group}: {os.strerror(-result)}")

    @staticmethod
    def export(context):
        end, other = os.pipe()
        parts = []
        if os.fork() == 0:
            os._exit(0 if LIBSECCOMP.seccomp_export_bpf(context, other) == 0 else 1)
        os.close(other)
        with os.fdopen(end, "rb") as stream:
            parts.append(stream.read())
        if os.wait()[1] != 0:
            raise OSError("there is no filter")
        return list(struct.iter_unpack("=HBBI", b"".join(parts)))

    def decide(self, number, arguments=(), arch=X86_64):
        """What the kernel would do with that call: SECCOMP_RET_*."""
        data = struct.pack("=iIQ6Q", number, arch, 0, *[*arguments, 0, 0, 0, 0, 0, 0][:6])
        place = accumulator = 0
        while True:
            code, when, otherwise, value = self.program[place]
            place += 1
            if code == 0x20:  # load a word
                accumulator = struct.unpack_from("=I", data, value)[0]
            elif code == 0x54:  # and
                accumulator &= value
            elif code == 0x05:  # jump
                place += value
            elif code in (0x15, 0x25, 0x35, 0x45):
                true = {0x15: accumulator == value, 0x25: accumulator > value, 0x35: accumulator >= value,
                        0x45: accumulator & value != 0}[code]
                place += when if true else otherwise
            elif code == 0x06:  # return
                return value
            else:
                raise ValueError(f"instruction {code:#x}")
