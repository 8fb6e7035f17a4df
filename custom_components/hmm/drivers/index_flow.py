"""Driver indexes in the "Configure" of the fleet: add, remove, search, install."""

from collections.abc import Callable
from typing import Any

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.const import CONF_URL
from homeassistant.helpers.selector import (
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ..const import CONF_DRIVER
from ..driver_engine.driver_index import Check
from ..driver_engine.index_signature import Signer
from ..flow_tools import async_words
from ..markdown import Markdown, code, escape, notes, printable
from .actions import CONF_QUERY
from .flow import DriverSteps, Texts
from .indexes import DriverIndexes, FoundIndex, Listing

CONF_INDEX = "index"

MAX_SHOWN = 100
"""How many drivers a search lists."""

_NONE = "–"
_ADD_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_URL): TextSelector(
            TextSelectorConfig(type=TextSelectorType.URL)
        )
    }
)
_SEARCH_SCHEMA = vol.Schema({vol.Optional(CONF_QUERY): TextSelector()})


class IndexSteps(DriverSteps):
    """Finds drivers in indexes; they are installed as any other from the web."""

    def __init__(self) -> None:
        """Start with nothing found."""
        super().__init__()
        self._found: FoundIndex | None = None
        self._listings: list[Listing] = []
        self._listing: Listing | None = None

    @property
    def _indexes(self) -> DriverIndexes:
        return self._service.indexes

    async def async_step_indexes(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the indexes and what can be done with them."""
        word = await async_words(self.hass)
        rows = [
            (
                f"{escape(own.name)} (`{code(str(own.address))}`)",
                str(len(own.index.drivers)) if own.index else _NONE,
                _fingerprint(own.signer, word, 9),
                dt_util.as_local(dt_util.utc_from_timestamp(own.looked_at)).strftime(
                    "%Y-%m-%d %H:%M"
                ),
                escape(self._indexes.problem(own) or _NONE),
            )
            for own in self._indexes.all
        ]
        some = bool(rows)
        offered = {
            "index_search": some,
            "index_add": True,
            "index_look": some,
            "index_remove": some,
        }
        return self.async_show_menu(
            step_id="indexes",
            menu_options=[
                *(step for step, is_possible in offered.items() if is_possible),
                "drivers",
                "finish",
            ],
            description_placeholders={
                "indexes": Markdown(
                    "\n".join(f"| {' | '.join(row)} |" for row in rows)
                    or f"| {_NONE} | | | | |"
                )
            },
        )

    async def async_step_index_look(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Look at all indexes now."""

        async def check() -> Texts:
            await self._service.async_check()
            return {}

        return await self._do(check(), done="indexes", failed="failed")

    # Add and remove

    async def async_step_index_add(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Enter where an index is; it is read, and nothing else."""
        if user_input is None:
            return await self._show_form("index_add", _ADD_SCHEMA)
        self._typed = user_input

        async def read() -> Texts:
            self._found = await self._indexes.async_read(user_input[CONF_URL])
            return {}

        return await self._do(read(), done="index_confirm", failed="index_add")

    async def async_step_index_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show what is at the address, and who has signed it."""
        assert self._found is not None
        if self._found.index.signer is None:
            return await self.async_step_index_unsigned()
        return await self.async_step_index_signed()

    async def async_step_index_signed(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Add an index that is signed: its key is pinned."""
        return await self._agree("index_signed", user_input)

    async def async_step_index_unsigned(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Add an index that no one has signed."""
        return await self._agree("index_unsigned", user_input)

    async def _agree(
        self, step_id: str, user_input: dict[str, Any] | None
    ) -> ConfigFlowResult:
        """Show what an index says of itself, and add it."""
        assert self._found is not None
        if user_input is not None:
            await self._indexes.async_add(self._found)
            return await self.async_step_indexes()
        index = self._found.index
        return await self._show_form(
            step_id,
            vol.Schema({}),
            {
                "name": code(index.name),
                "address": code(str(self._found.address)),
                "homepage": code(str(index.homepage or _NONE)),
                "count": str(len(index.drivers)),
                "fingerprint": index.signer.fingerprint if index.signer else _NONE,
            },
        )

    async def async_step_index_remove(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose an index to remove."""
        if not self._indexes.all:
            return self.async_abort(reason="no_indexes")
        if user_input is not None:
            await self._indexes.async_remove(user_input[CONF_INDEX])
            return await self.async_step_indexes()
        return await self._show_choice(
            "index_remove",
            CONF_INDEX,
            {
                str(own.address): f"{printable(own.name)} · {own.address}"
                for own in self._indexes.all
            },
        )

    # Search

    async def async_step_index_search(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Enter what to look for; without it, everything is found."""
        self._error = None
        if user_input is None:
            return await self._show_form("index_search", _SEARCH_SCHEMA)
        self._typed = user_input
        self._listings = self._indexes.search(user_input.get(CONF_QUERY, ""))
        if not self._listings:
            return await self._show_form(
                "index_search",
                _SEARCH_SCHEMA,
                errors={CONF_QUERY: "index_nothing_found"},
            )
        return await self.async_step_index_results()

    async def async_step_index_results(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose a driver of those that were found."""
        if user_input is not None:
            self._listing = self._listings[int(user_input[CONF_DRIVER])]
            return await self.async_step_index_driver()
        shown = self._listings[:MAX_SHOWN]
        return await self._show_choice(
            "index_results",
            CONF_DRIVER,
            {str(number): _label(listing) for number, listing in enumerate(shown)},
            {"count": str(len(self._listings)), "shown": str(len(shown))},
            long=len(shown) > 10,
        )

    async def async_step_index_driver(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show all that an index says of a driver."""
        listing = self._listing
        assert listing is not None
        driver, version = listing.driver, listing.version
        newest = driver.versions[0]
        word = await async_words(self.hass)
        state = self._service.states.get(driver.id)
        shown = version or newest
        return self.async_show_menu(
            step_id="index_driver",
            menu_options=[
                *(["index_install"] if version else []),
                "index_search",
                "drivers",
                "finish",
            ],
            description_placeholders={
                "name": driver.name,
                "summary": driver.summary,
                "driver": code(str(driver.id)),
                "supports": ", ".join(driver.supports) or _NONE,
                "author": driver.author,
                "license": driver.license or _NONE,
                "homepage": code(str(driver.homepage or _NONE)),
                "index": listing.own.name,
                "signature": _fingerprint(listing.own.signer, word),
                "version": code(version.version if version else _NONE),
                "newest": code(newest.version),
                "min_hmm": code(_NONE if newest.min_hmm == "0" else newest.min_hmm),
                "installed": code(state.installed_version if state else _NONE),
                "runs": code(self._service.version_of(driver.id) or _NONE),
                "checks": Markdown(", ".join(map(_check, shown.checks)) or _NONE),
                "changes": notes(shown.changes or _NONE),
            },
        )

    async def async_step_index_install(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Download the driver and ask for confirmation, as for any download."""
        listing = self._listing
        assert listing is not None

        async def propose() -> Texts:
            self._pending = await self._service.async_propose_listed(listing)
            return {}

        return await self._do(propose(), done="install_confirm", failed="failed")


def _fingerprint(
    signer: Signer | None, word: Callable[[str, str], str], longest: int = 39
) -> Markdown:
    """Return the fingerprint of a key, of which a table has room for the begin."""
    if signer is None:
        return escape(word("index_signature", "unsigned"))
    text = signer.fingerprint
    return Markdown(f"`{text if len(text) <= longest else text[:longest] + ' …'}`")


def _label(listing: Listing) -> str:
    """Return a driver in one line, with what it is for."""
    driver = listing.driver
    version = listing.version or driver.versions[0]
    parts = (
        f"{driver.name} {version.version}",
        ", ".join(driver.supports[:5]),
        driver.author,
        listing.own.name,
    )
    return printable(" · ".join(filter(None, parts)), 200)


def _check(check: Check) -> str:
    """Return a check, marked if it found something to look at."""
    against = f" ({escape(check.against)})" if check.against else ""
    mark = " ⚠" if check.result == "warnings" else ""
    return f"{escape(check.name)}{against}{mark}"
