from typing import get_args

import pytest
from pydicom.sr._concepts_dict import concepts as published

from firstread.dicom import result_codes as codes
from firstread.dicom.coded import coded
from firstread.findings import Category, Code
from firstread.findings import concepts as finding_codes
from firstread.findings.finding import Attenuation, Change, Lobe, Zone


def category(scheme, value):
    return Category(scheme=scheme, version="1", value=value, rule="r")


def every_code():
    for module in (codes, finding_codes):
        for value in vars(module).values():
            if isinstance(value, Code):
                yield value
            elif isinstance(value, dict):
                yield from (one for one in value.values() if isinstance(one, Code))


def test_every_value_of_a_finding_has_a_code():
    assert set(codes.ATTENUATIONS) == set(get_args(Attenuation))
    assert set(codes.CHANGES) == set(get_args(Change))
    assert set(codes.LOBES) == set(get_args(Lobe))
    assert set(codes.ZONES) == set(get_args(Zone))


@pytest.mark.parametrize("scheme", ["SCT", "DCM"])
def test_snomed_and_dicom_codes_are_those_of_the_standard(scheme):
    """PS3.16 as pydicom carries it knows each value, under a meaning that shares a word with ours."""
    known: dict[str, set[str]] = {}
    for entries in published[scheme].values():
        for value, (meaning, _) in entries.items():
            known.setdefault(value, set()).update(meaning.lower().replace("(", " ").split())
    ours = [one for one in every_code() if one.scheme == scheme]

    assert len(ours) >= 4
    for code in ours:
        assert set(code.meaning.lower().replace("(", " ").split()) & known.get(code.value, set()), code


def test_a_lung_rads_category_is_radlex():
    assert codes.category_value(category("Lung-RADS", "4X")).value == "RID50141"
    assert codes.category_name(category("Lung-RADS", "4X")).value == "RID50134"


@pytest.mark.parametrize(
    ("scheme", "value", "expected"),
    [
        ("Lung-RADS", "4A S", "lung-rads-4a-s"),
        ("C-Lung-RADS", "2", "c-lung-rads-2"),
        ("Fleischner", "multiple solid, 6–8 mm", "fleischner-multiple-solid-6-8-mm"),
    ],
)
def test_any_other_category_is_the_products_own(scheme, value, expected):
    code = codes.category_value(category(scheme, value))

    assert (code.scheme, code.value) == ("99FIRSTREAD", expected)


def test_long_values_and_meanings_fit_their_attributes():
    item = coded(Code(value="v" * 40, scheme="99FIRSTREAD", meaning="m" * 90))

    assert item.LongCodeValue == "v" * 40
    assert "CodeValue" not in item
    assert item.CodeMeaning == "m" * 64
