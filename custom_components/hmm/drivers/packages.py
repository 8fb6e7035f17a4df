"""Installs the packages that driver files request, through Home Assistant."""

import asyncio
from collections.abc import Callable, Collection, Iterable
import importlib
import logging
from pathlib import Path

from homeassistant.core import HomeAssistant, callback
from homeassistant.requirements import (
    DATA_REQUIREMENTS_MANAGER,
    RequirementsManager,
    RequirementsNotFound,
    async_clear_install_history,
    async_process_requirements,
)
from homeassistant.util.package import is_installed
from packaging.requirements import Requirement

from ..const import DOMAIN
from ..driver_api import Reason
from ..driver_engine.faults import why
from ..driver_engine.loaded import FailedDriver
from ..driver_engine.requirements import Needs, refusals

_LOGGER = logging.getLogger(__name__)

INSTALL_SECONDS = 180.0
"""How long a file waits for its packages before it counts as lacking them."""


class PackageInstaller:
    """Knows which packages are there, which are under way and which failed.

    Home Assistant installs one package after the other, for all integrations. What
    takes too long continues in the background: ``on_late`` is called when it is there.
    """

    def __init__(self, hass: HomeAssistant, on_late: Callable[[], None]) -> None:
        """Start without having tried anything."""
        self._hass = hass
        self._on_late = on_late
        self._failed: dict[str, Reason] = {}
        """Why a requirement is not there, by its text."""
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def async_withheld(
        self, files: Collection[Needs]
    ) -> dict[Path, FailedDriver]:
        """Return the files that lack packages now, or require forbidden ones."""
        if not files:
            return {}
        refused, missing = await self._hass.async_add_executor_job(
            _missing, files, self._skipped(files)
        )
        withheld: dict[Path, FailedDriver] = {}
        for needs in files:
            lacks = [text for text in needs.requirements if text in missing]
            failed = next((text for text in lacks if text in self._failed), None)
            if (reason := refused.get(needs.path)) is not None:
                waiting = False
            elif failed is not None:
                reason, waiting = self._failed[failed], False
            elif lacks:
                reason = why("package_awaited", packages=", ".join(lacks))
                waiting = True
            else:
                continue
            withheld[needs.path] = FailedDriver(
                path=needs.path, reason=reason, line=needs.line, waiting=waiting
            )
        return withheld

    async def async_install(self, files: Iterable[Needs]) -> None:
        """Install what files lack; after it each package is there, or has failed."""
        wanted = dict.fromkeys(text for file in files for text in file.requirements)
        tasks = {text: self._async_begin(text) for text in wanted}
        if not tasks:
            return
        _, late = await asyncio.wait(tasks.values(), timeout=INSTALL_SECONDS)
        for text, task in tasks.items():
            if task in late:
                self._failed[text] = why(
                    "package_late", package=text, seconds=f"{INSTALL_SECONDS:.0f}"
                )
                task.add_done_callback(lambda _: self._on_late())
        await self._hass.async_add_executor_job(importlib.invalidate_caches)

    @callback
    def async_forget_failures(self, only: Collection[str] | None = None) -> None:
        """Let what failed be tried again: the user has requested it."""
        forget = set(self._failed) if only is None else self._failed.keys() & only
        if not forget:
            return
        for text in forget:
            del self._failed[text]
        # It holds the failures of all integrations: these may be tried again, too
        async_clear_install_history(self._hass)

    @callback
    def _async_begin(self, text: str) -> asyncio.Task[None]:
        """Return the task that installs a package; there is one for each."""
        task = self._tasks.get(text)
        if task is None or task.done():
            task = self._hass.async_create_background_task(
                self._async_install_one(text), f"hmm install {text}"
            )
            self._tasks[text] = task
        return task

    async def _async_install_one(self, text: str) -> None:
        """Install a package, or note why it is not there."""
        self._failed.pop(text, None)
        if text in self._skipped_of((text,)):
            return
        there = await self._hass.async_add_executor_job(is_installed, text)
        if there:
            return
        # It remembers what it has installed, also if that was replaced since
        manager = self._hass.data.get(DATA_REQUIREMENTS_MANAGER)
        if isinstance(manager, RequirementsManager):
            manager.is_installed_cache.discard(text)
        _LOGGER.info("Installing the package %s for a driver", text)
        try:
            await async_process_requirements(
                self._hass, DOMAIN, [text], is_built_in=False
            )
        except RequirementsNotFound:
            there = False
        except Exception:
            _LOGGER.exception("The package %s could not be installed", text)
            there = False
        else:
            there = await self._hass.async_add_executor_job(is_installed, text)
        if there:
            _LOGGER.info("Installed the package %s for a driver", text)
            self._failed.pop(text, None)
        else:
            self._failed[text] = why("package_failed", package=text)

    def _skipped(self, files: Iterable[Needs]) -> frozenset[str]:
        return self._skipped_of(text for file in files for text in file.requirements)

    def _skipped_of(self, texts: Iterable[str]) -> frozenset[str]:
        """Return the packages that Home Assistant is configured never to install."""
        config = self._hass.config
        return frozenset(
            text
            for text in texts
            if config.skip_pip or _name(text) in config.skip_pip_packages
        )


def _missing(
    files: Collection[Needs], skipped: frozenset[str]
) -> tuple[dict[Path, Reason], set[str]]:
    """Return which files are refused and why, and which packages are missing."""
    refused = refusals(files)
    texts = {
        text
        for needs in files
        if needs.path not in refused
        for text in needs.requirements
    }
    return refused, {text for text in texts - skipped if not is_installed(text)}


def _name(text: str) -> str:
    """Return the name of a package, as Home Assistant compares it."""
    try:
        return Requirement(text).name
    except ValueError:
        return text
