#!/usr/bin/env python3
"""Kills `dv-migrate run` with SIGKILL at chosen places, runs it again, and compares what ends up in the emulator.

One undisturbed run gives the content to compare with and the number of events of each step. Then, for every step and
as often as asked, a fresh emulator and a fresh project: the process is killed when it reports the n-th event of the
step (n from the seed), and started again until it is done. The content must be the same.

    python3 tests/kills.py --per-step 3 --seed 1          # as in CI
    python3 tests/kills.py --per-step 30 --seed 1         # the long form: 210 kills

With `DV_KILLS_DATABASES`, connection strings of empty databases on a server, one a line, each project stages in one of its own.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import snapshot  # noqa: E402
from project_folder import METADATA, SOURCE_SETS, assemble  # noqa: E402
from web_api import WebApi  # noqa: E402

STEPS = ["prepare", "extract", "transform", "sequence", "load", "settle", "verify"]
ROOT = pathlib.Path(__file__).resolve().parent.parent
# Small requests and chunks make many places to die at; short times make the rerun start at once.
SETTINGS = {
    "DV__LOAD__BATCH": "10", "DV__LOAD__CHUNK": "25", "DV__LOAD__QUIET_TIME": "300ms", "DV__LOAD__LEASE": "3s",
    "DV__LOAD__REQUEST_TIMEOUT": "1500ms", "DV__LOAD__GRACE": "200ms", "DV_TOKEN": "test",
}
# A server may think for seconds about what a new session asks.
SERVER_SETTINGS = {**SETTINGS, "DV__STAGING__ENGINE": "sqlserver", "DV__LOAD__LEASE": "20s", "DV__LOAD__REQUEST_TIMEOUT": "8s"}
DATABASES = os.environ.pop("DV_KILLS_DATABASES", "").splitlines()
RUN_SECONDS = 1_800 if DATABASES else 300


class Emulator:
    """A dv-emulator of one's own, gone when the block is left."""

    def __init__(self, binary, log):
        self.process = subprocess.Popen([binary, *METADATA], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"dv-emulator did not start (exit code {self.process.wait()})")
        self.url = json.loads(line)["url"].rstrip("/")
        # Whatever it may say later must not block it.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def settings():
    """The environment of one project, whose staging database nobody else has."""
    return {**SERVER_SETTINGS, "DV_STAGING_CONNECTION": DATABASES.pop()} if DATABASES else SETTINGS


def run(binary, folder, environment, kill_at=None, log=None):
    """Runs the journey; with `kill_at` = (step, n) only until the n-th event of the step.

    Returns (exit code or None when killed, events per step).
    """
    process = subprocess.Popen(
        [binary, "run", "--project", str(folder), "--events"], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.PIPE,
        text=True, env={**os.environ, **environment}, start_new_session=True)
    watchdog = threading.Timer(RUN_SECONDS, process.kill)
    watchdog.start()
    counts = dict.fromkeys(STEPS, 0)
    killed = False
    try:
        for line in process.stderr:
            if log:
                log.write(line)
            try:
                event = json.loads(line)
            except ValueError:
                continue
            step = event.get("step") if isinstance(event, dict) else None
            if step in counts:
                counts[step] += 1
                if kill_at and not killed and step == kill_at[0] and counts[step] == kill_at[1]:
                    os.kill(process.pid, signal.SIGKILL)
                    killed = True
        code = process.wait()
    finally:
        watchdog.cancel()
        if process.poll() is None:
            process.kill()
            process.wait()
    return (None if killed else code), counts


def content_of(url):
    return snapshot.snapshot(WebApi(url))


class Harness:
    def __init__(self, arguments):
        self.arguments = arguments
        self.emulator = str(arguments.bin / "dv-emulator")
        self.migrate = str(arguments.bin / "dv-migrate")
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="dv-kills-"))

    def undisturbed(self):
        folder = self.work / "undisturbed"
        environment = settings()
        with open(self.work / "undisturbed.log", "w") as log, Emulator(self.emulator, log) as emulator:
            assemble(self.arguments.project, folder, emulator.url, self.arguments.source)
            code, counts = run(self.migrate, folder, environment, log=log)
            if code != 0:
                raise RuntimeError(f"the undisturbed run ended with {code}; see {log.name}")
            content = content_of(emulator.url)
            again, _ = run(self.migrate, folder, environment, log=log)
            if again != 0 or content_of(emulator.url) != content:
                raise RuntimeError(f"a second run of the finished project changed something (exit code {again}); see {log.name}")
        silent = [step for step in STEPS if counts[step] == 0]
        if silent:
            raise RuntimeError(f"no events of {', '.join(silent)}: there is no place to kill at")
        return content, counts

    def case(self, step, index, place, expected):
        """One kill. Returns None, or what went wrong."""
        name = f"{step}-{index}"
        folder = self.work / name
        environment = settings()
        told = None
        with open(self.work / f"{name}.log", "w") as log, Emulator(self.emulator, log) as emulator:
            assemble(self.arguments.project, folder, emulator.url, self.arguments.source)
            code, counts = run(self.migrate, folder, environment, kill_at=(step, place), log=log)
            if code is not None:
                return f"{name}: event {place} was never reached (exit code {code}, {counts[step]} events); see {log.name}"
            log.write("---- killed; again ----\n")
            log.flush()
            code, _ = run(self.migrate, folder, environment, log=log)
            if code != 0:
                return f"{name}: killed at event {place}; the rerun ended with {code}; see {log.name}"
            found = content_of(emulator.url)
            if found != expected:
                told = "\n    ".join(snapshot.differences(expected, found))
                return f"{name}: killed at event {place}; the content differs; see {log.name}\n    {told}"
        if not self.arguments.keep:
            shutil.rmtree(folder)
            (self.work / f"{name}.log").unlink()
        return told


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--per-step", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=STEPS)
    parser.add_argument("--project", choices=sorted(SOURCE_SETS), default="sf-workshop")
    parser.add_argument("--source", type=pathlib.Path, help="other CSV files for the project")
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "target" / "debug", help="folder of the binaries")
    parser.add_argument("--jobs", type=int, default=1, help="cases at the same time")
    parser.add_argument("--keep", action="store_true", help="keep folders of cases that passed")
    arguments = parser.parse_args()
    missing = [name for name in ("dv-emulator", "dv-migrate") if not (arguments.bin / name).exists()]
    if missing:
        parser.error(f"{' and '.join(missing)} not in {arguments.bin}; build them with `cargo build -p dv-emulator -p dv-migrate`")

    needed = 1 + len(arguments.steps) * arguments.per_step
    if DATABASES and len(DATABASES) < needed:
        parser.error(f"DV_KILLS_DATABASES names {len(DATABASES)} databases, {needed} are needed")
    harness = Harness(arguments)
    begun = time.monotonic()
    try:
        expected, counts = harness.undisturbed()
    except RuntimeError as problem:
        print(problem, file=sys.stderr)
        return 1
    rows = sum(len(each) for each in expected.values())
    print(f"undisturbed: {rows:,} rows in {len(expected)} tables, content {snapshot.digest(expected)}, {time.monotonic() - begun:.1f} s for two runs")

    rng = random.Random(arguments.seed)
    cases = [(step, index, rng.randint(1, counts[step])) for step in arguments.steps for index in range(arguments.per_step)]
    results = {step: [0, 0] for step in arguments.steps}
    failures = []
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        futures = {pool.submit(harness.case, *case, expected): case for case in cases}
        for future in concurrent.futures.as_completed(futures):
            step, index, place = futures[future]
            try:
                problem = future.result()
            except (OSError, RuntimeError, ValueError) as error:
                problem = f"{step}-{index}: {error}"
            results[step][0 if problem is None else 1] += 1
            if problem:
                failures.append(problem)
                print(problem, flush=True)

    print(f"{'step':<10} {'events':>7} {'kills':>6} {'same':>6} {'failed':>6}")
    for step, (same, failed) in results.items():
        print(f"{step:<10} {counts[step]:>7,} {same + failed:>6} {same:>6} {failed:>6}")
    print(f"{len(cases)} kills, {len(failures)} failed, seed {arguments.seed}, {time.monotonic() - begun:.0f} s")
    if failures:
        print(f"logs are in {harness.work}")
        return 1
    if not arguments.keep:
        shutil.rmtree(harness.work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
