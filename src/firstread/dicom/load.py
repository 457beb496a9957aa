"""A series becomes a volume: decoded, put in order, repaired where that is safe."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firstread.cores import cores
from firstread.dicom.decode import Undecodable, stored_values
from firstread.dicom.frames import Frame, frames_of
from firstread.dicom.gaps import LARGEST_SHARE, LEAST_SLICES, check_extent, check_gaps
from firstread.dicom.geometry import Geometry
from firstread.dicom.header import text
from firstread.dicom.hounsfield import hounsfield, rescale_of
from firstread.dicom.pixels import encoded_frames
from firstread.dicom.plausible import implausible_slices
from firstread.dicom.quiet import quiet
from firstread.dicom.series import Instance, Series
from firstread.dicom.stack import Stack, build_stack
from firstread.dicom.transfer_syntax import TRANSFER_SYNTAXES
from firstread.dicom.volume import SourceSlice, Volume
from firstread.errors import RefusedInput
from firstread.progress import Progress, silent

LARGEST_VOLUME = 1 << 30
"""Voxels, 2 GiB of them."""

Slices = npt.NDArray[np.int16]


def load_volume(series: Series, *, threads: int | None = None, progress: Progress = silent) -> Volume:
    """Decode a series into HU on an even grid.

    Args:
        series: A CT series.
        threads: Decoding threads; None takes one for each core that this process may use.
        progress: Called with the stage "load".

    Raises:
        NothingReadable: the series holds no CT images.
        RefusedInput: it does, but no volume that could be read safely. The message says why.
    """
    progress("load", 0.0)
    with quiet():
        stack = build_stack(frames_of(series), series_uid=series.uid)
        rows, columns = stack.first.rows, stack.first.columns
        voxels = rows * columns * max(len(stack.slots), int(stack.index[-1]) + 1)
        if voxels > LARGEST_VOLUME:
            raise RefusedInput(
                f"Series {series.uid} has {voxels >> 20} Mi voxels; "
                f"at most {LARGEST_VOLUME >> 20} Mi are read."
            )
        decoded = _decode(stack, threads=threads or cores(), progress=progress)
        volume = _assemble(series, stack, decoded)
    progress("load", 1.0)
    return volume


@dataclass(frozen=True, eq=False)
class _Decoded:
    """HU of each slot, the frame that was taken for it (None where none could be), and sentences."""

    hu: Slices
    taken: list[Frame | None]
    warnings: list[str]


def _decode(stack: Stack, *, threads: int, progress: Progress) -> _Decoded:
    hu = np.empty((len(stack.slots), stack.first.rows, stack.first.columns), np.int16)
    places = {frame: (n, k) for n, slot in enumerate(stack.slots) for k, frame in enumerate(slot)}
    by_instance: dict[Instance, list[Frame]] = {}
    for frame in places:
        by_instance.setdefault(frame.instance, []).append(frame)
    # The images of one position beyond the first; compared with it below.
    again: dict[Frame, Slices] = {f: np.empty(hu.shape[1:], np.int16) for f, (_, k) in places.items() if k}
    targets = {frame: again.get(frame, hu[n]) for frame, (n, _) in places.items()}
    good: set[Frame] = set()
    with ThreadPoolExecutor(threads, "decode") as pool:
        try:
            waiting = [
                job
                for instance, frames in by_instance.items()
                for job in _submit(pool, instance, frames, targets)
            ]
            for done, job in enumerate(as_completed(waiting), start=1):
                good.update(job.result())
                if done % 8 == 0:
                    progress("load", 0.95 * done / len(waiting))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    taken, warnings = _settle(stack, hu, again, good)
    return _Decoded(hu, taken, warnings)


def _submit(
    pool: ThreadPoolExecutor, instance: Instance, frames: list[Frame], targets: dict[Frame, Slices]
) -> list[Future[list[Frame]]]:
    if len(frames) == 1:
        return [pool.submit(_read, instance, frames, targets)]
    # A multi-frame object is read once, and its frames are decoded side by side.
    encoded = _encoded(instance)
    return [pool.submit(_decode_frames, encoded, [frame], targets) for frame in frames]


def _read(instance: Instance, frames: list[Frame], targets: dict[Frame, Slices]) -> list[Frame]:
    return _decode_frames(_encoded(instance), frames, targets)


def _encoded(instance: Instance) -> Sequence[bytes | None]:
    # Whatever goes wrong here (a file that is gone, a checksum, a broken item), the image is missing.
    try:
        return encoded_frames(instance)
    except Exception:
        return []


def _decode_frames(
    encoded: Sequence[bytes | None], frames: list[Frame], targets: dict[Frame, Slices]
) -> list[Frame]:
    """Decode into the targets; return the frames for which it worked."""
    good = []
    for frame in frames:
        n = (frame.frame_number or 1) - 1
        bits = encoded[n] if n < len(encoded) else None
        if bits is None:
            continue
        try:
            hounsfield(stored_values(bits, frame), rescale_of(frame), targets[frame])
        except (Undecodable, MemoryError):
            continue
        good.append(frame)
    return good


def _settle(
    stack: Stack, hu: Slices, again: dict[Frame, Slices], good: set[Frame]
) -> tuple[list[Frame | None], list[str]]:
    """Decide which image stands for each position."""
    pixels = {frame: again.get(frame, hu[n]) for n, slot in enumerate(stack.slots) for frame in slot}
    readable = [[frame for frame in slot if frame in good] for slot in stack.slots]
    taken: list[Frame | None] = [held[0] if held else None for held in readable]
    same, different = 0, 0
    for n, held in enumerate(readable):
        distinct = held[:1]
        for frame in held[1:]:
            if any(np.array_equal(pixels[frame], pixels[other]) for other in distinct):
                same += 1
            else:
                distinct.append(frame)
        different += max(0, len(distinct) - 1)
        if len(distinct) > 1:
            beside = [pixels[near] for m in (n - 1, n + 1) if 0 <= m < len(taken) and (near := taken[m])]
            taken[n] = min(
                distinct, key=lambda frame: sum(_difference(pixels[frame], other) for other in beside)
            )
    for n, kept in enumerate(taken):
        if kept in again:
            hu[n] = again[kept]
    warnings = [f"{same} duplicate image(s) with identical pixels left out."] if same else []
    if different > max(1.0, LARGEST_SHARE * len(stack.slots)):
        raise RefusedInput(
            f"Series {stack_uid(stack)} has {different} images with other pixels at positions that are "
            "already taken, and nothing in their headers tells the acquisitions apart.",
            remedy="Send the acquisitions as separate series.",
        )
    if different:
        warnings.append(
            f"{different} image(s) with other pixels at a position that was already taken left out; the "
            "one that resembles its neighbours more was kept."
        )
    return taken, warnings


def _difference(a: Slices, b: Slices) -> float:
    return float(np.abs(a.astype(np.int32) - b).mean())


def stack_uid(stack: Stack) -> str:
    """Return the Series Instance UID of the stack's images."""
    return text(stack.first.instance.header, "SeriesInstanceUID")


def _assemble(series: Series, stack: Stack, decoded: _Decoded) -> Volume:
    name = f"Series {series.uid}"
    warnings = [*stack.warnings, *decoded.warnings]
    readable = np.array([frame is not None for frame in decoded.taken])
    damaged = int((~readable).sum())
    if readable.sum() < LEAST_SLICES:
        raise RefusedInput(
            f"{name}: the pixels of {damaged} of {len(readable)} images cannot be decoded.",
            remedy="Send the series again; its pixel data is cut off or damaged.",
        )
    odd = implausible_slices(decoded.hu, readable)
    readable[odd] = False
    kept = np.flatnonzero(readable)
    index = stack.index[kept]
    if (lost := len(readable) - len(kept)) > max(1.0, LARGEST_SHARE * len(readable)):
        raise RefusedInput(
            f"{name}: the pixels of {lost} of {len(readable)} images are cut off or damaged.",
            remedy="Send the series again.",
        )
    step = stack.distance_mm
    check_extent(index * step, name)
    missing = check_gaps(index, step, name) if stack.even else 0
    if damaged:
        warnings.append(f"{damaged} image(s) whose pixel data is cut off or damaged left out.")
    if len(odd):
        warnings.append(
            f"{len(odd)} image(s) whose pixels do not resemble their neighbours' left out as damaged."
        )
    if stack.even and missing:
        warnings.append(
            f"{missing} missing slice(s) of {int(index[-1] - index[0]) + 1} interpolated from their "
            "neighbours."
        )
    first = int(index[0]) if stack.even else float(index[0])
    index = index - first
    count = round(float(index[-1])) + 1
    whole = stack.even and count == len(readable) == len(kept)
    hu = (
        decoded.hu
        if whole
        else _regrid(decoded.hu[kept] if len(kept) < len(readable) else decoded.hu, index, count)
    )
    frames = [frame for n in kept if (frame := decoded.taken[n]) is not None]
    warnings += _remarks(frames)
    start = frames[0]
    return Volume(
        hu=hu,
        geometry=Geometry.from_axes(
            shape=(hu.shape[0], hu.shape[1], hu.shape[2]),
            origin_lps_mm=start.position_mm,
            slice_step_mm=stack.step_mm,
            row_step_mm=start.orientation[3:] * start.spacing_mm[0],
            column_step_mm=start.orientation[:3] * start.spacing_mm[1],
        ),
        sources=tuple(
            SourceSlice(frame.instance.sop_instance_uid, frame.frame_number, float(place))
            for frame, place in zip(frames, index, strict=True)
        ),
        headers=tuple(frame.instance.header for frame in frames),
        warnings=tuple(warnings),
    )


def _regrid(hu: Slices, index: npt.NDArray[np.float64], count: int) -> Slices:
    """Put slices at ascending places `index` on the grid 0 … count - 1, linearly between neighbours."""
    grid = np.empty((count, *hu.shape[1:]), np.int16)
    for n in range(count):
        after = min(int(np.searchsorted(index, n - 1e-6)), len(index) - 1)
        before = max(0, after - 1)
        if abs(index[after] - n) < 0.05 or after == before:
            grid[n] = hu[after]
        elif abs(index[before] - n) < 0.05:
            grid[n] = hu[before]
        else:
            share = np.float32((n - index[before]) / (index[after] - index[before]))
            grid[n] = np.rint(hu[before] + (hu[after].astype(np.float32) - hu[before]) * share)
    return grid


def _remarks(frames: list[Frame]) -> list[str]:
    """Say what else a reader of the report has to know of the pixels."""
    remarks = []
    first = frames[0].instance
    if any(text(frame.instance.header, "PhotometricInterpretation") == "MONOCHROME1" for frame in frames):
        # It says how to show a value; what the value measures, the rescale says (PS3.3 C.11.1).
        remarks.append(
            "Images are MONOCHROME1; that concerns display only, and HU follow the rescale as always."
        )
    contested = {hu for frame in frames if (hu := rescale_of(frame).contested) is not None}
    if contested:
        named = ", ".join(f"{hu:.0f}" for hu in sorted(contested)[:3])
        remarks.append(
            f"Pixel Padding Value stands for {named} HU, which tissue has too; it was not left out."
        )
    lossy = TRANSFER_SYNTAXES[first.transfer_syntax_uid].lossy and not first.transfer_syntax_uid.endswith(
        ".91"
    )
    if lossy or any(text(frame.instance.header, "LossyImageCompression") == "01" for frame in frames):
        remarks.append("Images were compressed with loss; attenuations and small nodules may be altered.")
    return remarks
