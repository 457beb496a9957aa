"""Key images: a nodule's slice with its measurements drawn in, as PNG and Secondary Capture (PS3.3 A.8.1).

They are pictures for people, never the only result: what they show is coded in the structured report.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from firstread.dicom.coded import coded
from firstread.dicom.derived_object import derived_object, instance_reference
from firstread.dicom.key_picture import draw_key_picture, shown_source
from firstread.dicom.quiet import quiet
from firstread.dicom.source_planes import sop_class_uid
from firstread.dicom.volume import Volume
from firstread.findings import NOTICE, Code, Finding, ReadResult

SERIES_NUMBER = 9903

_SOURCE_IMAGE = Code(value="121322", scheme="DCM", meaning="Source image for image processing operation")
_PNG_EFFORT = 3
"""zlib level: higher ones take several times as long to save a tenth."""


@dataclass(frozen=True, eq=False)
class KeyImage:
    """A picture of one finding.

    Attributes:
        finding_id: Whose picture it is.
        stem: File name without extension, e.g. key-N1.
        png: The picture as a PNG file.
        dataset: The same picture as a Secondary Capture instance.
    """

    finding_id: str
    stem: str
    png: bytes
    dataset: Dataset


def key_images(
    result: ReadResult,
    volume: Volume,
    *,
    created: datetime,
    findings: Sequence[Finding] | None = None,
) -> list[KeyImage]:
    """Return one key image a finding, in their order.

    Args:
        result: The read.
        volume: The series that was read.
        created: Date and time of the content.
        findings: Those to show; all of the read's when None.
    """
    shown = result.findings if findings is None else findings
    pictures = [(finding, draw_key_picture(finding, volume)) for finding in shown]
    with quiet():
        return _with_captures(pictures, result, volume, created=created)


def _with_captures(
    pictures: Sequence[tuple[Finding, Image.Image]],
    result: ReadResult,
    volume: Volume,
    *,
    created: datetime,
) -> list[KeyImage]:
    return [
        KeyImage(
            finding_id=finding.id,
            stem=f"key-{finding.id}",
            png=_png(picture),
            dataset=_secondary_capture(
                finding, picture, result, volume, created=created, instance_number=number
            ),
        )
        for number, (finding, picture) in enumerate(pictures, start=1)
    ]


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=_PNG_EFFORT)
    return buffer.getvalue()


def _secondary_capture(
    finding: Finding,
    picture: Image.Image,
    result: ReadResult,
    volume: Volume,
    *,
    created: datetime,
    instance_number: int,
) -> Dataset:
    dataset = derived_object(
        result,
        volume,
        sop_class=SecondaryCaptureImageStorage,
        modality="OT",
        kind="key images",
        series_number=SERIES_NUMBER,
        created=created,
        instance_number=instance_number,
        content=finding.id,
        code_schemes=False,
    )
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.ConversionType = "WSD"
    dataset.BurnedInAnnotation = "YES"
    dataset.RecognizableVisualFeatures = "NO"
    dataset.BodyPartExamined = "CHEST"
    dataset.PatientOrientation = None
    dataset.ImageComments = NOTICE
    dataset.DerivationDescription = f"Finding {finding.id} with measurements drawn in. {NOTICE}."
    dataset.SourceImageSequence = [_source(finding, volume)]
    dataset.LossyImageCompression = "00"
    dataset.SamplesPerPixel = 3
    dataset.PhotometricInterpretation = "RGB"
    dataset.PlanarConfiguration = 0
    dataset.Rows, dataset.Columns = picture.height, picture.width
    dataset.BitsAllocated = 8
    dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelRepresentation = 0
    pixels = picture.tobytes()
    dataset.PixelData = pixels + b"\0" * (len(pixels) % 2)
    dataset["PixelData"].VR = "OB"
    return dataset


def _source(finding: Finding, volume: Volume) -> Dataset:
    """Refer to the stored image that the picture shows."""
    source = shown_source(finding, volume)
    header = volume.headers[volume.sources.index(source)]
    item = instance_reference(sop_class_uid(header), source.sop_instance_uid)
    if source.frame_number is not None:
        item.ReferencedFrameNumber = source.frame_number
    item.PurposeOfReferenceCodeSequence = [coded(_SOURCE_IMAGE)]
    return item
