from hypothesis import given
from hypothesis import strategies as st

from firstread.readers.lung_nodule.categories.c_lung_rads import c_lung_rads
from firstread.readers.lung_nodule.categories.facts import CystFacts, NoduleFacts, PatientFacts, PriorFacts
from firstread.readers.lung_nodule.categories.fleischner import ROWS, fleischner
from firstread.readers.lung_nodule.categories.lung_rads import lung_rads
from firstread.readers.lung_nodule.categories.lung_rads_tables import ORDER

MM = st.floats(0, 200)
CATEGORIES = st.sampled_from([None, "0", *ORDER, "unheard of"])
NODULES = st.builds(
    NoduleFacts,
    mean_mm=MM,
    solid_part_mm=st.none() | MM,
    volume_mm3=st.none() | st.floats(0, 1e7),
    cyst=st.none() | st.builds(CystFacts, wall_mm=MM),
    growth_mm=st.none() | st.floats(-100, 100),
)
PRIORS = st.none() | st.builds(
    PriorFacts,
    category=CATEGORIES,
    mean_mm=st.none() | MM,
    solid_part_mm=st.none() | MM,
    months=st.none() | st.floats(0, 240),
)


@given(NODULES, PRIORS)
def test_any_facts_have_a_lung_rads_category_or_none_for_a_reason(nodule, prior):
    category = lung_rads(nodule, prior=prior)
    if category is None:
        assert nodule.status == "resolved" or nodule.cyst is not None
    else:
        assert category.value in ORDER
        assert category.rule.endswith(".")
        assert category.management


@given(NODULES, st.booleans(), st.builds(PatientFacts))
def test_any_facts_have_a_fleischner_row(nodule, multiple, patient):
    category = fleischner(nodule, multiple=multiple, patient=patient)
    assert (category is None) == (nodule.status == "resolved")
    assert category is None or category.value in ROWS


@given(NODULES)
def test_any_facts_have_a_c_lung_rads_category(nodule):
    category = c_lung_rads(nodule)
    assert (category is None) == (nodule.status == "resolved")
    assert category is None or category.value in set("01234")
