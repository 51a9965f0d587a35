#!/usr/bin/env python3
"""Puts a project of fixtures/projects together with its export, in a folder ready for `dv-migrate run`.

    python3 tests/project_folder.py sf-workshop /tmp/sf --url http://127.0.0.1:8080
"""

import argparse
import pathlib
import re
import shutil
import sys

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "fixtures"
# What an emulator needs to know beside the standard tables, so that every project finds its own.
METADATA = [part for name in ("custom-tables.json", "npsp-tables.json") for part in ("--metadata", str(FIXTURES / "metadata" / name))]
SOURCE_SETS = {"sf-workshop": "sf-data-cloud-workshop", "npsp": "npsp-1k", "northwind": "northwind"}


def assemble(project, folder, url=None, source=None, engine=None):
    """Copies the project to `folder`, with the CSV files of `source` (its own export by default) in `source/`.

    With `url` the project file names that target, with `engine` that engine for staging. The folder must not exist or be empty.
    """
    folder = pathlib.Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty")
    shutil.copytree(FIXTURES / "projects" / project, folder, dirs_exist_ok=True)
    (folder / "source").mkdir(exist_ok=True)
    for file in sorted(pathlib.Path(source or FIXTURES / "source" / SOURCE_SETS[project]).glob("*.csv*")):
        shutil.copy(file, folder / "source" / file.name)
    changes = {"url": url, "engine": engine}
    settings = folder / "migration.toml"
    text = settings.read_text(encoding="utf-8")
    for name, value in changes.items():
        if value:
            text, found = re.subn(rf'(?m)^{name} = ".*?"', f'{name} = "{value}"', text, count=1)
            if found != 1:
                raise ValueError(f"{settings} has no {name}")
    settings.write_text(text, encoding="utf-8")
    return folder


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("project", choices=sorted(SOURCE_SETS))
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--url", help="base URL of the target")
    parser.add_argument("--source", type=pathlib.Path, help="folder of the CSV files (default: the project's export)")
    parser.add_argument("--engine", choices=["sqlite", "sqlserver"], help="what keeps the staging database")
    arguments = parser.parse_args()
    try:
        assemble(arguments.project, arguments.folder, arguments.url, arguments.source, arguments.engine)
    except (FileExistsError, ValueError) as problem:
        print(problem, file=sys.stderr)
        return 2
    print(arguments.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
