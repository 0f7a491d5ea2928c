# SPDX-License-Identifier: Apache-2.0
"""Recorded packets as messages, read by the protocol's table (facts/gvisor-messages.tsv beside the recordings), which is
not what the backend reads them by."""

import csv
import re
import struct

WIRE_VARINT, WIRE_64, WIRE_BYTES, WIRE_32 = 0, 1, 2, 5
NAMES = {"CONTAINER_START": "gvisor.container.Start", "SENTRY_CLONE": "gvisor.sentry.CloneInfo",
         "SENTRY_EXEC": "gvisor.sentry.ExecveInfo", "SENTRY_EXIT_NOTIFY_PARENT": "gvisor.sentry.ExitNotifyParentInfo",
         "SENTRY_TASK_EXIT": "gvisor.sentry.TaskExit", "SENTRY_MMAP": "gvisor.sentry.MmapInfo",
         "SYSCALL_RAW": "gvisor.syscall.Syscall", "SYSCALL_PRLIMIT64": "gvisor.syscall.Prlimit"}


class Bad(Exception):
    """No such packet."""


class Message:
    """kind: the message's short name, "type 39" where it is not known. fields: those that are on the wire."""

    def __init__(self, index, kind, dropped, fields, unknown):
        self.index, self.kind, self.dropped, self.fields, self.unknown = index, kind, dropped, fields, unknown
        self.context = fields.get("context_data", {})
        self.tid = self.context.get("thread_id", 0)
        self.tgid = self.context.get("thread_group_id", 0)
        self.time = self.context.get("time_ns")
        self.exit = fields.get("exit")
        self.sysno = fields.get("sysno", 0)

    def get(self, name, default=0):
        return self.fields.get(name, default)


class Protocol:
    """The table of messages."""

    def __init__(self, path):
        self.fields, numbers = {}, {}
        with open(path, encoding="ascii") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                if row["message"] == "enum MessageType":
                    numbers[int(row["number"])] = row["field"].removeprefix("MESSAGE_")
                else:
                    fields = self.fields.setdefault(row["message"], {})
                    fields[int(row["number"])] = (row["field"], row["type"], row["label"] == "repeated")
        by_shape = {re.sub("[^a-z]", "", name.rpartition(".")[2].lower()): name
                    for name in self.fields if name.startswith("gvisor.syscall.")}
        self.types = {}
        for number, name in numbers.items():
            short = re.sub("[^a-z]", "", name.removeprefix("SYSCALL_").lower())
            if name in NAMES or short in by_shape:
                self.types[number] = NAMES.get(name) or by_shape[short]

    def find(self, kind, near):
        package = near.rpartition(".")[0]
        return next(name for name in (kind, f"{package}.{kind}", f"gvisor.common.{kind}") if name in self.fields)

    def decode(self, name, data):
        """The fields of a message, and how many there are that nobody knows."""
        values, unknown, at = {}, 0, 0
        while at < len(data):
            key, at = varint(data, at)
            value, at = read_value(data, at, key & 7)
            if key >> 3 not in self.fields[name]:
                unknown += 1
                continue
            field, kind, repeated = self.fields[name][key >> 3]
            value, more = self.convert(name, kind, value)
            unknown += more
            if repeated:
                values.setdefault(field, []).append(value)
            else:
                values[field] = value
        return values, unknown

    def convert(self, name, kind, value):
        if kind == "string":
            return str(value, "utf-8", "surrogateescape"), 0
        if kind == "bytes":
            return value, 0
        if kind == "bool":
            return value != 0, 0
        if kind.startswith("uint"):
            return value, 0
        if kind.startswith("int"):
            return value - (1 << 64) if value >> 63 else value, 0
        return self.decode(self.find(kind, name), value)

    def read(self, index, packet):
        if len(packet) < 8:
            raise Bad("short")
        size, number, dropped = struct.unpack_from("=HHI", packet)
        if size < 8 or size > len(packet):
            raise Bad("header")
        if number not in self.types:
            return Message(index, f"type {number}", dropped, {}, 0)
        name = self.types[number]
        try:
            fields, unknown = self.decode(name, packet[size:])
        except (IndexError, TypeError) as error:
            raise Bad(str(error)) from error
        return Message(index, name.rpartition(".")[2], dropped, fields, unknown)


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value & (1 << 64) - 1, at


def read_value(data, at, wire):
    if wire == WIRE_VARINT:
        return varint(data, at)
    if wire == WIRE_BYTES:
        size, at = varint(data, at)
    else:
        size = {WIRE_64: 8, WIRE_32: 4}.get(wire)
        if size is None:
            raise IndexError(f"wire type {wire}")
    if at + size > len(data):
        raise IndexError("cut")
    return data[at:at + size], at + size
