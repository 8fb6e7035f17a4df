"""Devices that report what was recorded in the field."""

import json
from pathlib import Path
from typing import Any, override

from simulator.httpd import Handler, HttpDevice, Request, Response, json_response

CASES = Path(__file__).parent / "fixtures" / "cases"


def read_case(name: str) -> dict[str, Any]:
    """Return the input of a case: JSON objects by what they are."""
    case: dict[str, Any] = json.loads((CASES / f"{name}.json").read_text())
    return case


class CapturedAxe(HttpDevice):
    """A device with AxeOS' routes that reports fixed JSON.

    ``info`` and ``asic`` may be changed between two polls; without ``asic`` the
    route is missing, as before AxeOS 2.7. ``refusal`` replaces every response.
    """

    def __init__(
        self, info: dict[str, Any], asic: dict[str, Any] | None = None
    ) -> None:
        """Take the two responses."""
        super().__init__(name="captured")
        self.info = info
        self.asic = asic
        self.refusal: Response | None = None

    @override
    def routes(self) -> dict[str, Handler]:
        return {
            "GET /api/system/info": lambda _: json_response(self.info),
            "GET /api/system/asic": self._asic,
        }

    @override
    def admit(self, request: Request) -> Response | None:
        return self.refusal

    def _asic(self, request: Request) -> Response:
        if self.asic is None:
            return self.unknown(request)
        return json_response(self.asic)
