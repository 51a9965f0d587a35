"""A plain reader of the Dataverse Web API: urllib, paging, nothing clever. For the checks; the product has its own."""

import json
import os
import urllib.error
import urllib.parse
import urllib.request

ANNOTATIONS = 'odata.include-annotations="*"'


class Exact(float):
    """A number with a fraction, which keeps the digits that it was written with: money has more than a float."""

    def __new__(cls, digits):
        number = super().__new__(cls, digits)
        number.digits = digits
        return number

    def __str__(self):
        return self.digits


class WebApi:
    def __init__(self, url, token=None, timeout=60):
        self.root = url.rstrip("/") + "/api/data/v9.2"
        self.token = token or os.environ.get("DV_TOKEN", "test")
        self.timeout = timeout

    def get(self, path, page_size=None):
        """One GET as JSON. `path` is relative to the service root or, for a next link, complete."""
        url = path if path.startswith("http") else f"{self.root}/{path}"
        preferences = [ANNOTATIONS] + ([f"odata.maxpagesize={page_size}"] if page_size else [])
        request = urllib.request.Request(url, headers={
            "Accept": "application/json", "OData-Version": "4.0", "OData-MaxVersion": "4.0",
            "Authorization": f"Bearer {self.token}", "Prefer": ",".join(preferences)})
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:
                return json.load(answer, parse_float=Exact)
        except urllib.error.HTTPError as refused:
            text = refused.read().decode("utf-8", "replace")
            raise RuntimeError(f"GET {path}: {refused.code} {text[:400]}") from refused

    def rows(self, entity_set, select=None, page_size=500):
        """All rows of a set, page by page, following next links."""
        query = "?" + urllib.parse.urlencode({"$select": ",".join(select)}, safe="$,") if select else ""
        link = entity_set + query
        while link:
            page = self.get(link, page_size)
            yield from page["value"]
            link = page.get("@odata.nextLink")

    def who_am_i(self):
        return self.get("WhoAmI")
