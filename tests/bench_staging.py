#!/usr/bin/env python3
"""Times the staging database on many rows against the `sqlite3` shell, in one run on one machine.

Bulk load of a CSV file into source.* against `.import` of the same file; choice texts into values and GUIDs of parents into lookups,
in slices through the store, against the same statements typed by hand into the shell on a copy of the same database; chunk leases
of eight workers. Prints a Markdown table; ratios are ours to the shell's, below 1 is faster.

    python3 tests/bench_staging.py --rows 10000000
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
METHODS = ("Any", "Email", "Phone", "Fax", "")


def generate(file, rows):
    with open(file, "w", encoding="ascii") as out:
        out.write("Id,FirstName,LastName,Email,Phone,Method,AccountId,City\n")
        for n in range(rows):
            out.write(f"003{n:012},First{n % 997},Last {n % 10007},c{n}@example.invalid,+43 1 {n:08},{METHODS[n % 5]},"
                      f"A{n * 7919 % max(rows // 10, 1):011},City {n % 211}\n")


def shell(database, text):
    """Seconds that the sqlite3 shell takes; WAL and durable commits as ours."""
    began = time.monotonic()
    subprocess.run(["sqlite3", str(database)], input="PRAGMA journal_mode=WAL;\nPRAGMA synchronous=FULL;\nPRAGMA cache_size=-16384;\n"
                   + text, text=True, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def ours(binary, folder, step):
    answer = subprocess.run([binary, folder, step], text=True, check=True, stdout=subprocess.PIPE).stdout
    return json.loads(answer)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", help="work below this folder (four times the file's size is needed)")
    parser.add_argument("--target", default=str(ROOT / "target"), help="cargo's target folder")
    arguments = parser.parse_args()
    subprocess.run(["cargo", "build", "--release", "--locked", "-q", "-p", "source-extract", "--example", "staging_bench"],
                   cwd=ROOT, check=True)
    binary = pathlib.Path(arguments.target) / "release" / "examples" / "staging_bench"
    work = pathlib.Path(tempfile.mkdtemp(prefix="dv-staging-", dir=arguments.folder))
    lines = []

    def line(what, measured, by_shell):
        ratio = f"{measured['seconds'] / by_shell:.2f}" if by_shell else ""
        theirs = f"{by_shell:.1f}" if by_shell else ""
        lines.append(f"| {what} | {measured['rows']:,} | {measured['seconds']:.1f} | {measured['rows'] / measured['seconds']:,.0f} "
                     f"| {theirs} | {ratio} | {measured['peak_mib']:.0f} |")
        print(lines[-1], file=sys.stderr, flush=True)

    try:
        csv = work / "Contact.csv"
        generate(csv, arguments.rows)
        size = csv.stat().st_size / 2**20
        imported = shell(work / "import.db", f'.mode csv\n.import "{csv}" Contact\n')
        (work / "import.db").unlink()
        line("CSV file into `source.*`; `.import`", ours(binary, work, "extract"), imported)
        csv.unlink()
        line("target rows filled from it, 1 parent for 10", ours(binary, work, "fill"), None)
        for step, what in (("choices", "choice texts into values"), ("lookups", "GUIDs of parents into lookups")):
            shutil.copy(work / "staging.db", work / "copy.db")
            measured = ours(binary, work, step)
            by_hand = shell(work / "copy.db", (work / f"{step}.sql").read_text() + ";\n")
            for end in ("", "-wal", "-shm"):
                (work / f"copy.db{end}").unlink(missing_ok=True)
            line(f"{what}; the same statement by hand", measured, by_hand)
        line("chunks of 500 rows taken and finished, 8 workers", ours(binary, work, "leases"), None)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f"{arguments.rows:,} rows, {size:,.0f} MiB of CSV\n")
    print("| step; the `sqlite3` shell | rows | seconds | rows/s | shell, seconds | ratio | peak memory, MiB |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
