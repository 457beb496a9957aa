import pytest
from pydantic import ValidationError

from firstread.destinations import Destination


@pytest.mark.parametrize(
    ("address", "kind", "place"),
    [
        ("PACS@10.0.0.5:104", "dicom", "PACS@10.0.0.5:104"),
        ("tls:PACS@pacs.example:2762", "dicom", "tls:PACS@pacs.example:2762"),
        ("stow:https://pacs.example/dicom-web/", "stow", "https://pacs.example/dicom-web"),
        ("stow:http://127.0.0.1:8042/dicom-web", "stow", "http://127.0.0.1:8042/dicom-web"),
        ("folder:/srv/results/", "folder", "/srv/results/"),
        ("webhook:https://ris.example/firstread", "webhook", "https://ris.example/firstread"),
        ("webhook:https://ris.example/hooks/", "webhook", "https://ris.example/hooks/"),
        ("webhook:http://localhost:9000", "webhook", "http://localhost:9000"),
        ("webhook:http://[::1]:9000", "webhook", "http://[::1]:9000"),
    ],
)
def test_the_beginning_of_an_address_says_what_it_is(address, kind, place):
    destination = Destination.model_validate(address)
    assert (destination.kind, destination.place) == (kind, place)


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("https://pacs.example", "an address is"),
        ("sftp:/srv", "an address is"),
        ("", "an address is"),
        ("folder:results", "whole path"),
        ("stow:pacs.example", "URL is none"),
        ("stow:https://", "URL is none"),
        ("stow:https://[::1", "URL is none"),
        ("stow:https://pacs.example:0/x", "URL is none"),
        ("webhook:https://ris.example/a b", "URL is none"),
        ("webhook:https://ris.example/a\nb", "URL is none"),
        ("stow:http://pacs.example/dicom-web", "not https"),
        ("webhook:http://localhost.example/", "not https"),
        ("webhook:file:///etc/passwd", "URL is none"),
        ("webhook:ftp://ris.example/", "not https"),
        ("webhook:https://me:word@ris.example/", "destination_secrets"),
        ("webhook:https://ris.example/?key=word", "destination_secrets"),
    ],
)
def test_an_address_that_is_none_is_refused(address, complaint):
    with pytest.raises(ValidationError, match=complaint):
        Destination.model_validate(address)


@pytest.mark.parametrize(
    ("address", "documents", "complaint"),
    [
        ("PACS@10.0.0.5:104", ["sr", "html"], "dicom takes sr, seg, key, pdf"),
        ("webhook:https://ris.example/", ["json"], "one event"),
        ("folder:/srv", ["docx"], "sr"),
    ],
)
def test_documents_that_a_destination_does_not_take_are_refused(address, documents, complaint):
    with pytest.raises(ValidationError, match=complaint):
        Destination.model_validate({"address": address, "documents": documents})
