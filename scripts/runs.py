"""Short runs of the runner that something happens to, and what is left of them: for scripts/disturb and
scripts/torture."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "../target"))
RUNNER = os.environ.get("RUNNER", os.path.join(TARGET, "debug/runner"))
# The model that is measured, and the program that the runner builds of it.
MODEL = "epoll"
SERVER = os.path.join(TARGET, "release/model-" + MODEL)
GENERATOR = os.path.join(TARGET, "release/loadgen")

# Takes what has been built; otherwise the runner builds what it measures, which may take minutes.
BUILT = ["--no-build"] if os.environ.get("NO_BUILD") else []

# Long enough for whatever has to end by itself: a server may take five seconds to stop.
PATIENCE_S = 120


def command(out, trials=2, duration=0.5, connections=5, more=()):
    return [RUNNER, "--model", MODEL, "--load", "closed", "--trials", str(trials),
            "--duration", str(duration), "--warm-up", "0.2", "--connections", str(connections), "--out", out, *BUILT, *more]


class Run:
    """A short run in a directory of its own; its processes are known by a mark in their environment."""

    def __init__(self, out=None, before=(), environment=None, at_start=None, stderr=None, **length):
        """`before` is a program that starts it, such as strace; `at_start` is called in its process;
        its standard error may be a pipe, where a file would be limited."""
        self.directory = tempfile.mkdtemp(prefix="disturb-")
        self.out = out or os.path.join(self.directory, "out")
        self.mark = uuid.uuid4().hex
        self.errors = open(os.path.join(self.directory, "errors"), "w+b")
        self.child = subprocess.Popen(
            [*before, *command(self.out, **length)],
            cwd=os.path.join(HERE, ".."),
            env=dict(os.environ, DISTURB=self.mark, **(environment or {})),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr or self.errors,
            start_new_session=True, preexec_fn=at_start,
        )

    def processes(self):
        return marked(self.mark)

    def process(self, program):
        """The first process of this program, or None."""
        for pid in self.processes():
            try:
                if os.readlink(f"/proc/{pid}/exe") == os.path.realpath(program):
                    return pid
            except OSError:
                pass
        return None

    def in_window(self, program, patience_s=PATIENCE_S):
        """Waits for the model's window; the process of this program then, or None. A server that has been
        there for a while is inside a window of four seconds; others are asked for what they need."""
        until = time.monotonic() + patience_s
        found, since = None, time.monotonic()
        while time.monotonic() - since < 2.5 and time.monotonic() < until:
            now = self.process(SERVER)
            if now != found or found is None:
                found, since = now, time.monotonic()
            time.sleep(0.02)
        return self.process(program) if found else None

    def wait(self, patience_s=PATIENCE_S):
        try:
            return self.child.wait(patience_s)
        except subprocess.TimeoutExpired:
            return None

    def said(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")

    def saved(self, name):
        """Files of this name in the run's directory."""
        runs = os.listdir(self.out) if os.path.isdir(self.out) else []
        paths = [os.path.join(self.out, run, name) for run in runs]
        return [path for path in paths if os.path.exists(path)]

    def report(self):
        """The model's report, or None."""
        for path in self.saved(MODEL + ".json"):
            with open(path) as file:
                return json.load(file)
        return None

    def faults(self):
        """What is wrong with what is left."""
        until = time.monotonic() + PATIENCE_S
        while self.processes() and time.monotonic() < until:
            time.sleep(0.05)
        faults = [f"process {pid} is left" for pid in self.processes()]
        for directory, _, names in os.walk(self.out):
            faults += [why for name in names if (why := broken(os.path.join(directory, name)))]
        if "panicked at" in self.said():
            faults.append("the runner panicked: " + self.said()[-500:])
        for run in self.saved("run.json"):
            shown = subprocess.run([RUNNER, "report", os.path.dirname(run)], capture_output=True)
            if shown.returncode not in (0, 2):
                faults.append(f"report ends with {shown.returncode}: {shown.stderr.decode()}")
        return faults

    def remove(self):
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        self.child.wait()
        self.errors.close()
        shutil.rmtree(self.directory, ignore_errors=True)


def marked(mark):
    """Processes with this mark in their environment."""
    mark = f"DISTURB={mark}".encode()
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as environment:
                if mark in environment.read():
                    found.append(int(pid))
        except OSError:
            pass
    return found


def broken(path):
    """Why a file with a report's name isn't a whole one; None if it is."""
    try:
        if path.endswith(".json"):
            with open(path) as file:
                json.load(file)
        elif path.endswith(".json.gz"):
            with gzip.open(path) as file:
                json.load(file)
        elif path.endswith(".html"):
            with open(path) as file:
                if not file.read().rstrip().endswith("</html>"):
                    return f"{path} is cut off"
    except (OSError, ValueError, EOFError) as error:
        return f"{path}: {error}"
    return None
