from firstread.network.room import Room


def test_more_than_there_is_is_not_given_and_what_is_given_back_can_be_taken_again():
    room = Room(100)
    assert room.take(60)
    assert not room.take(41)
    assert room.take(40)
    room.give_back(60)
    assert room.taken == 40
    assert room.take(60)
