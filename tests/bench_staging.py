#!/usr/bin/env python3
"""Times the staging database on many rows, on SQLite and on SQL Server, against the engine's own tool, in one run on one machine.

Bulk load of a CSV file into source.* against `.import` of the sqlite3 shell, or a plain TDS bulk insert, of the same rows; choice texts
into values and GUIDs of parents into lookups, in slices through the store, against the same statement typed by hand over all rows; chunk
leases of eight workers. What is counted is checked. Prints a Markdown table; ratios are ours to theirs, below 1 is faster.

    cargo build --release --workspace --examples && python3 tests/bench_staging.py --bin-dir target/release --rows 10000000

SQL Server is the one that STAGING_TEST_MSSQL names, in a database of its own that is dropped in the end; without it, its half is
skipped. On SQLite the statement by hand works on a copy of the file; on a server, in a transaction before ours that is rolled back.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
METHODS = ("Any", "Email", "Phone", "Fax", "")
CHUNK_ROWS, MOST_CHUNKS = 500, 2_000
# Minutes and GB for ten million rows with nothing else at work, as docs/benchmarks.md has them.
EXPECTED = {"SQLite": (10, 14), "SQL Server": (20, 20)}


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def generate(file, rows):
    with open(file, "w", encoding="ascii") as out:
        out.write("Id,FirstName,LastName,Email,Phone,Method,AccountId,City\n")
        for n in range(rows):
            out.write(f"003{n:012},First{n % 997},Last {n % 10007},c{n}@example.invalid,+43 1 {n:08},{METHODS[n % 5]},"
                      f"A{n * 7919 % max(rows // 10, 1):011},City {n % 211}\n")


def finished(command, **more):
    """Standard output of a command; says every minute that it is still at work."""
    process = subprocess.Popen(command, text=True, stdout=subprocess.PIPE, **more)
    began = time.monotonic()
    while True:
        try:
            answer, _ = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            say(f"  … {time.monotonic() - began:,.0f} s")
            continue
        if process.returncode:
            raise SystemExit(f"{' '.join(map(str, command))} ended with {process.returncode}")
        return answer


class Engine:
    """What is timed on either engine: `ours` by a step of the example, `theirs` in seconds."""

    def __init__(self, work, binaries, rows):
        self.work, self.binaries, self.rows, self.lines = work, binaries, rows, []
        self.environment = {name: value for name, value in os.environ.items() if name != "STAGING_BENCH_CONNECTION"}

    def ours(self, step):
        say(f"{self.name}: {step}")
        return json.loads(finished([self.binaries / "staging_bench", self.work, step], env=self.environment))

    def line(self, what, measured, theirs, expected):
        if measured["rows"] != expected:
            raise SystemExit(f"{self.name}, {what}: {measured['rows']:,} instead of {expected:,}")
        ratio, seconds = (f"{measured['seconds'] / theirs:.2f}", f"{theirs:.1f}") if theirs else ("", "")
        self.lines.append(f"| {self.name} | {what} | {measured['rows']:,} | {measured['seconds']:.1f} "
                          f"| {measured['rows'] / measured['seconds']:,.0f} | {seconds} | {ratio} | {measured['peak_mib']:.0f} |")
        say(self.lines[-1])

    def measure(self, csv):
        rows = self.rows
        say(f"{self.name}: {self.tool}")
        imported = self.imported(csv)
        self.line(f"CSV file into `source.*`; {self.tool}", self.ours("extract"), imported, rows)
        self.line("target rows filled from it, a parent for every 10", self.ours("fill"), None, rows)
        self.ours("statements")
        for step, what, expected in (("choices", "choice texts into values", rows - rows // 5),
                                     ("lookups", "GUIDs of parents into lookups", rows)):
            say(f"{self.name}: {step} by hand")
            by_hand = self.by_hand(self.work / f"{step}.sql", expected)
            self.line(f"{what}; the statement typed by hand", self.ours(step), by_hand, expected)
        size = max(rows // MOST_CHUNKS, CHUNK_ROWS)
        self.line(f"chunks of {size:,} rows taken and finished, 8 workers", self.ours("leases"), None, -(-rows // size))


class Sqlite(Engine):
    name, tool = "SQLite", "`.import`"

    def shell(self, database, text):
        """Seconds that the sqlite3 shell takes, and what it says; WAL and durable commits as ours."""
        began = time.monotonic()
        said = finished(["sqlite3", str(database), "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16384;", *text])
        return time.monotonic() - began, said

    def imported(self, csv):
        seconds, _ = self.shell(self.work / "import.db", [".mode csv", f'.import "{csv}" Contact'])
        (self.work / "import.db").unlink()
        return seconds

    def by_hand(self, statement, expected):
        shutil.copy(self.work / "staging.db", self.work / "copy.db")
        seconds, said = self.shell(self.work / "copy.db", [statement.read_text() + ";", "SELECT changes();"])
        for end in ("", "-wal", "-shm"):
            (self.work / f"copy.db{end}").unlink(missing_ok=True)
        if int(said.split()[-1]) != expected:
            raise SystemExit(f"by hand: {said}")
        return seconds


class SqlServer(Engine):
    name, tool = "SQL Server", "plain TDS bulk insert"

    def __enter__(self):
        command = [self.binaries / "staging_bench", self.work, "database"]
        self.database = subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        connection = self.database.stdout.readline().strip()
        if not connection:
            raise SystemExit("the server makes no database")
        self.environment["STAGING_BENCH_CONNECTION"] = connection
        return self

    def __exit__(self, *_):
        self.database.stdin.close()
        self.database.wait()

    def theirs(self, what, file, expected):
        done = json.loads(finished([self.binaries / "plain_tds", what, file], env=self.environment))
        if done["rows"] != expected:
            raise SystemExit(f"{what}: {done['rows']:,} instead of {expected:,}")
        return done["seconds"]

    def imported(self, csv):
        return self.theirs("bulk", csv, self.rows)

    def by_hand(self, statement, expected):
        return self.theirs("batch", statement, expected)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", help="work below this folder")
    parser.add_argument("--bin-dir", default=str(ROOT / "target" / "release"), help="cargo's folder of the profile; its examples must be built")
    arguments = parser.parse_args()
    binaries = pathlib.Path(arguments.bin_dir).resolve() / "examples"
    for name in ("staging_bench", "plain_tds"):
        if not (binaries / name).exists():
            raise SystemExit(f"{binaries / name} is not there: cargo build --release --workspace --examples")
    server = bool(os.environ.get("STAGING_TEST_MSSQL"))
    if not server:
        say("skipped: SQL Server, since STAGING_TEST_MSSQL is not set")
    share = arguments.rows / 10_000_000
    for name, (minutes, gigabytes) in EXPECTED.items():
        if name == "SQLite" or server:
            where = "in the work folder" if name == "SQLite" else "on the server's disk"
            say(f"expected of {name}: about {max(minutes * share, 1):,.0f} min and {gigabytes * share:,.1f} GB {where}")
    work = pathlib.Path(tempfile.mkdtemp(prefix="dv-staging-", dir=arguments.folder))
    lines = []
    try:
        csv = work / "Contact.csv"
        say(f"{arguments.rows:,} rows of CSV in {work}")
        generate(csv, arguments.rows)
        size = csv.stat().st_size / 2**20
        sqlite = Sqlite(work, binaries, arguments.rows)
        sqlite.measure(csv)
        lines += sqlite.lines
        for file in work.glob("staging.db*"):
            file.unlink()
        if server:
            with SqlServer(work, binaries, arguments.rows) as engine:
                engine.measure(csv)
                lines += engine.lines
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f"{arguments.rows:,} rows, {size:,.0f} MiB of CSV\n")
    print("| engine | step; what it is compared with | rows | seconds | rows/s | theirs, seconds | ratio | peak memory, MiB |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
