"""Facts and routes of the tests."""

from firstread.workflow.routes import Route, SeriesFacts, StudyFacts

TOPOGRAM = SeriesFacts(
    "1.1",
    modality="CT",
    body_part="CHEST",
    series_description="Topogram 0.6",
    image_type=("ORIGINAL", "PRIMARY", "LOCALIZER"),
    slice_thickness_mm=0.6,
    images=1,
)
THIN = SeriesFacts(
    "1.2",
    modality="CT",
    body_part="CHEST",
    series_description="Lung 1.0 Br64",
    image_type=("ORIGINAL", "PRIMARY", "AXIAL"),
    kernel="Br64d",
    slice_thickness_mm=1.0,
    images=300,
)
THICK = SeriesFacts(
    "1.3",
    modality="CT",
    series_description="Mediastinum 5.0",
    image_type=("ORIGINAL", "PRIMARY", "AXIAL"),
    kernel="Br40d",
    slice_thickness_mm=5.0,
    images=60,
)
CHEST = StudyFacts(
    "1",
    source=("CT1",),
    institution="St. Elsewhere",
    study_description="CT Thorax",
    age_years=61.0,
    sex="F",
    weekday="sat",
    hour=3,
    series=(TOPOGRAM, THIN, THICK),
)


def route(name="chest", *, when=None, **options):
    """A route of the reader lung_nodule."""
    return Route.model_validate(
        {"name": name, "reader": "lung_nodule", "when": when or {"modality": "CT"}, **options}
    )
