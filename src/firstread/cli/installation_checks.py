"""What `firstread doctor` looks at: what it finds, and what to do where that is not enough."""

import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Literal

import numpy as np
from pydicom.dataset import Dataset

from firstread import __version__
from firstread.cli.decoder_samples import SAMPLES, SIDE, TOLERANCE, expected
from firstread.dicom.transfer_syntax import TRANSFER_SYNTAXES
from firstread.engine import Engine, cpu, load_package, package_folders, plan_here
from firstread.engine.compiled_cache import CompiledCache
from firstread.engine.kernel_files import ROOT
from firstread.engine.packages import search_path
from firstread.engine.topology import read_topology
from firstread.errors import FirstreadError
from firstread.readers.registry import installed_readers, load_reader
from firstread.settings import Settings, config_file

State = Literal["fine", "limited", "wrong"]

NEEDED_BYTES = 3 * 10**9  # peak of a read of some 300 slices; docs/concepts/engine.md
_GIB = 1 << 30
_REINSTALL = "Install firstread again: pip install --force-reinstall firstread."


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What.
        state: fine; limited: a read works, but slower or not on every input; wrong: a read will fail.
        found: What was found, in a few words.
        remedy: What to do about it; empty when fine.
    """

    name: str
    state: State
    found: str
    remedy: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return the check for JSON."""
        return asdict(self)


def check_installation(settings: Settings) -> Iterator[Check]:
    """Look at everything that a read needs, in the order in which it needs it."""
    yield Check("firstread", "fine", __version__)
    yield Check("Python", "fine", f"{platform.python_version()} ({sys.executable})")
    config = config_file()
    yield Check("settings", "fine", str(config) if config.is_file() else "defaults and environment")
    yield check_processor(cpu.processor())
    yield check_cores(cpu.granted(override=settings.threads), cpu.processor())
    yield check_instances(settings)
    yield check_memory(*cpu.memory_limit())
    yield check_openvino()
    yield check_cache(settings)
    yield from check_packages(settings)
    yield from check_readers()
    yield from check_decoders()
    yield check_fonts()


def check_processor(processor: cpu.Processor) -> Check:
    """Name the processor; OpenVINO runs without AVX2, but several times slower."""
    found = f"{processor.model}: {', '.join(processor.features) or 'no vector extensions known'}"
    if platform.machine() in ("x86_64", "AMD64") and "AVX2" not in processor.features:
        return Check("processor", "limited", found, "Networks run slowly without AVX2; use another host.")
    return Check("processor", "fine", found)


def check_cores(granted: cpu.Granted, processor: cpu.Processor) -> Check:
    """Say how many threads inference gets, out of what, and what decided it."""
    why = {
        "host": "all cores of the host",
        "affinity": f"the process may run on {granted.affinity} of the host's processors",
        "cgroup quota": f"the cgroup's quota is {granted.quota} processors",
        "threads setting": "as the setting `threads` says",
    }[granted.limit]
    nodes = f", {processor.numa_nodes} NUMA nodes" if processor.numa_nodes > 1 else ""
    host = f"{processor.physical} cores, {processor.logical} processors{nodes}"
    found = f"{granted.threads} granted of {host}: {why}"
    room = min(granted.quota or granted.affinity, granted.affinity)
    if granted.limit == "threads setting" and granted.threads > max(1.0, room):
        return Check(
            "cores", "limited", found, f"Set FIRSTREAD_THREADS to at most {max(1, int(room))}, or unset it."
        )
    return Check("cores", "fine", found)


def check_instances(settings: Settings, root: Path = ROOT) -> Check:
    """Say which instances `auto` would start; the plan is that of docs/concepts/engine.md."""
    try:
        placements = plan_here(root, threads=settings.threads)
    except FirstreadError as error:
        return Check("instances", "limited", error.message, error.remedy)
    nodes = [f"node {node.number}: {len(node.cores)}" for node in read_topology(root).nodes]
    of_nodes = f" (cores of {', '.join(nodes)})" if len(nodes) > 1 else ""
    return Check(
        "instances", "fine", f"auto is {len(placements)}{of_nodes}: {'; '.join(map(str, placements))}"
    )


def check_memory(total: int | None, limit: int | None) -> Check:
    """Compare memory with what a read takes at most."""
    if total is None:
        return Check("memory", "limited", "unknown", f"A read needs {NEEDED_BYTES / _GIB:.1f} GiB.")
    bound = min(total, limit) if limit is not None else total
    found = f"{total / _GIB:.1f} GiB" + (f", cgroup limit {bound / _GIB:.1f} GiB" if bound < total else "")
    if bound < NEEDED_BYTES:
        remedy = f"A read of a thin-slice chest CT may need {NEEDED_BYTES / _GIB:.1f} GiB; grant more."
        return Check("memory", "limited", found, remedy)
    return Check("memory", "fine", found)


def check_openvino() -> Check:
    """Load OpenVINO and ask for its CPU plug-in."""
    try:
        import openvino

        devices = openvino.Core().available_devices
    except Exception as error:
        return Check("OpenVINO", "wrong", f"cannot be loaded: {error}", _REINSTALL)
    if "CPU" not in devices:
        return Check("OpenVINO", "wrong", f"{openvino.__version__} has no CPU plug-in", _REINSTALL)
    return Check("OpenVINO", "fine", str(openvino.__version__).partition("-")[0])


def check_cache(settings: Settings) -> Check:
    """Try to write where compiled networks are kept."""
    folder = settings.cache_dir / "networks"
    problem = CompiledCache(folder).problem()
    if problem is not None:
        remedy = "Each start compiles the networks anew. Correct it, or set FIRSTREAD_CACHE_DIR."
        return Check("cache", "limited", problem, remedy)
    return Check("cache", "fine", str(folder))


def check_packages(settings: Settings) -> Iterator[Check]:
    """Verify every model package and run each of its networks once, on air."""
    folders = package_folders(settings=settings)
    if not folders:
        places = ", ".join(map(str, search_path(settings))) or "nowhere"
        yield Check("model packages", "wrong", f"none found; searched: {places}", _REINSTALL)
    for place in settings.models:
        if not place.is_dir():
            remedy = "Correct FIRSTREAD_MODELS."
            yield Check("model packages", "limited", f"the folder {place} does not exist", remedy)
    with Engine(threads=settings.threads, precision=settings.precision) as engine:
        for folder in folders:
            name = f"model {folder.name}"
            try:
                network = engine.network(load_package(folder))
                spec = network.package.manifest.input
                air = np.full((spec.batch, 1, *spec.patch), -1000, np.float32)
                network.infer(air)
                start = time.perf_counter()
                outputs = network.infer(air)
            except FirstreadError as error:
                yield Check(name, "wrong", error.message, error.remedy)
                continue
            if not all(np.isfinite(output).all() for output in outputs.values()):
                yield Check(name, "wrong", f"{folder} gives values that are not numbers", _REINSTALL)
                continue
            choice = engine.choice(network.package) if engine.precision == "auto" else None
            yield Check(
                name,
                "fine",
                f"{network.package.version}, {network.precision} of {'/'.join(network.package.precisions)}, "
                f"{1000 * (time.perf_counter() - start):.0f} ms a tile, digest {network.package.digest[:12]} "
                f"verified" + (f"; fastest here: {choice}" if choice else ""),
            )


def check_readers() -> Iterator[Check]:
    """Load every installed reader."""
    names = list(installed_readers())
    if not names:
        yield Check("readers", "wrong", "none installed", _REINSTALL)
    for name in names:
        try:
            reader = load_reader(name)
        except FirstreadError as error:
            yield Check(f"reader {name}", "wrong", error.message, error.remedy)
        else:
            yield Check(f"reader {name}", "fine", str(reader.version))


def check_decoders() -> Iterator[Check]:
    """Decode a small image of every compressed transfer syntax that is read, by the code that reads it."""
    for uid, syntax in TRANSFER_SYNTAXES.items():
        if syntax.packing == "native":
            continue
        name = f"decoder {syntax.name}"
        failure = _failure(uid)
        if failure is None:
            yield Check(name, "fine", "decodes the sample")
        else:
            remedy = "Images in this encoding are refused. " + _REINSTALL
            yield Check(name, "limited" if syntax.packing == "htj2k" else "wrong", failure, remedy)


def _failure(uid: str) -> str | None:
    """Return what is wrong with decoding a transfer syntax; None when its sample decodes."""
    from firstread.dicom.decode import stored_values
    from firstread.dicom.frames import Frame
    from firstread.dicom.series import Instance
    from firstread.dicom.source import MemorySource

    bits = 8 if uid == "1.2.840.10008.1.2.4.50" else 12
    header = Dataset()
    header.BitsAllocated = 8 if bits == 8 else 16
    header.BitsStored, header.HighBit, header.PixelRepresentation = bits, bits - 1, 0
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.Rows = header.Columns = SIDE
    instance = Instance(
        source=MemorySource(b""),
        header=header,
        sop_instance_uid="",
        sop_class_uid="",
        transfer_syntax_uid=uid,
        pixel_offset=0,
    )
    try:
        encoded = SAMPLES[uid] if uid in SAMPLES else _high_throughput()
        values = stored_values(encoded, Frame(instance, None, "", rows=SIDE, columns=SIDE))
    except Exception as error:  # a broken installation fails in ways of its own
        return f"{type(error).__name__}: {error}"
    off = int(np.abs(values.astype(np.int64) - expected(bits)).max())
    return None if off <= (TOLERANCE if TRANSFER_SYNTAXES[uid].lossy else 0) else "decodes the sample wrongly"


def _high_throughput() -> bytes:
    """Encode the sample as HTJ2K, of which no stored sample is shipped."""
    import imagecodecs

    return bytes(imagecodecs.htj2k_encode(expected(12).astype(np.uint16), reversible=True))


def check_fonts() -> Check:
    """Look for a Chinese character in the font of the Chinese report."""
    from PIL import ImageFont

    try:
        with resources.as_file(
            resources.files("firstread.reports") / "fonts" / "chinese-regular.ttf"
        ) as path:
            font = ImageFont.truetype(str(path), 20)
            drawn = [bytes(font.getmask(character)) for character in ("肺", "\uffff")]
    except OSError:
        return Check("fonts", "limited", "the Chinese font is missing", "No PDF in Chinese. " + _REINSTALL)
    if drawn[0] == drawn[1]:
        return Check("fonts", "limited", "the Chinese font lacks 肺", "No PDF in Chinese. " + _REINSTALL)
    return Check("fonts", "fine", "Latin and Chinese")
