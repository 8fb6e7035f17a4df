"""What a release consists of, and that it is refused if its version is not one."""

import json
from pathlib import Path
import subprocess
import sys
from zipfile import ZipFile

from custom_components import hmm

SCRIPT = Path(__file__).parents[1] / "script" / "release.py"
MANIFEST = json.loads((Path(hmm.__file__).parent / "manifest.json").read_bytes())


def release(folder: Path, tag: str) -> subprocess.CompletedProcess[str]:
    """Build a release."""
    return subprocess.run(
        [sys.executable, SCRIPT, tag, folder / "hmm.zip", folder / "notes.md"],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_zip_is_what_home_assistant_looks_for(tmp_path: Path) -> None:
    """Given the tag of this version, then the zip has the integration at its top."""
    done = release(tmp_path, f"v{MANIFEST['version']}")
    assert (done.returncode, done.stderr) == (0, "")
    with ZipFile(tmp_path / "hmm.zip") as archive:
        assert json.loads(archive.read("manifest.json")) == MANIFEST
        assert "bundled/pools/braiins-btc-eu.yaml" in archive.namelist()
    assert (tmp_path / "notes.md").read_text(encoding="utf-8").strip()


def test_a_tag_of_another_version_is_refused(tmp_path: Path) -> None:
    """Given a tag that the manifest does not have, then nothing is built."""
    done = release(tmp_path, "v99.0.0")
    assert done.returncode == 1
    assert "the tag of 99.0.0" in done.stderr
    assert list(tmp_path.iterdir()) == []
