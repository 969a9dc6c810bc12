"""Does the wheel run on every protobuf and grpcio that it asks for, the oldest and the newest?"""

from pathlib import Path

import pytest

from tests.clients.python.installed.programs import printed
from tests.service.weir import serving

OLDEST_GRPCIO = "1.71.2"
VERSIONS = [("5", "oldest"), ("6", "newest"), ("7", "oldest"), ("7", "newest")]

PROGRAM = """
    import asyncio, importlib, pkgutil, sys
    from importlib.metadata import version

    import weir

    for module in pkgutil.walk_packages(weir.__path__, "weir."):
        importlib.import_module(module.name)
    for name in weir.__all__:
        getattr(weir, name)
    print(version("protobuf"), version("grpcio"))

    async def with_asyncio():
        async with weir.AsyncClient(sys.argv[1]) as client:
            async with client.stream_chat("Hello there") as stream:
                pieces = [piece async for piece in stream.text]
                whole = await stream.response()
            assert len(pieces) > 1 and whole.message.parts[0].text == "".join(pieces)
            print("asyncio", "".join(pieces))

    with weir.Client(sys.argv[1]) as client:
        with client.stream_chat("Hello there") as stream:
            print("blocking", "".join(stream.text))
        try:
            client.chat("Hello", model="no-such-model")
        except weir.NotFoundError as error:
            print(error.reason)
    asyncio.run(with_asyncio())
    """


@pytest.mark.parametrize(("protobuf", "grpcio"), VERSIONS)
async def test_a_streamed_call(protobuf: str, grpcio: str, tmp_path: Path) -> None:
    """All modules import without a warning, answers stream from a real Weir, errors are typed."""
    environment = f"protobuf-{protobuf}-grpcio-{grpcio}"

    async with serving() as weir:
        versions, *said = await printed(
            environment, PROGRAM, weir.app.address, folder=tmp_path, limit_s=50
        )

    assert said == ["blocking Hello there", "MODEL_NOT_FOUND", "asyncio Hello there"]
    its_protobuf, its_grpcio = versions.split()
    assert its_protobuf.startswith(f"{protobuf}.")
    assert (its_grpcio == OLDEST_GRPCIO) is (grpcio == "oldest")
