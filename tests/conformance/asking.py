"""What is a driver told to do? One line of JSON for a scenario."""

import json
from collections.abc import Mapping
from typing import Any

from tests.conformance.serving import Served

DEFAULT_TIMEOUT_MS = 15_000
PASSED_ON = (
    "cancel_after_messages",
    "cancel_after_ms",
    "abandon_after_messages",
    "pause_after_messages",
)
CLOSED_PORT = 1
"""Where nobody listens."""


def line_of(
    name: str, fields: Mapping[str, Any], call: str, served: Served, request: Any = None
) -> dict[str, Any]:
    """Return the line for a scenario. request: in place of the golden one."""
    client = fields.get("client", {})
    line = {
        "id": call,
        "do": client.get("do", "call"),
        "connection": _connection(client, served),
        "method": fields["method"],
        "request": fields["request"] if request is None else request,
        "metadata": [
            ["weir-conformance-scenario", name],
            ["weir-conformance-call", call],
            *client.get("metadata", []),
        ],
        **{option: client[option] for option in PASSED_ON if option in client},
    }
    timeout_ms = client.get("timeout_ms", DEFAULT_TIMEOUT_MS)
    return {**line, "timeout_ms": timeout_ms} if timeout_ms else line


def _connection(client: Mapping[str, Any], served: Served) -> dict[str, Any]:
    port = client.get("port", "plain")
    number = CLOSED_PORT if port == "closed" else served.ports[port]
    connection: dict[str, Any] = {"target": f"127.0.0.1:{number}"}
    if port in ("tls", "mtls"):
        files = served.certificates
        # A stranger's authority: the client's own certificate is signed, but signs nothing.
        tls = {"ca": files["ca"] if client.get("trust", True) else files["cert"]}
        if port == "mtls" and client.get("certificate", True):
            tls |= {"cert": files["cert"], "key": files["key"]}
        connection["tls"] = {**tls, "server_name": "localhost"}
    for option in ("api_key", "max_receive_bytes"):
        if option in client:
            connection[option] = client[option]
    return connection


def sent_back(golden: Any, folded: Mapping[str, Any]) -> Any:
    """Return a request whose second message is the one that a fold gave."""
    request = json.loads(json.dumps(golden))
    request["messages"][1] = folded["message"]
    return request
