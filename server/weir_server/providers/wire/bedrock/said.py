"""How is what the vendor said written down again? As JSON, whatever strange text is in it."""

import msgspec

from weir_server.providers.wire.parts import whole


def json_of(said: object) -> bytes:
    """Return a value that came as JSON as such again; lone halves of characters become U+FFFD."""
    try:
        return msgspec.json.encode(said)
    except UnicodeEncodeError:
        return msgspec.json.encode(_mended(said))


def _mended(said: object) -> object:
    match said:
        case str():
            return whole(said)
        case list():
            return [_mended(item) for item in said]
        case dict():
            return {whole(name): _mended(value) for name, value in said.items()}
        case _:
            return said
