"""A driver comes whole from where it should, or not at all."""

import gzip

import aiohttp
import pytest
from yarl import URL

from custom_components.hmm.driver_engine import download as module
from custom_components.hmm.driver_engine.download import (
    DownloadFailed,
    download,
    file_url,
)
from tests.file_server import FileServer
from tests.user_drivers import acme

RAW = "https://raw.githubusercontent.com/some/one"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://example.org/a_driver.py", "https://example.org/a_driver.py"),
        (" https://example.org/a.py?x=1#L5\n", "https://example.org/a.py?x=1"),
        (
            "https://github.com/some/one/blob/main/dir/a_driver.py",
            f"{RAW}/main/dir/a_driver.py",
        ),
        (
            "https://github.com/some/one/blob/feature/x/a%20b.py#L10-L20",
            f"{RAW}/feature/x/a%20b.py",
        ),
        (
            "https://github.com/some/one/raw/refs/heads/main/a.py",
            f"{RAW}/refs/heads/main/a.py",
        ),
        (f"{RAW}/main/a.py", f"{RAW}/main/a.py"),
        (
            "https://github.com/some/one/releases/download/1/a.py",
            "https://github.com/some/one/releases/download/1/a.py",
        ),
    ],
)
def test_addresses_are_understood(text: str, url: str) -> None:
    """Given a link, the address is that of the file, not of a page about it."""
    assert str(file_url(text)) == url


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("http://example.org/a.py", "https://"),
        ("http://127.0.0.1/a.py", "https://"),
        ("ftp://example.org/a.py", "https://"),
        ("file:///etc/passwd", "not an address"),
        ("a_driver.py", "not an address"),
        ("", "not an address"),
        ("https://", "not an address"),
        ("https://[::1", "not an address"),
        ("https://xn--a.example/a.py", "not an address"),
        ("https://user:secret@example.org/a.py", "password"),
        ("https://token@example.org/a.py", "password"),
    ],
)
def test_other_addresses_are_refused(text: str, reason: str) -> None:
    """Given an address that is none, or not safe, it is refused with the reason."""
    with pytest.raises(DownloadFailed, match=reason):
        file_url(text)


async def test_a_file_is_fetched(
    files: FileServer, session: aiohttp.ClientSession
) -> None:
    """Given a file, it comes as it is."""
    url = files.put("/a.py", acme())
    assert (await download(session, file_url(url))).decode() == acme()


async def test_a_file_in_chunks_is_fetched(
    files: FileServer, session: aiohttp.ClientSession
) -> None:
    """Given a server that says where the file ends as it goes, the file is whole."""
    body = acme().encode()
    head = "200 OK\r\nTransfer-Encoding: chunked"
    chunk = b"%x\r\n%s\r\n" % (len(body), body)
    whole = files.answer("/a.py", head, chunk + b"0\r\n\r\n")
    assert await download(session, URL(whole)) == body
    half = files.answer("/b.py", head, chunk)
    with pytest.raises(DownloadFailed, match="lost half way"):
        await download(session, URL(half))


async def test_a_file_that_is_packed_is_fetched(
    files: FileServer, session: aiohttp.ClientSession
) -> None:
    """Given a packed answer, it is unpacked; a bomb is not."""
    for path, body in (("/a.py", acme().encode()), ("/b.py", b"#" * 50_000_000)):
        packed = gzip.compress(body)
        files.answer(
            path,
            f"200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}",
            packed,
        )
    assert await download(session, URL(files.url("/a.py"))) == acme().encode()
    with pytest.raises(DownloadFailed, match="larger than 256 KB"):
        await download(session, URL(files.url("/b.py")))


@pytest.mark.parametrize(
    ("head", "body", "reason"),
    [
        (
            "200 OK\r\nTransfer-Encoding: chunked",
            b"1\r\n#\r\n" * 5000 + b"0\r\n\r\n",
            "cannot be reached",
        ),
        ("100 Continue", b"HTTP/1.1 100 Continue\r\n\r\n" * 5000, "cannot be reached"),
        ("404 Not Found\r\nContent-Length: 0", b"", "returned 404"),
        ("500 Oh\r\nContent-Length: 0", b"", "returned 500"),
        ("206 Partial Content\r\nContent-Length: 1", b"x", "returned 206"),
        ("200 OK\r\nContent-Length: 10000000", b"#", "larger than 256 KB"),
        ("200 OK\r\nContent-Length: 0", b"", "empty"),
        ("200 OK\r\nContent-Length: 3", b" \n ", "empty"),
        ("200 OK", b"x = 1", "how long"),
        ("200 OK\r\nContent-Length: 1000", b"x = 1", "lost half way"),
        (
            "200 OK\r\nContent-Type: text/html\r\nContent-Length: 2",
            b"hi",
            "a web page",
        ),
        (
            "200 OK\r\nContent-Type: text/plain\r\nContent-Length: 17",
            b"\n<!DOCTYPE html>\n",
            "a web page",
        ),
        ("200 OK\r\nContent-Length: banana", b"x", "cannot be reached"),
        ("302 Found\r\nContent-Length: 0", b"", "redirects in circles"),
        (
            "302 Found\r\nLocation: http://127.0.0.2:1/\r\nContent-Length: 0",
            b"",
            "https://",
        ),
        (
            "302 Found\r\nLocation: https://other.example/\r\nContent-Length: 0",
            b"",
            "another one, other.example",
        ),
        (
            "302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0",
            b"",
            "not an address",
        ),
        (
            "302 Found\r\nLocation: https://[::1\r\nContent-Length: 0",
            b"",
            "cannot be reached",
        ),
    ],
)
async def test_what_is_no_file_is_refused(
    files: FileServer,
    session: aiohttp.ClientSession,
    head: str,
    body: bytes,
    reason: str,
) -> None:
    """Given an answer that is not the whole file, it is refused with the reason."""
    url = files.answer("/a.py", head, body)
    with pytest.raises(DownloadFailed, match=reason):
        await download(session, URL(url))


async def test_a_redirect_at_home_is_followed(
    files: FileServer, session: aiohttp.ClientSession
) -> None:
    """Given a redirect on the same server, it is followed, but not for ever."""
    files.put("/new/a.py", acme())
    files.answer("/a.py", "301 Moved\r\nLocation: /new/a.py\r\nContent-Length: 0")
    assert await download(session, URL(files.url("/a.py"))) == acme().encode()
    files.answer("/loop", "302 Found\r\nLocation: /loop\r\nContent-Length: 0")
    with pytest.raises(DownloadFailed, match="redirects in circles"):
        await download(session, URL(files.url("/loop")))
    assert files.requests.count("/loop") == 5


@pytest.mark.parametrize(
    ("start", "target", "followed"),
    [
        ("github.com", "raw.githubusercontent.com", True),
        ("github.com", "release-assets.githubusercontent.com", True),
        ("github.com", "githubusercontent.com.evil.example", False),
        ("github.com", "evil-githubusercontent.com", False),
        ("example.org", "raw.githubusercontent.com", False),
        ("raw.githubusercontent.com", "github.com", False),
    ],
)
def test_github_keeps_its_files_elsewhere(
    start: str, target: str, followed: bool
) -> None:
    """Given a redirect of GitHub, it is followed to GitHub's own files alone."""
    url = URL(f"https://{start}/a/b/releases/download/1/c.py")
    if followed:
        assert module._redirected(url, f"https://{target}/x").host == target
    else:
        with pytest.raises(DownloadFailed, match="redirects to another one"):
            module._redirected(url, f"https://{target}/x")


async def test_nobody_is_there(
    files: FileServer, session: aiohttp.ClientSession
) -> None:
    """Given a server that is gone, it is told, without the whole address."""
    url = files.url("/secret/a.py")
    await files.stop()
    with pytest.raises(DownloadFailed, match="cannot be reached") as raised:
        await download(session, URL(url))
    assert "secret" not in str(raised.value)


async def test_a_server_that_never_answers(
    files: FileServer,
    session: aiohttp.ClientSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given a server that only listens, it is left after a while."""
    monkeypatch.setattr(module, "_TIMEOUT", aiohttp.ClientTimeout(total=0.2))
    with pytest.raises(DownloadFailed, match="took too long"):
        await download(session, URL(files.hush("/a.py")))
