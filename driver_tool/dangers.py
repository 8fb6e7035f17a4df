"""Finds what a driver file may do that harms a device, Home Assistant or its user.

It reads the file and runs nothing of it, so that it knows the usual ways to write
these things, and no tricks.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
import re

from custom_components.hmm.driver_api.coins import COINS
from custom_components.hmm.driver_api.errors import InvalidValue
from custom_components.hmm.driver_api.wallets import read_wallet
from custom_components.hmm.driver_engine.legacy.dangers import known_dangers
from custom_components.hmm.driver_engine.legacy.stock_hashes import is_stock

from .names import imported_names, meaning, root_of
from .problem import Problem, warn

# To devices

_OF_DEVICES = {
    "writes_input_voltage": (
        "It sets `voltage`, which AxeOS and NerdQAxe ignore: only the frequency rises",
        "Send `coreVoltage`.",
    ),
    "pool_switch_restarts": (
        "It sets a pool in a way that AxeOS since 2.15 ignores, and restarts for it",
        "Send `pools`, as bundled/axeos.py does, and read back what was set.",
    ),
}

# To everything that waits

_CLIENT = "HttpClient or WebApi of driver_api.transports"
_BLOCKING_MODULES = {
    "requests": _CLIENT,
    "urllib.request": _CLIENT,
    "urllib3": _CLIENT,
    "http.client": _CLIENT,
    "httpx": _CLIENT,
    "telnetlib": "asyncio.open_connection",
    "ftplib": "asyncio.open_connection",
    "paramiko": "asyncio.open_connection",
}
_BLOCKING_CALLS = {
    "time.sleep": ("time.sleep", "`await asyncio.sleep(...)`"),
    "input": ("input()", "self.context.options: nobody can type anything"),
    **dict.fromkeys(
        ("socket.socket", "socket.create_connection", "socket.socketpair"),
        (
            "A plain socket",
            "asyncio.open_connection, or CgminerClient of driver_api.transports",
        ),
    ),
    **dict.fromkeys(
        ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyname_ex"),
        ("A look-up of a name", "`await loop.getaddrinfo(...)`"),
    ),
}

type _Advice = tuple[str, str]
"""What is wrong, and what to do."""

_CHANGES_FILES = ("It changes files", "Remove it: HMM keeps what a driver returns.")
_STARTS_LOOP = (
    "It starts an event loop, where one runs already",
    "Write `await ...`.",
)
_STARTS_THREAD = (
    "It starts a thread: one that never ends stays until Home Assistant restarts",
    "Use asyncio; HMM stops a file after three calls that never returned.",
)
_LISTENS = (
    "It listens at a port, which only one program can have",
    "Use BroadcastListener of driver_api.transports.udp for broadcasts.",
)
_PATCHES = (
    "It changes what other parts of Home Assistant use",
    "Make a class of your own that extends it, or pass what you need as an argument.",
)
_NO_CERTIFICATE = (
    "It accepts every certificate, also that of somebody in between",
    "Leave it out; for a certificate of your own, pass its context.",
)

# By what a call means; the end ".*" stands for everything in a module
_CALLS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        (
            *("subprocess.*", "os.system", "os.popen", "pty.spawn", "os.posix_spawn"),
            *("os.execv", "os.execve", "os.execl", "os.execvp", "os.spawnv"),
            *("os.spawnl", "asyncio.create_subprocess_exec"),
            "asyncio.create_subprocess_shell",
        ),
        "It runs other programs",
        "Remove it: a driver talks to its device by itself.",
    ),
    (
        (
            *("eval", "exec", "compile", "__import__", "importlib.import_module"),
            *("pickle.load", "pickle.loads", "marshal.load", "marshal.loads"),
            *("yaml.load", "yaml.unsafe_load", "runpy.*", "code.*", "ctypes.*"),
        ),
        "It runs code that is not in the file, or that a device may have sent",
        "Write it out; read what a device sends with json.",
    ),
    (
        (
            *("os.remove", "os.unlink", "os.rename", "os.replace", "os.rmdir"),
            *("os.removedirs", "os.renames", "os.mkdir", "os.makedirs", "os.chmod"),
            *("os.chown", "os.truncate", "os.symlink", "os.link", "shutil.*"),
        ),
        *_CHANGES_FILES,
    ),
    (
        (
            *("sys.exit", "exit", "quit", "os._exit", "os.abort", "os.kill"),
            *("os.killpg", "os.fork", "os.forkpty", "signal.raise_signal"),
        ),
        "It ends or copies the program, which is Home Assistant",
        "Raise CannotConnect, or another error of driver_api.",
    ),
    (
        (
            *("logging.basicConfig", "logging.disable", "logging.setLoggerClass"),
            *("logging.captureWarnings", "logging.config.*", "os.putenv", "os.chdir"),
            *("os.unsetenv", "os.umask", "os.environ.update", "os.environ.pop"),
            *("os.environ.setdefault", "socket.setdefaulttimeout", "signal.signal"),
            *("signal.alarm", "asyncio.set_event_loop", "locale.setlocale"),
            *("asyncio.set_event_loop_policy", "warnings.filterwarnings"),
            *("warnings.simplefilter", "sys.setrecursionlimit", "sys.settrace"),
            *("sys.setprofile", "sys.setswitchinterval", "threading.setprofile"),
            *("threading.settrace", "threading.stack_size", "gc.disable", "gc.freeze"),
            *("random.seed", "time.tzset", "resource.setrlimit", "atexit.register"),
            *("urllib3.disable_warnings", "sys.path.append", "sys.path.insert"),
            *("sys.path.extend", "sys.modules.update", "sys.modules.pop"),
            "sys.modules.setdefault",
        ),
        "It changes a setting of all of Home Assistant",
        "Set it on an object of your own, or remove it.",
    ),
    (
        ("asyncio.run", "asyncio.Runner", "asyncio.new_event_loop"),
        *_STARTS_LOOP,
    ),
    (
        (
            *("threading.Thread", "threading.Timer", "_thread.start_new_thread"),
            *("asyncio.to_thread", "concurrent.futures.*", "multiprocessing.*"),
        ),
        *_STARTS_THREAD,
    ),
    (
        ("ssl._create_unverified_context",),
        *_NO_CERTIFICATE,
    ),
    (
        ("unittest.mock.patch", "unittest.mock.patch.object"),
        *_PATCHES,
    ),
    (
        ("asyncio.start_server", "asyncio.start_unix_server"),
        *_LISTENS,
    ),
)

# By the name of the method alone, regardless of its object
_METHODS: Mapping[str, _Advice] = {
    **dict.fromkeys(
        ("write_text", "write_bytes", "unlink", "rmdir", "symlink_to"), _CHANGES_FILES
    ),
    "run_until_complete": _STARTS_LOOP,
    "run_in_executor": _STARTS_THREAD,
    "create_datagram_endpoint": _LISTENS,
}

_CATCHES_ALL = (
    "It catches everything, also that it is to stop",
    "Name the errors, or write `except Exception`.",
)
_CLOSES = (
    "It closes the session that HMM provides, which all other miners use",
    "Use it without `async with` and without close(); HMM closes it.",
)
_ENDS = {"SystemExit", "KeyboardInterrupt", "GeneratorExit", "BaseException"}

# Modules of the driver alone: it may change them
_PRIVATE = ("adapters", "core", "integrations", "providers")

# Secrets of the author

_SECRET_NAMES = re.compile(
    r"(?:password|passwd|secret|token|api_?key|private_?key)$", re.IGNORECASE
)
_PLACEHOLDERS = re.compile(r"your|example|change|xxx|<|\.\.\.|\{", re.IGNORECASE)
_SHORTEST_SECRET = 8
_LOGIN_IN_URL = re.compile(r"\w+://[^\s/:@]+:[^\s/:@]+@")


def find_dangers(tree: ast.Module, source: bytes, path: Path) -> Iterator[Problem]:
    """Return the known dangers of a file, each with its line and what to do."""
    text = source.decode("utf-8", "replace")
    native = "driver_api" in text
    if is_stock(source):
        yield Problem(
            level="warning",
            text="It came with HMM-Local and is unchanged: HMM uses its own driver"
            " where it has one of this type",
            advice="Remove the file, or choose it in Settings > Repairs.",
        )
    for danger, line in known_dangers(text, path).items():
        yield warn(line, *_OF_DEVICES[danger])
    names = imported_names(tree)
    provided = _Provided(tree, names) if native else None
    for node in ast.walk(tree):
        yield from _blocks(node, names, native=native)
        yield from _calls(node, names)
        yield from _patches(node, names)
        yield from _stops(node, names)
        yield from _secrets(node)
        if provided:
            yield from provided.closed_by(node)


def _blocks(
    node: ast.AST, names: Mapping[str, str], *, native: bool
) -> Iterator[Problem]:
    """Find what waits without letting anything else run."""
    blocking: list[tuple[str, str]] = []
    match node:
        case ast.Import(names=aliases):
            blocking = [
                (alias.name, _BLOCKING_MODULES[alias.name])
                for alias in aliases
                if alias.name in _BLOCKING_MODULES
            ]
        case ast.ImportFrom(module=str(module), names=aliases, level=0):
            blocking = [
                (name, _BLOCKING_MODULES[name])
                for name in (module, *(f"{module}.{alias.name}" for alias in aliases))
                if name in _BLOCKING_MODULES
            ]
        case ast.Call(func=func) if (name := meaning(func, names)) in _BLOCKING_CALLS:
            blocking = [_BLOCKING_CALLS[name]]
        case ast.While(test=ast.Constant(value=value), body=body) if (
            value and not _can_end(body)
        ):
            blocking = [("A loop without end", "a timeout, and `await` in the loop")]
    for what, instead in blocking:
        if native:
            text = f"{what} stops all of Home Assistant while it waits"
            advice = f"Use {instead}."
        else:
            text = f"{what} stops the thread of the driver while it waits"
            advice = (
                "Give it a timeout: after three calls that never returned, HMM stops"
                f" the file. Better: {instead}."
            )
        yield warn(getattr(node, "lineno", 1), text, advice)


def _can_end(body: list[ast.stmt]) -> bool:
    ends = ast.Await | ast.Break | ast.Return | ast.Raise | ast.Yield
    return any(isinstance(node, ends) for stmt in body for node in ast.walk(stmt))


def _calls(node: ast.AST, names: Mapping[str, str]) -> Iterator[Problem]:
    """Find calls that a driver has no business with."""
    if isinstance(node, ast.Attribute) and node.attr == "CERT_NONE":
        yield warn(node.lineno, *_NO_CERTIFICATE)
    if not isinstance(node, ast.Call):
        return
    called = meaning(node.func, names)
    base = root_of(node.func)
    # A variable may have the name of a module
    is_imported = isinstance(base, ast.Name) and base.id in names
    for calls, text, advice in _CALLS:
        modules = [call.removesuffix("*") for call in calls if call.endswith(".*")]
        if called in calls or (is_imported and called.startswith(tuple(modules))):
            yield warn(node.lineno, text, advice)
    if isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS:
        yield warn(node.lineno, *_METHODS[node.func.attr])
    if called == "open" and _writes(node):
        yield warn(node.lineno, *_CHANGES_FILES)
    for word in node.keywords:
        if word.arg in ("ssl", "verify", "verify_ssl") and _is_false(word.value):
            yield warn(word.value.lineno, *_NO_CERTIFICATE)
    match node.func:
        # logging.getLogger().setLevel(...)
        case ast.Attribute(
            value=ast.Call(func=inner, args=[], keywords=[]),
            attr="setLevel" | "addHandler" | "removeHandler" | "addFilter",
        ) if meaning(inner, names) == "logging.getLogger":
            yield warn(
                node.lineno,
                "It changes a setting of all of Home Assistant",
                "Use `logging.getLogger(__name__)`.",
            )


def _writes(call: ast.Call) -> bool:
    modes = [
        *call.args[1:2],
        *(keyword.value for keyword in call.keywords if keyword.arg == "mode"),
    ]
    return any(
        isinstance(mode, ast.Constant) and {*str(mode.value)} & {*"wax+"}
        for mode in modes
    )


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def _patches(node: ast.AST, names: Mapping[str, str]) -> Iterator[Problem]:
    """Find what changes modules and classes that others use, too."""
    targets: list[ast.expr] = []
    match node:
        case ast.Assign(targets=assigned):
            targets = assigned
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            targets = [target]
        case ast.Delete(targets=deleted):
            targets = deleted
        case ast.Call(
            func=ast.Name(id="setattr" | "delattr"), args=[ast.expr() as of, *_]
        ):
            if _is_shared(of, names):
                yield warn(node.lineno, *_PATCHES)
    for changed in targets:
        if getattr(changed, "attr", "") == "check_hostname":
            if isinstance(node, ast.Assign) and _is_false(node.value):
                yield warn(changed.lineno, *_NO_CERTIFICATE)
        elif not isinstance(changed, ast.Name) and _is_shared(changed, names):
            yield warn(changed.lineno, *_PATCHES)


def _is_shared(node: ast.expr, names: Mapping[str, str]) -> bool:
    """Return whether something is, or is in, what the file has imported."""
    root = root_of(node)
    if not isinstance(root, ast.Name):
        return False
    module = names.get(root.id, "").partition(".")[0]
    return root.id == "__builtins__" or bool(module and module not in _PRIVATE)


def _stops(node: ast.AST, names: Mapping[str, str]) -> Iterator[Problem]:
    """Find what ends the program, and what does not end when it is to."""
    match node:
        case ast.Raise(exc=ast.expr() as raised):
            kind = raised.func if isinstance(raised, ast.Call) else raised
            if meaning(kind, names) in _ENDS:
                yield warn(
                    node.lineno,
                    "It ends the program, which is Home Assistant",
                    "Raise CannotConnect, or another error of driver_api.",
                )
        case ast.ExceptHandler(type=kinds, body=body) if not any(
            isinstance(inner, ast.Raise) for stmt in body for inner in ast.walk(stmt)
        ):
            if kinds is None or _catches_all(kinds, names):
                yield warn(node.lineno, *_CATCHES_ALL)
        case ast.Call(func=func, args=args) if (
            meaning(func, names) == "contextlib.suppress"
        ):
            if any(_catches_all(kind, names) for kind in args):
                yield warn(node.lineno, *_CATCHES_ALL)


def _catches_all(kinds: ast.expr, names: Mapping[str, str]) -> bool:
    caught: Iterable[ast.expr] = kinds.elts if isinstance(kinds, ast.Tuple) else [kinds]
    return any(
        meaning(kind, names).rpartition(".")[2] in ("BaseException", "CancelledError")
        for kind in caught
    )


def _secrets(node: ast.AST) -> Iterator[Problem]:
    """Find wallets, passwords and keys that are written into the file."""
    match node:
        case ast.Constant(value=str(text)):
            if _is_wallet(text):
                yield warn(
                    node.lineno,
                    "A wallet is written into it",
                    "Take `username`, or an option of the user: who copies the file"
                    " would mine for this wallet.",
                )
            elif _LOGIN_IN_URL.search(text) and not _PLACEHOLDERS.search(text):
                yield _secret(node.lineno)
        case ast.Assign(targets=targets, value=ast.Constant(value=str(text))):
            named = [
                getattr(target, "attr", getattr(target, "id", "")) for target in targets
            ]
            if any(map(_SECRET_NAMES.search, named)) and _is_secret(text):
                yield _secret(node.lineno)
        case ast.keyword(arg=str(name), value=ast.Constant(value=str(text))):
            if _SECRET_NAMES.search(name) and _is_secret(text):
                yield _secret(node.lineno)
        case ast.Dict(keys=keys, values=values):
            for key, value in zip(keys, values, strict=True):
                match key, value:
                    case ast.Constant(value=str(name)), ast.Constant(value=str(text)):
                        if _SECRET_NAMES.search(name) and _is_secret(text):
                            yield _secret(value.lineno)


def _secret(line: int) -> Problem:
    return warn(
        line,
        "A password or key is written into it",
        "Take it from self.context.options (miners) or from a keyword (pools), and"
        " change it: it is no secret any more.",
    )


def _is_secret(text: str) -> bool:
    """Return whether a text may be a secret, and no name, title or example."""
    return (
        len(text) >= _SHORTEST_SECRET
        and not re.search(r"\s", text)
        and not _PLACEHOLDERS.search(text)
        # "admin_password" is where it stands, not what it is
        and not _SECRET_NAMES.search(text)
    )


def _is_wallet(text: str) -> bool:
    for coin in COINS:
        try:
            if read_wallet(coin, text).is_certain:
                return True
        except InvalidValue:
            continue
    return False


class _Provided:
    """The session that HMM provides, under all names that a file gives it."""

    def __init__(self, tree: ast.Module, names: Mapping[str, str]) -> None:
        self._names = names
        # One that the driver has opened itself is its own
        self._known = {"self.context.session", "self.session"} - {
            meaning(target, names)
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            for target in node.targets
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and self._is_it(node.value):
                self._known |= {meaning(target, names) for target in node.targets}
        self._known.discard("")

    def closed_by(self, node: ast.AST) -> Iterator[Problem]:
        """Find where it is closed."""
        match node:
            case ast.AsyncWith(items=items):
                for item in items:
                    if self._is_it(item.context_expr):
                        yield warn(item.context_expr.lineno, *_CLOSES)
            case ast.Call(func=ast.Attribute(value=of, attr="close" | "detach")):
                if self._is_it(of):
                    yield warn(node.lineno, *_CLOSES)

    def _is_it(self, node: ast.expr) -> bool:
        return meaning(node, self._names) in self._known
