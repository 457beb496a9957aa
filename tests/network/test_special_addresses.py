import pytest

from firstread.errors import UsageError
from firstread.network.special_addresses import check_host, is_special


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "169.254.1.1", "fe80::1", "fe80::1%eth0", "::ffff:169.254.169.254", "fd00:ec2::254",
     "100.100.100.200", "224.0.0.1", "0.0.0.0", "::"],
)  # fmt: skip
def test_no_destination_is_link_local_or_tells_a_clouds_secrets(address):
    assert is_special(address)
    with pytest.raises(UsageError, match="link-local"):
        check_host(address)
    check_host(address, [address])


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.5", "192.168.1.1", "203.0.113.7", "2001:db8::1"])
def test_addresses_of_a_hospital_may_be_called(address):
    assert not is_special(address)
    check_host(address)


@pytest.mark.parametrize("host", ["2852039166", "0xa9fea9fe", "169.254.43518"])
def test_another_way_to_write_an_address_is_no_way_around(host):
    with pytest.raises(UsageError):
        check_host(host)


def test_a_name_that_does_not_exist_is_left_to_the_call():
    check_host("nowhere.invalid")
