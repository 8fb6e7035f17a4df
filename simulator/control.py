"""The control panel of a fleet: a web page to pull plugs and break things."""

from collections.abc import Awaitable, Callable
import html
from typing import Self

from aiohttp import web

from .device import Fault, SimulatedDevice
from .fleet import Fleet, how_to_add

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Simulated miners</title>
<style>
body {{ font: 15px system-ui, sans-serif; margin: 2em auto; max-width: 70em; }}
table {{ border-collapse: collapse; width: 100%; }}
td, th {{ border-bottom: 1px solid #8885; padding: .6em; text-align: left; }}
td {{ vertical-align: top; }}
button, select {{ font: inherit; margin: .1em; }}
small {{ color: #888; }}
</style>
</head>
<body>
<h1>Simulated miners</h1>
<table>
<thead><tr><th>Device</th><th>State</th><th>Do</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
<script>
async function act(name, action) {{
  if (!action) return;
  const path = `/devices/${{encodeURIComponent(name)}}/${{action}}`;
  await fetch(path, {{method: "POST"}});
  await refresh();
}}
function text(state) {{
  if (state.rebooting) return "restarting";
  if (!state.online) return "unplugged";
  const parts = ["on"];
  if (state.fault) parts.push("fault: " + state.fault);
  if (state.hashrate !== undefined) parts.push(
    (state.hashrate / 1e12).toPrecision(3) + " TH/s",
    state.power.toFixed(1) + " W", state.temperature.toFixed(0) + " °C");
  if (state.mode !== undefined) parts.push("mode " + state.mode);
  if (state.paused) parts.push("paused");
  return parts.join(", ");
}}
async function refresh() {{
  const states = await (await fetch("/devices")).json();
  for (const [name, state] of Object.entries(states))
    document.getElementById("state-" + name).textContent = text(state);
}}
document.addEventListener("click", event => {{
  const button = event.target.closest("button");
  if (button) act(button.dataset.device, button.dataset.action);
}});
document.addEventListener("change", event => {{
  act(event.target.dataset.device, event.target.value);
}});
refresh();
setInterval(refresh, 2000);
</script>
</body>
</html>
"""

ROW = (
    '<tr><td>{name}<br><small>{how}</small></td><td id="state-{name}"></td>'
    "<td>{buttons}</td></tr>"
)

type Action = Callable[[SimulatedDevice], Awaitable[None]]


async def _unplug(device: SimulatedDevice) -> None:
    await device.unplug()


async def _plug_in(device: SimulatedDevice) -> None:
    await device.plug_in()


async def _reboot(device: SimulatedDevice) -> None:
    if not device.online:
        raise web.HTTPConflict(text="it is off")
    device.schedule_reboot()


async def _overheat(device: SimulatedDevice) -> None:
    device.overheat()


async def _find_block(device: SimulatedDevice) -> None:
    device.find_block()


def _set_fault(fault: Fault | None) -> Action:
    async def act(device: SimulatedDevice) -> None:
        device.fault = fault

    return act


ACTIONS: dict[str, Action] = {
    "unplug": _unplug,
    "plug-in": _plug_in,
    "reboot": _reboot,
    "overheat": _overheat,
    "find-block": _find_block,
    "fault-none": _set_fault(None),
    **{f"fault-{fault.value.replace('_', '-')}": _set_fault(fault) for fault in Fault},
}
"""What can be done to a device, by the last part of the path."""


class ControlPanel:
    """Serve the fleet's panel on `host`:`port` (0: a free port).

    GET /                               a page with buttons
    GET /devices                        the `state()` of every device, by name
    GET /devices/<name>                 one of them
    POST /devices/<name>/<action>       do one of ACTIONS; answers the new state;
                                        404: no such device or action, 409: not now

    There is no login: it belongs on a loopback address.
    """

    def __init__(self, fleet: Fleet, *, host: str = "127.0.0.1", port: int = 0) -> None:
        """Make a panel that does not listen yet."""
        self.fleet = fleet
        self.host = host
        self.port = port
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen. Raises OSError: the port is taken."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/", self._page),
                web.get("/devices", self._devices),
                web.get("/devices/{name}", self._device),
                web.post("/devices/{name}/{action}", self._act),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening; the fleet continues."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        """Stop."""
        await self.stop()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{self.host}:{self.port}/"

    async def _page(self, request: web.Request) -> web.Response:
        rows = "\n".join(_row(device) for device in self.fleet)
        return web.Response(text=PAGE.format(rows=rows), content_type="text/html")

    async def _devices(self, request: web.Request) -> web.Response:
        states = {device.name: device.state() for device in self.fleet}
        return web.json_response(states)

    async def _device(self, request: web.Request) -> web.Response:
        return web.json_response(self._find(request).state())

    async def _act(self, request: web.Request) -> web.Response:
        device = self._find(request)
        action = ACTIONS.get(request.match_info["action"])
        if action is None:
            raise web.HTTPNotFound(text=f"actions: {', '.join(ACTIONS)}")
        await action(device)
        return web.json_response(device.state())

    def _find(self, request: web.Request) -> SimulatedDevice:
        name = request.match_info["name"]
        try:
            return self.fleet[name]
        except KeyError:
            names = ", ".join(self.fleet.devices)
            raise web.HTTPNotFound(text=f"devices: {names}") from None


def _row(device: SimulatedDevice) -> str:
    name = html.escape(device.name, quote=True)
    buttons = "".join(
        f'<button data-device="{name}" data-action="{action}">'
        f"{action.replace('-', ' ')}</button>"
        for action in ACTIONS
        if not action.startswith("fault-")
    )
    options = "".join(
        f'<option value="{action}">{action.removeprefix("fault-")}</option>'
        for action in ACTIONS
        if action.startswith("fault-")
    )
    buttons += f' <label>fault <select data-device="{name}">{options}</select></label>'
    return ROW.format(name=name, how=html.escape(how_to_add(device)), buttons=buttons)
