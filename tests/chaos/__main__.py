"""Loads a project while everything dies around it, and checks afterwards that no row is lost, doubled or wrong.

Loaders are killed with SIGKILL and stopped with SIGSTOP past their lease; the emulator loses answers after it has
committed, commits late, resets connections, throttles, deadlocks, is killed and comes back; another process holds the
staging database. First a load of everything, then a delta with changes, deletions and later closings.

    python3 tests/chaos --seed 1                                    # bounded, as in CI
    python3 tests/chaos --seed 1 --workers 2                        # two loaders at once
    python3 tests/chaos --seed 1 --long --bin target/release        # at least 100 kills in one load
"""

import argparse
import collections
import json
import pathlib
import shutil
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import check  # noqa: E402
import rows  # noqa: E402
from storm import WRITES, Storm, fault_plan  # noqa: E402
from world import Emulator, Failure, call  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# Rows, and what is done in the first load and in the delta.
SHORT = {"rows": 500, "first": {"kills": 4, "stops": 1, "restarts": 2, "locks": 1}, "delta": {"kills": 3, "stops": 0, "restarts": 1, "locks": 0}}
LONG = {"rows": 12_000, "first": {"kills": 120, "stops": 12, "restarts": 24, "locks": 12}, "delta": {"kills": 60, "stops": 6, "restarts": 12, "locks": 6}}
# Seconds. A late commit comes after its request was given up and before its rows are looked for.
TIMES = {"lease": 1.8, "timeout": 0.8, "late": 1.0, "quiet": 2.0, "busy": 0.4}
# `update` stands for changes row by row, which a load need not have.
LOST = set(WRITES) - {"update"}


class Pauses:
    """Whether the machine itself stood still: then a request may have waited longer than anybody asks for."""

    def __init__(self):
        self.longest = 0.0
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        before = time.monotonic()
        while True:
            time.sleep(0.1)
            now = time.monotonic()
            self.longest, before = max(self.longest, now - before - 0.1), now


class Chaos:
    def __init__(self, arguments):
        self.arguments = arguments
        self.program = lambda name: str(arguments.bin / name)
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="dv-chaos-"))
        self.folder = self.work / "project"
        self.sizes = rows.Sizes.of(arguments.rows)
        self.log = open(self.work / "commands.log", "a", encoding="utf-8")
        self.done, self.places = collections.Counter(), collections.Counter()
        self.self_kills = 0

    def plan(self, number, may_kill):
        """The faults of each life of the emulator in one load; half of its lives end by themselves."""
        ends = iter([True, False] * may_kill)
        first = None

        def of(life):
            nonlocal first
            first = life if first is None else first
            return fault_plan(f"{self.arguments.seed} {number}", life, int(TIMES["late"] * 1000),
                              life != first and next(ends, False), self.arguments.long)
        return of

    def run(self):
        quiet = lambda life: {"rules": []}  # noqa: E731
        emulator = Emulator(self.program("dv-emulator"), self.work, self.log, quiet)
        try:
            rows.write_project(self.folder, url=emulator.url, batch=10, chunk=25, concurrency=4,
                               **{name: int(TIMES[name] * 1000) for name in ("busy", "lease", "timeout", "quiet")})
            for number, asked in ((1, self.arguments.first), (2, self.arguments.delta)):
                self.round(emulator, number, asked)
        finally:
            emulator.close()
            self.log.close()
        lost = {write for fault in ("lose_answer", "cut_answer") for write in emulator.counts["struck"][fault]}
        if not LOST <= lost:
            raise Failure(f"no answer was lost to {', '.join(sorted(LOST - lost))}; ask for more rows or another seed")
        return emulator

    def round(self, emulator, number, asked):
        meant = rows.Round(self.sizes, number)
        meant.write(self.folder)
        project = ["--project", str(self.folder)]
        # Nothing dies here: there is time, however busy the machine is.
        patient = ["--set", "load.lease=10m", "--set", "load.request_timeout=1m"]
        call([self.program("dv-migrate"), "run", *project, *patient, "--until", "sequence"], self.log, (0, 1))
        staging, begun = self.folder / "staging.db", time.monotonic()
        emulator.rage(self.plan(number, asked["restarts"] // 2))
        storm = Storm(emulator, [self.program("dv-load"), *project, "--events"], staging, TIMES, meant.count(), number,
                      {**asked, "workers": self.arguments.workers}, self.arguments.seed, lambda worker: self.work / f"worker-{worker}.log")
        try:
            storm.run()
        finally:
            self.done.update(storm.done)
            self.places.update(storm.places)
        emulator.calm()
        seconds = time.monotonic() - begun
        found = check.problems(emulator.url, meant.expected(), staging)
        if found:
            raise Failure("\n  ".join([f"round {number}: {len(found):,} promises do not hold", *found[:40]]))
        # Nothing is left to be done, and nothing is nobody's.
        again = json.loads(call([self.program("dv-load"), *project, *patient, "--json"], self.log))
        idle = all(table["loaded"] == table["updated"] == table["requests"] == 0 for table in again["tables"])
        if again["open"] or not idle:
            raise Failure(f"round {number}: a further load found something to do: {json.dumps(again)[:1500]}")
        call([self.program("dv-migrate"), "run", *project, *patient, "--only", "verify"], self.log)
        print(f"{'first load' if number == 1 else 'delta':<11} {meant.count():>7,} rows {seconds:>7.1f} s  {told(storm.done)}", flush=True)


def told(counter):
    return ", ".join(f"{count:,} {what}" for what, count in sorted(counter.items(), key=lambda item: str(item[0])))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--long", action="store_true", help="at least 100 kills in the first load")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--kills", type=int, help="in the first load")
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "target" / "debug", help="folder of the binaries")
    parser.add_argument("--keep", action="store_true", help="keep the folder even when all went well")
    arguments = parser.parse_args()
    size = LONG if arguments.long else SHORT
    arguments.rows = arguments.rows or size["rows"]
    arguments.first, arguments.delta = dict(size["first"]), dict(size["delta"])
    if arguments.kills is not None:
        arguments.first["kills"] = arguments.kills
    missing = [name for name in ("dv-emulator", "dv-migrate", "dv-load") if not (arguments.bin / name).exists()]
    if missing:
        parser.error(f"{', '.join(missing)} not in {arguments.bin}; build them with `cargo build -p dv-emulator -p dv-migrate -p dv-load`")

    begun, pauses = time.monotonic(), Pauses()
    chaos = Chaos(arguments)
    try:
        emulator = chaos.run()
    except Failure as failure:
        print(f"{failure}\nseed {arguments.seed}, {arguments.workers} workers; logs are in {chaos.work}", file=sys.stderr)
        print(f"until then: {told(chaos.done)}; the longest pause of this machine was {pauses.longest:.1f} s", file=sys.stderr)
        return 1
    counts = emulator.counts
    print(f"emulator: {counts['requests']:,} requests, {told(emulator.deaths)}")
    print(f"faults: {told(counts['faults'])}")
    lost = counts["struck"]["lose_answer"] + counts["struck"]["cut_answer"]
    print(f"answers lost to: {told(lost)}")
    print(f"killed at: {told(collections.Counter({' '.join(place).strip(): count for place, count in chaos.places.items()}))}")
    print(f"seed {arguments.seed}, {arguments.workers} workers: {told(chaos.done)} in {time.monotonic() - begun:.0f} s; every promise holds")
    if not arguments.keep:
        shutil.rmtree(chaos.work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
