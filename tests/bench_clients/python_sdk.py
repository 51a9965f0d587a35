"""Microsoft's Python SDK, measured from inside: see `run`. Its bulk create sends one list as one request; the lists and
the threads that send them side by side are the caller's."""

import argparse
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from azure.core.credentials import AccessToken
from PowerPlatform.Dataverse.client import DataverseClient


class Token:
    def get_token(self, *_scopes, **_options):
        return AccessToken("user-1", int(time.time()) + 3600)


def row(number):
    return {
        "subject": f"Call Contoso Workshop and Sons about order {number}",
        "description": 'They asked for an offer "as soon as possible", by e-mail.\nSecond line.',
        "category": "Sales",
        "subcategory": "Telephone",
        "prioritycode": number % 3,
        "percentcomplete": number % 101,
        "actualdurationminutes": number % 600,
        "scheduleddurationminutes": 30,
        "scheduledstart": "2026-11-21T08:00:00Z",
        "scheduledend": "2026-11-21T08:30:00Z",
    }


def main():
    parser = argparse.ArgumentParser()
    for name in ("--url", "--ca"):
        parser.add_argument(name)
    for name in ("--rows", "--batch", "--in-flight"):
        parser.add_argument(name, type=int)
    given = parser.parse_args()
    client = DataverseClient(given.url, Token())
    # What it learns of the table once is not counted, for anyone.
    client.records.create("task", row(0))

    def send(first):
        if given.batch == 1:
            client.records.create("task", row(first))
            return 1
        return len(client.records.create("task", [row(number) for number in range(first, first + given.batch)]))

    began, before = time.monotonic(), time.process_time()
    with ThreadPoolExecutor(given.in_flight) as threads:
        created = sum(threads.map(send, range(0, given.rows, given.batch)))
    seconds, spent = time.monotonic() - began, time.process_time() - before
    assert created == given.rows, f"{created} of {given.rows}"
    status = Path("/proc/self/status").read_text()
    peak = next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    print(json.dumps({"peak_mib": peak, "seconds": seconds, "rows_per_second": given.rows / seconds, "cpu_us_per_row": spent * 1e6 / given.rows}))


main()
