#!/usr/bin/env python3
"""Build what a release consists of, if everything names the same version.

    script/release.py v1.2.3 hmm.zip notes.md

The tag, manifest.json and the first heading of CHANGELOG.md must name one version. Writes
the zip that HACS installs, and what the changelog says of the version.
"""

import json
from pathlib import Path
import re
import sys
from zipfile import ZIP_DEFLATED, ZipFile

ROOT = Path(__file__).resolve().parent.parent
COMPONENT = ROOT / "custom_components/hmm"


def notes_of(version: str) -> str:
    """Return what the changelog says of a version. Exits if it is not the first one."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    _, first, *_ = re.split(r"^## ", text, flags=re.MULTILINE)
    heading, _, notes = first.partition("\n")
    if heading.split()[0] != version:
        sys.exit(f"The first heading of CHANGELOG.md is {heading}, not {version}")
    return notes.strip() + "\n"


def main(tag: str, archive: str, notes: str) -> None:
    """Check the version and write both files."""
    version = tag.removeprefix("v")
    manifest = json.loads((COMPONENT / "manifest.json").read_text(encoding="utf-8"))
    if manifest["version"] != version:
        sys.exit(f"manifest.json is of {manifest['version']}, the tag of {version}")
    Path(notes).write_text(notes_of(version), encoding="utf-8")
    with ZipFile(archive, "w", ZIP_DEFLATED) as target:
        for path in sorted(COMPONENT.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                target.write(path, path.relative_to(COMPONENT))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
