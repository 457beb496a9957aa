import pytest
from pynetdicom.dimse_messages import C_STORE_RSP
from pynetdicom.dimse_primitives import C_STORE

from firstread.network.store_response import LONGEST, encoded_store_response

SOP_CLASS = "1.2.840.10008.5.1.4.1.1.2"


def answer(status=0x0000, instance="1.2.3.4", message=7):
    primitive = C_STORE()
    primitive.MessageID = primitive.MessageIDBeingRespondedTo = message
    primitive.AffectedSOPClassUID = SOP_CLASS
    primitive.AffectedSOPInstanceUID = instance
    primitive.Status = status
    return primitive


def by_pynetdicom(primitive):
    message = C_STORE_RSP()
    message.primitive_to_message(primitive)
    (pdata,) = message.encode_msg(1, 16_382)
    (_, value), *_ = pdata.presentation_data_value_list
    return value[1:]


@pytest.mark.parametrize("status", [0x0000, 0xA700, 0xA900, 0xC000, 0xB000])
@pytest.mark.parametrize("instance", ["1.2.3.4", "1.2.34", "2.25." + "9" * 38, "1." + "2" * 62])
def test_an_answer_is_what_pynetdicom_makes_of_it(status, instance):
    made = encoded_store_response(65_535, SOP_CLASS, instance, status)
    assert made == by_pynetdicom(answer(status, instance, message=65_535))
    assert len(made) < LONGEST
