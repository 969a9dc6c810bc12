"""How is google-genai told what the contract of wire formats asks? In its own dictionaries."""

from collections.abc import Mapping
from typing import Any

from tests.contracts.asks import PDF, PNG, SCHEMA, WAV
from tests.contracts.vendor_wire import Dropped
from tests.providers.wire.gemini_samples import Json


def _user(*parts: Any) -> Json:
    return {"role": "user", "parts": [{"text": p} if isinstance(p, str) else p for p in parts]}


def _model(*parts: Any) -> Json:
    return {"role": "model", "parts": [{"text": p} if isinstance(p, str) else p for p in parts]}


HI = _user("Hi")
WEATHER = {
    "name": "get_weather",
    "description": "Tells the weather.",
    "parameters_json_schema": SCHEMA,
}
NOW = {"name": "now", "description": "Tells the time."}
BOTH = [{"function_declarations": [WEATHER, NOW]}]


def _said(*contents: Json, **config: Any) -> Json:
    return {"contents": list(contents), "config": config}


def _with(**config: Any) -> Json:
    return _said(HI, **config)


def _look(media: Json) -> Json:
    return _said(_user("What is it?", media))


def _choose(mode: str, *names: str) -> Json:
    config: Json = {"mode": mode}
    if names:
        config["allowed_function_names"] = list(names)
    return _with(
        tools=[{"function_declarations": [WEATHER]}],
        tool_config={"function_calling_config": config},
    )


def _call(call_id: str, name: str, args: Json) -> Json:
    return {"function_call": {"id": call_id, "name": name, "args": args}}


def _answer(call_id: str, name: str, response: Json, **more: Any) -> Json:
    return {"function_response": {"id": call_id, "name": name, "response": response, **more}}


def _after_call(question: str, answer: Json) -> Json:
    call = _call("call_1", "get_weather", {"city": "Oslo"})
    return _said(_user(question), _model(call), _user(answer), tools=BOTH)


ASKS: Mapping[str, Any] = {
    "one message": _with(),
    "instructions": _with(system_instruction={"parts": [{"text": "Be brief."}]}),
    "several instructions": _with(
        system_instruction={"parts": [{"text": "Be brief."}, {"text": "In French."}]}
    ),
    "several parts": _said(_user("One.", "Two.")),
    "turns": _said(HI, _model("Hello."), _user("Again")),
    "what is to be gone on with": _said(_user("Count to three."), _model("One, two,")),
    "text beyond ASCII": _said(_user('Grüße 👋🏽 "\u2028\x7f\\')),
    "an image by its bytes": _look({"inline_data": {"mime_type": "image/png", "data": PNG}}),
    "an image by its address": _look(
        {"file_data": {"mime_type": "image/png", "file_uri": "https://example.com/cat.png"}}
    ),
    "sound": _look({"inline_data": {"mime_type": "audio/wav", "data": WAV}}),
    "a document": Dropped(
        field="messages[0].parts[1].media.filename",
        why="a file's name has a place only in prompts that the vendor keeps itself",
        said=_look({"inline_data": {"mime_type": "application/pdf", "data": PDF}}),
    ),
    "tools": _with(tools=BOTH),
    "a strict tool": _with(
        tools=[
            {
                "function_declarations": [
                    {"name": "get_weather", "parameters_json_schema": SCHEMA},
                ]
            }
        ],
        tool_config={"function_calling_config": {"mode": "VALIDATED"}},
    ),
    "the model decides": _choose("AUTO"),
    "no tool": _choose("NONE"),
    "any tool": _choose("ANY"),
    "one tool": _choose("ANY", "get_weather"),
    "one call at a time": Dropped(
        field="options.parallel_tool_calls",
        why="the model always may call several",
        said=_with(tools=[{"function_declarations": [WEATHER]}]),
    ),
    "a tool's answer": _after_call(
        "Is it warm?", _answer("call_1", "get_weather", {"output": "4 degrees"})
    ),
    "answers of several tools": _said(
        _user("Is it warm now?"),
        _model(
            "I look.",
            _call("call_1", "get_weather", {"city": "Oslo"}),
            _call("call_2", "now", {}),
        ),
        _user(
            _answer("call_1", "get_weather", {"output": "4 degrees"}),
            _answer("call_2", "now", {"output": "12:00"}),
        ),
        _user("And now?"),
        tools=BOTH,
    ),
    "a tool that failed": _after_call(
        "Is it warm?", _answer("call_1", "get_weather", {"error": "no such city"})
    ),
    "a tool's answer with an image": _after_call(
        "How does it look?",
        _answer(
            "call_1",
            "get_weather",
            {"output": "Like this:"},
            parts=[{"inline_data": {"mime_type": "image/png", "data": PNG}}],
        ),
    ),
    "temperature and top_p": _with(temperature=0.5, top_p=0.9),
    "zeros": _with(temperature=0.0, top_p=0.0),
    "top_k": _with(top_k=40),
    "a bound of tokens": _with(max_output_tokens=100),
    "stop sequences": _with(stop_sequences=["\n\n", "END"]),
    "a seed": _with(seed=7),
    "penalties": _with(frequency_penalty=0.5, presence_penalty=-0.5),
    "log probabilities": _with(response_logprobs=True, logprobs=3),
    "a bias": Dropped(field="options.logit_bias", why="no such option", said=_with()),
    "a JSON object": _with(response_mime_type="application/json"),
    "a schema": _with(response_mime_type="application/json", response_json_schema=SCHEMA),
    "much reasoning": _with(thinking_config={"thinking_level": "HIGH"}),
    "reasoning of so many tokens": _with(
        max_output_tokens=8192, thinking_config={"thinking_budget": 2048}
    ),
    "an end user": Dropped(field="options.end_user_id", why="no such option", said=_with()),
    "labels stay here": _with(),
    "a hint to cache": _with(system_instruction={"parts": [{"text": "A long text."}]}),
}
