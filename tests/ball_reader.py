"""A reader for the small chest: it finds what is dense inside the lungs, without a network."""

import os
import signal
import time
from pathlib import Path

import numpy as np
from scipy import ndimage

from firstread.dicom.choose import choose_series
from firstread.errors import RefusedInput
from firstread.findings import (
    Acquisition,
    Algorithm,
    Category,
    Diameters,
    Finding,
    Mask,
    Prior,
    ReaderIdentity,
    ReadResult,
    Structure,
    Timings,
    concepts,
)
from firstread.progress import silent


def told():
    """What BALL_READER says; where it is @FILE, what the file says now."""
    word = os.environ.get("BALL_READER", "")
    if not word.startswith("@"):
        return word
    return Path(word[1:]).read_text().strip() if Path(word[1:]).exists() else ""


class BallReader:
    """Finds balls. What it is told through BALL_READER it does: refuse, fail, die, or wait (as long as it is told)."""

    name = "ball"
    version = "1.0"

    def accepts(self, series):
        return series.modality == "CT"

    def read(self, study, engine, *, prior=None, progress=silent):
        choice = choose_series(study)
        if told() == "refuse":
            raise RefusedInput(f"Series {choice.series.uid} is not safe to read.", remedy="Send it again.")
        if told() == "fail":
            raise ZeroDivisionError(f"a fault while reading {choice.series.header.PatientName}")
        if told() == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if told() == "wait":
            print("waiting", flush=True)
            ends = time.monotonic() + 60
            while told() == "wait" and time.monotonic() < ends:
                progress("load", 0.5)
                time.sleep(0.05)
        volume = study.volume(choice.series, progress=progress)
        for stage in ("segment", "detect", "classify"):
            progress(stage, 1.0)
        who = Algorithm(name=self.name, version=self.version)
        air, _ = ndimage.label(volume.hu < -500)
        outside = air[0, 0, 0]
        lung = ndimage.binary_closing((air > 0) & (air != outside), iterations=6)
        dense = lung & ndimage.binary_opening(volume.hu > -300) & ndimage.binary_erosion(lung, iterations=4)
        labels, count = ndimage.label(dense)
        findings = tuple(self._finding(n, labels == n, volume, who) for n in range(1, count + 1))
        progress("measure", 1.0)
        category = findings[0].category if findings else None
        return ReadResult(
            study_uid=study.study_uid,
            series_uid=choice.series.uid,
            frame_of_reference_uid=choice.series.frame_of_reference_uid or None,
            reader=ReaderIdentity(name=self.name, version=self.version),
            acquisition=Acquisition(
                modality="CT",
                slices=len(volume.sources),
                spacing_mm=volume.geometry.spacing_mm,
                chosen_because=choice.reason,
            ),
            timings_s=Timings(load=0.1),
            warnings=(*study.warnings, *volume.warnings),
            category=category,
            categories=(category,) if category else (),
            findings=findings,
            structures=(self._lungs(lung, volume, who),),
            prior=Prior(study_uid=prior.study_uid) if prior else None,
        )

    def _finding(self, number, voxels, volume, who):
        index = np.argwhere(voxels)
        low, high = volume.geometry.to_lps(index.min(0)), volume.geometry.to_lps(index.max(0))
        cubic = float(voxels.sum() * volume.geometry.voxel_mm3)
        across = round(float((6 * cubic / np.pi) ** (1 / 3)), 1)
        source = volume.source_nearest(float(np.argmax(voxels.sum((1, 2)))))
        category = Category(
            scheme="Lung-RADS", version="2022", value="4A", rule="a ball", management="3-month LDCT"
        )
        return Finding(
            id=f"N{number}",
            concept=concepts.NODULE,
            probability=1.0,
            site=concepts.LUNG,
            laterality="right" if (low + high)[0] < 0 else "left",
            zone="middle",
            center_lps_mm=tuple(float(v) for v in (low + high) / 2),
            size_mm=tuple(float(v) for v in high - low),
            diameter_mm=Diameters(long=across, short=across, mean=across),
            volume_mm3=cubic,
            attenuation="solid",
            category=category,
            categories=(category,),
            sop_instance_uid=source.sop_instance_uid,
            tracking_uid=f"1.2.826.0.1.3680043.8.498.{number}",
            algorithms=(who,),
            mask=Mask.crop(voxels),
        )

    def _lungs(self, lung, volume, who):
        cubic = float(lung.sum() * volume.geometry.voxel_mm3)
        return Structure(
            name="lungs", site=concepts.LUNG, volume_mm3=cubic, algorithm=who, mask=Mask.crop(lung)
        )
