"""Groups of processes with limits, in version 1 or 2 of cgroups: for scripts/disturb."""

import os
import tempfile
import time
import uuid

ROOT = "/sys/fs/cgroup"


class Group:
    """A new group of a controller, for as long as it is needed; `None` where none can be made."""

    def __init__(self, controller):
        self.is_second = os.path.exists(os.path.join(ROOT, "cgroup.controllers"))
        above = ROOT if self.is_second else os.path.join(ROOT, controller)
        self.name = "disturb-" + uuid.uuid4().hex[:8]
        self.directory = os.path.join(above, self.name)
        self.controller = controller
        self.script = None

    def __enter__(self):
        try:
            if self.is_second:
                write(os.path.join(ROOT, "cgroup.subtree_control"), "+" + self.controller)
            os.mkdir(self.directory)
        except OSError:
            return None
        return self

    def __exit__(self, *_):
        if self.script:
            os.unlink(self.script)
        # The kernel lets go of a process a little after it has ended.
        until = time.monotonic() + 5
        while os.path.isdir(self.directory) and time.monotonic() < until:
            try:
                os.rmdir(self.directory)
            except OSError:
                time.sleep(0.05)

    def limit_cpus(self, cpus):
        period_us = 100_000
        quota_us = int(cpus * period_us)
        if self.is_second:
            self.write("cpu.max", f"{quota_us} {period_us}")
        else:
            self.write("cpu.cfs_period_us", period_us)
            self.write("cpu.cfs_quota_us", quota_us)

    def limit_memory(self, limit_bytes):
        self.write("memory.max" if self.is_second else "memory.limit_in_bytes", limit_bytes)

    def add(self, pid):
        self.write("cgroup.procs", pid)

    def add_this(self):
        self.add(os.getpid())

    def wrapper(self, program):
        """A script that becomes a program in this group."""
        with tempfile.NamedTemporaryFile("w", prefix="disturb-", delete=False) as script:
            procs = os.path.join(self.directory, "cgroup.procs")
            script.write(f'#!/bin/sh\necho $$ > {procs}\nexec {os.path.realpath(program)} "$@"\n')
        os.chmod(script.name, 0o755)
        self.script = script.name
        return script.name

    def write(self, name, value):
        write(os.path.join(self.directory, name), value)


def write(path, value):
    with open(path, "w") as file:
        file.write(str(value))
