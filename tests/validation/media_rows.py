"""The rules of media: in messages, and with the same checks wherever else they stand."""

from tests.validation.rows import CALL, END, Row, quoted


def media(inside: str) -> str:
    """Write a chat with one medium by the user."""
    return f"messages {{ role: ROLE_USER parts {{ media {{ {inside} }} }} }}"


PNG = "mime_type: 'image/png'"
AT = "messages[0].parts[0].media"

MEDIA_ROWS = [
    Row(
        case="bytes without a type",
        breaks=media("inline_data: 'x'"),
        keeps=media(f"inline_data: 'x' {PNG}"),
        field=f"{AT}.mime_type",
        rule="REQUIRED",
    ),
    Row(
        case="no bytes",
        breaks=media(f"inline_data: '' {PNG}"),
        keeps=media(f"inline_data: 'x' {PNG}"),
        field=f"{AT}.inline_data",
        rule="REQUIRED",
    ),
    Row(
        case="no source",
        breaks=media(PNG),
        keeps=media(f"{PNG} file_id: 'file-1'"),
        field=f"{AT}.source",
        rule="REQUIRED",
    ),
    Row(
        case="empty address",
        breaks=media(f"{PNG} uri: ''"),
        keeps=media(f"{PNG} uri: 'https://example.com/cat.png'"),
        field=f"{AT}.uri",
        rule="REQUIRED",
    ),
    Row(
        case="address with a line break",
        breaks=media(f"{PNG} uri: " + quoted("https://example.com/\r\n")),
        keeps=media(f"{PNG} uri: 'https://example.com/'"),
        field=f"{AT}.uri",
        rule="CONTROL_CHARACTER",
    ),
    Row(
        case="address too long",
        breaks=media(f"{PNG} uri: " + quoted("https://example.com/" + "a" * 8_173)),
        keeps=media(f"{PNG} uri: " + quoted("https://example.com/" + "a" * 8_172)),
        field=f"{AT}.uri",
        rule="TOO_LONG",
    ),
    Row(
        case="empty file id",
        breaks=media(f"{PNG} file_id: ''"),
        keeps=media(f"{PNG} file_id: 'f'"),
        field=f"{AT}.file_id",
        rule="REQUIRED",
    ),
    Row(
        case="type with parameters",
        breaks=media("uri: 'https://example.com/a' mime_type: 'text/plain; charset=utf-8'"),
        keeps=media("uri: 'https://example.com/a' mime_type: 'application/vnd.api+json'"),
        field=f"{AT}.mime_type",
        rule="BAD_FORMAT",
    ),
    Row(
        case="neither modality nor type",
        breaks=media("uri: 'https://example.com/a'"),
        keeps=media("uri: 'https://example.com/a' modality: MODALITY_IMAGE"),
        field=f"{AT}.modality",
        rule="REQUIRED",
    ),
    Row(
        case="unknown modality",
        breaks=media(f"{PNG} file_id: 'f' modality: 77"),
        keeps=media(f"{PNG} file_id: 'f' modality: MODALITY_DOCUMENT"),
        field=f"{AT}.modality",
        rule="UNKNOWN_VALUE",
    ),
    Row(
        case="unknown detail",
        breaks=media(f"{PNG} file_id: 'f' detail: 77"),
        keeps=media(f"{PNG} file_id: 'f' detail: MEDIA_DETAIL_HIGH"),
        field=f"{AT}.detail",
        rule="UNKNOWN_VALUE",
    ),
    Row(
        case="file name with NUL",
        breaks=media(f"{PNG} file_id: 'f' filename: " + quoted("a\0.png")),
        keeps=media(f"{PNG} file_id: 'f' filename: " + quoted("ä.png")),
        field=f"{AT}.filename",
        rule="CONTROL_CHARACTER",
    ),
    Row(
        case="file name too long",
        breaks=media(f"{PNG} file_id: 'f' filename: " + quoted("a" * 256)),
        keeps=media(f"{PNG} file_id: 'f' filename: " + quoted("a" * 255)),
        field=f"{AT}.filename",
        rule="TOO_LONG",
    ),
    Row(
        case="medium inside a tool result",
        breaks=CALL + "content { media { inline_data: 'x' } }" + END,
        keeps=CALL + f"content {{ media {{ inline_data: 'x' {PNG} }} }}" + END,
        field="messages[2].parts[0].tool_result.content[0].media.mime_type",
        rule="REQUIRED",
    ),
]
