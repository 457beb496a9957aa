"""Model packages: folders with a manifest that pins every file in them."""

import hashlib
import hmac
import stat
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

import firstread
from firstread.engine.manifest import Manifest, NetworkPrecision
from firstread.errors import ModelPackageError
from firstread.settings import Settings, load_settings

MANIFEST = "model.toml"
REINSTALL = "Install the package again from where it came."

_MANIFEST_MAX_BYTES = 1 << 20
_CODE_SUFFIXES = frozenset({".so", ".dll", ".dylib", ".exe", ".jar", ".whl", ".py", ".pyc", ".pyd", ".js"})
_SCRIPT_SUFFIXES = frozenset({".sh", ".bat", ".cmd", ".ps1", ".pkl", ".pickle", ".joblib", ".pt", ".pth"})
# ELF, Windows PE, Mach-O (both orders and fat), script. Pickles are caught by their suffixes.
_CODE_MAGIC = (
    b"\x7fELF",
    b"MZ",
    b"\xfe\xed\xfa",
    b"\xcf\xfa\xed\xfe",
    b"\xce\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"#!",
)


@dataclass(frozen=True)
class ModelPackage:
    """A verified model package.

    Attributes:
        folder: Where it lies.
        manifest: What its model.toml says.
        digest: sha256 (hex) over the bytes of model.toml, which pin every other file.
    """

    folder: Path
    manifest: Manifest
    digest: str

    @property
    def name(self) -> str:
        """Return the package's name."""
        return self.manifest.name

    @property
    def version(self) -> str:
        """Return the package's version."""
        return self.manifest.version

    @property
    def precisions(self) -> tuple[NetworkPrecision, ...]:
        """Return the precisions that may be used: f32, and int8 where it passed its accuracy gate."""
        gate = self.manifest.accuracy_gate
        int8 = "int8.xml" in self.manifest.files and gate is not None and gate.passed
        return ("f32", "int8") if int8 else ("f32",)

    def operating_point(self, precision: NetworkPrecision) -> dict[str, float]:
        """Return the reader's numbers for a precision; f32's serve where int8 has none of its own."""
        points = self.manifest.operating_point
        return {**points.get("f32", {}), **points.get(precision, {})}

    def read(self, file: str) -> bytes:
        """Read one file of the package and compare it with its digest.

        Raises:
            ModelPackageError: the file is missing, or has changed since the manifest was written.
        """
        path = self.folder / file
        if file not in self.manifest.files:
            raise ModelPackageError(f"{path} is not part of the model package {self.name}.", remedy=REINSTALL)
        content = _content(path)
        if not hmac.compare_digest(hashlib.sha256(content).hexdigest(), self.manifest.files[file]):
            raise ModelPackageError(
                f"{path} is not the file that {MANIFEST} describes: its sha256 differs.", remedy=REINSTALL
            )
        return content


def load_package(folder: Path) -> ModelPackage:
    """Read a model package and verify it: manifest, digest of every file, nothing else in the folder.

    Raises:
        ModelPackageError: names the file that is wrong and what to do.
    """
    path = folder / MANIFEST
    raw = _content(path, limit=_MANIFEST_MAX_BYTES)
    try:
        manifest = Manifest.parse(raw.decode("utf-8"))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ModelPackageError(f"{path}: {where}: {first['msg']}.", remedy=_correct()) from None
    except ValueError as error:
        raise ModelPackageError(f"{path} is not a TOML file: {error}.", remedy=_correct()) from None
    if manifest.name != folder.resolve().name:
        raise ModelPackageError(
            f"{path} names the package {manifest.name}, but its folder is {folder.resolve().name}.",
            remedy=f"Rename the folder to {manifest.name}.",
        )
    package = ModelPackage(folder=folder, manifest=manifest, digest=hashlib.sha256(raw).hexdigest())
    _verify(package)
    return package


def find_package(name: str, *, settings: Settings | None = None) -> ModelPackage:
    """Load the first package of that name on the search path.

    Raises:
        ModelPackageError: there is none, or it is damaged.
    """
    places = search_path(settings or load_settings())
    for place in places:
        if (place / name / MANIFEST).is_file():
            return load_package(place / name)
    looked = ", ".join(map(str, places)) or "no folder at all"
    raise ModelPackageError(
        f"The model package {name} was not found; searched: {looked}.",
        remedy="Install firstread again, or name the folder that holds it in FIRSTREAD_MODELS.",
    )


def list_packages(*, settings: Settings | None = None) -> tuple[ModelPackage, ...]:
    """Load every package on the search path, the first of each name.

    Raises:
        ModelPackageError: one of them is damaged.
    """
    return tuple(load_package(folder) for folder in package_folders(settings=settings))


def package_folders(*, settings: Settings | None = None) -> tuple[Path, ...]:
    """Return the folders of the packages on the search path, unverified, the first of each name."""
    found: dict[str, Path] = {}
    for place in search_path(settings or load_settings()):
        for path in sorted(place.glob(f"*/{MANIFEST}")) if place.is_dir() else ():
            found.setdefault(path.parent.name, path.parent)
    return tuple(found.values())


def search_path(settings: Settings) -> tuple[Path, ...]:
    """Return the folders that are searched for packages: those of the settings, then the shipped ones."""
    home = Path(firstread.__file__).resolve().parent
    shipped = [home / "_models"]
    if (home.parents[1] / "pyproject.toml").is_file():  # an editable checkout
        shipped.append(home.parents[1] / "models")
    return (*settings.models, *(place for place in shipped if place.is_dir()))


def write_manifest(folder: Path, manifest: Manifest) -> ModelPackage:
    """Write model.toml with the digest of every other file of the folder, and verify the result.

    Raises:
        ModelPackageError: the folder holds something that no package may hold.
    """
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in _listed(folder)}
    text = Manifest.model_validate({**manifest.model_dump(), "files": files}).to_toml()
    (folder / MANIFEST).write_text(text, encoding="utf-8")
    return load_package(folder)


def _verify(package: ModelPackage) -> None:
    """Compare folder and manifest in both directions."""
    files = package.manifest.files
    if not {"f32.xml", "f32.bin"} <= files.keys() or ("int8.xml" in files) != ("int8.bin" in files):
        raise ModelPackageError(
            f"{package.folder / MANIFEST}: files must name f32.xml and f32.bin, and int8.xml with int8.bin.",
            remedy=_correct(),
        )
    present = {path.name for path in _listed(package.folder)}
    for name in sorted(present - files.keys()):
        raise ModelPackageError(
            f"{package.folder / name} is not listed in {MANIFEST}.",
            remedy="Remove the file, or install the package again from where it came.",
        )
    for name in files:
        package.read(name)


def _listed(folder: Path) -> list[Path]:
    """Return the files that a manifest must list; refuse what no package may hold."""
    listed = []
    for path in sorted(folder.iterdir()):
        mode = path.lstat().st_mode
        if not stat.S_ISREG(mode):
            raise ModelPackageError(
                f"{path} is not a plain file; a model package holds no folders or links.",
                remedy="Remove it from the package.",
            )
        with path.open("rb") as stream:
            start = stream.read(4)
        if path.suffix.lower() in _CODE_SUFFIXES | _SCRIPT_SUFFIXES or start.startswith(_CODE_MAGIC):
            raise ModelPackageError(
                f"{path} looks like a program; a model package holds none.",
                remedy="Remove the file, and do not trust the package before you know how it came there.",
            )
        if path.name != MANIFEST and not path.name.startswith("."):  # .DS_Store and the like are never read
            listed.append(path)
    return listed


def _content(path: Path, *, limit: int | None = None) -> bytes:
    try:
        if limit is not None and path.stat().st_size > limit:
            raise ModelPackageError(f"{path} is larger than any manifest.", remedy=_correct())
        return path.read_bytes()
    except OSError as error:
        reason = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
        raise ModelPackageError(f"{path} {reason}.", remedy=REINSTALL) from None


def _correct() -> str:
    return f"Correct {MANIFEST}; docs/reference/model-package.md describes every field."
