"""A settings file that says what can be set, and sets nothing."""

import json
import re
from pathlib import Path
from textwrap import wrap

from firstread.settings import PREFIX, Settings, is_secret, secret_variable

_WIDTH = 100
_LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")
_START = f"""\
# Settings of firstread. Nothing is set here: remove the # in front of what you change.
# The environment comes before this file: the setting threads is {PREFIX}THREADS there.
"""


def example_settings() -> str:
    """Return TOML with every setting as a comment, at its example or its default, below what it means."""
    fields = sorted(
        Settings.model_fields.items(), key=lambda item: _is_table(item[0])
    )  # TOML has tables last
    parts = [_START]
    for name, field in fields:
        meaning = _LINK.sub(r"\1", field.description or "").replace("`", "")
        if is_secret(field):
            meaning += f" A secret: better in a file that {secret_variable(name)} names."
        parts.append("\n".join([*(f"# {line}" for line in wrap(meaning, _WIDTH)), *_commented(name), ""]))
    return "\n".join(parts)


def _value(name: str) -> object:
    field = Settings.model_fields[name]
    return field.examples[0] if field.examples else field.default


def _is_table(name: str) -> bool:
    value = _value(name)
    return isinstance(value, dict) or (isinstance(value, list) and isinstance(value[0], dict))


def _commented(name: str) -> list[str]:
    value = _value(name)
    if isinstance(value, dict):
        return [f"#[{name}]", *_lines(value)]
    if isinstance(value, list) and isinstance(value[0], dict):
        return [line for table in value for line in (f"#[[{name}]]", *_lines(table))]
    return [] if value is None else [f"#{name} = {_toml(value)}"]


def _lines(table: dict[str, object]) -> list[str]:
    return [f"#{key} = {_toml(value)}" for key, value in table.items()]


def _toml(value: object) -> str:
    """Write a value: but for tables, what JSON and TOML share is all that settings have."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + " }"
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)
