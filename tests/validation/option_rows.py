"""The rules of GenerationOptions, but for tools and formats."""

from tests.validation.rows import Row, options, quoted


def plain(name: str, low: str, below: str, high: str, above: str) -> list[Row]:
    """Write the rows of a number that is an option itself."""
    return [
        Row(
            case=f"{name} {side}",
            breaks=options(f"{name}: {bad}"),
            keeps=options(f"{name}: {good}"),
            field=f"options.{name}",
            rule="OUT_OF_RANGE",
        )
        for side, bad, good in (("below", below, low), ("above", above, high))
    ]


def not_finite(name: str) -> list[Row]:
    """Write the rows of a floating-point option."""
    return [
        Row(
            case=f"{name} is {value}",
            breaks=options(f"{name}: {value}"),
            keeps=options(f"{name}: 0"),
            field=f"options.{name}",
            rule="NOT_FINITE",
        )
        for value in ("nan", "inf", "-inf")
    ]


def enum(name: str, *, within: str = "") -> Row:
    """Write the row of an enum."""
    path = f"{within}.{name}" if within else name
    bad, good = (f"{name}: {value}" for value in (77, 1))
    return Row(
        case=f"unknown {path}",
        breaks=options(f"{within} {{ {bad} }}" if within else bad),
        keeps=options(f"{within} {{ {good} }}" if within else good),
        field=f"options.{path}",
        rule="UNKNOWN_VALUE",
    )


def timeout(name: str, *, least_ms: int) -> list[Row]:
    """Write the rows of a bound on an attempt."""

    def write(duration: str) -> str:
        return options(f"routing {{ {name} {{ {duration} }} }}")

    field = f"options.routing.{name}"
    bad_good = (
        ("none", "seconds: 0", f"nanos: {least_ms}000000", "OUT_OF_RANGE"),
        ("too short", f"nanos: {least_ms - 1}999999", f"nanos: {least_ms}000000", "OUT_OF_RANGE"),
        ("negative", "seconds: -1", "seconds: 1", "OUT_OF_RANGE"),
        ("too long", "seconds: 3600 nanos: 1", "seconds: 3600", "OUT_OF_RANGE"),
        ("of the largest number", f"seconds: {2**63 - 1}", "seconds: 3600", "OUT_OF_RANGE"),
        ("with a whole second of nanos", "nanos: 1000000000", "nanos: 999999999", "BAD_FORMAT"),
        ("of two signs", "seconds: 1 nanos: -1", "seconds: 1 nanos: 1", "BAD_FORMAT"),
    )
    return [
        Row(case=f"{name} {case}", breaks=write(bad), keeps=write(good), field=field, rule=rule)
        for case, bad, good, rule in bad_good
    ]


def labelled(count: int) -> str:
    """Write a chat with so many labels."""
    return options(" ".join(f"labels {{ key: 'k{i}' value: 'v' }}" for i in range(count)))


def one_label(key: str, value: str = "v") -> str:
    """Write a chat with one label."""
    return options(f"labels {{ key: {quoted(key)} value: {quoted(value)} }}")


def biased(count: int) -> str:
    """Write a chat with so many biases."""
    return options(" ".join(f"logit_bias {{ key: {i} value: 1 }}" for i in range(count)))


NUMBER_ROWS = [
    *plain("temperature", "0", "-0.001", "2", "2.001"),
    *not_finite("temperature"),
    *plain("top_p", "0", "-0.001", "1", "1.001"),
    *not_finite("top_p"),
    *plain("top_k", "1", "0", "1000000", "2147483647"),
    *plain("max_output_tokens", "1", "0", "10000000", f"{2**63 - 1}"),
    *plain("max_output_tokens", "1", "-1", "10000000", "10000001"),
    *plain("frequency_penalty", "-2", "-2.001", "2", "2.001"),
    *not_finite("frequency_penalty"),
    *plain("presence_penalty", "-2", "-2.001", "2", "2.001"),
    *not_finite("presence_penalty"),
    *plain("top_logprobs", "0", "-1", "20", "21"),
]

TEXT_ROWS = [
    Row(
        case="too many stop sequences",
        breaks=options("stop_sequences: 's' " * 17),
        keeps=options("stop_sequences: 's' " * 16),
        field="options.stop_sequences",
        rule="TOO_MANY",
    ),
    Row(
        case="stop sequence too long",
        breaks=options("stop_sequences: 's' stop_sequences: " + quoted("s" * 257)),
        keeps=options("stop_sequences: 's' stop_sequences: " + quoted("s" * 256)),
        field="options.stop_sequences[1]",
        rule="TOO_LONG",
    ),
    Row(
        case="stop sequence too long in bytes",
        breaks=options("stop_sequences: " + quoted("é" * 129)),
        keeps=options("stop_sequences: " + quoted("é" * 127 + "\n")),
        field="options.stop_sequences[0]",
        rule="TOO_LONG",
    ),
    Row(
        case="empty stop sequence",
        breaks=options("stop_sequences: ''"),
        keeps=options("stop_sequences: ' '"),
        field="options.stop_sequences[0]",
        rule="REQUIRED",
    ),
    Row(
        case="end user with a line break",
        breaks=options("end_user_id: " + quoted("a\r\nx-admin: 1")),
        keeps=options("end_user_id: 'user 1'"),
        field="options.end_user_id",
        rule="CONTROL_CHARACTER",
    ),
    Row(
        case="end user too long",
        breaks=options("end_user_id: " + quoted("u" * 257)),
        keeps=options("end_user_id: " + quoted("u" * 256)),
        field="options.end_user_id",
        rule="TOO_LONG",
    ),
    Row(
        case="too many labels",
        breaks=labelled(33),
        keeps=labelled(32),
        field="options.labels",
        rule="TOO_MANY",
    ),
    Row(
        case="label without a key",
        breaks=one_label(""),
        keeps=one_label("k", ""),
        field='options.labels[""]',
        rule="REQUIRED",
    ),
    Row(
        case="label key too long",
        breaks=one_label("k" * 64),
        keeps=one_label("k" * 63),
        field=f'options.labels["{"k" * 64}"]',
        rule="TOO_LONG",
    ),
    Row(
        case="label key with a line break",
        breaks=one_label("te\nam"),
        keeps=one_label("te am"),
        field='options.labels["te\\nam"]',
        rule="CONTROL_CHARACTER",
    ),
    Row(
        case="label value too long",
        breaks=one_label("team", "v" * 257),
        keeps=one_label("team", "v" * 256),
        field='options.labels["team"]',
        rule="TOO_LONG",
    ),
    Row(
        case="label value with an escape sequence",
        breaks=one_label("team", "\x1b[2J"),
        keeps=one_label("team", "[2J"),
        field='options.labels["team"]',
        rule="CONTROL_CHARACTER",
    ),
    Row(
        case="too many biases",
        breaks=biased(1_025),
        keeps=biased(1_024),
        field="options.logit_bias",
        rule="TOO_MANY",
    ),
    Row(
        case="bias of a negative token",
        breaks=options("logit_bias { key: -1 value: 0 }"),
        keeps=options("logit_bias { key: 0 value: 0 }"),
        field="options.logit_bias[-1]",
        rule="OUT_OF_RANGE",
    ),
    Row(
        case="bias above",
        breaks=options("logit_bias { key: 5 value: 100.5 }"),
        keeps=options("logit_bias { key: 5 value: 100 }"),
        field="options.logit_bias[5]",
        rule="OUT_OF_RANGE",
    ),
    Row(
        case="bias below",
        breaks=options("logit_bias { key: 5 value: -100.5 }"),
        keeps=options("logit_bias { key: 5 value: -100 }"),
        field="options.logit_bias[5]",
        rule="OUT_OF_RANGE",
    ),
    Row(
        case="bias is no number",
        breaks=options("logit_bias { key: 5 value: nan }"),
        keeps=options("logit_bias { key: 5 value: 0 }"),
        field="options.logit_bias[5]",
        rule="NOT_FINITE",
    ),
]

MODE_ROWS = [
    enum("unsupported_option_policy"),
    enum("effort", within="reasoning"),
    enum("visibility", within="reasoning"),
    enum("on_break", within="routing"),
    Row(
        case="no reasoning budget",
        breaks=options("reasoning { budget_tokens: 0 }"),
        keeps=options("reasoning { budget_tokens: 1 }"),
        field="options.reasoning.budget_tokens",
        rule="OUT_OF_RANGE",
    ),
    Row(
        case="reasoning budget too large",
        breaks=options("reasoning { budget_tokens: 10000001 }"),
        keeps=options("reasoning { budget_tokens: 10000000 }"),
        field="options.reasoning.budget_tokens",
        rule="OUT_OF_RANGE",
    ),
    Row(
        case="unknown output modality",
        breaks=options("output_modalities: MODALITY_TEXT output_modalities: 77"),
        keeps=options("output_modalities: MODALITY_TEXT output_modalities: MODALITY_AUDIO"),
        field="options.output_modalities[1]",
        rule="UNKNOWN_VALUE",
    ),
    Row(
        case="unspecified output modality",
        breaks=options("output_modalities: MODALITY_UNSPECIFIED"),
        keeps=options("output_modalities: MODALITY_TEXT"),
        field="options.output_modalities[0]",
        rule="UNKNOWN_VALUE",
    ),
    Row(
        case="output modality twice",
        breaks=options("output_modalities: MODALITY_TEXT output_modalities: MODALITY_TEXT"),
        keeps=options("output_modalities: MODALITY_TEXT"),
        field="options.output_modalities",
        rule="DUPLICATE",
    ),
    Row(
        case="too many output modalities",
        breaks=options("output_modalities: MODALITY_TEXT " * 7),
        keeps=options("output_modalities: MODALITY_TEXT"),
        field="options.output_modalities",
        rule="TOO_MANY",
    ),
    Row(
        case="too many fallback models",
        breaks=options("routing { " + "fallback_models: 'm' " * 9 + "}"),
        keeps=options("routing { " + "fallback_models: 'm' " * 8 + "}"),
        field="options.routing.fallback_models",
        rule="TOO_MANY",
    ),
    Row(
        case="fallback model without a name",
        breaks=options("routing { fallback_models: 'm' fallback_models: '' }"),
        keeps=options("routing { fallback_models: 'm' fallback_models: 'n' }"),
        field="options.routing.fallback_models[1]",
        rule="REQUIRED",
    ),
    Row(
        case="fallback model with NUL",
        breaks=options("routing { fallback_models: " + quoted("m\0") + " }"),
        keeps=options("routing { fallback_models: 'm' }"),
        field="options.routing.fallback_models[0]",
        rule="CONTROL_CHARACTER",
    ),
    *timeout("attempt_timeout", least_ms=20),
    *timeout("first_token_timeout", least_ms=10),
    Row(
        case="no attempts",
        breaks=options("routing { max_attempts: 0 }"),
        keeps=options("routing { max_attempts: 1 }"),
        field="options.routing.max_attempts",
        rule="OUT_OF_RANGE",
    ),
    Row(
        case="too many attempts",
        breaks=options("routing { max_attempts: 12 }"),
        keeps=options("routing { max_attempts: 11 }"),
        field="options.routing.max_attempts",
        rule="OUT_OF_RANGE",
    ),
    Row(
        case="affinity key with a line break",
        breaks=options("routing { affinity_key: " + quoted("a\n") + " }"),
        keeps=options("routing { affinity_key: 'a' }"),
        field="options.routing.affinity_key",
        rule="CONTROL_CHARACTER",
    ),
]
