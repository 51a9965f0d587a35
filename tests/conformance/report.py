"""Cases of one client: run in order, each with a name, one line of JSON each on standard output."""

import json
import sys
import time
import traceback


class Report:
    """Collects what became of each case; a case that fails does not end the run."""

    def __init__(self, client):
        self.client = client

    def tell(self, case, outcome, reason="", seconds=0.0):
        line = {"client": self.client, "case": case, "outcome": outcome, "reason": reason, "seconds": round(seconds, 3)}
        print(json.dumps(line), flush=True)

    def run(self, case, body):
        started = time.monotonic()
        try:
            body()
        except Exception as error:  # Whatever a case raises is its failure.
            place = traceback.extract_tb(error.__traceback__)
            lines = [f"{frame.name}:{frame.lineno}" for frame in place if frame.filename == sys.argv[0]]
            reason = f"{type(error).__name__}: {error} ({' > '.join(lines)})"
            self.tell(case, "failed", reason[:1500], time.monotonic() - started)
        else:
            self.tell(case, "passed", "", time.monotonic() - started)


class Calls:
    """Counts calls of the public methods of a client's parts, so that no capability is forgotten."""

    def __init__(self):
        self.seen = {}

    def watch(self, owner, cls):
        for name in [name for name in vars(cls) if not name.startswith("_")]:
            method = vars(cls)[name]
            if not callable(method) or isinstance(method, (staticmethod, classmethod, property)):
                continue
            self.seen.setdefault(f"{owner}.{name}", 0)
            setattr(cls, name, self._counted(f"{owner}.{name}", method))

    def _counted(self, label, method):
        def counted(*args, **kwargs):
            self.seen[label] += 1
            return method(*args, **kwargs)

        return counted

    def never(self):
        return sorted(label for label, count in self.seen.items() if count == 0)


def equal(found, wanted, what=""):
    if found != wanted:
        raise AssertionError(f"{what}: found {found!r}, wanted {wanted!r}")


def raises(status, body):
    """Runs `body`, which the service must refuse with this status; gives the error."""
    try:
        body()
    except Exception as error:
        found = getattr(error, "status_code", None)
        if found == status:
            return error
        raise AssertionError(f"refused with {found}, wanted {status}: {error}") from error
    raise AssertionError(f"accepted, but should be refused with {status}")
