#!/usr/bin/env python3
"""Loads rows of ten columns into an emulator in a process of its own on this machine, and posts the same bytes beside it.

Prints a Markdown table: rows/s and processor time per row, of our process and of the emulator, for the whole loader
(staging reads, manifest, durable outcomes, sweeps, GUIDs copied back) and for a bare poster with as many requests in
flight. Build first: cargo build --release -p dv-emulator && cargo build --release -p toolkit-examples --example load_speed

    python3 tests/bench_loader.py [--rows 200000] [--batches 100,10]
    python3 tests/bench_loader.py --memory 1000000,10000000
    python3 tests/bench_loader.py --bad 100
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
TICK = 1 / os.sysconf("SC_CLK_TCK")


class Emulator:
    """A fresh emulator that keeps keys only and has no limits, but for the time that a request takes."""

    def __init__(self, program, latency=None):
        self.folder = tempfile.TemporaryDirectory()
        limits = pathlib.Path(self.folder.name) / "limits.json"
        limits.write_text(json.dumps({"enabled": False, **(latency or {})}))
        command = [program, "--listen", "127.0.0.1:0", "--keep", "keys", "--limits", limits, "--until-stdin-closes"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.url = json.loads(self.process.stdout.readline())["url"]

    def seconds(self):
        """Processor time so far."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * TICK

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(timeout=30)
        self.folder.cleanup()


def run(program, subject, **options):
    command = [program, "--subject", subject]
    for name, value in options.items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    # One heap for all threads, as the binaries have it: otherwise glibc keeps what each of them once held.
    environment = {**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "MALLOC_ARENA_MAX": "1"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{subject} failed with {done.returncode}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def stage(program, folder, rows, bad=0):
    path = pathlib.Path(folder) / "staging.db"
    for old in path.parent.glob("staging.db*"):
        old.unlink()
    return path, run(program, "stage", staging=path, rows=rows, bad=bad)


def measured(emulator, program, subject, **options):
    before = emulator.seconds()
    answer = run(program, subject, url=emulator.url, **options)
    answer["emulator_us"] = (emulator.seconds() - before) * 1e6 / answer["rows"]
    return answer


def overhead(arguments, emulator, speed, folder):
    print("| rows a request | subject | rows/s | CPU of its process, µs a row | of the emulator | requests |\n|---:|---|---:|---:|---:|---:|")
    for batch in arguments.batches:
        for repeat in range(arguments.repeat):
            path, _ = stage(speed, folder, arguments.rows)
            with Emulator(emulator) as target:
                ours = measured(target, speed, "load", staging=path, rows=arguments.rows, batch=batch,
                                in_flight=arguments.in_flight, sweep=arguments.sweep)
            with Emulator(emulator) as target:
                bare = measured(target, speed, "bare", rows=arguments.rows, batch=batch, in_flight=arguments.in_flight)
            for name, answer in [("loader", ours), ("bare poster", bare)]:
                print(f"| {batch} | {name} | {answer['rows_per_second']:,.0f} | {answer['cpu_us_per_row']:.1f} | "
                      f"{answer['emulator_us']:.1f} | {answer.get('requests', arguments.rows // batch):,} |", flush=True)


def memory(arguments, emulator, speed, folder):
    print("| rows | staged in | loaded in | rows/s | peak memory, MiB | staging file, MiB |\n|---:|---:|---:|---:|---:|---:|")
    for rows in arguments.memory:
        path, staged = stage(speed, folder, rows)
        with Emulator(emulator) as target:
            answer = measured(target, speed, "load", staging=path, rows=rows, batch=arguments.batches[0],
                              in_flight=arguments.in_flight, sweep=arguments.sweep)
        size = sum(file.stat().st_size for file in path.parent.glob("staging.db*")) / 2**20
        print(f"| {rows:,} | {staged['seconds']:.0f} s | {answer['seconds']:.0f} s | {answer['rows_per_second']:,.0f} | "
              f"{answer['peak_mib']:.0f} | {size:,.0f} |", flush=True)


def bad_rows(arguments, emulator, speed, folder):
    print("| rows | bad | seconds | execution time, s | requests | rows executed, per good row |\n|---:|---:|---:|---:|---:|---:|")
    # What a request takes is spent by the service, in a tenth of the real time: 100 ms and 4 ms a row.
    latency = {"latency-ms": 10, "latency-per-row-ms": 0.4}
    for every in [0, arguments.bad]:
        path, _ = stage(speed, folder, arguments.rows, every)
        bad = arguments.rows // every if every else 0
        with Emulator(emulator, latency) as target:
            answer = measured(target, speed, "load", staging=path, rows=arguments.rows, batch=0, bad=every,
                              in_flight=arguments.in_flight, sweep=arguments.sweep)
        print(f"| {arguments.rows:,} | {bad:,} | {answer['seconds']:.1f} | {answer['execution_ms'] / 1000:.0f} | "
              f"{answer['requests']:,} | {answer['executed_rows'] / (arguments.rows - bad):.2f} |", flush=True)


def main():
    numbers = lambda text: [int(part) for part in text.split(",")]  # noqa: E731
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--batches", type=numbers, default=[100, 10], help="rows of a request")
    parser.add_argument("--in-flight", type=int, default=50)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--sweep", default="yes", choices=["yes", "no"])
    parser.add_argument("--memory", type=numbers, help="loads so many rows each, and prints peak memory")
    parser.add_argument("--bad", type=int, help="one row in so many is bad: beside a clean load")
    parser.add_argument("--programs", type=pathlib.Path, default=ROOT / "target" / "release")
    parser.add_argument("--folder", help="where the staging file lies; a temporary folder otherwise")
    arguments = parser.parse_args()
    emulator, speed = arguments.programs / "dv-emulator", arguments.programs / "examples" / "load_speed"
    folder = arguments.folder or tempfile.mkdtemp(prefix="dv-bench-")
    try:
        subject = memory if arguments.memory else bad_rows if arguments.bad else overhead
        subject(arguments, emulator, speed, folder)
    finally:
        if not arguments.folder:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
