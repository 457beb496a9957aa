"""Measurement groups of the structured report: the study, a nodule, a lung (TID 1501 and TID 1411)."""

from collections.abc import Sequence

import highdicom as hd
import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as ItemSequence

from firstread.dicom import result_codes as codes
from firstread.dicom.derived_object import frame_of_reference
from firstread.dicom.device import MANUFACTURER
from firstread.dicom.seg import segment_numbers, structure_tracking_uid
from firstread.dicom.source_planes import sop_class_uid
from firstread.dicom.uids import derive_uid
from firstread.dicom.volume import Volume
from firstread.findings import NOTICE, Algorithm, Category, Code, Finding, ReadResult, Structure
from firstread.findings.concepts import LEFT, LONG_AXIS, LUNG, MEAN_DIAMETER, RIGHT, SHORT_AXIS, VOLUME

Group = hd.sr.MeasurementsAndQualitativeEvaluations | hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations

_DECIMALS = 3
"""Of a number in the report; more would claim a precision that no measurement here has."""

_SAME_SLICE = 0.5
"""Slices that an axis may lie off the image on which it is drawn."""

_SIDES = {"right": RIGHT, "left": LEFT}


def study_group(result: ReadResult) -> hd.sr.MeasurementsAndQualitativeEvaluations:
    """Return what holds for the study as a whole (TID 1501): notice, categories, impression, warnings."""
    categories = result.categories or ((result.category,) if result.category else ())
    group = hd.sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(
            uid=derive_uid("study group", result.study_uid, result.series_uid), identifier="Study"
        ),
        finding_sites=[_site(LUNG)],
        algorithm_id=_algorithm(result, _models(result)),
        qualitative_evaluations=_categories(categories),
    )
    _append(group, codes.COMMENT, NOTICE)
    if result.impression:
        _append(group, codes.IMPRESSION, result.impression)
    for category in categories:
        _append(group, codes.COMMENT, _reason(category))
    for warning in result.warnings:
        _append(group, codes.COMMENT, warning)
    return group


def signed_study_group(
    stands: ReadResult, texts: Sequence[tuple[Code, str]], comments: Sequence[str]
) -> hd.sr.MeasurementsAndQualitativeEvaluations:
    """Return what a person signed for the study as a whole (TID 1501): categories, sections, comments."""
    categories = stands.categories or ((stands.category,) if stands.category else ())
    group = hd.sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(
            uid=derive_uid("study group", stands.study_uid, stands.series_uid), identifier="Study"
        ),
        finding_sites=[_site(LUNG)],
        qualitative_evaluations=_categories(categories),
    )
    for name, text in texts:
        _append(group, name, text)
    for category in categories:
        _append(group, codes.COMMENT, _reason(category))
    for comment in (*comments, *stands.warnings):
        _append(group, codes.COMMENT, comment)
    return group


def nodule_group(
    finding: Finding,
    result: ReadResult,
    volume: Volume,
    *,
    seg: Dataset | None,
    said: tuple[Code, Code] | None = None,
    by_person: bool = False,
) -> hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations:
    """Return a nodule's group (TID 1411); `said` is a further evaluation, and a person's has no AI score."""
    categories = finding.categories or ((finding.category,) if finding.category else ())
    number = segment_numbers(seg).get(finding.tracking_uid) if seg is not None else None
    segment = _segment(seg, number) if seg is not None and number is not None else None
    group = hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(uid=finding.tracking_uid, identifier=finding.id),
        finding_type=_code(finding.concept),
        finding_category=_code(codes.ABNORMAL_STRUCTURE),
        finding_sites=_sites(finding),
        algorithm_id=None if by_person else _algorithm(result, finding.algorithms),
        measurements=_measurements(finding, scored=not by_person),
        qualitative_evaluations=[
            *_evaluations(finding, categories),
            *([hd.sr.QualitativeEvaluation(*map(_code, said))] if said else []),
        ],
        referenced_segment=segment,
        referenced_volume_surface=None if segment else _ellipsoid(finding, result, volume),
    )
    for category in categories:
        _append(group, codes.COMMENT, _reason(category))
    if finding.axes_lps_mm is not None:
        for name, ends in ((LONG_AXIS, finding.axes_lps_mm.long), (SHORT_AXIS, finding.axes_lps_mm.short)):
            group[0].ContentSequence.extend(_line(name, ends, finding, volume))
    return group


def structure_group(structure: Structure, result: ReadResult, volume: Volume, *, seg: Dataset) -> Group:
    """Return a structure's group: TID 1411 where it has a segment, TID 1501 where it has none."""
    tracking_uid = structure_tracking_uid(result, structure)
    tracking = hd.sr.TrackingIdentifier(uid=tracking_uid, identifier=structure.name)
    algorithm = _algorithm(result, (structure.algorithm,))
    sites = [_site(structure.site, laterality=structure.laterality)]
    volumes = [_measurement(VOLUME, structure.volume_mm3, "mm3")]
    number = segment_numbers(seg).get(tracking_uid)
    if number is None:
        return hd.sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=tracking, finding_sites=sites, algorithm_id=algorithm, measurements=volumes
        )
    series = hd.sr.SourceSeriesForSegmentation(referenced_series_instance_uid=result.series_uid)
    return hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=tracking,
        referenced_segment=hd.sr.ReferencedSegment(
            sop_class_uid=seg.SOPClassUID,
            sop_instance_uid=seg.SOPInstanceUID,
            segment_number=number,
            source_series=series,
        ),
        finding_type=_code(structure.site),
        finding_category=_code(codes.ANATOMICAL_STRUCTURE),
        finding_sites=sites,
        algorithm_id=algorithm,
        measurements=volumes,
    )


def _code(code: Code) -> hd.sr.CodedConcept:
    return hd.sr.CodedConcept(code.value, code.scheme, code.meaning[:64])


def _site(site: Code, *, laterality: str | None = None, modifier: Code | None = None) -> hd.sr.FindingSite:
    side = _SIDES.get(laterality or "")
    return hd.sr.FindingSite(
        anatomic_location=_code(site),
        laterality=_code(side) if side else None,
        topographical_modifier=_code(modifier) if modifier else None,
    )


def _sites(finding: Finding) -> list[hd.sr.FindingSite]:
    """Return the lobe where it is known, else the organ; and the zone as a site of its own."""
    site = codes.LOBES[finding.lobe] if finding.lobe else finding.site
    modifier = codes.SUBPLEURAL if finding.juxtapleural else None
    sites = [_site(site, laterality=finding.laterality, modifier=modifier)]
    if finding.zone:
        sites.append(_site(codes.ZONES[finding.zone], laterality=finding.laterality))
    return sites


def _models(result: ReadResult) -> tuple[Algorithm, ...]:
    return tuple(
        Algorithm(name=f"{model.name} ({model.precision})", version=model.version, digest=model.digest)
        for model in result.models
    )


def _algorithm(result: ReadResult, algorithms: Sequence[Algorithm]) -> hd.sr.AlgorithmIdentification:
    """Name the reader, and each network with its digest as a parameter: TID 4019 names one algorithm."""
    parameters = []
    for algorithm in algorithms:
        digest = f" sha256={algorithm.digest}" if algorithm.digest else ""
        parameters.append(f"{algorithm.name} {algorithm.version}{digest}")
    return hd.sr.AlgorithmIdentification(
        name=result.reader.name,
        version=result.reader.version,
        parameters=parameters or None,
        manufacturer=MANUFACTURER,
    )


def _measurement(
    concept: Code, value: float, ucum: str, *, derivation: Code | None = None
) -> hd.sr.Measurement:
    return hd.sr.Measurement(
        name=_code(concept),
        value=round(value, _DECIMALS),
        unit=_code(codes.unit(ucum)),
        derivation=_code(derivation) if derivation else None,
    )


def _measurements(finding: Finding, *, scored: bool = True) -> list[hd.sr.Measurement]:
    given: list[tuple[Code, float | None, str]] = []
    if finding.diameter_mm:
        given.append((LONG_AXIS, finding.diameter_mm.long, "mm"))
        given.append((SHORT_AXIS, finding.diameter_mm.short, "mm"))
        given.append((MEAN_DIAMETER, finding.diameter_mm.mean, "mm"))
    given.append((VOLUME, finding.volume_mm3, "mm3"))
    if finding.solid_part_mm:
        given.append((codes.SOLID_LONG_AXIS, finding.solid_part_mm.long, "mm"))
        given.append((codes.SOLID_SHORT_AXIS, finding.solid_part_mm.short, "mm"))
        given.append((codes.SOLID_MEAN_DIAMETER, finding.solid_part_mm.mean, "mm"))
    if scored:
        given.append((codes.CERTAINTY, 100 * finding.probability, "%"))
    if finding.comparison:
        given.append((codes.DIAMETER_CHANGE, finding.comparison.growth_mm, "mm"))
        given.append((codes.VOLUME_DOUBLING_TIME, finding.comparison.volume_doubling_days, "d"))
        given.append((codes.INTERVAL, finding.comparison.interval_days, "d"))
    written = {(concept.scheme, concept.value) for concept, _, _ in given}
    given += [
        (one.concept, one.value, one.unit)
        for one in finding.measurements
        if (one.concept.scheme, one.concept.value) not in written
    ]
    averages = {MEAN_DIAMETER.value, codes.SOLID_MEAN_DIAMETER.value}
    return [
        _measurement(concept, value, ucum, derivation=codes.MEAN if concept.value in averages else None)
        for concept, value, ucum in given
        if value is not None
    ]


def _evaluations(finding: Finding, categories: Sequence[Category]) -> list[hd.sr.QualitativeEvaluation]:
    answers: list[tuple[Code, Code]] = []
    if finding.attenuation:
        answers.append((codes.ATTENUATION, codes.ATTENUATIONS[finding.attenuation]))
    if finding.comparison:
        answers.append((codes.COMPARISON, codes.CHANGES[finding.comparison.change]))
    answered = {(name.scheme, name.value) for name, _ in answers}
    answers += [
        (one.concept, one.value)
        for one in finding.attributes
        if (one.concept.scheme, one.concept.value) not in answered
    ]
    return [hd.sr.QualitativeEvaluation(_code(name), _code(value)) for name, value in answers] + _categories(
        categories
    )


def _categories(categories: Sequence[Category]) -> list[hd.sr.QualitativeEvaluation]:
    return [
        hd.sr.QualitativeEvaluation(_code(codes.category_name(one)), _code(codes.category_value(one)))
        for one in categories
    ]


def _reason(category: Category) -> str:
    text = f"{category.scheme} {category.version} {category.value}: {category.rule}"
    return f"{text} {category.management}".strip()


def _append(group: Group, name: Code, text: str) -> None:
    """Add a text to a group; both templates may be extended (PS3.16)."""
    group[0].ContentSequence.append(
        hd.sr.TextContentItem(
            name=_code(name), value=text, relationship_type=hd.sr.RelationshipTypeValues.CONTAINS
        )
    )


def _line(
    name: Code, ends: Sequence[Sequence[float]], finding: Finding, volume: Volume
) -> list[hd.sr.ScoordContentItem]:
    """Return an axis as a line on the finding's image, or nothing where it lies on no stored image.

    TID 1411 has no place for the coordinates of a measurement, but may be extended (PS3.16). Some viewers show
    measurements only where they are drawn. Coordinates are columns and rows from the corner of the first pixel, whose
    centre is at 0.5, 0.5 (PS3.3 C.18.6.1.2).
    """
    index = volume.geometry.to_index(np.asarray(ends, float))
    shown = (finding.sop_instance_uid, finding.frame_number)
    for source, header in zip(volume.sources, volume.headers, strict=True):
        if (source.sop_instance_uid, source.frame_number) != shown:
            continue
        if np.abs(index[:, 0] - source.index).max() > _SAME_SLICE:
            break
        line = hd.sr.ScoordContentItem(
            name=_code(name),
            graphic_type=hd.sr.GraphicTypeValues.POLYLINE,
            graphic_data=index[:, [2, 1]] + 0.5,
            relationship_type=hd.sr.RelationshipTypeValues.CONTAINS,
        )
        image = hd.sr.SourceImageForRegion(
            referenced_sop_class_uid=sop_class_uid(header),
            referenced_sop_instance_uid=source.sop_instance_uid,
            referenced_frame_numbers=[source.frame_number] if source.frame_number else None,
        )
        line.ContentSequence = ItemSequence([image])
        return [line]
    return []


def _segment(seg: Dataset, number: int) -> hd.sr.ReferencedSegment:
    """Refer to a segment and the images it was drawn on."""
    classes: dict[str, str] = {}
    frames: dict[str, list[int]] = {}
    for group in seg.PerFrameFunctionalGroupsSequence:
        if group.SegmentIdentificationSequence[0].ReferencedSegmentNumber != number:
            continue
        source = group.DerivationImageSequence[0].SourceImageSequence[0]
        classes[source.ReferencedSOPInstanceUID] = source.ReferencedSOPClassUID
        if "ReferencedFrameNumber" in source:
            frames.setdefault(source.ReferencedSOPInstanceUID, []).append(int(source.ReferencedFrameNumber))
    images = [
        hd.sr.SourceImageForSegmentation(
            referenced_sop_class_uid=sop_class,
            referenced_sop_instance_uid=uid,
            referenced_frame_numbers=frames.get(uid),
        )
        for uid, sop_class in classes.items()
    ]
    return hd.sr.ReferencedSegment(
        sop_class_uid=seg.SOPClassUID,
        sop_instance_uid=seg.SOPInstanceUID,
        segment_number=number,
        source_images=images,
    )


def _ellipsoid(finding: Finding, result: ReadResult, volume: Volume) -> hd.sr.VolumeSurface:
    """Return the ellipsoid in the finding's box, or its centre where the box has no extent."""
    center = np.asarray(finding.center_lps_mm, float)
    size = np.asarray(finding.size_mm, float)
    if (size > 0).all():
        kind = hd.sr.GraphicTypeValues3D.ELLIPSOID
        half = np.diag(size / 2)
        # Six points, the two ends of each axis in turn (PS3.3 C.18.9.1.2).
        points = np.stack([center + sign * half[axis] for axis in range(3) for sign in (-1, 1)])
    else:
        kind, points = hd.sr.GraphicTypeValues3D.POINT, center[None]
    return hd.sr.VolumeSurface(
        graphic_type=kind,
        graphic_data=points,
        frame_of_reference_uid=frame_of_reference(result, volume),
        source_series=hd.sr.SourceSeriesForSegmentation(referenced_series_instance_uid=result.series_uid),
    )
