"""Frames as pictures that a browser shows: rescaled, windowed, scaled (PS3.18 section 8.3.5)."""

import math
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from firstread.dicom.header import number, numbers, text, whole
from firstread.network.dicomweb.opened import NATIVE, Opened
from firstread.network.dicomweb.problems import Problem
from firstread.network.dicomweb.transcode import LARGEST_IMAGE, pixels, unwritable

PICTURE_TYPES = ("image/jpeg", "image/png")
THUMBNAIL_PX = 128
_LARGEST_VIEWPORT_PX = 4096
_DARKEST, _BRIGHTEST = 1.0, 99.0  # percentiles that are shown where no window is given


@dataclass(frozen=True)
class Look:
    """How a frame is shown.

    Args:
        window: Centre and width, in rescaled values (HU for CT); None takes those of the header.
        viewport: Columns and rows that the picture must fit (pixels); None keeps its size.
        quality: Of JPEG, 1 to 100.
    """

    window: tuple[float, float] | None = None
    viewport: tuple[int, int] | None = None
    quality: int = 90

    @classmethod
    def of(cls, window: str, viewport: str, quality: int) -> "Look":
        """Read the query parameters window=CENTRE,WIDTH[,linear|linear-exact] and viewport=COLUMNS,ROWS.

        Raises:
            Problem: 400, they are none.
        """
        try:
            chosen = None
            if window:
                centre, width, *function = window.split(",")
                chosen = (float(centre), float(width))
                if not all(map(math.isfinite, chosen)) or chosen[1] < 1 or abs(chosen[0]) > 1e9:
                    raise ValueError
                if function not in ([], ["linear"], ["linear-exact"]):
                    raise ValueError
            size = None
            if viewport:
                columns, rows = map(int, viewport.split(","))
                size = (columns, rows)
                if not (0 < columns <= _LARGEST_VIEWPORT_PX and 0 < rows <= _LARGEST_VIEWPORT_PX):
                    raise ValueError
        except ValueError:
            raise Problem(
                400,
                "The window or the viewport cannot be used.",
                remedy=f"window=CENTRE,WIDTH and viewport=COLUMNS,ROWS, up to {_LARGEST_VIEWPORT_PX} each.",
            ) from None
        return cls(chosen, size, quality)


def picture(opened: Opened, n: int, look: Look, media_type: str) -> bytes:
    """Return one frame, by its 1-based number, as a JPEG or PNG.

    Raises:
        Problem: 404, there is no such frame; 406, it is of a kind that cannot be shown; 409, it is damaged.
    """
    samples = whole(opened.header, "SamplesPerPixel") or 1
    image = Image.fromarray(_grey(opened, n, look)) if samples == 1 else _colour(opened, n)
    if look.viewport is not None:
        factor = min(look.viewport[0] / image.width, look.viewport[1] / image.height)
        size = (max(round(image.width * factor), 1), max(round(image.height * factor), 1))
        image = image.resize(size, Image.Resampling.BILINEAR)
    stream = BytesIO()
    if media_type == "image/png":
        image.save(stream, "PNG", compress_level=1)
    else:
        image.save(stream, "JPEG", quality=look.quality)
    return stream.getvalue()


def _grey(opened: Opened, n: int, look: Look) -> npt.NDArray[np.uint8]:
    header = opened.header
    slope, intercept = number(header, "RescaleSlope"), number(header, "RescaleIntercept")
    values = pixels(opened, n).astype(np.float32)
    values *= np.float32(1.0 if slope is None else slope)
    values += np.float32(0.0 if intercept is None else intercept)
    window = look.window or _window_of(opened)
    if window is None:
        low, high = np.percentile(values[:: max(values.shape[0] // 256, 1)], (_DARKEST, _BRIGHTEST))
        window = ((low + high) / 2, max(high - low, 1.0))
    centre, width = window
    # PS3.3 C.11.2.1.2.1, linear; a width of 1 is a threshold.
    if width <= 1:
        shown = np.where(values <= centre - 0.5, 0.0, 255.0)
    else:
        shown = ((values - (centre - 0.5)) / (width - 1) + 0.5) * 255.0
    grey: npt.NDArray[np.uint8] = np.clip(np.nan_to_num(shown), 0, 255).astype(np.uint8)
    return 255 - grey if text(header, "PhotometricInterpretation") == "MONOCHROME1" else grey


def _window_of(opened: Opened) -> tuple[float, float] | None:
    places = [opened.header]
    for count in (1, 2):  # several windows: the first
        for place in places:
            centres, widths = numbers(place, "WindowCenter", count), numbers(place, "WindowWidth", count)
            if centres and widths and widths[0] >= 1:
                return centres[0], widths[0]
    return None


def _colour(opened: Opened, n: int) -> Image.Image:
    """Return a colour frame: RGB without compression, 8 bits a sample."""
    header = opened.header
    rows, columns = whole(header, "Rows") or 0, whole(header, "Columns") or 0
    if (
        opened.stored.transfer_syntax_uid not in NATIVE
        or (whole(header, "SamplesPerPixel"), whole(header, "BitsAllocated")) != (3, 8)
        or text(header, "PhotometricInterpretation") != "RGB"
        or rows * columns > LARGEST_IMAGE
    ):
        raise unwritable()
    (frame,) = opened.frames([n])
    samples = np.frombuffer(frame, np.uint8)
    if whole(header, "PlanarConfiguration") == 1:
        return Image.fromarray(np.ascontiguousarray(samples.reshape(3, rows, columns).transpose(1, 2, 0)))
    return Image.fromarray(samples.reshape(rows, columns, 3))
