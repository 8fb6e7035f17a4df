"""A German Home Assistant: no reason that HMM gives is in English.

What Python, a driver or a package itself says is quoted behind it.
"""

from pathlib import Path
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import ATTR_DEVICE_ID, ATTR_MODE
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import get_data
from custom_components.hmm.driver_engine import driver_store
from custom_components.hmm.errors import entry_reason, message
from custom_components.hmm.markdown import escape
from custom_components.hmm.repairs import BrokenFileFlow
from simulator import SimulatedAxeOS

from .conftest import miner_entry, set_up
from .file_server import FileServer
from .flows import texts
from .package_index import package_index
from .user_drivers import acme, acme_entry, do, put, start, sum_of

SENTENCES = texts("de")["exceptions"]
FILE = "miner_drivers/acme_driver.py"
POOL = """\
driver: solopool
url: home.example
port: many
coin: DGB
mining_model: solo
"""


@pytest.fixture
def german(home: HomeAssistant) -> HomeAssistant:
    """Return a Home Assistant whose language is German."""
    home.config.language = "de"
    return home


def sentence(key: str, /, **values: object) -> str:
    """Return a text of the German catalog."""
    return str(SENTENCES[key]["message"]).format(**values)


def reasons(hass: HomeAssistant) -> dict[str, str]:
    """Return what the repairs say, by file."""
    return {
        shown["file"]: shown["reason"]
        for (domain, _), issue in ir.async_get(hass).issues.items()
        if domain == DOMAIN and (shown := issue.translation_placeholders)
    }


@pytest.mark.trial
@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a_driver.py", b"x = 1\n", sentence("no_driver_class")),
        ("a_driver.py", b"#" * 300_000, sentence("file_too_large", size=256)),
        ("a_driver.py", b"\xff\xfe", sentence("file_not_utf8")),
        ("a_driver.py", b"import os\nos._exit(0)\n", sentence("ends_program")),
        ("a_driver.py", b"import os\nos.fork()\n", sentence("forks")),
        ("a_driver.py", b"exit()\n", sentence("exits")),
        (
            "a_driver.py",
            b"x = = 1\n",
            sentence("raises", error="SyntaxError: invalid syntax"),
        ),
        (
            "a_driver.py",
            b"import os\nos.umask(0)\n",
            sentence("changes_shared", what="os.umask"),
        ),
        ("pools/mine.yaml", POOL.encode(), sentence("yaml_port", key="port")),
        ("pools/mine.yaml", b"- solopool\n", sentence("yaml_no_mapping")),
        (
            "pools/mine.yaml",
            b"a: &x 1\nb: *x\n",
            sentence("yaml_repeats"),
        ),
        ("config.yaml", b"wallets: 1\n", sentence("yaml_section", key="wallets")),
        (
            "config.yaml",
            b"wallets:\n  btc: !secret mine\n",
            sentence("yaml_secret_missing", secret="mine"),
        ),
    ],
)
async def test_a_broken_file_is_explained(
    german: HomeAssistant, hmm_folder: Path, name: str, content: bytes, reason: str
) -> None:
    """Given any broken file, then its repair gives the reason of the catalog."""
    path = hmm_folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    (hmm_folder.parent / "secrets.yaml").write_text("other: 1\n")
    assert await async_setup_component(german, DOMAIN, {})

    assert reasons(german) == {f"hmm/{name}": str(escape(reason))}


@pytest.mark.trial
async def test_a_file_that_did_harm_before_is_explained(
    german: HomeAssistant, hmm_folder: Path
) -> None:
    """Given a reload, then repair, dialog, report and entry say the same in German."""
    (hmm_folder / "acme_driver.py").write_text(f"{acme()}\nimport os\nos.fork()\n")
    entry = acme_entry()
    entry.add_to_hass(german)
    await start(german)
    once_more = sentence("not_tried_again", reason=sentence("forks"))
    (failed,) = (await do(german, "reload_drivers"))["failed_files"]
    assert failed["reason"] == once_more
    assert reasons(german) == {"hmm/acme_driver.py": str(escape(once_more))}

    flow = BrokenFileFlow(hmm_folder / "acme_driver.py")
    flow.hass = german
    shown = (await flow.async_step_init())["description_placeholders"]
    assert shown is not None
    assert shown["reason"] == str(escape(once_more))

    assert await german.config_entries.async_reload(entry.entry_id) is False
    assert entry.state is ConfigEntryState.SETUP_ERROR


@pytest.mark.parametrize(
    ("requirement", "key", "values"),
    [
        ("hmm-acme-client==1.0", "package_failed", {}),
        ("hmm-acme-client>=1.0", "package_version", {"name": "hmm-acme-client"}),
        ("./acme", "package_invalid", {}),
    ],
)
async def test_a_package_that_is_not_installed_is_explained(
    german: HomeAssistant,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    requirement: str,
    key: str,
    values: dict[str, str],
) -> None:
    """Given a package that cannot be had, then repair and entry give the reason."""
    reason = sentence(key, package=requirement, **values)
    async with package_index(german, tmp_path, monkeypatch):
        await put(german, FILE, f"REQUIREMENTS = [{requirement!r}]\n{acme()}")
        entry = acme_entry()
        entry.add_to_hass(german)
        await start(german)

        assert reasons(german) == {f"hmm/{FILE}": str(escape(reason))}
        assert entry_reason(german, entry) == sentence(
            "driver_unavailable", driver="acme", reason=reason
        )
        placeholders = entry.error_reason_translation_placeholders
        assert placeholders == {"driver": "acme", "reason": reason}


async def test_a_download_that_fails_is_explained(
    german: HomeAssistant, files: FileServer
) -> None:
    """Given an address without a driver, then the action gives the reason."""
    await start(german)
    good = files.put("/acme_driver.py", acme())
    bad = files.put("/bad_driver.py", "x = = 1")
    page = files.put("/page", "<html>")
    for url, text, expected in (
        (
            files.url("/gone"),
            "",
            sentence(
                "driver_download_failed", reason=sentence("download_status", status=404)
            ),
        ),
        (
            page,
            "<html>",
            sentence("driver_download_failed", reason=sentence("download_web_page")),
        ),
        (
            "http://example.org/x",
            "",
            sentence("driver_address", reason=sentence("download_no_https")),
        ),
        (
            good,
            "other",
            sentence("driver_checksum", found=sum_of(acme()), wanted=sum_of("other")),
        ),
    ):
        with pytest.raises(HomeAssistantError) as raised:
            await do(german, "install_driver", url=url, sha256=sum_of(text))
        assert message(german, raised.value) == expected

    with pytest.raises(HomeAssistantError) as raised:
        await do(german, "install_driver", url=bad, sha256=sum_of("x = = 1"))
    assert raised.value.translation_key == "driver_invalid"
    placeholders = raised.value.translation_placeholders
    assert placeholders is not None
    assert placeholders["reason"].startswith(sentence("not_python", error=""))

    await files.stop()
    with pytest.raises(HomeAssistantError) as raised:
        await do(german, "install_driver", url=good, sha256=sum_of(acme()))
    assert message(german, raised.value) == sentence(
        "driver_download_failed", reason=sentence("download_refused")
    )


async def test_what_was_done_is_told(german: HomeAssistant) -> None:
    """Given an action that works, then its report is in German as well."""
    await put(german, FILE, acme())
    await start(german)
    report = await do(german, "remove_driver", driver="acme")
    assert report["message"] == sentence("driver_removed", driver="acme_driver.py")
    report = await do(german, "rollback_driver", driver="acme")
    assert report["message"] == sentence("driver_rolled_back", driver="acme_driver.py")
    report = await do(german, "update_all_drivers")
    assert report["message"] == sentence("drivers_updated", count=0)


async def test_a_disk_that_is_full_is_explained(
    german: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given no room for a file, then the action says so, without the system's words."""
    await start(german)

    def full(path: Path, source: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(driver_store, "_write_atomically", full)
    with pytest.raises(HomeAssistantError) as raised:
        await do(german, "customise_driver", driver="bitaxe")
    assert message(german, raised.value) == sentence(
        "cannot_write_driver",
        file="hmm/miner_drivers/bitaxe_driver.py",
        reason=sentence(
            "store_unwritable",
            file="bitaxe_driver.py",
            error=sentence("os_no_space"),
        ),
    )


async def test_the_report_of_an_action_is_german(
    german: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """Given miners without a mode, then error and report name the reason in German."""
    devices = []
    async with SimulatedAxeOS(generation="2.15", model="gamma") as other:
        for name, device in (("Eins", bitaxe), ("Zwei", other)):
            entry = await set_up(german, miner_entry(device, "bitaxe", title=name))
            devices += [
                item.id
                for item in dr.async_entries_for_config_entry(
                    dr.async_get(german), entry.entry_id
                )
            ]
        call = {ATTR_MODE: "warp", ATTR_DEVICE_ID: devices}
        modes = ", ".join(get_data(german).fleet.miners[entry.entry_id].profile.modes)
        reason = sentence("unknown_mode", mode="warp", modes=modes)

        report: Any = await german.services.async_call(
            DOMAIN, "set_mode", call, blocking=True, return_response=True
        )
        assert {miner["error"] for miner in report["miners"]} == {reason}
        with pytest.raises(HomeAssistantError) as raised:
            await german.services.async_call(DOMAIN, "set_mode", call, blocking=True)
        assert message(german, raised.value) == sentence(
            "some_failed",
            failed="2",
            total="2",
            list=f"Eins: {reason.removesuffix('.')}; Zwei: {reason.removesuffix('.')}",
        )


async def test_a_repair_follows_the_language(
    home: HomeAssistant, hmm_folder: Path
) -> None:
    """Given open repairs, when the language changes, then so do their reasons."""
    (hmm_folder / "pools").mkdir()
    (hmm_folder / "pools" / "home.yaml").write_text(POOL)
    (hmm_folder / "config.yaml").write_text("wallets: 1\n")
    assert await async_setup_component(home, DOMAIN, {})
    before = reasons(home)
    assert len(before) == 2
    await home.config.async_update(language="de")
    await home.async_block_till_done()
    after = reasons(home)
    assert after.keys() == before.keys()
    assert not set(after.values()) & set(before.values())
    assert after["hmm/config.yaml"] == str(
        escape(sentence("yaml_section", key="wallets"))
    )
    # Nothing else of the configuration concerns them
    await home.config.async_update(location_name="Daheim")
    await home.async_block_till_done()
    assert reasons(home) == after


async def test_what_the_addresses_refuse_is_german(
    german: HomeAssistant, hass_client: ClientSessionGenerator
) -> None:
    """Given a request that is wrong, then its body has the reason of the catalog."""
    await start(german)
    client = await hass_client()

    async def refused(method: str, path: str, **options: Any) -> str:
        response = await client.request(method, f"/api/hmm/{path}", **options)
        return str((await response.json())["message"])

    install = "drivers/install"
    assert await refused("POST", install, data="[") == sentence("body_not_object")
    assert await refused("POST", install, json=[]) == sentence("body_not_object")
    assert await refused("POST", install, json={"url": 1}) == sentence(
        "body_field_invalid", fields="sha256, url"
    )
    rollback = "drivers/rollback/acme"
    assert await refused("POST", rollback, json={"force": True}) == sentence(
        "body_field_invalid", fields="force"
    )
    assert await refused("GET", "dashboard/pools?pool_id=x") == sentence(
        "unknown_pool", pool_id="x"
    )
    assert await refused("GET", "pool-templates/x") == sentence("unknown_template")


async def test_a_pool_that_is_named_twice_is_explained_in_german(
    german: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """Given a call that no form would send, then Home Assistant can translate why."""
    await set_up(german, miner_entry(bitaxe, "bitaxe"))
    with pytest.raises(ServiceValidationError) as raised:
        await german.services.async_call(
            DOMAIN, "set_pool", {"pool": "x", "url": "y"}, blocking=True
        )
    assert message(german, raised.value) == sentence("pool_or_credentials")
