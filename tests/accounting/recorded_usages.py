"""What do vendors say that a call used, and what does each usage cost at their published rates?

The usages have the shapes of the vendors' references; many counts were chosen to reach a tier, a
cache or a split, so they are no bills. The rates were written down apart from the book, as their
vendors publish them, and the totals added up from them: tokens times dollars per million are
thousands of nanos.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One usage, and what it cost."""

    price_list: str
    vendor_model: str
    wire: str
    """Whose words they are: `openai/VENDOR`, `anthropic`, `gemini`, `bedrock`,
    `cohere`."""
    said: dict[str, object]
    paid: str
    """Tokens, and USD for a million of them, such as `19@2.50 10@10.00`."""
    nanos: int
    request_usd: str = "0"
    """What the request itself cost."""

    @property
    def exactly(self) -> Decimal:
        """Nanos before rounding."""
        lines = [line.split("@") for line in self.paid.split()]
        tokens = sum((int(count) * Decimal(usd) for count, usd in lines), Decimal())
        return tokens * 1_000 + Decimal(self.request_usd) * 10**9


def chat(
    prompt: int,
    completion: int,
    *,
    cached: int = 0,
    reasoning: int = 0,
    audio: tuple[int, int] = (0, 0),
    image: int = 0,
) -> dict[str, object]:
    """A usage as OpenAI's chat completions have it."""
    inward: dict[str, object] = {"cached_tokens": cached, "audio_tokens": audio[0]}
    if image:
        inward["image_tokens"] = image
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": inward,
        "completion_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": audio[1]},
    }


def plain(prompt: int, completion: int, **more: object) -> dict[str, object]:
    """A usage as most who speak like OpenAI have it."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        **more,
    }


def messages(fresh: int, out: int, *, read: int = 0, written: int = 0) -> dict[str, object]:
    """A usage as Anthropic's Messages have it: what was cached stands beside what was not."""
    return {
        "input_tokens": fresh,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "output_tokens": out,
    }


def gemini(
    prompt: int, answer: int, *, thoughts: int = 0, cached: int = 0, **split: int
) -> dict[str, object]:
    """A usageMetadata as Gemini has it; `split` is the prompt's by modality."""
    said: dict[str, object] = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": answer,
        "totalTokenCount": prompt + answer + thoughts,
    }
    if thoughts:
        said["thoughtsTokenCount"] = thoughts
    if cached:
        said["cachedContentTokenCount"] = cached
    if split:
        said["promptTokensDetails"] = [
            {"modality": name.upper(), "tokenCount": count} for name, count in split.items()
        ]
    return said


def converse(fresh: int, out: int, *, read: int = 0, written: int = 0) -> dict[str, object]:
    """A usage as Bedrock's Converse has it."""
    return {
        "inputTokens": fresh,
        "outputTokens": out,
        "cacheReadInputTokens": read,
        "cacheWriteInputTokens": written,
        "totalTokens": fresh + out + read + written,
    }


def billed(prompt: int, completion: int) -> dict[str, object]:
    """A usage as Cohere's version 2 has it."""
    units = {"input_tokens": prompt, "output_tokens": completion}
    return {"billed_units": units, "tokens": units}


def rows(price_list: str, wire: str, *table: tuple[Any, ...]) -> list[Recorded]:
    """Make rows of: the vendor's model, its words, what was paid, nanos, and perhaps a request."""
    return [
        Recorded(
            price_list=price_list,
            wire=wire,
            vendor_model=model,
            said=said,
            paid=paid,
            nanos=nanos,
            request_usd=request[0] if request else "0",
        )
        for model, said, paid, nanos, *request in table
    ]


USAGES = (
    *rows(
        "openai",
        "openai/openai",
        ("gpt-4o", chat(19, 10), "19@2.50 10@10.00", 147_500),
        (
            "gpt-4o-2024-08-06",
            chat(2006, 300, cached=1920),
            "86@2.50 1920@1.25 300@10.00",
            5_615_000,
        ),
        ("gpt-4o-2024-05-13", plain(1117, 46), "1117@5.00 46@15.00", 6_275_000),
        ("gpt-4o-mini-2024-07-18", chat(82, 17), "82@0.15 17@0.60", 22_500),
        ("gpt-4o-mini", chat(1453, 211, cached=1408), "45@0.15 1408@0.075 211@0.60", 238_950),
        ("gpt-4.1", chat(36, 87), "36@2.00 87@8.00", 768_000),
        (
            "gpt-4.1-2025-04-14",
            chat(120000, 1500, cached=110592),
            "9408@2.00 110592@0.50 1500@8.00",
            86_112_000,
        ),
        ("gpt-4.1-mini", chat(328, 52), "328@0.40 52@1.60", 214_400),
        ("gpt-4.1-mini", chat(1536, 77, cached=1280), "256@0.40 1280@0.10 77@1.60", 353_600),
        ("gpt-4.1-nano", chat(1, 1), "1@0.10 1@0.40", 500),
        ("gpt-4.1-nano", chat(2049, 3, cached=1025), "1024@0.10 1025@0.025 3@0.40", 129_225),
        ("o1", chat(1117, 946, reasoning=896), "1117@15.00 946@60.00", 73_515_000),
        (
            "o3",
            chat(2048, 1200, cached=1024, reasoning=1000),
            "1024@2.00 1024@0.50 1200@8.00",
            12_160_000,
        ),
        ("o3-mini", chat(81, 1035, reasoning=832), "81@1.10 1035@4.40", 4_643_100),
        (
            "o4-mini",
            chat(3000, 2000, cached=2944, reasoning=1600),
            "56@1.10 2944@0.275 2000@4.40",
            9_671_200,
        ),
        ("gpt-4-turbo", plain(511, 128), "511@10.00 128@30.00", 8_950_000),
        ("gpt-4", plain(57, 17), "57@30.00 17@60.00", 2_730_000),
        ("gpt-3.5-turbo", plain(56, 31), "56@0.50 31@1.50", 74_500),
        (
            "gpt-5",
            chat(1450, 900, cached=1280, reasoning=640),
            "170@1.25 1280@0.125 900@10.00",
            9_372_500,
        ),
        ("gpt-5-mini", chat(401, 73, reasoning=64), "401@0.25 73@2.00", 246_250),
        ("gpt-5-nano", chat(1501, 7, cached=1500), "1@0.05 1500@0.005 7@0.40", 10_350),
        (
            "gpt-audio",
            chat(150, 260, audio=(120, 200)),
            "30@2.50 120@32.00 60@10.00 200@64.00",
            17_315_000,
        ),
        ("text-embedding-3-small", {"prompt_tokens": 5, "total_tokens": 5}, "5@0.02", 100),
        (
            "text-embedding-3-large",
            {"prompt_tokens": 8191, "total_tokens": 8191},
            "8191@0.13",
            1_064_830,
        ),
        ("text-embedding-ada-002", {"prompt_tokens": 8, "total_tokens": 8}, "8@0.10", 800),
    ),
    *rows(
        "azure",
        "openai/openai",
        ("gpt-4o", chat(33, 557), "33@2.50 557@10.00", 5_652_500),
    ),
    *rows(
        "anthropic",
        "anthropic",
        ("claude-sonnet-4-5-20250929", messages(2095, 503), "2095@3.00 503@15.00", 13_830_000),
        (
            "claude-sonnet-4-5-20250929",
            messages(21, 393, read=188086),
            "21@3.00 188086@0.30 393@15.00",
            62_383_800,
        ),
        (
            "claude-sonnet-4-5-20250929",
            messages(50, 503, written=248),
            "50@3.00 248@3.75 503@15.00",
            8_625_000,
        ),
        (
            "claude-sonnet-4-5",
            messages(10, 1000, read=199990),
            "10@3.00 199990@0.30 1000@15.00",
            75_027_000,
        ),
        (
            "claude-sonnet-4-5",
            messages(11, 1000, read=199990),
            "11@6.00 199990@0.60 1000@22.50",
            142_560_000,
        ),
        (
            "claude-sonnet-4-5",
            messages(1000, 2000, read=150000, written=100000),
            "1000@6.00 150000@0.60 100000@7.50 2000@22.50",
            891_000_000,
        ),
        ("claude-sonnet-4-20250514", messages(472, 91), "472@3.00 91@15.00", 2_781_000),
        (
            "claude-opus-4-1-20250805",
            messages(3, 1024, read=1000, written=2000),
            "3@15.00 1000@1.50 2000@18.75 1024@75.00",
            115_845_000,
        ),
        ("claude-opus-4-5-20251101", messages(300, 60), "300@5.00 60@25.00", 3_000_000),
        ("claude-haiku-4-5", messages(12, 6), "12@1.00 6@5.00", 42_000),
        (
            "claude-haiku-4-5-20251001",
            messages(4, 100, written=4097),
            "4@1.00 4097@1.25 100@5.00",
            5_625_250,
        ),
        (
            "claude-3-5-haiku-20241022",
            messages(1001, 333, read=2048),
            "1001@0.80 2048@0.08 333@4.00",
            2_296_640,
        ),
        (
            "claude-3-haiku-20240307",
            messages(10, 9, written=1023),
            "10@0.25 1023@0.30 9@1.25",
            320_650,
        ),
        ("claude-3-opus-20240229", messages(25, 150), "25@15.00 150@75.00", 11_625_000),
    ),
    *rows(
        "google",
        "gemini",
        ("gemini-2.5-pro", gemini(8, 22, thoughts=311), "8@1.25 333@10.00", 3_340_000),
        ("gemini-2.5-pro", gemini(200000, 100), "200000@1.25 100@10.00", 251_000_000),
        ("gemini-2.5-pro", gemini(200001, 100), "200001@2.50 100@15.00", 501_502_500),
        (
            "gemini-2.5-pro",
            gemini(300000, 100, cached=250000, thoughts=50),
            "50000@2.50 250000@0.25 150@15.00",
            189_750_000,
        ),
        (
            "gemini-2.5-flash",
            gemini(1000, 30, cached=900, text=1000),
            "100@0.30 900@0.03 30@2.50",
            132_000,
        ),
        (
            "gemini-2.5-flash",
            gemini(1925, 50, text=5, audio=1920),
            "5@0.30 1920@1.00 50@2.50",
            2_046_500,
        ),
        ("gemini-2.5-flash", gemini(264, 80, text=6, image=258), "264@0.30 80@2.50", 279_200),
        ("gemini-2.5-flash-lite", gemini(9, 1, text=9), "9@0.10 1@0.40", 1_300),
        (
            "gemini-2.5-flash-lite",
            gemini(330, 41, text=10, audio=320),
            "10@0.10 320@0.30 41@0.40",
            113_400,
        ),
        ("gemini-2.0-flash", gemini(4, 715), "4@0.10 715@0.40", 286_400),
        ("gemini-2.0-flash", gemini(1300, 20, cached=1024), "276@0.10 1024@0.025 20@0.40", 61_200),
        ("gemini-1.5-pro", gemini(128001, 10), "128001@2.50 10@10.00", 320_102_500),
    ),
    *rows(
        "aws",
        "bedrock",
        ("amazon.nova-pro-v1:0", converse(125, 60), "125@0.80 60@3.20", 292_000),
        (
            "us.amazon.nova-lite-v1:0",
            converse(17, 5, read=1011),
            "17@0.06 1011@0.015 5@0.24",
            17_385,
        ),
        ("amazon.nova-micro-v1:0", converse(3, 7, read=1), "3@0.035 1@0.00875 7@0.14", 1_094),
        ("anthropic.claude-3-haiku-20240307-v1:0", converse(30, 628), "30@0.25 628@1.25", 792_500),
        (
            "us.anthropic.claude-sonnet-4-20250514-v1:0",
            converse(40, 300, read=2000, written=1500),
            "40@3.00 2000@0.30 1500@3.75 300@15.00",
            10_845_000,
        ),
        ("meta.llama3-3-70b-instruct-v1:0", converse(1001, 499), "1001@0.72 499@0.72", 1_080_000),
        ("mistral.mistral-large-2402-v1:0", converse(77, 99), "77@4.00 99@12.00", 1_496_000),
    ),
    *rows(
        "cohere",
        "cohere",
        ("command-r-08-2024", billed(215, 19), "215@0.15 19@0.60", 43_650),
        ("command-r7b-12-2024", billed(11, 3), "11@0.0375 3@0.15", 863),
        ("command-a-03-2025", billed(1067, 82), "1067@2.50 82@10.00", 3_487_500),
    ),
    *rows(
        "mistral",
        "openai/mistral",
        ("mistral-large-latest", plain(13, 42), "13@2.00 42@6.00", 278_000),
        ("codestral-latest", plain(99, 31), "99@0.30 31@0.90", 57_600),
    ),
    *rows(
        "groq",
        "openai/groq",
        ("llama-3.3-70b-versatile", plain(18, 556), "18@0.59 556@0.79", 449_860),
        ("llama-3.1-8b-instant", plain(1, 1), "1@0.05 1@0.08", 130),
    ),
    *rows(
        "x-ai",
        "openai/xai",
        (
            "grok-3-mini",
            plain(32, 9, reasoning_tokens=0)
            | {"total_tokens": 235, "completion_tokens_details": {"reasoning_tokens": 194}},
            "32@0.30 203@0.50",
            111_100,
        ),
        ("grok-4", chat(716, 50, cached=704), "12@3.00 704@0.75 50@15.00", 1_314_000),
    ),
    *rows(
        "perplexity",
        "openai/perplexity",
        ("sonar", plain(8, 439), "8@1.00 439@1.00", 12_447_000, "0.012"),
        (
            "sonar-deep-research",
            plain(33, 11395, reasoning_tokens=5000),
            "33@2.00 6395@8.00 5000@3.00",
            66_226_000,
        ),
    ),
    *rows(
        "cerebras",
        "openai/cerebras",
        ("llama-3.3-70b", plain(27, 102), "27@0.85 102@1.20", 145_350),
    ),
    *rows(
        "moonshotai",
        "openai/moonshot",
        (
            "kimi-k2-0905-preview",
            plain(512, 40, cached_tokens=256),
            "256@0.60 256@0.15 40@2.50",
            292_000,
        ),
    ),
    *rows(
        "openrouter",
        "openai/openrouter",
        ("openai/gpt-4o-mini", chat(14, 163), "14@0.15 163@0.60", 99_900),
    ),
    *rows(
        "zai",
        "openai/zai",
        (
            "glm-4.6",
            chat(1000, 500, cached=600, reasoning=200),
            "400@0.60 600@0.11 500@2.20",
            1_406_000,
        ),
    ),
)
