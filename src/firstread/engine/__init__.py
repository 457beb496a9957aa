"""OpenVINO: model packages, compiled networks, tiling, and the cores they may use."""

from firstread.engine.confinement import Confined, confine
from firstread.engine.decoding import RetinaNet
from firstread.engine.engine import Engine
from firstread.engine.manifest import AccuracyGate, Input, Manifest, Output
from firstread.engine.network import Network
from firstread.engine.packages import (
    ModelPackage,
    find_package,
    list_packages,
    load_package,
    package_folders,
    write_manifest,
)
from firstread.engine.placement import Instances, Placement, plan_here
from firstread.engine.tile import Tile
from firstread.engine.tiling import plan_tiles, run_tiled

__all__ = [
    "AccuracyGate",
    "Confined",
    "Engine",
    "Input",
    "Instances",
    "Manifest",
    "ModelPackage",
    "Network",
    "Output",
    "Placement",
    "RetinaNet",
    "Tile",
    "confine",
    "find_package",
    "list_packages",
    "load_package",
    "package_folders",
    "plan_here",
    "plan_tiles",
    "run_tiled",
    "write_manifest",
]
