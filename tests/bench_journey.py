#!/usr/bin/env python3
"""Times the whole journey on generated rows, step by step, with the emulator in a process of its own on this machine.

Prints a Markdown table: rows/s and peak memory of our process per step, and the `sqlite3` shell's `.import` of the same
files beside the extract step.

    python3 tests/bench_journey.py --rows 200000
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from project_folder import METADATA  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent


def peak_mib(pid):
    """Highest resident memory of a process since the last call, in MiB; None when it has gone."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        # 5 resets the high-water mark, so that each step has its own.
        pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")
    except OSError:
        return None
    line = next((line for line in status.splitlines() if line.startswith("VmHWM")), None)
    return int(line.split()[1]) / 1024 if line else None


def start_emulator(binary):
    process = subprocess.Popen([binary, *METADATA], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    url = json.loads(process.stdout.readline())["url"]
    threading.Thread(target=process.stdout.read, daemon=True).start()
    return process, url


def journey(binary, folder):
    """Runs the project; returns (exit code, [(step, seconds, peak MiB)], highest peak, wall seconds)."""
    process = subprocess.Popen([binary, "run", "--project", str(folder), "--events"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                               env={"DV_TOKEN": "bench", "PATH": "/usr/bin:/bin", "HOME": "/tmp"})
    steps, current, began = [], None, time.monotonic()
    start, highest = began, 0.0
    for line in process.stderr:
        try:
            event = json.loads(line)
        except ValueError:
            print(line, end="", file=sys.stderr)
            continue
        kind = event.get("event")
        if kind == "step-started":
            current, began = event["step"], time.monotonic()
            peak_mib(process.pid)
        elif kind == "step-finished" and current == event["step"]:
            peak = peak_mib(process.pid) or 0.0
            highest = max(highest, peak)
            steps.append((current, time.monotonic() - began, peak))
    return process.wait(), steps, highest, time.monotonic() - start


def shell_import(folder):
    """Seconds that the sqlite3 shell takes to import the same files into an empty database."""
    with tempfile.TemporaryDirectory() as scratch:
        files = sorted((folder / "source").glob("*.csv"))
        commands = ["PRAGMA journal_mode=WAL;", ".mode csv"] + [f'.import "{file}" "{file.stem}"' for file in files]
        began = time.monotonic()
        subprocess.run(["sqlite3", f"{scratch}/import.db"], input="\n".join(commands) + "\n", text=True, check=True,
                       stdout=subprocess.DEVNULL)
        return time.monotonic() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", help="work in this folder and leave it")
    parser.add_argument("--target", default=str(ROOT / "target"), help="cargo's target folder")
    arguments = parser.parse_args()
    subprocess.run(["cargo", "build", "--release", "--locked", "-q", "-p", "dv-emulator", "-p", "dv-migrate"], cwd=ROOT, check=True)
    binaries = pathlib.Path(arguments.target) / "release"
    work = pathlib.Path(arguments.keep or tempfile.mkdtemp(prefix="dv-bench-"))
    folder = work / "project"
    emulator, url = start_emulator(binaries / "dv-emulator")
    try:
        subprocess.run([sys.executable, ROOT / "tests" / "generate_rows.py", folder, "--rows", str(arguments.rows),
                        "--seed", str(arguments.seed), "--url", url], check=True, stdout=subprocess.DEVNULL)
        shell = shell_import(folder)
        code, steps, highest, wall = journey(binaries / "dv-migrate", folder)
    finally:
        emulator.kill()
        emulator.wait()
        if not arguments.keep:
            shutil.rmtree(work, ignore_errors=True)
    print(f"{arguments.rows:,} rows, seed {arguments.seed}, exit code {code}\n")
    print("| step | seconds | rows/s | peak memory, MiB |\n|---|---:|---:|---:|")
    for step, seconds, peak in steps:
        print(f"| {step} | {seconds:.2f} | {arguments.rows / max(seconds, 1e-9):,.0f} | {peak:.0f} |")
    print(f"| **all** | **{wall:.2f}** | **{arguments.rows / wall:,.0f}** | **{highest:.0f}** |\n")
    extract = next((seconds for step, seconds, _ in steps if step == "extract"), None)
    if extract:
        print(f"`sqlite3 .import` of the same files: {shell:.2f} s; extract takes {extract / shell:.2f} times as long.")
    return code


if __name__ == "__main__":
    sys.exit(main())
