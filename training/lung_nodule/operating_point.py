"""Choose how the two networks' scores are joined and where the threshold lies, and measure it on other scenes.

    python -m training.lung_nodule.operating_point --models DIR --choose DIR --measure DIR --precision f32

Both folders hold scenes of `mining.py` on chests that no network was trained on; those of `--choose` and
those of `--measure` are different patients. Prints the weights, the threshold, and the sensitivity and false
alarms a scene on both, with bootstrap intervals over scenes; `--json` keeps them.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from firstread.engine import Engine, Network, load_package
from training.lung_nodule.mining import EDGE, FALSE_ALARM, NODULE
from training.lung_nodule.patches import HIGH_HU, LOW_HU

Floats = npt.NDArray[np.float64]
FALSE_ALARMS = (0.5, 1, 2, 4, 8)


class Mined:
    """The candidates of a folder of scenes with both scores."""

    def __init__(self, folder: Path, network: Network) -> None:
        margin = (EDGE - network.package.manifest.input.patch[0]) // 2
        inner = (slice(None),) + (slice(margin, -margin),) * 3
        scenes, labels, first, second, places, truths, kinds, sites = [], [], [], [], [], [], [], []
        for number, path in enumerate(sorted(folder.glob("scene-*.npz"))):
            with np.load(path, allow_pickle=False) as stored:
                cubes = stored["hu"][inner].astype(np.float32) * ((HIGH_HU - LOW_HU) / 255) + LOW_HU
                answers = network.infer_many(cube[None, None] for cube in cubes)
                second.extend(float(answer["nodule"].reshape(-1)[0]) for answer in answers)
                scenes.extend([number] * len(cubes))
                labels.extend(stored["label"].tolist())
                first.extend(stored["logit"].tolist())
                places.extend(stored["place"].tolist())
                truths.append(stored["truth"])
                kinds.append(stored["kinds"])
                sites.append(stored["sites"])
        self.scenes = np.array(scenes)
        self.labels = np.array(labels)
        self.scores = np.array([first, second]).T
        self.places = np.array(places).reshape(-1, 3)
        self.truths, self.kinds, self.sites = truths, kinds, sites

    def nodules(self) -> list[dict[str, float | str | int]]:
        """Return every nodule that counts: its scene, size, kind, site and the candidate that hits it best."""
        rows: list[dict[str, float | str | int]] = []
        for number, truth in enumerate(self.truths):
            mine = np.flatnonzero((self.scenes == number) & (self.labels == NODULE))
            for index, (z, y, x, diameter, readers) in enumerate(truth):
                if readers < 3 or diameter < 3:
                    continue
                away = np.linalg.norm(self.places[mine] - (z, y, x), axis=1)
                hits = mine[away <= max(diameter / 2, 2.5)]
                rows.append(
                    {
                        "scene": number, "diameter": float(diameter), "kind": str(self.kinds[number][index]),
                        "site": str(self.sites[number][index]), "hits": hits.tolist(),
                    }
                )  # fmt: skip
        return rows


def fitted(mined: Mined) -> Floats:
    """Fit weights of detector, candidate and bias by logistic regression with a little ridge (Newton's method)."""
    known = (mined.labels == NODULE) | (mined.labels == FALSE_ALARM)
    inputs = np.column_stack([mined.scores[known], np.ones(known.sum())])
    truth = (mined.labels[known] == NODULE).astype(float)
    weights = np.zeros(3)
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(inputs @ weights, -30, 30)))
        gradient = inputs.T @ (p - truth) + 1e-2 * weights
        curve = (inputs * (p * (1 - p))[:, None]).T @ inputs + 1e-2 * np.eye(3)
        weights -= np.linalg.solve(curve, gradient)
    return weights


def probabilities(mined: Mined, weights: Floats) -> Floats:
    """Return each candidate's probability."""
    logit = np.column_stack([mined.scores, np.ones(len(mined.scores))]) @ weights
    return np.asarray(1 / (1 + np.exp(-np.clip(logit, -30, 30))))


def threshold_at(mined: Mined, p: Floats, false_alarms: float) -> float:
    """Return the probability above which a scene has so many false alarms on average."""
    alarms = np.sort(p[mined.labels == FALSE_ALARM])[::-1]
    allowed = int(false_alarms * len(mined.truths))
    return float(alarms[allowed]) if allowed < len(alarms) else 0.0


def sensitivity(rows: list[dict[str, float | str | int]], p: Floats, threshold: float) -> float:
    """Return the share of nodules with a candidate above the threshold."""
    return (
        float(np.mean([any(p[i] > threshold for i in row["hits"]) for row in rows])) if rows else float("nan")
    )


def interval(rows: list[dict[str, float | str | int]], p: Floats, threshold: float) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the sensitivity, drawing scenes."""
    rng = np.random.default_rng(0)
    scenes = sorted({int(row["scene"]) for row in rows})
    by_scene = {s: [row for row in rows if row["scene"] == s] for s in scenes}
    draws = []
    for _ in range(500):
        picked = rng.choice(scenes, len(scenes))
        draws.append(sensitivity([row for s in picked for row in by_scene[int(s)]], p, threshold))
    low, high = np.percentile(draws, [2.5, 97.5])
    return float(low), float(high)


def main() -> None:
    """Fit, choose, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--choose", type=Path, required=True)
    parser.add_argument("--measure", type=Path, required=True)
    parser.add_argument("--precision", choices=("f32", "int8"), default="f32")
    parser.add_argument("--false-alarms", type=float, default=2.0, help="a scene, at the threshold")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with Engine(precision=options.precision) as engine:
        network = engine.network(load_package(options.models / "lung_nodule_candidate"))
        choose, measure = Mined(options.choose, network), Mined(options.measure, network)
    weights = fitted(choose)
    threshold = threshold_at(choose, probabilities(choose, weights), options.false_alarms)
    point = {
        "detector": round(float(weights[0]), 4), "candidate": round(float(weights[1]), 4),
        "bias": round(float(weights[2]), 4), "threshold": round(threshold, 4),
    }  # fmt: skip
    print(point)
    report: dict[str, object] = {"point": point}
    for name, mined in (("chosen on", choose), ("measured on", measure)):
        p, rows = probabilities(mined, weights), mined.nodules()
        alone = mined.scores[:, 0]
        print(f"{name} {len(mined.truths)} scenes, {len(rows)} nodules")
        table: dict[str, object] = {}
        for rate in FALSE_ALARMS:
            both, first = threshold_at(mined, p, rate), threshold_at(mined, np.asarray(alone), rate)
            joined, single = sensitivity(rows, p, both), sensitivity(rows, np.asarray(alone), first)
            table[f"{rate:g}"] = [joined, single]
            print(f"   {rate:4g} false alarms: {joined:.3f} both, {single:.3f} detector alone")
        alarms = float((p[mined.labels == FALSE_ALARM] > threshold).sum()) / len(mined.truths)
        low, high = interval(rows, p, threshold)
        whole = sensitivity(rows, p, threshold)
        print(
            f"   at the threshold: {whole:.3f} ({low:.3f} to {high:.3f}), {alarms:.2f} false alarms a scene"
        )
        parts = {}
        for label, chosen in (
            ("3-6 mm", [r for r in rows if float(r["diameter"]) < 6]),
            ("6-12 mm", [r for r in rows if 6 <= float(r["diameter"]) < 12]),
            ("12 mm and more", [r for r in rows if float(r["diameter"]) >= 12]),
            *((k, [r for r in rows if r["kind"] == k]) for k in ("solid", "part-solid", "ground-glass")),
            *(
                (s, [r for r in rows if r["site"] == s])
                for s in ("parenchymal", "juxtapleural", "perivascular", "real")
            ),
        ):
            parts[label] = [len(chosen), sensitivity(chosen, p, threshold)]
            print(f"      {label:15s} n {len(chosen):4d}  {parts[label][1]:.3f}")
        report[name] = {
            "scenes": len(mined.truths), "nodules": len(rows), "froc": table, "sensitivity": whole,
            "interval": [low, high], "false_alarms": alarms, "parts": parts,
        }  # fmt: skip
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
