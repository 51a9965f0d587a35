"""What each project must have produced, restated from its CSV files alone: no code, settings or SQL of the product is read.

A project module has `tables(source)`, which returns `Table`s. Values are what the Web API must answer, wrapped where
comparing them takes more than `==`.
"""

import csv
import dataclasses
import datetime
import decimal


@dataclasses.dataclass(frozen=True)
class Ref:
    """A lookup: the row of `table` whose source id is `key`."""

    table: str
    key: str

    def __str__(self):
        return f"{self.table} {self.key}"


@dataclasses.dataclass(frozen=True)
class Number:
    """A number, compared as a number."""

    value: decimal.Decimal

    def __str__(self):
        return str(self.value)


@dataclasses.dataclass(frozen=True)
class Instant:
    """A point in time, to the second."""

    value: datetime.datetime

    def __str__(self):
        return self.value.strftime("%Y-%m-%dT%H:%M:%SZ")


ME = Ref("systemuser", "me")
USD = Ref("transactioncurrency", "USD")


@dataclasses.dataclass
class Table:
    """One table of the target and the rows it must hold: nothing more, nothing less."""

    name: str
    entity_set: str
    id: str
    rows: dict = dataclasses.field(default_factory=dict)
    key: str = "new_sourceid"
    #: participation mask → for each row the list of Refs, kept in `parties[key]`.
    parties: dict = dataclasses.field(default_factory=dict)
    #: relationship name → set of (key here, Ref there)
    pairs: dict = dataclasses.field(default_factory=dict)
    #: key of rows that must have been refused → why
    refused: dict = dataclasses.field(default_factory=dict)

    def add(self, key, **columns):
        assert key not in self.rows, f"{self.name}: {key} is expected twice"
        self.rows[key] = {**columns, self.key: key}


def read(source, name):
    """Rows of a CSV file as dictionaries, empty cells as None."""
    with open(source / f"{name}.csv", encoding="utf-8-sig", newline="") as file:
        return [{column: value if value != "" else None for column, value in row.items()} for row in csv.DictReader(file)]


def trimmed(text):
    return (text.strip() or None) if text is not None else None


def fitted(text, limit):
    """Cut to `limit` UTF-16 code units, never through a character outside the first plane."""
    if text is None:
        return None
    units = 0
    for index, character in enumerate(text):
        units += 2 if ord(character) > 0xFFFF else 1
        if units > limit:
            return text[:index] or None
    return text


def number(text):
    return Number(decimal.Decimal(text)) if text is not None else None


def instant(text):
    """`2024-01-22T14:49:34.000+0000`, or a date alone, which is its midnight in UTC."""
    if text is None:
        return None
    if len(text) == 10:
        return Instant(datetime.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=datetime.timezone.utc))
    moment = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z").astimezone(datetime.timezone.utc)
    return Instant(moment.replace(microsecond=0))


def ref(table, key):
    return Ref(table, key) if key is not None else None
