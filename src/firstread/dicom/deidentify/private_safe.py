"""Private attributes that are known to hold numbers of the acquisition and nothing of a person.

A part of PS3.15 Table E.3.10-1, and of it only what is a number: a text of a vendor can hold anything. Everything that
is not here is removed.
"""

from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

NUMBERS = frozenset({"DS", "FD", "FL", "IS", "SL", "SS", "UL", "US"})

SAFE = frozenset(
    {
        # creator, group, last byte of the element
        ("Philips PET Private Group", 0x7053, 0x00),  # SUV factor
        ("Philips PET Private Group", 0x7053, 0x09),  # activity concentration factor
        ("ELSCINT1", 0x00E1, 0x21),  # dose
        ("ELSCINT1", 0x00E1, 0x50),  # acquisition duration
        ("ELSCINT1", 0x01F1, 0x07),  # table velocity
        ("ELSCINT1", 0x01F1, 0x26),  # pitch
        ("ELSCINT1", 0x01F1, 0x27),  # rotation time
        ("GEMS_ACQU_01", 0x0019, 0x23),  # table speed
        ("GEMS_ACQU_01", 0x0019, 0x24),  # mid-scan time
        ("GEMS_ACQU_01", 0x0019, 0x25),  # mid-scan flag
        ("GEMS_ACQU_01", 0x0019, 0x26),  # degrees of azimuth
        ("GEMS_ACQU_01", 0x0019, 0x27),  # gantry period
        ("GEMS_PARM_01", 0x0043, 0x27),  # scan pitch ratio
        ("GEMS_PARM_01", 0x0043, 0x39),  # b value
        ("GEMS_HELIOS_01", 0x0045, 0x01),  # number of macro rows in the detector
        ("GEMS_HELIOS_01", 0x0045, 0x02),  # macro width at the isocentre
        ("SIEMENS MR HEADER", 0x0019, 0x0C),  # b value
        ("SIEMENS MR HEADER", 0x0019, 0x0E),  # direction of the diffusion gradient
        ("SIEMENS MR HEADER", 0x0019, 0x27),  # b matrix
        ("Philips Imaging DD 001", 0x2001, 0x03),  # diffusion b factor
        ("Philips MR Imaging DD 001", 0x2005, 0x0D),  # scale intercept
        ("Philips MR Imaging DD 001", 0x2005, 0x0E),  # scale slope
    }
)


def creator_of(dataset: Dataset, tag: BaseTag) -> str:
    """Return who defined a private attribute: the value of its block's creator (PS3.5 section 7.8.1)."""
    reserved = (tag.group << 16) | (tag.element >> 8)
    found = dataset.get(reserved)
    return str(found.value).strip() if found is not None else ""


def is_safe(creator: str, tag: BaseTag, vr: str) -> bool:
    """Tell whether a private attribute is known to be safe."""
    return vr in NUMBERS and (creator, tag.group, tag.element & 0xFF) in SAFE
