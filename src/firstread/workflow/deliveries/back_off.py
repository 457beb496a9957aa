"""When a delivery that failed is tried again: soon, then ever later, for about a day."""

FIRST_WAIT_S = 10.0
LONGEST_WAIT_S = 3600.0
LONGEST_ASKED_S = 86_400.0
TRIES = 33  # 24.4 hours from the first to the last


def wait_s(attempts: int, retry_after_s: float | None = None) -> float | None:
    """Return the seconds until the next try; None: there is none, a person has to look.

    10 s after the first, doubled each time, an hour at most.

    Args:
        attempts: Tries that failed.
        retry_after_s: What the destination asked for; it is waited for, but no longer than a day.
    """
    if attempts >= TRIES:
        return None
    wait = min(FIRST_WAIT_S * 2.0 ** min(attempts - 1, 60), LONGEST_WAIT_S)
    return max(wait, min(retry_after_s or 0.0, LONGEST_ASKED_S))
