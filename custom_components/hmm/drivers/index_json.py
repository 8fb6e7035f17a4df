"""The driver indexes and what is in them as JSON."""

from typing import Any

from homeassistant.core import callback
from homeassistant.util import dt as dt_util
from homeassistant.util.json import JsonObjectType

from ..driver_engine.driver_index import IndexedVersion
from .indexes import DriverIndexes, Listing, OwnIndex
from .service import DriverService


@callback
def indexes_json(indexes: DriverIndexes) -> JsonObjectType:
    """Return the indexes that the owner added."""
    return {"indexes": [_index(indexes, own) for own in indexes.all]}


@callback
def index_facts(indexes: DriverIndexes) -> list[dict[str, Any]]:
    """Return what may be shared of the indexes: not which ones they are."""
    secret = {"name", "address", "homepage"}
    return [
        {key: value for key, value in _index(indexes, own).items() if key not in secret}
        for own in indexes.all
    ]


@callback
def search_json(service: DriverService, query: str) -> JsonObjectType:
    """Return the drivers that have all words of a query."""
    listings = service.indexes.search(query)
    return {"drivers": [_listing(service, listing) for listing in listings]}


def _index(indexes: DriverIndexes, own: OwnIndex) -> dict[str, Any]:
    index = own.index
    return {
        "name": own.name,
        "address": str(own.address),
        "homepage": str(index.homepage) if index and index.homepage else None,
        "drivers": len(index.drivers) if index else None,
        "serial": own.serial,
        "signed": own.signer is not None,
        "fingerprint": own.signer.fingerprint if own.signer else None,
        "trusted": own.changed is None,
        "looked_at": dt_util.utc_from_timestamp(own.looked_at).isoformat(),
        "error": indexes.problem(own),
    }


def _listing(service: DriverService, listing: Listing) -> dict[str, Any]:
    driver = listing.driver
    state = service.states.get(driver.id)
    return {
        "type": driver.id.driver_type,
        "category": driver.id.kind,
        "display_name": driver.name,
        "description": driver.summary,
        "author": driver.author,
        "license": driver.license,
        "homepage": str(driver.homepage) if driver.homepage else None,
        "supports": list(driver.supports),
        "index": str(listing.own.address),
        "signed": listing.own.signer is not None,
        "installed_version": state.installed_version if state else None,
        "version": listing.version.version if listing.version else None,
        "versions": [_version(version) for version in driver.versions],
    }


def _version(version: IndexedVersion) -> dict[str, Any]:
    return {
        "version": version.version,
        "url": str(version.url),
        "sha256": version.sha256,
        "min_hmm": version.min_hmm,
        "interface": version.interface,
        "changes": version.changes,
        "checks": [
            {"name": check.name, "result": check.result, "against": check.against}
            for check in version.checks
        ],
    }
