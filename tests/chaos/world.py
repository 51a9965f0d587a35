"""The processes: an emulator that comes back with its rows, loaders that are watched, a staging database that is held."""

import collections
import json
import os
import pathlib
import signal
import socket
import sqlite3
import subprocess
import threading
import time
import urllib.error
import urllib.request

# How often the emulator's statistics are kept, so that those of a killed one are not lost.
KEPT_EVERY = 0.2


class Failure(Exception):
    """A promise that does not hold, or a process that did what none of them does."""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Emulator:
    """A dv-emulator on one port and one folder, through any number of lives."""

    def __init__(self, binary, folder, log, plan):
        self.binary, self.folder, self.log, self.plan = binary, folder, log, plan
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.life = 0
        self.lock = threading.RLock()
        self.process = None
        self.is_closing = False
        self.deaths = collections.Counter()
        self.counts = {"faults": collections.Counter(), "struck": collections.defaultdict(collections.Counter), "requests": 0}
        self.latest = None
        (folder / "limits.json").write_text('{"enabled": false, "latency-ms": 4, "latency-per-row-ms": 0.4}', encoding="utf-8")
        self.start()
        self.keeper = threading.Thread(target=self.keep, daemon=True)
        self.keeper.start()

    def start(self):
        faults = self.folder / "faults.json"
        faults.write_text(json.dumps(self.plan(self.life)), encoding="utf-8")
        self.life += 1
        self.process = subprocess.Popen(
            [self.binary, "--listen", f"127.0.0.1:{self.port}", "--data", str(self.folder / "data"), "--faults", str(faults),
             "--limits", str(self.folder / "limits.json"), "--until-stdin-closes"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        if not self.process.stdout.readline():
            raise Failure(f"dv-emulator did not start (exit code {self.process.wait()}); see {self.log.name}")

    def keep(self):
        """Keeps the latest statistics, and starts it again when a fault of its plan has killed it."""
        while not self.is_closing:
            time.sleep(KEPT_EVERY)
            with self.lock:
                if self.is_closing:
                    return
                code = self.process.poll()
                if code is not None:
                    self.deaths["killed by a fault" if code == 137 else f"ended with {code}"] += 1
                    self.bury()
                    self.start()
                self.look()

    def look(self):
        try:
            self.latest = self.control("stats")
        except (OSError, ValueError):
            pass

    def bury(self):
        """Adds what the ended life has counted."""
        if self.latest:
            self.counts["requests"] += self.latest["requests"]
            self.counts["faults"].update(self.latest["faults"])
            for fault, writes in self.latest["struck"].items():
                self.counts["struck"][fault].update(writes)
        self.latest = None

    def restart(self, down):
        """SIGKILL; nothing listens for `down` seconds; then it is there again, with its rows."""
        with self.lock:
            self.look()
            self.process.kill()
            self.process.wait()
            self.deaths["killed by us"] += 1
            self.bury()
            time.sleep(down)
            self.start()

    def control(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/emulator/{path}", data=data, method="PUT" if data else "GET")
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def calm(self):
        """No more faults; returns when everything that was under way, late commits included, has ended."""
        with self.lock:
            self.plan = lambda life: {"rules": []}
            if self.process.poll() is not None:
                self.bury()
                self.start()
            self.control("faults", {"rules": []})
            until = time.monotonic() + 60
            # This very question is not among the requests that count.
            while self.control("stats")["in_flight"] > 0:
                if time.monotonic() > until:
                    raise Failure("the emulator is still busy with requests that nobody waits for")
                time.sleep(0.05)
            self.look()

    def rage(self, plan):
        """Another plan of faults, for this life and those to come."""
        with self.lock:
            self.plan = plan
            self.control("faults", plan(self.life))

    def close(self):
        with self.lock:
            self.is_closing = True
            self.look()
            self.bury()
            self.process.kill()
            self.process.wait()


class Loader:
    """One dv-load process. Its events are read as they come."""

    def __init__(self, command, log):
        self.log = log
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "DV_TOKEN": "user-1"}, start_new_session=True)

    def events(self):
        """Yields its events until it has ended."""
        for line in self.process.stderr:
            self.log.write(f"{time.monotonic():.2f} {line}")
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict) and "event" in event:
                yield event

    def kill(self):
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)

    def hold(self, seconds):
        """SIGSTOP, and SIGCONT after so long."""
        os.kill(self.process.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(self.process.pid, signal.SIGCONT)


def hold_staging(path, seconds):
    """Another process writes for longer than anybody waits: what a dropped connection is to a database in a file."""
    connection = sqlite3.connect(path, timeout=60, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        connection.execute("ROLLBACK")
    finally:
        connection.close()


def call(command, log, expected=(0,)):
    """Runs a command to its end; its stdout."""
    log.write(f"---- {' '.join(command)}\n")
    log.flush()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
                          env={**os.environ, "DV_TOKEN": "user-1"}, timeout=300)
    log.write(done.stdout)
    if done.returncode not in expected:
        raise Failure(f"{pathlib.Path(command[0]).name} {command[1]} ended with {done.returncode}; see {log.name}")
    return done.stdout
