"""What configs/inference.json of a MONAI Bundle says, read without running any of it.

A bundle's configuration holds Python expressions ("$…") and references ("@…"). Calls with literal arguments are parsed;
nothing is evaluated. Source: MONAI Bundle Specification, ConfigParser, docs.monai.io.
"""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firstread.errors import RefusedInput

INFERENCE = "configs/inference.json"
_MOST_BYTES = 1 << 20
_REFERENCE = re.compile(r"@([A-Za-z_]\w*)")
_DEEPEST = 16


@dataclass(frozen=True)
class Call:
    """An expression that calls something.

    Attributes:
        name: Last part of what is called, e.g. resnet50.
        positional: Its arguments; None for one that is no literal.
        named: Its named arguments, likewise.
    """

    name: str
    positional: tuple[Any, ...]
    named: dict[str, Any]


class BundleConfig:
    """The inference configuration of a bundle.

    Args:
        folder: Of the bundle.

    Raises:
        RefusedInput: the file is missing or no JSON object.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / INFERENCE
        try:
            if self.path.stat().st_size > _MOST_BYTES:
                raise self.unfit("it is larger than any configuration")
            told = json.loads(self.path.read_bytes())
        except OSError:
            raise RefusedInput(
                f"{self.path} is missing, and it says how a detector's maps become boxes.",
                remedy="Fetch the bundle again, with all of its configs/.",
            ) from None
        except (ValueError, RecursionError):
            raise self.unfit("it is not JSON") from None
        if not isinstance(told, dict):
            raise self.unfit("it is not a JSON object")
        self._told: dict[str, Any] = told

    def get(self, name: str) -> Any:  # noqa: ANN401 - JSON
        """Return an entry with its references followed.

        Raises:
            RefusedInput: there is none.
        """
        if name not in self._told:
            raise self.unfit(f"it has no {name}")
        return self._followed(self._told[name])

    def call(self, name: str) -> Call:
        """Return an entry that is one call.

        Raises:
            RefusedInput: it is missing, or something else.
        """
        text = self.get(name)
        found = list(self._calls(text)) if isinstance(text, str) else []
        if len(found) != 1:
            raise self.unfit(f"{name} is not one call with plain arguments")
        return found[0]

    def calls(self, name: str) -> list[Call]:
        """Return the calls of a list of expressions.

        Raises:
            RefusedInput: it is missing, or no list.
        """
        entries = self.get(name)
        if not isinstance(entries, list):
            raise self.unfit(f"{name} is not a list")
        return [call for text in entries if isinstance(text, str) for call in self._calls(text)]

    def transform(self, kind: str) -> dict[str, Any]:
        """Return the one transform of a kind in the preprocessing.

        Raises:
            RefusedInput: there is none, or several.
        """
        chain = self.get("preprocessing")
        steps = chain.get("transforms") if isinstance(chain, dict) else None
        found = [
            step
            for step in (steps if isinstance(steps, list) else ())
            if isinstance(step, dict) and str(step.get("_target_", "")).rpartition(".")[2] == kind
        ]
        if len(found) != 1:
            raise self.unfit(f"its preprocessing has {len(found)} steps {kind}, not one")
        return found[0]

    def unfit(self, what: str) -> RefusedInput:
        """Return the refusal of this configuration."""
        return RefusedInput(
            f"{self.path} does not fit: {what}.",
            remedy="A RetinaNetDetector on a 3-D ResNet can be taken, as in MONAI's lung_nodule_ct_detection.",
        )

    def _followed(self, value: Any, depth: int = 0) -> Any:  # noqa: ANN401 - JSON
        if depth > _DEEPEST:
            raise self.unfit("its references do not end")
        if isinstance(value, dict):
            return {key: self._followed(each, depth + 1) for key, each in value.items()}
        if isinstance(value, list):
            return [self._followed(each, depth + 1) for each in value]
        if isinstance(value, str) and (named := _REFERENCE.fullmatch(value)) and named[1] in self._told:
            return self._followed(self._told[named[1]], depth + 1)
        return value

    def _calls(self, text: str) -> Iterator[Call]:
        if not text.startswith("$"):
            return
        try:
            node = ast.parse(_REFERENCE.sub(r"\1", text[1:]), mode="eval").body
        except (SyntaxError, ValueError, RecursionError):
            return
        if isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            yield Call(
                name=name,
                positional=tuple(self._literal(each) for each in node.args),
                named={each.arg: self._literal(each.value) for each in node.keywords if each.arg},
            )

    def _literal(self, node: ast.expr) -> Any:  # noqa: ANN401 - JSON
        if isinstance(node, ast.Name) and node.id in self._told:
            return self._followed(self._told[node.id])
        try:
            return ast.literal_eval(node)
        except (ValueError, TypeError, MemoryError, RecursionError):
            return None
