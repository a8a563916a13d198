"""The runner, and what it starts of itself (the keeper of servers that aren't ours, the guard), with one
of their system calls failing: for scripts/torture."""

import collections
import os
import random
import re
import subprocess
import tempfile
import time
import uuid

import runs

# The errors of each call that a machine in trouble gives. ENOMEM of poll and recvfrom isn't among them: the
# standard library panics where it waits for what it starts.
ERRORS = {
    "openat": ["EMFILE", "ENOMEM", "EACCES"],
    "read": ["EINTR", "EIO"],
    "pread64": ["EIO"],
    "write": ["EINTR", "ENOSPC", "EIO", "EPIPE"],
    "clone3": ["EAGAIN", "ENOMEM"],
    "pipe2": ["EMFILE"],
    "poll": ["EINTR"],
    "ppoll": ["EINTR", "ENOMEM"],
    "mkdir": ["ENOSPC", "EACCES"],
    "renameat": ["ENOSPC", "EIO"],
    "fdatasync": ["EIO", "ENOSPC"],
    "fchmod": ["EPERM"],
    "getdents64": ["ENOMEM"],
    "wait4": ["EINTR", "ECHILD"],
    "waitid": ["EINTR", "ECHILD"],
    "pidfd_open": ["EMFILE"],
    "socketpair": ["EMFILE"],
    "socket": ["EMFILE", "ENOBUFS"],
    "sendto": ["EINTR", "ENOBUFS"],
    "recvfrom": ["EINTR"],
    "setsockopt": ["ENOBUFS"],
    "prlimit64": ["EPERM"],
    "prctl": ["EINVAL"],
    "sched_setaffinity": ["EINVAL"],
    "sched_getaffinity": ["EINVAL"],
    "execve": ["EACCES", "ENOMEM"],
    "chdir": ["EACCES"],
    "kill": ["EPERM"],
}

SURVIVED = "survived, and measured"
WITH_REASON = "survived, and said what is missing"
DONE = "survived, did its work"
ENDED = "ended, and said why"
PATIENCE_S = 20


class Strace:
    """What strace is told: the calls of the program itself, its threads included, but of nothing that it
    becomes or starts."""

    def __init__(self, inject=None):
        self.trace = tempfile.NamedTemporaryFile(prefix="torture-")
        self.command = ["strace", "-f", "-b", "execve", "-qq", "-o", self.trace.name]
        if inject:
            self.command += ["-e", "inject=" + inject]
        # Where nothing can be written the exit code says it all.
        self.is_mute = bool(inject) and inject.startswith("write:")

    def was_injected(self):
        with open(self.trace.name, errors="replace") as trace:
            return "(INJECTED)" in trace.read()

    def counts(self):
        """How often each call was made by the thread that made it most: strace counts for each."""
        by_thread = collections.Counter()
        with open(self.trace.name, errors="replace") as trace:
            for line in trace:
                if call := re.match(r"(\d+) +(\w+)\(", line):
                    by_thread[call.groups()] += 1
        counts = collections.Counter()
        for (_, name), times in by_thread.items():
            counts[name] = max(counts[name], times)
        return counts


def moments(counts, most):
    """Which of so many calls are to fail: all where they are few, else the first two and others by lot."""
    lot = random.Random(1)
    for call, errors in ERRORS.items():
        times = counts[call]
        picked = range(1, times + 1)
        if times > most:
            picked = sorted({1, 2, *lot.sample(range(3, times + 1), most - 2)})
        for error in errors:
            for nth in picked:
                yield call, error, nth, f"{call}:error={error}:when={nth}"


def runner(inject=None):
    """A run; what becomes of it, and what strace saw."""
    strace = Strace(inject)
    more = ["--bin", f"{runs.MODEL}={runs.SERVER}"] + ([] if runs.BUILT else ["--no-build"])
    run = runs.Run(before=strace.command, trials=1, duration=0.3, more=more)
    try:
        code = run.wait()
        said = run.said()
        faults = run.faults() if code is not None else []
        return judge(run, code, said, faults, strace), strace
    finally:
        run.remove()


def judge(run, code, said, faults, strace):
    if "panicked at" in said:
        return "panic"
    if code is None:
        return "hang"
    if faults:
        return "leak" if "is left" in faults[0] else "wrong number"
    if code not in (0, 3):
        if code < 0 or code > 128:
            return "killed"
        return ENDED if said.strip() or strace.is_mute else "ended silently"
    report = run.report()
    if report is None:
        return ENDED if "error" in said or strace.is_mute else "ended silently"
    return lies(report) or (SURVIVED if code == 0 else WITH_REASON)


def lies(report):
    """No figure is 0 because it couldn't be measured."""
    peak = (report.get("summary") or {}).get("peak") or {}
    figures = ["rate_per_s", "server_cpu_us_per_request", "server_cpus_us_per_request"]
    medians = [(peak.get(name) or {}).get("median") for name in figures]
    return "wrong number" if 0 in medians else None


def keeper(inject=None):
    """A keeper of two processes, which are to end with its input."""
    strace = Strace(inject)
    mark = uuid.uuid4().hex
    command = [runs.RUNNER, "keep", "--directory", "/", "--", "sh", "-c", "sleep 600 & sleep 600"]
    with tempfile.TemporaryFile() as errors:
        keeper = subprocess.Popen(
            [*strace.command, *command], env=dict(os.environ, DISTURB=mark), start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
        )
        try:
            # strace, the keeper, and two that sleep.
            until = time.monotonic() + PATIENCE_S
            while keeper.poll() is None and len(runs.marked(mark)) < 4 and time.monotonic() < until:
                time.sleep(0.01)
            is_early = keeper.poll() is not None
            output, code = finish(keeper)
            errors.seek(0)
            said = output + errors.read()
            if code is None:
                return "hang", strace
            until = time.monotonic() + PATIENCE_S
            while (left := runs.marked(mark)) and time.monotonic() < until:
                time.sleep(0.01)
            if b"panicked at" in said:
                return "panic", strace
            if left:
                return "leak", strace
            if code != 0 or is_early:
                return (ENDED if said or strace.is_mute else "ended silently"), strace
            return DONE, strace
        finally:
            for pid in runs.marked(mark):
                os.kill(pid, 9)
            keeper.wait()


def guard(inject=None):
    """A guard that becomes a program with a limit and a CPU: it has both, or never runs."""
    strace = Strace(inject)
    shown = "ulimit -n; grep Cpus_allowed_list /proc/self/status"
    cpu = min(os.sched_getaffinity(0))
    # What strace starts is its child, and its own number is that of this shell.
    words = [*strace.command, runs.RUNNER, "guard", "--parent", '"$$"', "--open-files", "100",
             "--cpus", str(cpu), "--", "sh", "-c", f"'{shown}'"]
    guard = subprocess.Popen(["sh", "-c", "exec " + " ".join(words)], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said, code = finish(guard)
    if code is None:
        guard.kill()
        return "hang", strace
    if b"panicked at" in said:
        return "panic", strace
    if code != 0:
        return (ENDED if said or strace.is_mute else "ended silently"), strace
    return (DONE if said.split() == [b"100", b"Cpus_allowed_list:", str(cpu).encode()] else "wrong number"), strace


def finish(process):
    try:
        return process.communicate(timeout=PATIENCE_S)[0], process.returncode
    except subprocess.TimeoutExpired:
        return b"", None


PROGRAMS = {"runner": runner, "keeper": keeper, "guard": guard}
