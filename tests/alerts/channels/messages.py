"""A message that has everything."""

from datetime import timedelta

from firstread.alerts.messages import Message
from tests.alerts.samples import BEGIN

WHOLE = Message(
    key="0123456789abcdef0123456789abcdef",
    notification=1,
    alert=17,
    revision=2,
    level="minutes",
    title="Large pneumothorax",
    text="Pneumothorax 41.0 mm, right lung (N1) | ^ & ~ \\ 张力",
    because="concept Pneumothorax",
    stands=True,
    confirmed=False,
    escalation=0,
    raised_at=BEGIN,
    deadline_at=BEGIN + timedelta(hours=1),
    recipient="Li",
    address="li@hospital.example",
    link="https://firstread.example/alerts/17",
    study_uid="1.2.3",
    reader="lung_nodule",
    patient_name="Sample^Anna^^Dr=样^本",
    patient_id="P-0815",
    birth_date="19600102",
    sex="F",
    accession_number="A-17",
    referring_physician="Smith^John",
    study_date="20300101",
    description="Thorax",
)
"""Of a person of no hospital."""


def said():
    """A last word that is always had."""
