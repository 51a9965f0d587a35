"""The asynchronous client of Microsoft's Python SDK: the cases of the other one, driven through an event loop.

It shares builders of requests with its sibling, and has code of its own for everything that waits.
"""

import asyncio
import inspect
import sys
import tempfile

from PowerPlatform.Dataverse.aio.async_client import AsyncDataverseClient
from PowerPlatform.Dataverse.aio.models.async_fetchxml_query import AsyncFetchXmlQuery
from PowerPlatform.Dataverse.aio.models.async_query_builder import AsyncQueryBuilder
from PowerPlatform.Dataverse.aio.operations import async_batch
from PowerPlatform.Dataverse.aio.operations.async_dataframe import AsyncDataFrameOperations
from PowerPlatform.Dataverse.aio.operations.async_files import AsyncFileOperations
from PowerPlatform.Dataverse.aio.operations.async_query import AsyncQueryOperations
from PowerPlatform.Dataverse.aio.operations.async_records import AsyncRecordOperations
from PowerPlatform.Dataverse.aio.operations.async_tables import AsyncTableOperations

import python_sdk
from report import Calls, Report, equal

CLIENT = "PowerPlatform-Dataverse-Client (Python, asynchronous)"

PARTS = (
    AsyncDataverseClient, AsyncRecordOperations, AsyncQueryOperations, AsyncTableOperations, AsyncFileOperations,
    AsyncDataFrameOperations, AsyncQueryBuilder, AsyncFetchXmlQuery, async_batch.AsyncBatchOperations,
    async_batch.AsyncBatchRequest, async_batch.AsyncChangeSet,
)

# What only the other client has.
NOT_COVERED = {
    "get reads one or pages": "records.get is deprecated, and the asynchronous client has none",
    "deprecated helpers for queries": "the asynchronous client has none",
    "dataframes are read": "dataframe.get is deprecated, and the asynchronous client has none",
    "the builder makes dataframes": "the asynchronous builder has no to_dataframe",
}


class Token:
    """A credential as the asynchronous client wants one."""

    async def get_token(self, *scopes, **options):
        return python_sdk.Token().get_token(*scopes, **options)

    async def close(self):
        pass

    async def __aenter__(self):
        return self

    async def __aexit__(self, *reason):
        pass


class Blocking:
    """A part of the client whose answers are waited for, so that the cases can be written once."""

    def __init__(self, inner, loop):
        self._inner, self._loop = inner, loop

    def __getattr__(self, name):
        value = getattr(self._inner, name)
        if not callable(value):
            return self._waited(value)
        return lambda *args, **kwargs: self._waited(value(*args, **kwargs))

    def __enter__(self):
        return self._waited(self._inner.__aenter__())

    def __exit__(self, *reason):
        return self._waited(self._inner.__aexit__(*reason))

    def _waited(self, value):
        if inspect.isawaitable(value):
            value = self._loop.run_until_complete(value)
        if hasattr(value, "__aiter__"):
            value = self._loop.run_until_complete(self._all(value))
        return Blocking(value, self._loop) if isinstance(value, PARTS) else value

    @staticmethod
    async def _all(items):
        return [item async for item in items]


def main():
    url = sys.argv[1]
    report, calls = Report(CLIENT), Calls()
    for cls in PARTS[1:]:
        calls.watch(cls.__name__, cls)
    loop = asyncio.new_event_loop()
    with tempfile.TemporaryDirectory() as folder, Blocking(AsyncDataverseClient(url, Token()), loop) as client:
        cases = python_sdk.Cases(client, url, folder)
        for name in python_sdk.case_names():
            if name.replace("_", " ") not in NOT_COVERED:
                report.run(name.replace("_", " "), getattr(cases, name))
    loop.close()
    for case, reason in NOT_COVERED.items():
        report.tell(case, "not covered", reason)
    report.run("every public method was called", lambda: equal(calls.never(), []))


if __name__ == "__main__":
    main()
