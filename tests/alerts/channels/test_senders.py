import pytest

from firstread.alerts.channels.senders import sender_of
from firstread.alerts.configuration import Fhir, Webhook
from firstread.errors import UsageError
from firstread.settings import Settings

SECRETS = {"pager": "a key of the test's own"}


@pytest.mark.parametrize("kind", [Webhook, Fhir])
@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]"])
def test_no_channel_calls_where_clouds_tell_secrets_unless_the_settings_name_it(kind, host):
    channel = kind(kind=kind.__name__.lower(), url=f"https://{host}/hook")
    with pytest.raises(UsageError, match="link-local"):
        sender_of("pager", channel, Settings(alert_secrets=SECRETS))
    named = Settings(alert_secrets=SECRETS, destination_special_addresses=[host.strip("[]")])
    assert sender_of("pager", channel, named).url == channel.url
