"""The picture of a key image: the whole slice, an enlarged part with outline and axes, a coronal view."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from firstread.dicom.volume import SourceSlice, Volume
from firstread.findings import NOTICE, Finding

WIDTH, HEIGHT = 1024, 736
"""Pixels of the picture."""

LUNG_WINDOW = (-600.0, 1500.0)
"""Centre and width of the display window, HU."""

_BAR = 40
"""Height of the bar that carries the notice, pixels."""
_SLICE_SIDE = 620
_ZOOM_SIDE = 400
_CORONAL_TOP = _BAR + _ZOOM_SIDE + 4
_TEXT_TOP = _BAR + _SLICE_SIDE + 4

_ZOOM_MM = (40.0, 3.0)
"""Side of the enlarged part: at least so many mm, and so many times the lesion's length."""

_AMBER = (255, 176, 0)
_OUTLINE = (255, 120, 40)
_LONG = (90, 220, 255)
_SHORT = (150, 255, 150)
_WHITE = (235, 235, 235)
_GREY = (150, 150, 150)
_BLACK = (0, 0, 0)

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class _View:
    """Where a part of a slice lies on the picture: pixel = corner + scale · (index − start)."""

    corner: tuple[float, float]
    start: tuple[float, float]
    scale: tuple[float, float]

    def at(self, row: float, column: float) -> tuple[float, float]:
        """Map the centre of a voxel (row, column) to a picture point (x, y)."""
        x = self.corner[0] + (column + 0.5 - self.start[1]) * self.scale[1]
        y = self.corner[1] + (row + 0.5 - self.start[0]) * self.scale[0]
        return x, y


def draw_key_picture(finding: Finding, volume: Volume) -> Image.Image:
    """Draw a finding: whole slice on the left, enlarged on the right, coronal below it, numbers at the foot.

    The slice is the one on which the finding is largest. Returns an RGB image of 1024 by 736 pixels.
    """
    source = shown_source(finding, volume)
    grid_slice = int(np.clip(np.rint(source.index), 0, volume.geometry.shape[0] - 1))
    center = volume.geometry.to_index(finding.center_lps_mm)
    picture = Image.new("RGB", (WIDTH, HEIGHT))
    draw = ImageDraw.Draw(picture)
    _draw_slice(picture, draw, finding, volume, grid_slice, center)
    _draw_enlarged(picture, draw, finding, volume, grid_slice, center)
    _draw_coronal(picture, draw, finding, volume, center)
    _draw_words(draw, finding, volume, source)
    return picture


def shown_source(finding: Finding, volume: Volume) -> SourceSlice:
    """Return the stored image on which the finding is largest; the nearest to its centre if it is unknown."""
    wanted = (finding.sop_instance_uid, finding.frame_number)
    for source in volume.sources:
        if (source.sop_instance_uid, source.frame_number) == wanted:
            return source
    return volume.source_nearest(float(volume.geometry.to_index(finding.center_lps_mm)[0]))


def _windowed(hu: npt.NDArray[np.int16]) -> Pixels:
    centre, width = LUNG_WINDOW
    grey = (hu.astype(np.float32) - (centre - width / 2)) * (255 / width)
    pixels: Pixels = np.clip(grey, 0, 255).astype(np.uint8)
    return pixels


def _draw_slice(
    picture: Image.Image,
    draw: ImageDraw.ImageDraw,
    finding: Finding,
    volume: Volume,
    grid_slice: int,
    center: npt.NDArray[np.float64],
) -> None:
    pixels = _windowed(volume.hu[grid_slice])
    _, row_mm, column_mm = volume.geometry.spacing_mm
    view = _place(picture, pixels, (0, _BAR), (_SLICE_SIDE, _SLICE_SIDE), (row_mm, column_mm))
    radius_mm = max(finding.size_mm) / 2 + 5
    _ring(draw, view, (center[1], center[2]), (radius_mm / row_mm, radius_mm / column_mm))
    left, right = ("R", "L") if volume.geometry.affine[0, 2] > 0 else ("L", "R")
    draw.text(
        (8, _BAR + _SLICE_SIDE / 2),
        left,
        _WHITE,
        font=_font(18),
        anchor="lm",
        stroke_width=2,
        stroke_fill=_BLACK,
    )
    draw.text(
        (_SLICE_SIDE - 8, _BAR + _SLICE_SIDE / 2),
        right,
        _WHITE,
        font=_font(18),
        anchor="rm",
        stroke_width=2,
        stroke_fill=_BLACK,
    )


def _draw_enlarged(
    picture: Image.Image,
    draw: ImageDraw.ImageDraw,
    finding: Finding,
    volume: Volume,
    grid_slice: int,
    center: npt.NDArray[np.float64],
) -> None:
    least_mm, times = _ZOOM_MM
    side_mm = max(least_mm, times * max(finding.size_mm))
    _, row_mm, column_mm = volume.geometry.spacing_mm
    half = np.array([side_mm / row_mm / 2, side_mm / column_mm / 2])
    first = np.floor(center[1:] - half).astype(int)
    shape = np.maximum(np.ceil(2 * half).astype(int), 2)
    pixels = _windowed(_window_of(volume.hu[grid_slice], first, shape))
    corner, side = (WIDTH - _ZOOM_SIDE, _BAR), (_ZOOM_SIDE, _ZOOM_SIDE)
    view = _place(picture, pixels, corner, side, (row_mm, column_mm), start=first)
    if finding.mask is not None:
        whole = finding.mask.voxels
        inside = grid_slice - finding.mask.offset[0]
        if 0 <= inside < len(whole):
            offset = np.array(finding.mask.offset[1:])
            _outline(
                picture, view, whole[inside], offset, (*corner, corner[0] + side[0], corner[1] + side[1])
            )
    if finding.axes_lps_mm is not None:
        for ends, colour in ((finding.axes_lps_mm.long, _LONG), (finding.axes_lps_mm.short, _SHORT)):
            points = [view.at(*volume.geometry.to_index(end)[1:]) for end in ends]
            draw.line(points, fill=colour, width=2)
    elif finding.mask is None:
        radius_mm = max(finding.size_mm) / 2 + 1
        _ring(draw, view, (center[1], center[2]), (radius_mm / row_mm, radius_mm / column_mm))
    _scale_bar(draw, view.scale[1] / column_mm, (WIDTH - 16, _BAR + _ZOOM_SIDE - 14))


def _draw_coronal(
    picture: Image.Image,
    draw: ImageDraw.ImageDraw,
    finding: Finding,
    volume: Volume,
    center: npt.NDArray[np.float64],
) -> None:
    slice_mm, _, column_mm = volume.geometry.spacing_mm
    slices = volume.geometry.shape[0]
    row = int(np.clip(np.rint(center[1]), 0, volume.geometry.shape[1] - 1))
    # Slices ascend to the head, pictures descend from it.
    pixels = np.ascontiguousarray(_windowed(volume.hu[::-1, row, :]))
    box = (_ZOOM_SIDE, HEIGHT - _CORONAL_TOP)
    view = _place(picture, pixels, (WIDTH - _ZOOM_SIDE, _CORONAL_TOP), box, (slice_mm, column_mm))
    radius_mm = max(finding.size_mm) / 2 + 8
    place = (slices - 1 - center[0], center[2])
    _ring(draw, view, place, (radius_mm / slice_mm, radius_mm / column_mm))


def _window_of(
    image: npt.NDArray[np.int16], first: npt.NDArray[np.int_], shape: npt.NDArray[np.int_]
) -> npt.NDArray[np.int16]:
    """Cut a window out of a slice; what lies outside the slice is air."""
    window = np.full(tuple(shape), -1000, np.int16)
    start = np.maximum(first, 0)
    stop = np.minimum(first + shape, image.shape)
    if (stop > start).all():
        there = tuple(slice(a - f, b - f) for a, b, f in zip(start, stop, first, strict=True))
        window[there] = image[start[0] : stop[0], start[1] : stop[1]]
    return window


def _place(
    picture: Image.Image,
    pixels: Pixels,
    corner: tuple[int, int],
    box: tuple[int, int],
    spacing_mm: tuple[float, float],
    *,
    start: npt.NDArray[np.int_] | tuple[int, int] = (0, 0),
) -> _View:
    """Put an image into a box (width, height) of the picture, in true proportions, centred."""
    rows, columns = pixels.shape
    height_mm, width_mm = rows * spacing_mm[0], columns * spacing_mm[1]
    per_mm = min(box[0] / width_mm, box[1] / height_mm)
    size = max(1, round(width_mm * per_mm)), max(1, round(height_mm * per_mm))
    at = corner[0] + (box[0] - size[0]) // 2, corner[1] + (box[1] - size[1]) // 2
    picture.paste(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC), at)
    scale = size[1] / rows, size[0] / columns
    return _View(corner=at, start=(float(start[0]), float(start[1])), scale=scale)


def _outline(
    picture: Image.Image,
    view: _View,
    region: npt.NDArray[np.bool_],
    offset: npt.NDArray[np.int_],
    limits: tuple[int, int, int, int],
) -> None:
    """Draw the border of a region of the slice, along its voxels' edges."""
    rows, columns = region.shape
    height = max(1, round(rows * view.scale[0]))
    width = max(1, round(columns * view.scale[1]))
    enlarged = Image.fromarray(region.astype(np.uint8) * 255).resize(
        (width, height), Image.Resampling.NEAREST
    )
    filled = ImageOps.expand(enlarged, 2)
    border = np.asarray(filled.filter(ImageFilter.MaxFilter(3))) > np.asarray(filled)
    x = round(view.corner[0] + (offset[1] - view.start[1]) * view.scale[1]) - 2
    y = round(view.corner[1] + (offset[0] - view.start[0]) * view.scale[0]) - 2
    ys, xs = np.nonzero(border)
    left, top, right, bottom = limits
    for px, py in zip((xs + x).tolist(), (ys + y).tolist(), strict=True):
        if left <= px < right and top <= py < bottom:
            picture.putpixel((px, py), _OUTLINE)


def _ring(
    draw: ImageDraw.ImageDraw,
    view: _View,
    place: tuple[float, float],
    radius: tuple[float, float],
) -> None:
    x, y = view.at(*place)
    dx, dy = radius[1] * view.scale[1], radius[0] * view.scale[0]
    draw.ellipse((x - dx, y - dy, x + dx, y + dy), outline=_OUTLINE, width=2)


def _scale_bar(draw: ImageDraw.ImageDraw, per_mm: float, end: tuple[float, float]) -> None:
    x, y = end
    start = x - 10 * per_mm
    draw.line([(start - 1, y), (x + 1, y)], fill=_BLACK, width=5)
    draw.line([(start, y), (x, y)], fill=_WHITE, width=2)
    draw.text(
        ((start + x) / 2, y - 4),
        "10 mm",
        _WHITE,
        font=_font(14),
        anchor="mb",
        stroke_width=2,
        stroke_fill=_BLACK,
    )


def _draw_words(draw: ImageDraw.ImageDraw, finding: Finding, volume: Volume, source: SourceSlice) -> None:
    draw.rectangle((0, 0, WIDTH, _BAR - 1), fill=(40, 28, 0))
    draw.text((12, _BAR / 2), NOTICE, _AMBER, font=_font(24), anchor="lm")
    draw.text((WIDTH - 12, _BAR / 2), "firstread", _GREY, font=_font(18), anchor="rm")
    first, second, third = words(finding, volume, source)
    draw.text((12, _TEXT_TOP), first, _WHITE, font=_font(20))
    draw.text((12, _TEXT_TOP + 25), second, _WHITE, font=_font(16))
    draw.text((12, _TEXT_TOP + 47), third, _GREY, font=_font(14))


def words(finding: Finding, volume: Volume, source: SourceSlice) -> tuple[str, str, str]:
    """Return the lines at the picture's foot: what it is, how large, where."""
    kind = finding.concept.meaning.lower()
    what = f"{finding.id}  {finding.attenuation} {kind}" if finding.attenuation else f"{finding.id}  {kind}"
    place = ", ".join(
        part for part in (_lung(finding), "juxtapleural" if finding.juxtapleural else "") if part
    )
    what = f"{what}, {place}" if place else what
    size = []
    if finding.diameter_mm:
        axes = finding.diameter_mm
        size.append(f"{axes.long:.1f} x {axes.short:.1f} mm, mean {axes.mean:.1f} mm")
    if finding.solid_part_mm:
        size.append(f"solid part {finding.solid_part_mm.mean:.1f} mm")
    if finding.volume_mm3 is not None:
        size.append(f"{finding.volume_mm3:.0f} mm3")
    if finding.category:
        size.append(f"{finding.category.scheme} {finding.category.value}")
    if finding.comparison:
        size.append(finding.comparison.change)
    number = volume.sources.index(source) + 1
    z = volume.geometry.to_lps((source.index, 0, 0))[2]
    where = f"image {number} of {len(volume.sources)} from below, z {z:.1f} mm, lung window"
    return what, "   ".join(size), where


def _lung(finding: Finding) -> str:
    if finding.lobe:
        return f"{finding.lobe} lobe"
    side = f"{finding.laterality} lung" if finding.laterality else ""
    return f"{side}, {finding.zone} zone" if side and finding.zone else side


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
