"""The config folder of a Home Assistant that needs no onboarding.

What would be asked on the first visit is answered beforehand in `.storage`
(formats of Home Assistant 2026.8 to 2026.11).
"""

import json
from pathlib import Path
import shutil
import socket
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent

CONFIGURATION = """\
# Made by script/demo. Visitors from this machine are logged in without a password.
homeassistant:
  auth_providers:
    - type: trusted_networks
      trusted_networks: ["127.0.0.1/32", "::1/128"]
      allow_bypass_login: true
    - type: homeassistant

assist_pipeline:
automation: !include automations.yaml
config:
conversation:
energy:
frontend:
history:
logbook:
my:
recorder:
scene: !include scenes.yaml
script: !include scripts.yaml
sun:

# A simulated tariff that is known until tomorrow night: dear at six, cheap at dawn;
# and prices of coins that are made up
template:
  - sensor:
      - name: Electricity tariff
        unique_id: hmm_demo_tariff
        unit_of_measurement: EUR/kWh
        state_class: measurement
        state: "{{ (0.29 + 0.07 * cos((now().hour - 18) / 12 * pi)) | round(3) }}"
        attributes:
          prices: >
            {% set ns = namespace(slots=[]) %}
            {% for hour in range(48) %}
            {% set start = today_at() + timedelta(hours=hour) %}
            {% set price = 0.29 + 0.07 * cos((start.hour - 18) / 12 * pi) %}
            {% set slot = {"start": start.isoformat(), "price": price | round(3)} %}
            {% set ns.slots = ns.slots + [slot] %}
            {% endfor %}
            {{ ns.slots }}
      - name: Bitcoin price
        unique_id: hmm_demo_bitcoin
        unit_of_measurement: EUR
        state: "{{ 80000 }}"
      - name: DigiByte price
        unique_id: hmm_demo_digibyte
        unit_of_measurement: EUR
        state: "{{ 0.01 }}"
      - name: BitcoinII price
        unique_id: hmm_demo_bitcoinii
        unit_of_measurement: EUR
        state: "{{ 0.5 }}"

logger:
  default: warning
  logs:
    custom_components.hmm: info
"""

_INCLUDED = {"automations.yaml": "[]\n", "scenes.yaml": "[]\n", "scripts.yaml": "{}\n"}


def prepare(folder: Path, *, host: str, port: int) -> None:
    """Make the folder or bring it up to date; what the user changed stays.

    Home Assistant will listen on `host`:`port`, and always on 127.0.0.1.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "configuration.yaml").write_text(CONFIGURATION, encoding="utf-8")
    for name, content in _INCLUDED.items():
        if not (path := folder / name).exists():
            path.write_text(content, encoding="utf-8")
    _link(folder / "custom_components" / "hmm", CHECKOUT / "custom_components" / "hmm")
    blueprints = CHECKOUT / "blueprints" / "automation" / "hmm"
    if blueprints.is_dir():
        # A copy: Home Assistant does not look for blueprints behind a link
        shutil.copytree(
            blueprints,
            folder / "blueprints" / "automation" / "hmm",
            dirs_exist_ok=True,
        )
    _store(folder, "http", (2, 2), _http(host, port), replace=True)
    _store(folder, "onboarding", (4, 1), ONBOARDING)
    _store(folder, "core.config", (1, 4), CORE_CONFIG)
    _store(folder, "core.network", (1, 1), {"configured_adapters": [_loopback()]})


ONBOARDING = {"done": ["core_config", "analytics", "integration"]}
"""All but the step that makes the owner, which goes over the API."""

CORE_CONFIG = {
    "latitude": 52.52,
    "longitude": 13.405,
    "elevation": 34,
    "radius": 100,
    "unit_system_v2": "metric",
    "location_name": "HMM demo",
    "time_zone": "Europe/Berlin",
    "external_url": None,
    "internal_url": None,
    "currency": "EUR",
    "country": "DE",
    "language": "en",
}


def _http(host: str, port: int) -> dict[str, Any]:
    """Return the settings of the web server, as confirmed ones.

    In configuration.yaml they would be a trial that Home Assistant asks to confirm.
    """
    hosts = [host] if host in ("0.0.0.0", "127.0.0.1") else ["127.0.0.1", host]
    return {
        "stable": {
            "server_port": port,
            "server_host": hosts,
            "cors_allowed_origins": [],
            "login_attempts_threshold": -1,
            "ip_ban_enabled": False,
            "ssl_profile": "modern",
            "use_x_frame_options": True,
            "created_at": "2026-01-01T00:00:00+00:00",
            "error": None,
            "error_message": None,
        },
        "pending": None,
        "yaml_migration_done": True,
    }


def _loopback() -> str:
    """Return the interface of this machine alone: nothing is announced elsewhere."""
    names = [name for _, name in socket.if_nameindex()]
    return next((name for name in names if name.startswith("lo")), "lo")


def _store(
    folder: Path,
    key: str,
    version: tuple[int, int],
    data: dict[str, Any],
    *,
    replace: bool = False,
) -> None:
    path = folder / ".storage" / key
    if path.exists() and not replace:
        return
    path.parent.mkdir(exist_ok=True)
    content = {
        "version": version[0],
        "minor_version": version[1],
        "key": key,
        "data": data,
    }
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")


def _link(link: Path, target: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_symlink() and link.readlink() == target:
        return
    link.unlink(missing_ok=True)
    link.symlink_to(target, target_is_directory=True)
