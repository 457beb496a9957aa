"""How OpenVINO is told to run a network: the same for a read as for what is measured about it."""

Configuration = dict[str, str | int | bool]


def configuration(*, threads: int, streams: int = 1) -> Configuration:
    """Return the properties with which a network is compiled.

    Args:
        threads: Of all streams together.
        streams: Samples that are worked on at a time; large tiles have one: docs/concepts/engine.md has the
            measurement.
    """
    return {
        "NUM_STREAMS": streams,
        "INFERENCE_NUM_THREADS": threads,
        # OpenVINO would take bf16 where the processor has it: other findings on other hosts.
        "INFERENCE_PRECISION_HINT": "f32",
        # Pinned threads of two processes would sit on the same cores, and under a CPU quota could not make
        # way for what else runs there. A placement keeps them in their cores by affinity.
        "ENABLE_CPU_PINNING": False,
    }
