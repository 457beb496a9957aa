"""The three networks of the lung-nodule reader, small enough for two CPU cores.

Every network takes HU (float32, [N, 1, z, y, x]) and does its intensity window itself, so that the exported
graph needs no pre-processing outside. Only convolution, batch norm and ReLU: operations that fold into one
another and quantise well.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WINDOW_HU = (-1000.0, 400.0)
FAINT_WINDOW_HU = (-960.0, -460.0)
"""From lung to ground glass: what is faint in the lung window is not in this one."""


def windowed(hu: Tensor, window: tuple[float, float] = WINDOW_HU) -> Tensor:
    """Map a window to 0…1, clipped."""
    low, high = window
    return (hu.clamp(low, high) - low) / (high - low)


def both_windows(hu: Tensor) -> Tensor:
    """Return two channels: the lung window, and that of ground glass."""
    return torch.cat([windowed(hu), windowed(hu, FAINT_WINDOW_HU)], 1)


def norms(network: nn.Module) -> list[nn.BatchNorm3d]:
    """Return the batch norms of a network, whose statistics a trainer holds at the end of its training.

    Few crops a step differ much (a noisy chest, a smooth one), and a network comes to lean on their own statistics.
    In use it has those of training.
    """
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm3d)]


def _conv(inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm3d(outputs),
        nn.ReLU(inplace=True),
    )


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _conv(channels, channels)
        self.second = nn.Sequential(
            nn.Conv3d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm3d(channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(self.first(x)))


class Detector(nn.Module):
    """Find nodules: a residual feature pyramid with a centre heat map at stride 4.

    Outputs (stride 4, [N, C, z/4, y/4, x/4]): `heat` logit of a nodule's centre; `size` log of its
    diameter in mm; `shift` of the centre from the cell's first voxel in cells (z, y, x). In training also
    `cover`, a logit at stride 2 of being inside a nodule.
    """

    def __init__(self, widths: tuple[int, int, int, int] = (16, 40, 80, 128), top: int = 48) -> None:
        super().__init__()
        a, b, c, d = widths
        self.stem = nn.Sequential(_conv(2, a, stride=2), _Residual(a))
        self.stage4 = nn.Sequential(_conv(a, b, stride=2), _Residual(b), _Residual(b))
        self.stage8 = nn.Sequential(_conv(b, c, stride=2), _Residual(c), _Residual(c))
        self.stage16 = nn.Sequential(_conv(c, d, stride=2), _Residual(d))
        self.side16, self.side8, self.side4 = nn.Conv3d(d, top, 1), nn.Conv3d(c, top, 1), nn.Conv3d(b, top, 1)
        self.merge8, self.merge4 = _conv(top, top), _conv(top, top)
        self.tower = _conv(top, top)
        self.head = nn.Conv3d(top, 5, 1)
        self.cover_side = nn.Conv3d(top, a, 1)
        self.cover = nn.Sequential(_conv(a, a), nn.Conv3d(a, 1, 1))
        nn.init.constant_(self.head.bias[:1], -4.0)  # type: ignore[index]
        nn.init.constant_(self.head.bias[1:2], 2.0)  # type: ignore[index]

    def forward(self, hu: Tensor) -> dict[str, Tensor]:
        f2 = self.stem(both_windows(hu))
        f4 = self.stage4(f2)
        f8 = self.stage8(f4)
        f16 = self.stage16(f8)
        p8 = self.merge8(self.side8(f8) + F.interpolate(self.side16(f16), scale_factor=2.0, mode="nearest"))
        p4 = self.merge4(self.side4(f4) + F.interpolate(p8, scale_factor=2.0, mode="nearest"))
        head = self.head(self.tower(p4))
        found = {"heat": head[:, :1], "size": head[:, 1:2], "shift": head[:, 2:5]}
        if self.training:
            up = F.interpolate(self.cover_side(p4), scale_factor=2.0, mode="nearest")
            found["cover"] = self.cover(F.relu(up + f2))
        return found


class CandidateNetwork(nn.Module):
    """Tell nodules from what only looks like one: 40³ voxels of 1 mm around a candidate.

    Output `nodule` [N, 1]: logit. The middle is looked at apart: means and maxima over the whole cube drown a small
    nodule in the vessels around it. In training also `cover`, a logit at stride 2 of being inside a nodule: where a
    nodule ends says more than that there is one.
    """

    def __init__(self, widths: tuple[int, int, int, int] = (12, 20, 48, 96)) -> None:
        super().__init__()
        a, b, c, d = widths
        # The first step keeps the voxels: half of what is judged is smaller than six of them.
        self.stem = _conv(2, a)
        self.stage2 = nn.Sequential(_conv(a, b, stride=2), _Residual(b))
        self.stage4 = nn.Sequential(_conv(b, c, stride=2), _Residual(c), _Residual(c))
        self.stage8 = nn.Sequential(_conv(c, d, stride=2), _Residual(d), _Residual(d))
        self.side4, self.side8 = nn.Conv3d(c, c, 1), nn.Conv3d(d, c, 1)
        self.merge4 = _conv(c, c)
        self.drop = nn.Dropout(0.3)
        self.head = nn.Linear(2 * c + d, 1)
        self.cover_side = nn.Conv3d(c, b, 1)
        self.cover = nn.Sequential(_conv(b, b), nn.Conv3d(b, 1, 1))

    def forward(self, hu: Tensor) -> dict[str, Tensor]:
        f2 = self.stage2(self.stem(both_windows(hu)))
        f4 = self.stage4(f2)
        f8 = self.stage8(f4)
        p4 = self.merge4(self.side4(f4) + F.interpolate(self.side8(f8), scale_factor=2.0, mode="nearest"))
        # Of 10 cells of 4 mm the middle four.
        middle = p4[:, :, 3:7, 3:7, 3:7]
        pooled = torch.cat([middle.mean((2, 3, 4)), middle.amax((2, 3, 4)), f8.mean((2, 3, 4))], 1)
        found = {"nodule": self.head(self.drop(pooled))}
        if self.training:
            up = F.interpolate(self.cover_side(p4), scale_factor=2.0, mode="nearest")
            found["cover"] = self.cover(F.relu(up + f2))
        return found


class LungNetwork(nn.Module):
    """Label the lungs on 3 mm voxels: a small U-Net. Output `lungs` [N, 3, z, y, x]: logits of none, right, left."""

    def __init__(self, widths: tuple[int, int, int, int] = (8, 16, 32, 48)) -> None:
        super().__init__()
        a, b, c, d = widths
        self.down1 = nn.Sequential(_conv(1, a), _conv(a, a))
        self.down2 = nn.Sequential(_conv(a, b, stride=2), _Residual(b))
        self.down4 = nn.Sequential(_conv(b, c, stride=2), _Residual(c))
        self.down8 = nn.Sequential(_conv(c, d, stride=2), _Residual(d), _Residual(d))
        self.down16 = nn.Sequential(_conv(d, d, stride=2), _Residual(d))
        self.side8, self.side4, self.side2, self.side1 = (
            nn.Conv3d(d, d, 1),
            nn.Conv3d(d, c, 1),
            nn.Conv3d(c, b, 1),
            nn.Conv3d(b, a, 1),
        )
        self.up8, self.up4, self.up2, self.up1 = _conv(d, d), _conv(c, c), _conv(b, b), _conv(a, a)
        self.head = nn.Conv3d(a, 3, 1)

    def forward(self, hu: Tensor) -> dict[str, Tensor]:
        def doubled(x: Tensor) -> Tensor:
            return F.interpolate(x, scale_factor=2.0, mode="nearest")

        f1 = self.down1(windowed(hu))
        f2 = self.down2(f1)
        f4 = self.down4(f2)
        f8 = self.down8(f4)
        u8 = self.up8(f8 + doubled(self.side8(self.down16(f8))))
        u4 = self.up4(f4 + doubled(self.side4(u8)))
        u2 = self.up2(f2 + doubled(self.side2(u4)))
        u1 = self.up1(f1 + doubled(self.side1(u2)))
        return {"lungs": self.head(u1)}
