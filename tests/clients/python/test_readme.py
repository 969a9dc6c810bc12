"""Do the programs in the client's README run?"""

import asyncio
import re
import sys
from pathlib import Path

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo

import weir
from tests.clients.python import answers
from tests.clients.python.scripted_server import Failure, ScriptedServer, Step

README = (Path(weir.__file__).parents[1] / "README.md").read_text()
PROGRAMS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)

RIVERS = answers.text_answer("Nile, ", "Po, ", "Elbe")
LAKES = answers.text_answer("Como")
UNKNOWN = Failure(
    code=grpc.StatusCode.NOT_FOUND,
    message="No such model.",
    details=[ErrorInfo(reason="MODEL_NOT_FOUND", domain="weir")],
)


@pytest.mark.parametrize(
    ("number", "scripts", "printed"),
    [
        (0, [RIVERS], "Nile, Po, Elbe\n 7 tokens\n"),
        (1, [weir.fold_chat(RIVERS), LAKES], "Nile, Po, Elbe\nComo"),
        (2, [UNKNOWN], "NOT_FOUND MODEL_NOT_FOUND No such model.\n"),
    ],
    ids=["quickstart", "without asyncio", "errors"],
)
async def test_a_program(
    server: ScriptedServer, number: int, scripts: list[Step], printed: str
) -> None:
    """Each program does what the text around it says."""
    for step in scripts:
        server.play(step)
    program = PROGRAMS[number].replace("localhost:50051", server.address)

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(20):
        said, _ = await process.communicate()

    assert said.decode() == printed
    assert process.returncode == 0


def test_no_other_program() -> None:
    """Every program of the README is run above."""
    assert len(PROGRAMS) == 3


def test_every_error_is_explained() -> None:
    """The README names every class of error."""
    for name in weir.__all__:
        if name.endswith("Error"):
            assert f"`{name}`" in README or f"`weir.{name}`" in README
