"""What the OpenAPI document allows, and what it does not, thrown at a real server."""

import warnings

from hypothesis import HealthCheck, given, settings

from tests.archive.samples import instances
from tests.dicom.ct_series import ROOT
from tests.network.dicomweb.conftest import serving


def test_generated_requests_never_make_it_fail_or_leak(sqlite_archive, caplog):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the generator's own parts
        import schemathesis

        @schemathesis.serializer("multipart/related")
        def as_it_is(context, value):
            return value if isinstance(value, bytes) else str(value).encode()

        for instance in instances(2):
            sqlite_archive.receive(instance)
        with serving(sqlite_archive) as url:
            schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
            operations = [found.ok() for found in schema.get_all_operations()]
            assert len(operations) > 25
            for operation in operations:

                @settings(
                    max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), database=None
                )
                @given(case=operation.as_strategy())
                def requested(case):
                    for name in ("study", "series"):  # half way in, so that more than the first check is met
                        if name in (case.path_parameters or {}) and case.method != "DELETE":
                            case.path_parameters[name] = {"study": f"{ROOT}.1", "series": f"{ROOT}.1.1"}[name]
                    answer = case.call(timeout=20)
                    assert answer.status_code < 500
                    assert b"Traceback" not in answer.content

                requested()
    assert "Synthetic" not in caplog.text
