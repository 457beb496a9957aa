"""An instance with its pixels out of a source, and back into a file that has nothing else in it."""

from io import BytesIO

from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID

from firstread.dicom.deidentify.deidentify import Deidentified
from firstread.dicom.derived_object import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION
from firstread.dicom.parse import Damaged, inflate, parse_instance
from firstread.dicom.source import Source
from firstread.dicom.transfer_syntax import DEFLATED, EXPLICIT_LITTLE
from firstread.errors import RefusedInput


def opened(source: Source) -> tuple[Dataset, str] | None:
    """Return an instance with its pixels, and its transfer syntax; None where the source is no DICOM instance.

    Raises:
        RefusedInput: it is one, and damaged.
        OSError: the source cannot be read.
    """
    try:
        found = parse_instance(source)
        if found is None:
            return None
        if found.transfer_syntax_uid == DEFLATED:
            return read_dataset(BytesIO(inflate(source.read())), False, True), EXPLICIT_LITTLE
        return dcmread(BytesIO(source.read()), force=True), found.transfer_syntax_uid
    except (OSError, RefusedInput):
        raise
    except Damaged as error:
        raise RefusedInput("It is damaged: what identifies it cannot be read.") from error
    except Exception as error:  # the parser raises almost anything on damaged bytes
        raise RefusedInput("It is damaged.") from error


def written(instance: Deidentified) -> bytes:
    """Return the bytes of a DICOM file (PS3.10) with an empty preamble and the least file meta information.

    Raises:
        RefusedInput: a value that is kept cannot be written.
    """
    dataset = instance.dataset
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = UID(instance.transfer_syntax_uid)
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION
    dataset.file_meta = meta
    stream = BytesIO()
    try:
        dcmwrite(stream, dataset, enforce_file_format=True)
    except Exception as error:  # its text could quote a value
        raise RefusedInput(f"It cannot be written again: {type(error).__name__}.") from error
    return stream.getvalue()
