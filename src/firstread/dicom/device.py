"""firstread as a device: who made the result objects, with which algorithms.

A new model is a new device (IHE AI Results 6.5.3.1): every Device UID follows from a model's digest.
"""

import hashlib
from collections.abc import Sequence

from pydicom.dataset import Dataset

from firstread.dicom.coded import coded
from firstread.dicom.header import text, texts
from firstread.dicom.uids import derive_uid
from firstread.findings import Algorithm, Code, ModelUse, ReadResult

MANUFACTURER = "firstread"

ARTIFICIAL_INTELLIGENCE = Code(value="123110", scheme="DCM", meaning="Artificial Intelligence")
ACQUISITION_EQUIPMENT = Code(value="109101", scheme="DCM", meaning="Acquisition Equipment")
PROCESSING_EQUIPMENT = Code(value="109102", scheme="DCM", meaning="Processing Equipment")

_OF_THE_SCANNER = (
    "Manufacturer",
    "InstitutionName",
    "StationName",
    "ManufacturerModelName",
    "DeviceSerialNumber",
    "SoftwareVersions",
)
_LO = 64
"""Characters that VR LO holds."""


def device_uid(result: ReadResult) -> str:
    """Return the Device UID of the reader together with all models that it used."""
    return derive_uid("device", result.reader.name, result.reader.version, *_digests(result))


def model_device_uid(model: ModelUse | Algorithm) -> str:
    """Return the Device UID of one model package; it changes with the model's digest."""
    return derive_uid("model", model.name, model.version, model.digest or "")


def device_serial(result: ReadResult) -> str:
    """Return a short serial number of the reader with its models (hex)."""
    return hashlib.sha256("".join(_digests(result)).encode()).hexdigest()[:16]


def add_equipment(dataset: Dataset, result: ReadResult, *, scanner: Dataset) -> None:
    """Fill in who made the object (PS3.3 C.7.5.1, C.7.5.2) and what contributed to it (C.12.1.1.5).

    The contributors are the scanner, copied from a source image's header, and one item a model.
    """
    dataset.Manufacturer = MANUFACTURER
    dataset.ManufacturerModelName = result.reader.name[:_LO]
    dataset.DeviceSerialNumber = device_serial(result)
    dataset.SoftwareVersions = result.reader.version[:_LO]
    dataset.DeviceUID = device_uid(result)
    items = [_processing(model) for model in result.models]
    if text(scanner, "Manufacturer"):
        items.insert(0, _acquisition(scanner))
    if items:
        dataset.ContributingEquipmentSequence = items


def algorithm_items(algorithms: Sequence[Algorithm]) -> list[Dataset]:
    """Return Algorithm Identification Macro items (PS3.3 10.16), one an algorithm."""
    items = []
    for algorithm in algorithms:
        item = Dataset()
        item.AlgorithmFamilyCodeSequence = [coded(ARTIFICIAL_INTELLIGENCE)]
        item.AlgorithmName = algorithm.name[:_LO]
        item.AlgorithmVersion = algorithm.version[:_LO]
        if algorithm.digest:
            item.AlgorithmParameters = f"sha256={algorithm.digest}"
        item.AlgorithmSource = MANUFACTURER
        items.append(item)
    return items


def _digests(result: ReadResult) -> list[str]:
    return sorted(f"{model.name}:{model.precision}:{model.digest}" for model in result.models)


def _processing(model: ModelUse) -> Dataset:
    item = Dataset()
    item.Manufacturer = MANUFACTURER
    item.ManufacturerModelName = model.name[:_LO]
    item.SoftwareVersions = model.version[:_LO]
    item.DeviceUID = model_device_uid(model)
    item.ContributionDescription = f"Processing algorithm, {model.precision}, sha256={model.digest}"
    item.PurposeOfReferenceCodeSequence = [coded(PROCESSING_EQUIPMENT)]
    return item


def _acquisition(scanner: Dataset) -> Dataset:
    item = Dataset()
    for keyword in _OF_THE_SCANNER:
        values = texts(scanner, keyword)
        if values:
            setattr(item, keyword, list(values) if len(values) > 1 else values[0])
    item.PurposeOfReferenceCodeSequence = [coded(ACQUISITION_EQUIPMENT)]
    return item
