"""Which options do several commands share? Each is written down once, as a type."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_ADDRESS = "127.0.0.1:50051"
HEALTH_DEADLINE_S = 2.0

_CONNECTION = "Connection"
_ANSWER = "Answer"

Address = Annotated[
    str,
    typer.Option(
        "--address",
        "-a",
        envvar="WEIR_ADDRESS",
        metavar="HOST:PORT",
        help="Where Weir is: host:port, https://host:port, http://host:port or unix:/path. Without "
        "a scheme: plain text to this machine, TLS to any other.",
        rich_help_panel=_CONNECTION,
    ),
]
ApiKey = Annotated[
    str | None,
    typer.Option(
        "--api-key",
        envvar="WEIR_API_KEY",
        metavar="KEY",
        help="Your Weir key. Rather set the variable: other users see the options of a command.",
        rich_help_panel=_CONNECTION,
    ),
]
TlsCa = Annotated[
    Path | None,
    typer.Option(
        "--tls-ca",
        metavar="FILE",
        help="Certificates (PEM) to trust in place of the system's; turns TLS on.",
        rich_help_panel=_CONNECTION,
    ),
]
TlsCert = Annotated[
    Path | None,
    typer.Option(
        "--tls-cert",
        metavar="FILE",
        help="Your own certificate (PEM), where the server asks for one; with --tls-key.",
        rich_help_panel=_CONNECTION,
    ),
]
TlsKey = Annotated[
    Path | None,
    typer.Option(
        "--tls-key",
        metavar="FILE",
        help="The key (PEM) of --tls-cert.",
        rich_help_panel=_CONNECTION,
    ),
]
Deadline = Annotated[
    float | None,
    typer.Option(
        "--deadline",
        metavar="SECONDS",
        help="How long the whole call may take.",
        rich_help_panel=_CONNECTION,
    ),
]
ModelName = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME",
        help="Who answers; `weir models` lists them. Without it: the server's default.",
        show_default=False,
        rich_help_panel=_ANSWER,
    ),
]
ProviderName = Annotated[
    str,
    typer.Option(
        "--provider",
        metavar="NAME",
        help="Which provider answers, such as providers/local.",
        show_default=False,
        rich_help_panel=_ANSWER,
    ),
]
Temperature = Annotated[
    float | None,
    typer.Option(
        "--temperature",
        metavar="0..2",
        help="0: the likeliest words; higher: more surprise. Without it: the provider's default.",
        rich_help_panel=_ANSWER,
    ),
]
MaxTokens = Annotated[
    int | None,
    typer.Option(
        "--max-tokens",
        metavar="N",
        help="End the answer after this many tokens.",
        rich_help_panel=_ANSWER,
    ),
]
IdempotencyKey = Annotated[
    str,
    typer.Option(
        "--idempotency-key",
        metavar="KEY",
        help="Your name for this question: asked again with it, it is not answered or paid twice.",
        show_default=False,
        rich_help_panel=_ANSWER,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs, one object a line.")]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Print the answer alone, without the line of facts."),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        envvar="WEIR_CONFIG",
        metavar="FILE",
        help="The configuration, YAML. Without it: this machine only, the embedded model if it is "
        "installed, and an echo.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Which server a command calls, and how."""

    address: str = DEFAULT_ADDRESS
    api_key: str | None = field(default=None, repr=False)
    tls_ca: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    deadline_s: float | None = None
    """How long a call may take; None: the client's default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which answer is wanted, and how it is to be shown."""

    model: str = ""
    provider: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    as_json: bool = False
    quiet: bool = False
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """The chat whose way is asked for."""

    model: str = ""
    provider: str = ""
    tools: bool = False
    image: bool = False
    json_schema: bool = False
    prompt_tokens: int = 0
    affinity_key: str = ""
    stream: bool = True
