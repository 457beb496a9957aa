"""Airway and vessel trees that grow to fill a lobe.

Growth follows the volume-filling idea of Tawhai et al. (Ann Biomed Eng 2000): a branch runs towards
the middle of the tissue it serves, the tissue is parted there, and each part gets a daughter.
Calibres follow Murray's law with the exponent measured for pulmonary arteries (2.5 to 3).
"""

from dataclasses import dataclass

import numpy as np

from firstread.phantom.field import Points

EXPONENT = 2.85


@dataclass(frozen=True, eq=False)
class Tubes:
    """Tapered straight pieces.

    Attributes:
        start, end: Points (n, 3), (x, y, z) in body mm.
        start_radius, end_radius: Radii (n,); mm.
    """

    start: Points
    end: Points
    start_radius: Points
    end_radius: Points

    @classmethod
    def along(cls, path: Points, radii: Points) -> "Tubes":
        """Cut a polyline into pieces."""
        return cls(path[:-1], path[1:], radii[:-1], radii[1:])

    @classmethod
    def joined(cls, parts: list["Tubes"]) -> "Tubes":
        """Put several together."""
        return cls(
            np.concatenate([p.start for p in parts]),
            np.concatenate([p.end for p in parts]),
            np.concatenate([p.start_radius for p in parts]),
            np.concatenate([p.end_radius for p in parts]),
        )

    def widened(self, extra: float, factor: float = 1.0) -> "Tubes":
        """Return the same pieces with other radii: radius × factor + extra."""
        return Tubes(
            self.start, self.end, self.start_radius * factor + extra, self.end_radius * factor + extra
        )


@dataclass(frozen=True, eq=False)
class Tree:
    """Branches of one tree; branch i starts where branch parent[i] ends (−1: at the root).

    Attributes:
        end: Where each branch ends, (n, 3) body mm.
        parent: Index of the branch before it.
        served: How many end branches lie beyond it, itself included.
        root: Where the first branch starts.
    """

    root: Points
    end: Points
    parent: np.ndarray
    served: np.ndarray


def grow(root: Points, tissue: Points, rng: np.random.Generator, *, reach: float = 0.32) -> Tree:
    """Grow a tree from `root` until every point of `tissue` (n, 3) has its own end branch."""
    ends: list[Points] = []
    parents: list[int] = []
    served: list[int] = []
    stack: list[tuple[Points, Points, int]] = [(root, tissue, -1)]
    while stack:
        start, part, parent = stack.pop()
        index = len(ends)
        parents.append(parent)
        served.append(len(part))
        if len(part) == 1:
            ends.append(part[0])
            continue
        middle = np.add.reduce(part) / len(part)
        toward = middle - start
        if len(part) == 2:
            end = start + 0.5 * toward
            ends.append(end)
            stack += [(end, part[:1], index), (end, part[1:], index)]
            continue
        end = start + reach * toward
        ends.append(end)
        spread = part - middle
        # Longest extent across the branch: a few power iterations are enough, and some error is natural.
        scatter = spread.T @ spread
        across = rng.standard_normal(3)
        for _ in range(3):
            across = scatter @ across
            across -= toward * ((across @ toward) / (toward @ toward + 1e-9))
            across /= np.sqrt(across @ across) + 1e-9
        side = spread @ across
        # A plane off the middle makes daughters of unequal size, as real trees have.
        order = np.argsort(side, kind="stable")
        cut = min(max(1, round(len(part) * rng.uniform(0.12, 0.5))), len(part) - 1)
        stack += [(end, part[order[:cut]], index), (end, part[order[cut:]], index)]
    return Tree(np.asarray(root, float), np.array(ends), np.array(parents), np.array(served))


def vessels(tree: Tree, rng: np.random.Generator, *, tip_mm: float) -> Tubes:
    """Draw the branches as curved, tapered tubes; `tip_mm` is the radius of an end branch."""
    starts = np.where(tree.parent[:, None] < 0, tree.root, tree.end[tree.parent])
    radius = tip_mm * tree.served ** (1 / EXPONENT)
    before = np.where(tree.parent < 0, radius, np.minimum(radius[tree.parent], radius * 1.35))
    chord = tree.end - starts
    length = np.linalg.norm(chord, axis=1)
    came = np.where(tree.parent[:, None] < 0, chord, (tree.end - starts)[tree.parent])
    came = came / (np.linalg.norm(came, axis=1, keepdims=True) + 1e-9)
    # A branch leaves in the direction of its mother and bends: a quadratic Bézier curve, with some wander.
    bend = starts + (0.7 * chord / (length[:, None] + 1e-9) + 0.3 * came) * (0.5 * length)[:, None]
    bend += rng.normal(0, 1, chord.shape) * np.minimum(0.04 * length, 1.5)[:, None]
    # An end branch thins out of sight.
    radius = np.where(tree.served == 1, 0.5 * radius, radius)
    pieces = []
    for count in (1, 2, 3, 4, 6):
        low, high = {1: (0, 3), 2: (3, 7), 3: (7, 12), 4: (12, 20), 6: (20, 1e9)}[count]
        chosen = (length >= low) & (length < high)
        for k in range(count):
            t = np.array([k / count, (k + 1) / count])[:, None, None]
            curve = (1 - t) ** 2 * starts[chosen] + 2 * t * (1 - t) * bend[chosen] + t**2 * tree.end[chosen]
            width = before[chosen] + t[:, :, 0] * (radius - before)[chosen]
            pieces.append(Tubes(curve[0], curve[1], width[0], width[1]))
    return Tubes.joined(pieces)


def airways(artery: Tree, *, tip_mm: float, smallest_mm: float, beside: Points) -> Tubes:
    """Draw bronchi next to the arteries of a tree, down to a lumen of radius smallest_mm.

    Args:
        artery: The tree they accompany.
        tip_mm: Radius of the tree's end branches.
        smallest_mm: Radius of the last lumen drawn.
        beside: Direction (3,) from artery to bronchus.
    """
    radius = tip_mm * artery.served ** (1 / EXPONENT)
    starts = np.where(artery.parent[:, None] < 0, artery.root, artery.end[artery.parent])
    along = artery.end - starts
    along = along / (np.linalg.norm(along, axis=1, keepdims=True) + 1e-9)
    away = beside - (along @ beside)[:, None] * along
    away = away / (np.linalg.norm(away, axis=1, keepdims=True) + 1e-9)
    lumen = 0.8 * radius
    end = artery.end + away * (radius + lumen * 1.25 + 0.4)[:, None]
    root = artery.root + away[0] * (radius[0] + lumen[0] * 1.25 + 0.4)
    start = np.where(artery.parent[:, None] < 0, root, end[artery.parent])
    start_lumen = np.where(artery.parent < 0, lumen, np.minimum(lumen[artery.parent], lumen * 1.2))
    drawn = lumen >= smallest_mm
    return Tubes(start[drawn], end[drawn], start_lumen[drawn], lumen[drawn])
