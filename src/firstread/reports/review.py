"""What a person has said of each finding of a report that is being reviewed, or was signed."""

from collections.abc import Mapping
from typing import Literal

Standing = Literal["unreviewed", "accepted", "edited", "added"]
"""How a finding that stands came to stand; rejected ones do not."""

Review = Mapping[str, Standing]
"""By the finding's id; one that is missing is unreviewed."""
