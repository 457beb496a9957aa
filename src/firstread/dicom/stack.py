"""Stored images become a stack: one orientation, one matrix, ascending along the normal of the slices.

Only Image Position and Image Orientation (Patient) say where a slice lies (PS3.3 C.7.6.2); neither file names
nor Instance Number are looked at.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firstread.dicom.frames import MOST_FRAMES, TRAITS, Frame
from firstread.dicom.gaps import LARGEST_STEP_MM, LEAST_SLICES, check_extent, check_gaps
from firstread.errors import NothingReadable, RefusedInput

Array = npt.NDArray[np.float64]

SAME_POSITION_MM = 0.05
LARGEST_TILT_DEGREES = 45.0
_TILT_DEGREES = 0.1
_SIDEWAYS_MM = 1.0
_SPACING_SHARE = 0.1
_MOST_PARTS = 8


@dataclass(frozen=True, eq=False)
class Stack:
    """Slices in order, and the even grid they are put on.

    Attributes:
        slots: The images of each position, ascending along the normal; several where slices are duplicated.
        index: Place of each slot on the grid; whole numbers if `even`.
        step_mm: Patient vector from one grid slice to the next.
        even: Whether every slot lies on the grid.
        warnings: What was left out or put right, in sentences.
    """

    slots: tuple[tuple[Frame, ...], ...]
    index: Array
    step_mm: Array
    even: bool
    warnings: tuple[str, ...] = ()

    @property
    def first(self) -> Frame:
        """An image of the first position."""
        return self.slots[0][0]

    @property
    def distance_mm(self) -> float:
        """Distance between grid slices along the normal."""
        return float(self.step_mm @ self.first.normal)

    @property
    def coverage_mm(self) -> float:
        """Length of the patient that is imaged, along the normal."""
        return float((self.index[-1] + 1) * self.distance_mm)


def build_stack(frames: tuple[Frame, ...], *, series_uid: str) -> Stack:
    """Sort the images of a series into its dominant stack.

    Raises:
        NothingReadable: the series holds no CT images.
        RefusedInput: no stack dominates, or the one that does has holes too large to repair.
    """
    name = f"Series {series_uid}"
    usable, warnings = _usable(frames, name)
    dominant = _dominant(usable, name, warnings)
    slots, along = _slots(dominant)
    dominant = _aligned(slots, along, name, warnings)
    slots, along = _slots(dominant)
    if len(slots) >= 2 and (len(slots) < len(dominant) or not _grid(along)[2]):
        dominant = _one_part(dominant, warnings)
        slots, along = _slots(dominant)
    check_extent(along, name)
    step, index, even = _grid(along)
    if step > LARGEST_STEP_MM:
        raise RefusedInput(
            f"{name}: slices are {step:.1f} mm apart, and nodules lie unseen between them.",
            remedy="Give a reconstruction with thinner slices.",
        )
    if even:
        check_gaps(index, step, name)
    else:
        # Where spacing changes there is no count of slices that should be there, only the width of each hole.
        check_gaps(index, step, name, share=1.0)
        steps = np.diff(along)
        warnings.append(
            f"Slices are {steps.min():.2f} to {steps.max():.2f} mm apart; the volume was interpolated to an "
            f"even {step:.2f} mm."
        )
    first, last = slots[0][0].position_mm, slots[-1][0].position_mm
    step_mm = (last - first) / index[-1]
    _note_tilt(step_mm, slots[0][0].normal, name, warnings)
    _note_thickness(step, slots, warnings)
    return Stack(slots, index, step_mm, even, tuple(warnings))


def _usable(frames: tuple[Frame, ...], name: str) -> tuple[list[Frame], list[str]]:
    if not frames:
        raise NothingReadable(f"{name} holds no images.")
    if len(frames) > MOST_FRAMES:
        raise RefusedInput(f"{name} holds {len(frames)} images; at most {MOST_FRAMES} are read.")
    flaws = Counter(frame.flaw for frame in frames if frame.flaw)
    named = "; ".join(f"{flaw} ({count})" for flaw, count in flaws.most_common(4))
    usable = [frame for frame in frames if not frame.flaw]
    if not usable:
        if set(flaws) == {"not CT"}:
            raise NothingReadable(f"{name} holds no CT images.", remedy="Give a chest CT.")
        raise RefusedInput(
            f"{name}: none of its {len(frames)} images can be used: {named}.",
            remedy="Send the original series again from the scanner or PACS.",
        )
    scouts = [frame for frame in usable if "LOCALIZER" in frame.image_type]
    usable = [frame for frame in usable if "LOCALIZER" not in frame.image_type]
    if not usable:
        raise NothingReadable(f"{name} holds localizer images only.")
    warnings = [f"{sum(flaws.values())} image(s) of the series left out: {named}."] if flaws else []
    if scouts:
        warnings.append(f"{len(scouts)} localizer image(s) in the series left out.")
    return usable, warnings


def _dominant(usable: list[Frame], name: str, warnings: list[str]) -> list[Frame]:
    """Keep the images that share frame of reference, matrix, orientation and pixel size with most others."""
    groups: dict[tuple[str, int, int], list[tuple[Array, list[Frame]]]] = {}
    for frame in usable:
        plane = np.concatenate([frame.orientation, 100 * np.log(frame.spacing_mm)])
        key = (frame.frame_of_reference_uid, frame.rows, frame.columns)
        alike = groups.setdefault(key, [])
        for representative, held in alike[:64]:
            # 0.01 in a direction cosine is half a degree; 0.2 is 0.2 % of the pixel size.
            if np.all(np.abs(plane - representative) < [0.01] * 6 + [0.2] * 2):
                held.append(frame)
                break
        else:
            alike.append((plane, [frame]))
    ranked = sorted((held for alike in groups.values() for _, held in alike), key=len, reverse=True)
    dominant = ranked[0]
    odd = len(usable) - len(dominant)
    if 2 * len(dominant) <= len(usable):
        raise RefusedInput(
            f"{name} mixes {len(ranked)} groups of images that differ in orientation, matrix, pixel size or "
            f"frame of reference, and none has more than half of its {len(usable)} images.",
            remedy="Send the reconstructions as separate series.",
        )
    if odd:
        warnings.append(
            f"{odd} image(s) of another orientation, matrix, pixel size or frame of reference left out; "
            f"{len(dominant)} belong together."
        )
    return dominant


def _slots(frames: list[Frame]) -> tuple[tuple[tuple[Frame, ...], ...], Array]:
    """Order images along the normal, those of one position in one slot; return slots and positions in mm."""
    normal = frames[0].normal
    along = np.array([frame.position_mm @ normal for frame in frames])
    order = sorted(range(len(frames)), key=lambda n: (along[n], _identity(frames[n])))
    slots: list[list[Frame]] = []
    positions: list[float] = []
    for n in order:
        if slots and along[n] - positions[-1] < SAME_POSITION_MM:
            slots[-1].append(frames[n])
        else:
            slots.append([frames[n]])
            positions.append(float(along[n]))
    return tuple(tuple(sorted(slot, key=_identity)) for slot in slots), np.array(positions)


def _identity(frame: Frame) -> tuple[str, int]:
    return frame.instance.sop_instance_uid, frame.frame_number or 0


def _aligned(
    slots: tuple[tuple[Frame, ...], ...], along: Array, name: str, warnings: list[str]
) -> list[Frame]:
    """Leave out the images that lie beside the line on which most are stacked."""
    frames = [frame for slot in slots for frame in slot]
    if len(slots) < LEAST_SLICES:
        return frames
    at = np.repeat(along, [len(slot) for slot in slots])
    normal = frames[0].normal
    positions = np.array([frame.position_mm for frame in frames])
    sideways = positions - np.outer(positions @ normal, normal)
    firsts = np.array([slot[0].position_mm for slot in slots])
    beside = firsts - np.outer(firsts @ normal, normal)
    # Theil-Sen with pairs half the stack apart: a few shifted slices cannot bend the line.
    half = len(slots) // 2
    slope = np.median((beside[half:] - beside[:-half]) / (along[half:] - along[:-half])[:, None], axis=0)
    off = sideways - np.outer(at, slope)
    far = np.linalg.norm(off - np.median(off, axis=0), axis=1) > _SIDEWAYS_MM
    if far.sum() * 2 >= len(frames):
        raise RefusedInput(f"{name}: its slices are not stacked on one line.")
    if far.any():
        warnings.append(f"{int(far.sum())} image(s) shifted sideways against the rest left out.")
    return [frame for frame, away in zip(frames, far, strict=True) if not away]


def _grid(along: Array) -> tuple[float, Array, bool]:
    """Find the even grid behind positions in mm: step, place of each on it, and whether all lie on it."""
    if len(along) < 2:
        return 0.0, np.zeros(len(along)), True
    steps = np.diff(along)
    usual = float(np.median(steps))
    counts = np.concatenate([[0.0], np.cumsum(np.maximum(1, np.rint(steps / usual)))])
    step = float((along[-1] - along[0]) / counts[-1])
    off = np.abs(along - along[0] - counts * step).max()
    if off <= _SPACING_SHARE * step + 0.02:
        return step, counts, True
    # An even grid that ends where the last slice lies.
    whole = max(1, round((along[-1] - along[0]) / usual))
    step = float((along[-1] - along[0]) / whole)
    return step, (along - along[0]) / step, False


def _one_part(frames: list[Frame], warnings: list[str]) -> list[Frame]:
    """Where two acquisitions or reconstructions share the series, keep one that is complete by itself."""
    extent = np.ptp(_slots(frames)[1])
    for n, trait in enumerate(TRAITS):
        parts: dict[str, list[Frame]] = {}
        for frame in frames:
            parts.setdefault(frame.traits[n], []).append(frame)
        if not 2 <= len(parts) <= _MOST_PARTS:
            continue
        complete = []
        for value, part in parts.items():
            slots, along = _slots(part)
            alone = len(slots) == len(part) and len(slots) >= LEAST_SLICES and _grid(along)[2]
            if alone and np.ptp(along) >= 0.8 * extent:
                complete.append((-len(part), part[0].thickness_mm or 0.0, value, part))
        if complete:
            _, _, value, part = min(complete, key=lambda c: c[:3])
            others = ", ".join(sorted(v or "none" for v in parts if v != value))
            warnings.append(
                f"The series holds several acquisitions or reconstructions ({trait}); the one with "
                f"{value or 'none'} was read ({len(part)} images), not {others}."
            )
            return part
    return frames


def _note_tilt(step_mm: Array, normal: Array, name: str, warnings: list[str]) -> None:
    tilt = np.degrees(np.arccos(np.clip(step_mm @ normal / np.linalg.norm(step_mm), -1, 1)))
    if tilt > LARGEST_TILT_DEGREES:
        raise RefusedInput(f"{name}: its slices are stacked at {tilt:.0f}° to their normal.")
    if tilt > _TILT_DEGREES:
        warnings.append(
            f"The slices are tilted by {tilt:.1f}° against the axis they are stacked on (gantry tilt); "
            "measurements follow the oblique grid."
        )


def _note_thickness(step: float, slots: tuple[tuple[Frame, ...], ...], warnings: list[str]) -> None:
    thickness = slots[0][0].thickness_mm
    if thickness and 0 < thickness < 0.7 * step:
        warnings.append(
            f"Slices of {thickness:.2f} mm are {step:.2f} mm apart: the tissue between them was not imaged."
        )
