"""Download pip from the package index with nothing but the standard library.

Debian and Ubuntu split ensurepip out of Python into a package that a fresh machine
may not have. This stands in for it: the newest pip wheel of the index is saved into
a folder and its path printed. Run it with any Python 3.11 or newer.

    python3 script/fetch_pip.py FOLDER
"""

import hashlib
from html.parser import HTMLParser
import os
from pathlib import Path
import sys
from urllib.parse import unquote, urldefrag, urljoin
from urllib.request import urlopen

DEFAULT_INDEX = "https://pypi.org/simple"


class WheelLinks(HTMLParser):
    """Collects the links to wheels that were not withdrawn, oldest first (PEP 503)."""

    def __init__(self) -> None:
        """Start without any link."""
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the address of a link if it is one to a wheel."""
        attributes = dict(attrs)
        address = attributes.get("href") or ""
        is_wheel = urldefrag(address).url.endswith("-py3-none-any.whl")
        if tag == "a" and is_wheel and "data-yanked" not in attributes:
            self.links.append(address)


def fetch(url: str) -> bytes:
    """Return what is at an URL of the package index."""
    with urlopen(url, timeout=60) as response:  # noqa: S310
        content: bytes = response.read()
        return content


def main() -> int:
    """Save the newest pip wheel into the folder named by the first argument."""
    index = os.environ.get("PIP_INDEX_URL", DEFAULT_INDEX).rstrip("/")
    page_url = f"{index}/pip/"
    parser = WheelLinks()
    parser.feed(fetch(page_url).decode())
    if not parser.links:
        sys.exit(f"There is no pip at {page_url}")
    url, fragment = urldefrag(urljoin(page_url, parser.links[-1]))
    content = fetch(url)
    name = unquote(url.rpartition("/")[2])
    algorithm, _, digest = fragment.partition("=")
    if algorithm == "sha256" and hashlib.sha256(content).hexdigest() != digest:
        sys.exit(f"{name} arrived damaged")
    path = Path(sys.argv[1]) / name
    path.write_bytes(content)
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
