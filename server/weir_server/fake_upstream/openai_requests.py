"""Which requests does OpenAI take? One of a wrong shape is refused, with the parameter's name.

Only what an answer is made from is looked at: a fake that refused more would be in the way.
"""

from collections.abc import Callable, Mapping

from weir_server.fake_upstream.journal import Attempt
from weir_server.fake_upstream.openai_errors import error_body
from weir_server.fake_upstream.openai_wire import Json

# As many as the vendor's largest model has; each is made by hand.
_MOST_DIMENSIONS = 3072


class BadRequestError(Exception):
    """A request that is answered 400; `body` is the error object."""

    def __init__(self, message: str, param: str) -> None:
        super().__init__(message)
        self.body = error_body(message, param=param)


def read_request(attempt: Attempt) -> Json:
    """Return the request's JSON; raises BadRequestError where an answer cannot be made from it."""
    try:
        request = attempt.json
    except ValueError as error:
        raise BadRequestError("We could not parse the JSON body of your request.", "") from error
    if not isinstance(request.get("model"), str):
        raise BadRequestError("you must provide a model parameter", "model")
    for name, is_fit in _PARAMETERS.items():
        value = request.get(name)
        if value is not None and not is_fit(value):
            raise BadRequestError(f"Invalid value for '{name}'.", name)
    return request


def _is_message(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    match value.get("content"):
        case None | str():
            return True
        case list(parts):
            return all(isinstance(part, dict) and _is_part(part) for part in parts)
        case _:
            return False


def _is_part(part: Json) -> bool:
    return part.get("type") != "text" or isinstance(part.get("text"), str)


def _is_tool(value: object) -> bool:
    match value:
        case {"function": {"name": str(), **rest}}:
            return isinstance(rest.get("parameters") or {}, dict)
        case {"function": _}:
            return False
        case _:
            return isinstance(value, dict)


def _is_list_of(is_fit: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and all(map(is_fit, value))


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_text_or_texts(value: object) -> bool:
    return _is_text(value) or _is_list_of(_is_text)(value)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and value >= 1


def _is_mapping(value: object) -> bool:
    return isinstance(value, dict)


def _is_dimensions(value: object) -> bool:
    return isinstance(value, int) and 1 <= value <= _MOST_DIMENSIONS


_PARAMETERS: Mapping[str, Callable[[object], bool]] = {
    "messages": _is_list_of(_is_message),
    "tools": _is_list_of(_is_tool),
    "stop": _is_text_or_texts,
    "max_tokens": _is_count,
    "max_completion_tokens": _is_count,
    "stream_options": _is_mapping,
    "response_format": _is_mapping,
    "dimensions": _is_dimensions,
}
