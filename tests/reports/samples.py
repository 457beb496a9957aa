"""Results as a reader would give them, made by hand; nothing here was measured on a patient."""

import io
from datetime import UTC, date, datetime

from PIL import Image, ImageDraw

from firstread.findings import (
    Acquisition,
    Algorithm,
    Attribute,
    Category,
    Code,
    Comparison,
    Diameters,
    Finding,
    Measurement,
    ModelUse,
    Prior,
    ReaderIdentity,
    ReadResult,
    Structure,
    Timings,
    concepts,
)
from firstread.reports import PatientLine

ISSUED = datetime(2024, 5, 17, 9, 42, tzinfo=UTC)
ROOT = "1.2.826.0.1.3680043.8.498"
PATIENT = PatientLine(
    name="Wang^Xiao Dong=王^小东",
    id="PID-0042",
    birth_date=date(1956, 3, 9),
    sex="M",
    accession="ACC-77120",
)
ALGORITHM = Algorithm(name="nodule-detector", version="1.0.0", digest="ab" * 32)
LUNG_RADS_MANAGEMENT = {
    "1": "Continue yearly low-dose CT.",
    "2": "Continue yearly low-dose CT.",
    "3": "Low-dose CT in 6 months.",
    "4A": "Low-dose CT in 3 months. "
    "PET/CT may be considered, as the solid nodule or part measures 8 mm or more.",
    "4B": "Refer for diagnostic work-up: diagnostic chest CT with or without contrast, tissue sampling.",
}


def lung_rads(value: str, rule: str) -> Category:
    return Category(
        scheme="Lung-RADS", version="v2022", value=value, rule=rule, management=LUNG_RADS_MANAGEMENT[value]
    )


def fleischner(value: str, rule: str, management: str) -> Category:
    return Category(scheme="Fleischner", version="2017", value=value, rule=rule, management=management)


def c_lung_rads(value: str, rule: str, management: str) -> Category:
    return Category(scheme="C-Lung-RADS", version="2024", value=value, rule=rule, management=management)


PART_SOLID = (
    lung_rads(
        "4A", "Part-solid nodule of 14.4 mm at baseline with a solid part of 6.8 mm: 6 to less than 8 mm."
    ),
    fleischner(
        "part-solid, single, >= 6 mm, solid part 6-8 mm",
        "Row part-solid, single, >= 6 mm, solid part 6-8 mm: part-solid nodule of 14 mm (mean 14.4 mm); "
        "not known and assumed: age of 35 or more, no known cancer, no immune suppression, "
        "no screening study.",
        "Confirm persistence by CT at 3 to 6 months; PET/CT, biopsy or resection if its form is "
        "suspicious or the solid part grows.",
    ),
    c_lung_rads(
        "3",
        "Part-solid nodule of 14.4 mm with a solid part of 6.8 mm: 6 to less than 10 mm.",
        "CT in 3 months; high-resolution CT or PET/CT may be considered.",
    ),
)
SOLID = (lung_rads("3", "Solid nodule of 7.1 mm at baseline: 6 to less than 8 mm."),)
SMALL = (lung_rads("2", "Solid nodule of 4.2 mm at baseline: less than 6 mm."),)


def finding(number: int = 1, **changes) -> Finding:
    """A finding; 8.0 mm and solid unless told otherwise."""
    values = {
        "id": f"N{number}",
        "concept": concepts.NODULE,
        "probability": 0.88,
        "site": concepts.LUNG,
        "laterality": "right",
        "zone": "upper",
        "center_lps_mm": (-61.5, 12.25, -104.0),
        "size_mm": (9.5, 8.75, 10.0),
        "diameter_mm": Diameters(long=7.6, short=6.6, mean=7.1),
        "volume_mm3": 187.4,
        "attenuation": "solid",
        "category": SOLID[0],
        "categories": SOLID,
        "sop_instance_uid": f"{ROOT}.3.{100 + number}",
        "instance_number": 100 + number,
        "tracking_uid": f"{ROOT}.9.{number}",
        "algorithms": (ALGORITHM,),
    }
    return Finding(**(values | changes))


def result(**changes) -> ReadResult:
    """A result without findings, unless told otherwise."""
    values = {
        "study_uid": f"{ROOT}.1",
        "series_uid": f"{ROOT}.2",
        "frame_of_reference_uid": f"{ROOT}.4",
        "reader": ReaderIdentity(name="lung_nodule", version="1.0.0"),
        "models": (
            ModelUse(name="lung-segmenter", version="1.0.0", digest="cd" * 32, precision="int8"),
            ModelUse(name="nodule-detector", version="1.0.0", digest="ab" * 32, precision="int8"),
            ModelUse(name="nodule-classifier", version="1.0.0", digest="ef" * 32, precision="f32"),
        ),
        "acquisition": Acquisition(
            modality="CT",
            series_number=3,
            description="Chest LD 1.25 B50",
            manufacturer="SIEMENS",
            model="Sensation 64",
            kernel="B50f",
            kvp=120.0,
            slices=261,
            slice_thickness_mm=1.25,
            spacing_mm=(0.625, 0.703125, 0.703125),
            study_date=date(2024, 5, 17),
            chosen_because="the thinnest axial series with a lung kernel",
        ),
        "timings_s": Timings(
            load=3.1, segment=4.2, detect=11.6, classify=1.9, measure=2.2, report=0.8, total=23.8
        ),
        "category": lung_rads("1", "No nodule was found."),
        "categories": (
            lung_rads("1", "No nodule was found."),
            fleischner("no nodule", "No nodule was found.", "No follow-up for nodules."),
            c_lung_rads("0", "No nodule was found.", "Continue yearly low-dose CT."),
        ),
        "structures": (
            Structure(
                name="right lung",
                site=concepts.LUNG,
                laterality="right",
                volume_mm3=2.874e6,
                algorithm=ALGORITHM,
            ),
            Structure(
                name="left lung",
                site=concepts.LUNG,
                laterality="left",
                volume_mm3=2.512e6,
                algorithm=ALGORITHM,
            ),
        ),
    }
    return ReadResult(**(values | changes))


def none_found() -> ReadResult:
    return result()


def several() -> ReadResult:
    """A part-solid nodule that leads, a juxtapleural solid one, a ground-glass and a calcified one."""
    leading = finding(
        1,
        probability=0.974,
        juxtapleural=True,
        diameter_mm=Diameters(long=16.2, short=12.6, mean=14.4),
        solid_part_mm=Diameters(long=7.4, short=6.2, mean=6.8),
        volume_mm3=1288.6,
        attenuation="part-solid",
        category=PART_SOLID[0],
        categories=PART_SOLID,
        measurements=(Measurement(concept=concepts.MEAN_ATTENUATION, value=-312.4, unit="[hnsf'U]"),),
        attributes=(
            Attribute(
                concept=Code(value="111010-X", scheme="99FIRSTREAD", meaning="Margin"),
                value=Code(value="129742005", scheme="SCT", meaning="Spiculated lesion"),
            ),
        ),
    )
    return result(
        category=PART_SOLID[0],
        categories=PART_SOLID,
        findings=(
            leading,
            finding(2, laterality="left", zone="lower", juxtapleural=True, probability=0.91),
            finding(
                3,
                laterality="right",
                zone="middle",
                attenuation="ground-glass",
                diameter_mm=Diameters(long=9.9, short=8.1, mean=9.0),
                volume_mm3=402.0,
                probability=0.66,
                category=lung_rads("2", "Ground-glass nodule of 9.0 mm at baseline: less than 30 mm."),
                categories=(lung_rads("2", "Ground-glass nodule of 9.0 mm at baseline: less than 30 mm."),),
            ),
            finding(
                4,
                laterality=None,
                zone=None,
                attenuation="calcified",
                diameter_mm=None,
                volume_mm3=None,
                probability=0.5,
                category=None,
                categories=(),
                instance_number=None,
            ),
        ),
    )


def with_prior() -> ReadResult:
    """One grew, one is new, one is stable, two are gone."""
    then, days = date(2023, 11, 2), 197
    prior_uid = f"{ROOT}.7"
    grown = lung_rads("4B", "Growing solid nodule, now 10.4 mm: 8 mm or more.")
    new = lung_rads("3", "New solid nodule of 5.1 mm: 4 to less than 6 mm.")
    stable = lung_rads("2", "Lesion of 5.0 mm, stable since category 2.")
    return result(
        category=grown,
        categories=(
            grown,
            fleischner("solid, multiple, > 8 mm",
                       "Row solid, multiple, > 8 mm: solid nodule of 10 mm (mean 10.4 mm); "
                       "grown by 3.3 mm, where 2 mm or more is growth.",
                       "Risk not known. At low risk: CT at 3 to 6 months, then consider CT at 18 to 24 "
                       "months. At high risk: CT at 3 to 6 months, then CT at 18 to 24 months."),
        ),
        prior=Prior(study_uid=prior_uid, study_date=then, resolved=(f"{ROOT}.9.8", f"{ROOT}.9.9")),
        findings=(
            finding(
                1,
                lobe="left lower",
                laterality="left",
                zone="lower",
                diameter_mm=Diameters(long=11.6, short=9.2, mean=10.4),
                volume_mm3=589.0,
                category=grown,
                categories=(grown,),
                comparison=Comparison(
                    change="growing",
                    prior_study_uid=prior_uid,
                    prior_tracking_uid=f"{ROOT}.9.1",
                    prior_date=then,
                    prior_mean_mm=7.1,
                    prior_volume_mm3=187.4,
                    interval_days=days,
                    growth_mm=3.3,
                    volume_doubling_days=119.2,
                    distance_mm=1.4,
                ),
            ),
            finding(
                2,
                zone="middle",
                diameter_mm=Diameters(long=5.6, short=4.6, mean=5.1),
                volume_mm3=69.4,
                category=new,
                categories=(new,),
                comparison=Comparison(
                    change="new", prior_study_uid=prior_uid, prior_date=then, interval_days=days
                ),
            ),
            finding(
                3,
                laterality="left",
                diameter_mm=Diameters(long=5.2, short=4.8, mean=5.0),
                volume_mm3=65.0,
                category=stable,
                categories=(stable,),
                comparison=Comparison(
                    change="stable",
                    prior_study_uid=prior_uid,
                    prior_tracking_uid=f"{ROOT}.9.3",
                    prior_date=then,
                    prior_mean_mm=5.1,
                    prior_volume_mm3=66.0,
                    interval_days=days,
                    growth_mm=-0.1,
                ),
            ),
        ),
    )  # fmt: skip


def with_warnings() -> ReadResult:
    return result(
        warnings=(
            "Slices 112 to 114 of series 3 are missing; they were interpolated.",
            "The gantry was tilted by 12.5 degrees; positions take account of it.",
        ),
        category=SOLID[0],
        categories=SOLID,
        findings=(finding(1),),
    )


HOSTILE = "<script>alert('x')</script>\"'&{{ 7*7 }}\x00\x1b[31m\u202eevil"


def hostile() -> ReadResult:
    """Every free text is an attack on whoever shows it."""
    category = Category(scheme=HOSTILE, version=HOSTILE, value=HOSTILE, rule=HOSTILE, management=HOSTILE)
    code = Code(value=HOSTILE, scheme=HOSTILE, meaning=HOSTILE)
    return result(
        reader=ReaderIdentity(name=HOSTILE, version=HOSTILE),
        models=(ModelUse(name=HOSTILE, version=HOSTILE, digest=HOSTILE, precision="f32"),),
        acquisition=Acquisition(
            modality=HOSTILE,
            description=HOSTILE,
            manufacturer=HOSTILE,
            model=HOSTILE,
            kernel=HOSTILE,
            contrast=HOSTILE,
            chosen_because=HOSTILE,
            slices=100,
            spacing_mm=(1.0, float("nan"), float("inf")),
        ),
        warnings=(HOSTILE,),
        impression=HOSTILE,
        category=category,
        categories=(category,),
        findings=(
            finding(
                1,
                id=HOSTILE,
                concept=code,
                volume_mm3=float("nan"),
                category=category,
                categories=(category,),
                measurements=(Measurement(concept=code, value=float("inf"), unit=HOSTILE),),
                attributes=(Attribute(concept=code, value=code),),
            ),
        ),
        structures=(Structure(name=HOSTILE, site=code, volume_mm3=1e6, algorithm=ALGORITHM),),
    )


def very_long() -> ReadResult:
    """Texts without end, with and without places to break a line."""
    words, word = "a very long sentence " * 400, "x" * 8000
    category = lung_rads("3", words).model_copy(update={"management": word, "value": word})
    return result(
        acquisition=Acquisition(
            modality="CT", description=word, chosen_because=words, slices=100, spacing_mm=(1.0, 0.7, 0.7)
        ),
        warnings=(words, word, *(f"Warning number {number}." for number in range(60))),
        category=category,
        categories=(category,),
        findings=(finding(1, category=category, categories=(category,)),),
    )


def forty() -> ReadResult:
    """Metastases, say: 40 findings on several pages."""
    zones, sides = ("upper", "middle", "lower"), ("right", "left")
    findings = []
    for number in range(1, 41):
        mean = round(16.4 - 0.3 * number, 1)
        category = lung_rads("4B" if mean >= 15 else "4A" if mean >= 8 else "3" if mean >= 6 else "2",
                             f"Solid nodule of {mean} mm at baseline: 6 to less than 8 mm.")  # fmt: skip
        findings.append(
            finding(
                number,
                laterality=sides[number % 2],
                zone=zones[number % 3],
                diameter_mm=Diameters(long=mean + 0.5, short=mean - 0.5, mean=mean),
                volume_mm3=round(0.5236 * mean**3, 1),
                probability=round(0.99 - 0.01 * number, 2),
                category=category,
                categories=(category,),
            )
        )
    return result(findings=tuple(findings), category=findings[0].category, categories=findings[0].categories)


SAMPLES = {
    sample.__name__: sample
    for sample in (none_found, several, with_prior, with_warnings, hostile, very_long, forty)
}


def key_image(number: int = 1) -> bytes:
    """A grey picture with a bright spot and a box, as PNG bytes."""
    picture = Image.new("RGB", (256, 256), (18, 18, 18))
    pen = ImageDraw.Draw(picture)
    pen.ellipse((20, 60, 120, 210), fill=(52, 52, 52))
    pen.ellipse((136, 60, 236, 210), fill=(52, 52, 52))
    x, y = 40 + 13 * number % 160, 100 + 7 * number % 70
    pen.ellipse((x, y, x + 14, y + 12), fill=(200, 200, 200))
    pen.rectangle((x - 10, y - 10, x + 24, y + 22), outline=(255, 199, 102))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def key_images(result: ReadResult) -> dict[str, bytes]:
    return {finding.id: key_image(number) for number, finding in enumerate(result.findings)}
