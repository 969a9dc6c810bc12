"""More than five hundred texts that tokenizers disagree about, if they disagree at all."""

import random

SEED = 20_261_122

PROSE = (
    "The quick brown fox jumps over the lazy dog. "
    "L'été dernier, j'ai vu des étoiles; c'était beau! "
    "Größe und Maße: 3,5 kg (ungefähr). "
    "Съешь же ещё этих мягких французских булок. "
    "敏捷的棕色狐狸跳过了懒狗。你好\uff0c世界\uff01 "
    "素早い茶色の狐がのろまな犬を飛び越える。 "
    "النص العربي يُكتب من اليمين إلى اليسار. "
    "नमस्ते दुनिया, आप कैसे हैं? "
    "def f(x: int) -> str:\n    return f'{x!r}'  # noqa\n\n"
)

CORNERS = [
    "",
    " ",
    "  ",
    "\n",
    "\r\n",
    "\r\n\r\n  \t",
    "\t\t\tx",
    "a\u0301e\u0301",
    "e\u0301\u0301\u0301",
    "👩\u200d👩\u200d👧\u200d👦",
    "🏳\ufe0f\u200d🌈",
    "🇳🇴🇸🇪",
    "\u200b\u200c\u200d\ufeff",
    "\x00\x01\x7f",
    "<|endoftext|>",
    "<|im_start|>system<|im_end|>",
    "<|endofprompt|> and on",
    "it's we'll I'VE they'D don\u2019t",
    "1234567890 12 345 6,789.01",
    "½ ² ③ Ⅷ ٣",
    "HTTPServerError camelCase snake_case SCREAMING_CASE",
    "https://example.com/a?b=c&d=%20#e",
    '{"a": [1, 2, {"b": null}]}',
    "-----BEGIN KEY-----",
    "==========" * 20,
    "/" * 50 + "\n/",
    "ﬁ ligature Ǆ ǅ ǆ",
    "\u2028\u2029\u0085\x1c\x1d",
    "\U0010ffff\ue000",
    "a" * 300,
    " " * 300,
    "\n" * 300,
    "ab " * 100,
    PROSE,
]

_ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz ",
    "aA1 '\n\t.,;-_/",
    "àéîõüßøå ",
    "абвгдежз ",
    "你好世界\uff0c。 ",
    "\u0300\u0301\u0302a e",
    "0123456789,. ",
    "(){}[]<>=+-*/\\|&^%$#@!~`\"' \n",
    " \t\n\r\u00a0\u2003\u3000",
)


def texts(count: int = 600) -> list[str]:
    """Return the corners, and random texts of many alphabets up to `count`."""
    dice = random.Random(SEED)
    made = list(CORNERS)
    while len(made) < count:
        kind = dice.randrange(len(_ALPHABETS) + 2)
        length = dice.randrange(1, 200)
        if kind < len(_ALPHABETS):
            made.append("".join(dice.choices(_ALPHABETS[kind], k=length)))
        elif kind == len(_ALPHABETS):
            start = dice.randrange(len(PROSE))
            made.append(PROSE[start : start + length])
        else:
            points = (dice.randrange(0x110000) for _ in range(length))
            made.append("".join(chr(point) for point in points if not 0xD800 <= point < 0xE000))
    return made
