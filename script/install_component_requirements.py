"""Install what Home Assistant's own components need, at the versions that they name.

Home Assistant installs the requirements of a component when it first sets it up.
The demo and the tests must not wait for that, nor depend on the network while they
run, so this installs them beforehand: run it with the Python of the environment,
and the path of uv.

    .venv/bin/python script/install_component_requirements.py UV
"""

import argparse
import json
from pathlib import Path
import subprocess
import sys
from typing import Any

import homeassistant
from homeassistant.bootstrap import DEFAULT_INTEGRATIONS
from homeassistant.requirements import DISCOVERY_INTEGRATIONS

CHECKOUT = Path(__file__).resolve().parent.parent
INTEGRATION = CHECKOUT / "custom_components" / "hmm"
HOME_ASSISTANT = Path(homeassistant.__file__).parent
CONSTRAINTS = HOME_ASSISTANT / "package_constraints.txt"

# What the demo's configuration.yaml and the tests set up, beyond what Home Assistant
# always does.
COMPONENTS = (
    "assist_pipeline",
    "automation",
    "config",
    "conversation",
    "energy",
    "history",
    "logbook",
    "mcp_server",
    "my",
    "recorder",
    "scene",
    "script",
    "sun",
    "template",
)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest.json of an integration's folder, empty if it has none."""
    path = folder / "manifest.json"
    if not path.exists():
        return {}
    manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return manifest


def needed_by(manifest: dict[str, Any]) -> set[str]:
    """Return the domains whose requirements Home Assistant checks for an integration.

    As _async_process_integration in homeassistant/requirements.py does: what it loads
    after counts too, set up or not.
    """
    discovery = {
        domain
        for domain, keys in DISCOVERY_INTEGRATIONS.items()
        if any(key in manifest for key in keys)
    }
    return {
        *manifest.get("dependencies", ()),
        *manifest.get("after_dependencies", ()),
        *discovery,
    }


def collect_requirements() -> list[str]:
    """Return the requirements of our integration, all components, and theirs."""
    own = read_manifest(INTEGRATION)
    requirements = set(own.get("requirements", ()))
    open_domains = {*DEFAULT_INTEGRATIONS, *COMPONENTS, *needed_by(own)}
    done: set[str] = set()
    while open_domains := open_domains - done:
        domain = open_domains.pop()
        done.add(domain)
        manifest = read_manifest(HOME_ASSISTANT / "components" / domain)
        requirements.update(manifest.get("requirements", ()))
        open_domains |= needed_by(manifest)
    return sorted(requirements)


def main() -> int:
    """Install the requirements with uv; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("uv", help="the uv command")
    arguments = parser.parse_args()
    command = [arguments.uv, "pip", "install", "--python", sys.executable]
    command += ["--constraint", str(CONSTRAINTS), *collect_requirements()]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
