"""How near each network comes to the most that this host multiplies, and whether other tiles would come nearer.

The floor is the least time that a network's operations take at the host's measured peak, as in figure3; the share is
floor over time. Peak, networks and tiles of other sizes take turns, a run each, round after round, so that what else
the host does falls on all of them; of each the fastest run counts. Operations are those of convolutions and matrix
products.

Of tiles, the work beyond their cores counts as well: `useful` is the share of peak times the share of a tile that it
decides (a halo of 16 voxels on each side). That favours large tiles; a body that they do not fit favours small ones.
"""

import argparse
import math
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import openvino

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # benchmarks/ is not installed

from benchmarks.engines.bars import LEAST_SHARE  # noqa: E402
from benchmarks.engines.operations import count  # noqa: E402
from benchmarks.engines.peak import SHAPES, chain  # noqa: E402
from benchmarks.one_read import RESULTS, host, write_report  # noqa: E402
from firstread.engine import cpu, find_package  # noqa: E402
from firstread.engine.configuration import configuration  # noqa: E402
from firstread.engine.graph import read_graph  # noqa: E402
from firstread.readers.lung_nodule.propose import CANDIDATE, DETECTOR, LUNGS  # noqa: E402

TILES = ("96x96x96", "128x128x128", "128x224x176", "160x160x160")
HALO = 16
QUICK_SHAPES = ((32, 16),)


def main() -> None:
    """Run the comparison, print it as tables, keep it as JSON; --strict: exit code 1 where detection misses its bar."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=12, help="runs of each (default: %(default)s)")
    parser.add_argument("--tiles", nargs="*", default=TILES, help="ZxYxX, voxels (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="a small peak: tries the script")
    parser.add_argument("--json", type=Path, default=RESULTS / "floor.local.json", help="file to write")
    parser.add_argument("--strict", action="store_true", help="exit code 1 when detection misses its bar")
    options = parser.parse_args()
    options.tiles = [tuple(map(int, tile.split("x"))) for tile in options.tiles]
    edges = [edge for tile in options.tiles for edge in tile]
    if options.rounds < 1 or any(edge % 16 or edge <= 2 * HALO for edge in edges):
        parser.error("--rounds must be at least 1, --tiles multiples of 16 above 32")
    report = measured(options)
    write_report(report, options.json)
    print_tables(report)
    if options.strict and report["networks"][DETECTOR]["share"] < LEAST_SHARE:
        sys.exit(1)


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Let all of them take turns, and return the report."""
    peaks = {
        f"{channels} channels": chain(channels, edge, int8=False)
        for channels, edge in (QUICK_SHAPES if options.quick else SHAPES)
    }
    networks = {name: read_graph(find_package(name), "f32") for name in (LUNGS, DETECTOR, CANDIDATE)}
    tiles = {" × ".join(map(str, tile)): resized(tile) for tile in options.tiles}
    rates = fastest({**peaks, **networks, **tiles}, rounds=options.rounds)
    peak = max(rates[name] for name in peaks)
    return {
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": host(),
        "rounds": options.rounds,
        "peak_gflop_per_second": round(peak / 1e9, 1),
        "networks": {
            name: {
                "gflop": round(count(model).operations / 1e9, 2),
                "floor_ms": round(1000 * count(model).operations / peak, 2),
                "took_ms": round(1000 * count(model).operations / rates[name], 2),
                "share": round(rates[name] / peak, 3),
            }
            for name, model in networks.items()
        },
        "tiles": {
            name: {
                "share": round(rates[name] / peak, 3),
                "useful": round(rates[name] / peak * decided(tile), 3),
            }
            for name, tile in zip(tiles, options.tiles, strict=True)
        },
    }


def resized(tile: Sequence[int]) -> openvino.Model:
    """Return the detector for another tile."""
    model = read_graph(find_package(DETECTOR), "f32")
    model.reshape([1, 1, *tile])
    return model


def decided(tile: Sequence[int]) -> float:
    """Return the share of a tile that it decides, in the middle of a volume."""
    return math.prod((edge - 2 * HALO) / edge for edge in tile)


def fastest(models: dict[str, openvino.Model], *, rounds: int) -> dict[str, float]:
    """Return operations a second of each graph's fastest run; they take turns."""
    core, config = openvino.Core(), configuration(threads=cpu.granted().threads)
    requests = {}
    for name, model in models.items():
        request = core.compile_model(model, "CPU", config).create_infer_request()
        shape = model.inputs[0].get_shape()
        request.get_input_tensor().data[:] = np.random.default_rng(1).uniform(-1, 1, shape)
        request.infer()
        requests[name] = request
    least = dict.fromkeys(models, float("inf"))
    for _ in range(rounds):
        for name, request in requests.items():
            start = perf_counter()
            request.infer()
            least[name] = min(least[name], perf_counter() - start)
    return {name: count(model).operations / least[name] for name, model in models.items()}


def print_tables(report: dict[str, Any]) -> None:
    """Print the networks and the tiles as Markdown tables."""
    here = report["machine"]
    print(
        f"\n{here['processor']}, {here['granted']} threads, OpenVINO {here['openvino']}; "
        f"peak {report['peak_gflop_per_second']:.0f} GFLOP/s; FP32, fastest of {report['rounds']} runs\n"
    )
    print(
        "| network | GFLOP a run | floor (ms) | took (ms) | gap (ms) | share of peak |\n|---|---|---|---|---|---|"
    )
    for name, row in report["networks"].items():
        gap = row["took_ms"] - row["floor_ms"]
        print(
            f"| {name} | {row['gflop']:.1f} | {row['floor_ms']:.1f} | {row['took_ms']:.1f} | {gap:.1f} "
            f"| {row['share']:.0%} |"
        )
    print("\n| tile of detection | share of peak | useful |\n|---|---|---|")
    for name, row in report["tiles"].items():
        print(f"| {name} | {row['share']:.0%} | {row['useful']:.0%} |")
    share = report["networks"][DETECTOR]["share"]
    verdict = "met" if share >= LEAST_SHARE else "NOT MET"
    print(f"\n{verdict}: detection, at least {LEAST_SHARE:.0%} of the measured peak: {share:.0%}")


if __name__ == "__main__":
    main()
