import pytest

from firstread.workflow.deliveries.back_off import TRIES, wait_s

DAY_S = 86_400


def test_it_is_tried_again_soon_then_ever_later_for_about_a_day_and_then_no_more():
    waits = [wait_s(attempts) for attempts in range(1, TRIES)]
    assert waits[:3] == [10, 20, 40]
    assert waits == sorted(waits)
    assert max(waits) == 3600
    assert 1.0 <= sum(waits) / DAY_S < 1.1
    assert wait_s(TRIES) is None


@pytest.mark.parametrize(("asked", "waited"), [(None, 20), (5, 20), (900.0, 900), (1e9, DAY_S)])
def test_what_the_destination_asks_for_is_waited_for_but_not_for_ever(asked, waited):
    assert wait_s(2, asked) == waited
