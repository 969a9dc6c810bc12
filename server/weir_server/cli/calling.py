"""How does a command reach a server? With the Python client, as any program would."""

import os
import sys

import weir
from weir.v1.generation_pb2 import GenerationOptions
from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.failures import CommandError
from weir_server.cli.options import Server, Wanted

# gRPC reads this once, when it is first imported. Without it a person who calls a server that goes
# away sees lines of the C core beside the command's own. Whoever sets it themselves keeps theirs.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # noqa: TID251 written for gRPC, not read


def client_of(server: Server) -> weir.AsyncClient:
    """Return a client of `server`. Raises CommandError for options that cannot be."""
    if server.deadline_s is not None and not server.deadline_s > 0:
        raise CommandError("--deadline must be above 0 seconds.", ExitCode.USAGE)
    try:
        tls = None
        if server.tls_ca or server.tls_cert or server.tls_key:
            tls = weir.TlsFiles(ca=server.tls_ca, cert=server.tls_cert, key=server.tls_key)
            for file in (server.tls_ca, server.tls_cert, server.tls_key):
                if file is not None:
                    file.read_bytes()
        return weir.AsyncClient(server.address, api_key=server.api_key, tls=tls)
    except ValueError as error:
        raise CommandError(str(error), ExitCode.USAGE) from error
    except OSError as error:
        text = f"{error.filename} cannot be read ({error.strerror})."
        raise CommandError(text, ExitCode.USAGE) from error


def options_of(wanted: Wanted) -> GenerationOptions:
    """Return what the contract says for the options of an answer."""
    return GenerationOptions(temperature=wanted.temperature, max_output_tokens=wanted.max_tokens)


def given_or_piped(text: str | None, *, what: str) -> str:
    """Return the text of the command line, or else all of standard input.

    Raises CommandError where there is neither.
    """
    if text is None and not sys.stdin.isatty():
        text = sys.stdin.read().rstrip("\n")
    if not text:
        raise CommandError(
            f"There is no {what}: write it after the command, or pipe it in.", ExitCode.USAGE
        )
    return text
