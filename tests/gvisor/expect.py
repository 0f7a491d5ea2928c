# SPDX-License-Identifier: Apache-2.0
"""What the messages of a sandbox mean, worked out here a second time: one event for each call, at its exit, and those of
lifecycle. Made from the whole recording at once, by the rows that `sysfold schema` lists and the table below."""

import base64
import ipaddress
import struct

ABSENT = "absent"  # also what could not be read
EXIT_CALLS, EXEC_CALLS = (60, 231), (59, 322)
RESTARTS = range(512, 517)
RESTART_SYSCALL, RT_SIGRETURN = 219, 15
EINTR, EFAULT = 4, 14
SIGCHLD, CLONE_PARENT, CLONE_SETTLS = 17, 0x8000, 0x80000
O_CREAT, O_TMPFILE = 0o100, 0o20000000
UNLIMITED = (1 << 64) - 1


class Any:
    """One of these will do."""

    def __init__(self, *values):
        self.values = values

    def __repr__(self):
        return " or ".join(map(repr, self.values))


class Event:
    """tid: of the thread that it is about. times: when it may have happened. optional: it may be missing."""

    def __init__(self, name, tid, args, res="none", times=(), pid=None, optional=False, raced=()):
        self.name, self.tid, self.args, self.res = name, tid, args, res
        self.times, self.pid, self.optional, self.raced = times, pid, optional, list(raced)


class Call:
    """What was told of one call. raw and told: (at enter, at exit)."""

    def __init__(self, tid, tgid, sysno):
        self.tid, self.tgid, self.sysno = tid, tgid, sysno
        self.raw, self.told = [None, None], [None, None]
        self.began = self   # the call that this one restarts
        self.image = False  # an exec, of which more was told than the call

    def exits(self):
        return [side[1] for side in (self.raw, self.told) if side[1]]

    def errno(self):
        return next((m.exit.get("errorno", 0) for m in self.exits()), None)

    def result(self):
        return next((m.exit.get("result", 0) for m in self.exits()), None)

    def times(self):
        return [m.time for m in self.exits() if m.time]

    def scalars(self):
        """The same for the call that restarts another."""
        message = self.raw[0] or self.raw[1]
        if message:
            return [message.get(f"arg{i}") for i in range(1, 7)]
        message = self.told[0] or self.told[1]
        return sorted((name, value) for name, value in message.fields.items()
                      if name not in ("context_data", "exit") and not isinstance(value, (bytes, str, list, dict)))


# Values as JSON has them.

def as_int(value, wire):
    bits = int(wire[1:])
    value &= (1 << bits) - 1
    return value - (1 << bits) if wire[0] == "i" and value >> (bits - 1) else value


def as_rlimit(value):
    return {key: "RLIM_INFINITY" if value.get(key, 0) == UNLIMITED else value.get(key, 0) for key in ("cur", "max")}


def as_itimerspec(value):
    return {key: {"sec": value.get(key, {}).get("sec", 0), "nsec": value.get(key, {}).get("nsec", 0)}
            for key in ("interval", "value")}


def as_sockaddr(data):
    if len(data) < 2:
        return None
    family = struct.unpack_from("=H", data)[0]
    if family == 2 and len(data) >= 16:
        return {"family": "AF_INET", "addr": str(ipaddress.ip_address(data[4:8])), "port": struct.unpack_from(">H", data, 2)[0]}
    if family == 10 and len(data) >= 24:
        return {"family": "AF_INET6", "addr": str(ipaddress.ip_address(data[8:24])), "port": struct.unpack_from(">H", data, 2)[0]}
    if family == 1 and len(data) == 2:
        return {"family": "AF_UNIX"}
    if family == 1 and data[2] == 0:
        return {"family": "AF_UNIX", "path": "@" + data[3:].decode(), "abstract": True}
    if family == 1:
        return {"family": "AF_UNIX", "path": data[2:].split(b"\0")[0].decode()}
    return Ellipsis  # of another family: not looked into


def path_of(call, field="pathname"):
    """At enter; "" is also what gVisor tells of a path that cannot be read."""
    message = call.began.told[0] or call.told[0] or call.told[1]
    text = message.get(field, "")
    return Any(ABSENT, None) if not text and call.errno() == EFAULT else text


def address_of(call, message):
    value = as_sockaddr(message.get("address", b"")) if message else None
    return Any(ABSENT, None) if value is None or call.errno() == EFAULT else value


def told_args(call):
    """The parameters that schematized messages tell, but for what is garbage there."""
    enter, leave = call.began.told[0] or call.told[0], call.told[1]
    message, failed = enter or leave, bool(call.errno())
    kind, get = message.kind, message.get
    if kind == "Open":
        args = {"dirfd": get("fd"), "flags": get("flags"), "path": path_of(call), "mode": get("mode")}
        if call.sysno != 85 and not get("flags") & O_CREAT and get("flags") & O_TMPFILE != O_TMPFILE:
            args["mode"] = ABSENT
        return args
    if kind in ("Read", "Write"):
        return {"fd": get("fd"), "size": get("count"), "offset": get("offset"), "flags": get("flags")}
    if kind in ("Connect", "Bind"):
        return {"fd": get("fd"), "addr": address_of(call, message)}
    if kind == "Accept":
        return {"fd": get("fd"), "flags": get("flags"), "addr": ABSENT if failed else address_of(call, leave)}
    if kind == "Execve":
        return {"dirfd": get("fd"), "flags": get("flags"), "path": path_of(call), "argv": get("argv", []),
                "envp": get("envv", [])}
    if kind in ("Socket", "SocketPair"):
        pair = [leave.get("socket1"), leave.get("socket2")] if leave and not failed and kind == "SocketPair" else ABSENT
        return {"family": get("domain"), "type": get("type"), "protocol": get("protocol"), "fds": pair}
    if kind == "Pipe":
        return {"flags": get("flags"), "fds": [leave.get("reader"), leave.get("writer")] if leave and not failed else ABSENT}
    if kind == "Prlimit":
        old = leave.get("old_limit", None) if leave and not failed else None
        new = get("new_limit", None)
        return {"pid": get("pid"), "resource": get("resource"), "old_limit": as_rlimit(old) if old else Any(ABSENT, None),
                "new_limit": as_rlimit(new) if new else Any(ABSENT, None)}
    if kind == "Chdir":
        return {"fd": get("fd"), "path": path_of(call)}
    if kind == "Chroot":
        return {"path": path_of(call)}
    if kind == "Fcntl":
        return {"fd": get("fd"), "cmd": get("cmd"), "arg": get("args")}
    if kind == "Dup":
        return {"fd": get("old_fd"), "newfd": get("new_fd"), "flags": get("flags")}
    if kind == "Clone":
        tls = Any(ABSENT, get("tls")) if get("flags") & CLONE_SETTLS else ABSENT
        return {"flags": get("flags"), "stack": get("stack"), "tls": tls}
    if kind == "Eventfd":
        return {"initval": get("val"), "flags": get("flags")}
    if kind == "TimerfdCreate":
        return {"clock": get("clock_id"), "flags": get("flags")}
    if kind == "InotifyAddWatch":
        return {"fd": get("fd"), "path": path_of(call), "mask": get("mask")}
    return {name: get(name) for name in AS_NAMED.get(kind, ())}


# Messages whose fields are the row's parameters, as they are called.
AS_NAMED = {"Close": ["fd"], "Signalfd": ["fd", "flags"], "TimerfdSetTime": ["fd", "flags"], "TimerfdGetTime": ["fd"],
            "InotifyInit": ["flags"], "InotifyRmWatch": ["fd"], "Listen": ["fd", "backlog"], "Ptrace": ["request", "pid"],
            "Mmap": ["addr", "length", "prot", "flags", "fd", "offset"]}
# readv's and writev's count is of bytes, the row's of vectors; inotify_rm_watch's is not its argument.
NOT_TOLD = {"iovcnt", "wd", "parent_tid", "child_tid", "data", "dev", "ino", "file", "sockets"}


class Expectation:
    """rows: `sysfold schema`'s, by number. messages: those that can be read, in their order."""

    def __init__(self, rows, messages):
        self.rows, self.messages = rows, messages
        self.calls = []         # in the order of their exits
        self.open = {}          # tid: its latest call
        self.tgids, self.parents, self.living = {}, {}, {}
        self.notices, self.superseded, self.ended = {}, set(), set()
        self.exits = {}         # tgid: those of its threads
        self.replaced = {}      # tgid: when another than the leader called exec
        self.events = []        # (message index, event)
        self.has_raw = any(m.kind == "Syscall" for m in messages)
        self.leader_gives_way()
        for message in messages:
            self.take(message)
        self.add_calls()
        self.add_ends()
        self.events.sort(key=lambda pair: pair[0])

    def leader_gives_way(self):
        """Of an exec by another thread than the leader: the leader's next TaskExit is not its end."""
        for at, m in enumerate(self.messages):
            if m.kind == "ExecveInfo" and m.tid != m.tgid:
                later = (n for n in self.messages[at:] if n.kind == "TaskExit" and n.tid == m.tgid)
                self.superseded.add(next(later).index)

    def take(self, m):
        if m.tid:
            self.tgids.setdefault(m.tid, m.tgid)
            if m.tid not in self.ended:
                self.living[m.tid] = True
        if m.kind in ("Start", "MmapInfo") or m.kind.startswith("type "):
            return
        if m.kind == "CloneInfo":
            self.take_clone(m)
        elif m.kind == "ExecveInfo":
            self.take_exec(m)
        elif m.kind == "TaskExit":
            self.take_exit(m)
        elif m.kind == "ExitNotifyParentInfo":
            self.notices.setdefault((m.tgid, m.context.get("thread_group_start_time_ns")), m)
        else:
            self.take_call(m)

    def end(self, tid):
        self.ended.add(tid)
        self.living.pop(tid, None)

    def take_clone(self, m):
        tid, pid = m.get("created_thread_id"), m.get("created_thread_group_id")
        parent = m.tgid
        if tid != pid or m.get("flags") & CLONE_PARENT:
            parent = self.parents.get(m.tgid, ABSENT)
        if tid == pid:
            self.parents[pid] = parent
        self.tgids[tid], self.living[tid] = pid, True
        start = m.get("created_thread_start_time_ns")
        args = {"pid": pid, "ppid": parent if parent != ABSENT else Any(ABSENT, 0), "parent_tid": m.tid,
                "flags": Any(m.get("flags"), m.get("flags") | SIGCHLD), "start_time": start}
        self.events.append((m.index, Event("thread_start", tid, args, times=[m.time, start], pid=pid)))

    def take_exec(self, m):
        credentials = m.context.get("credentials")
        args = {"pid": m.tgid, "old_tid": m.tid, "dev": ABSENT, "ino": m.get("binary_ino", ABSENT),
                "comm": self.name_after(m), "exe": m.get("binary_path", "")}
        for name, field in [("uid", "real_uid"), ("euid", "effective_uid"), ("gid", "real_gid"), ("egid", "effective_gid")]:
            args[name] = ABSENT if credentials is None else credentials.get(field, 0)
        self.events.append((m.index, Event("exec", m.tgid, args, times=[m.time], pid=m.tgid)))
        if m.tid in self.open:
            self.open[m.tid].image = True
        if m.tid != m.tgid:  # it has the leader's id from here on
            self.replaced[m.tgid] = m.time
            self.end(m.tid)
            if m.tid in self.open:
                self.open[m.tid].tid = m.tgid

    def name_after(self, m):
        """What the process is called from its next call on."""
        later = (n for n in self.messages if n.index > m.index and n.tid == m.tgid and n.kind not in (
            "Execve", "ExecveInfo", "TaskExit"))
        return next((n.context["process_name"] for n in later if "process_name" in n.context), Ellipsis)

    def take_exit(self, m):
        if m.index in self.superseded:
            return
        self.end(m.tid)
        args = {"pid": m.tgid, "status": m.get("exit_status")}
        times = [m.time]
        if m.tid != m.tgid and m.tgid in self.replaced:  # gVisor tells it late: the others are gone before an exec
            times = range(self.replaced[m.tgid] - 1, m.time + 1)
        self.events.append((m.index, Event("thread_exit", m.tid, args, times=times, pid=m.tgid)))
        self.exits.setdefault(m.tgid, []).append(m)

    def take_call(self, m):
        call, raw, leaving = self.open.get(m.tid), m.kind == "Syscall", m.exit is not None
        side = None if call is None else call.raw if raw else call.told
        fits = call is not None and call.sysno == m.sysno and side[leaving] is None
        if fits and not leaving:
            fits = not call.exits()
        if not fits:
            call = Call(m.tid, m.tgid, m.sysno)
            self.open[m.tid] = call
            self.calls.append(call)
            side = call.raw if raw else call.told
        side[leaving] = m

    def add_calls(self):
        threads = {}
        for call in self.calls:
            threads.setdefault(call.tid, []).append(call)
        for calls in threads.values():
            for at, call in enumerate(calls):
                self.add_call(call, calls[at + 1:])

    def restarted(self, call, later):
        """The call that goes on with this one, interrupted as it was."""
        if self.has_raw:  # behind the handler's own calls
            returned = next((i for i, other in enumerate(later) if other.sysno == RT_SIGRETURN), None)
            if returned is not None and not any(other.sysno == call.sysno for other in later[:1]):
                later = later[returned + 1:]
        if not later:
            return None
        if later[0].sysno == RESTART_SYSCALL and call.errno() == RESTARTS[-1]:
            return later[0]
        return later[0] if later[0].sysno == call.sysno and later[0].scalars() == call.scalars() else None

    def add_call(self, call, later):
        if call.errno() in RESTARTS:
            other = self.restarted(call, later)
            if other:
                other.began = call.began
                return
        row = self.rows.get(call.sysno)
        last = max(m.index for m in call.raw + call.told if m)
        args = self.row_args(row, call) if row else {"nr": call.sysno}
        event = Event(row["name"] if row else None, call.tid, args, self.result(row, call), call.times(), call.tgid)
        event.raced = self.raced(call)
        event.optional = not call.exits() and call.sysno not in EXIT_CALLS
        self.events.append((last, event))
        if call.sysno in EXEC_CALLS and event.res == 0 and not call.image:
            self.add_hidden_exec(call, last)

    def add_hidden_exec(self, call, last):
        """It succeeded, but what the sandbox says of it never came: it may be told, without what is not known."""
        args = {"pid": call.tgid, "old_tid": call.tid}
        args.update({name: ABSENT for name in ("dev", "ino")})
        args.update({name: Ellipsis for name in ("comm", "exe", "uid", "euid", "gid", "egid")})
        self.events.append((last - 0.5, Event("exec", call.tgid, args, times=call.times(), pid=call.tgid, optional=True)))

    def result(self, row, call):
        errno = call.errno()
        if errno is None or call.sysno in EXIT_CALLS:
            return None
        if errno:
            return -(EINTR if errno in RESTARTS else errno)
        wire = row["params"][0]["wire"] if row else "i64"
        return as_int(call.result(), wire)

    def row_args(self, row, call):
        told = told_args(call) if any(call.told) else {}
        raw = call.raw[0] or call.raw[1]
        args = {}
        for param in row["params"][1:]:
            name, source = param["name"], param["source"]
            if name in told and name not in NOT_TOLD and told[name] != ABSENT:
                args[name] = told[name]
            elif raw and source.startswith("ARG("):
                args[name] = raw.get(f"arg{int(source[4]) + 1}")
            elif name in told and name not in NOT_TOLD:
                args[name] = told[name]
            else:
                args[name] = self.pointer(raw, source)
            if isinstance(args[name], int) and param["wire"][0] in "iu":
                args[name] = as_int(args[name], param["wire"])
        return args

    @staticmethod
    def pointer(raw, source):
        """What a raw message knows of what lies in memory: whether the pointer was NULL."""
        digits = source.partition("(")[2][:1]
        if raw and source.startswith(("USER_", "MSG_")) and digits.isdigit() and raw.get(f"arg{int(digits) + 1}") == 0:
            return Any(ABSENT, None)
        return ABSENT

    @staticmethod
    def raced(call):
        enter, leave = call.began.told[0], call.told[1]
        if not enter or not leave or enter.kind not in ("Open", "Connect"):
            return []
        field, param = ("address", "addr") if enter.kind == "Connect" else ("pathname", "path")
        return [param] if enter.get(field, "") != leave.get(field, "") else []

    def add_ends(self):
        """Behind everything else of the process. Of a container's first one there may be no notice."""
        noticed = {pid for pid, _ in self.notices}
        for pid, exits in self.exits.items():
            if pid and pid not in noticed and not any(self.tgids.get(tid) == pid for tid in self.living):
                leader = next((m for m in exits if m.tid == pid), exits[-1])
                self.notices[pid, None] = leader
        for (pid, _), m in self.notices.items():
            args = {"pid": pid, "status": m.get("exit_status")}
            after = [index for index, event in self.events if event.pid == pid] + [m.index]
            self.events.append((max(after) + 0.5, Event("process_exit", pid, args, times=[], pid=pid)))

    def by_thread(self):
        threads = {}
        for _, event in self.events:
            threads.setdefault(event.tid, []).append(event)
        return threads

    def counts(self):
        counts = {}
        for _, event in self.events:
            if event.name and not event.optional:
                counts[event.name] = counts.get(event.name, 0) + 1
        return counts


def exact(args, name):
    """A parameter's value, exactly."""
    raw = args.get(f"{name}.raw")
    if name not in args:
        return ABSENT
    if isinstance(raw, str):
        return base64.b64decode(raw)
    return args[name] if raw is None else raw


def same(expected, value):
    if isinstance(expected, Any):
        return any(same(each, value) for each in expected.values)
    if expected is Ellipsis:
        return True
    if isinstance(expected, int) and isinstance(value, str) and value != ABSENT:
        try:
            return int(value, 0) == expected
        except ValueError:
            return False
    if isinstance(expected, int) and expected == (1 << 32) - 1 and value == -1:  # an id that is unchanged
        return True
    return type(expected) is type(value) and expected == value
