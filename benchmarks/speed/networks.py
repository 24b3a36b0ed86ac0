"""The networks of the study as a PyTorch user would write them: nothing but torch.nn and torch.nn.functional.

Written independently of scripts/invariance/networks: these are the peers, and stay plain however ours change.
Each has the layers, and so the parameters, of the entry of the same name in config.yaml.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CLASSES = 10
CHANNELS = (8, 16, 32)


class SimardCNN(nn.Module):
    """Simard's convolutional network."""

    def __init__(self, canvas: int) -> None:
        super().__init__()
        side = ((canvas - 3) // 2 - 3) // 2
        self.conv1 = nn.Conv2d(1, 5, 5, stride=2)
        self.conv2 = nn.Conv2d(5, 50, 5, stride=2)
        self.fc1 = nn.Linear(50 * side * side, 100)
        self.fc2 = nn.Linear(100, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 1, canvas, canvas) to (n, 10)."""
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc2(x)


class MLP(nn.Module):
    """One hidden layer of 800."""

    def __init__(self, canvas: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(canvas * canvas, 800)
        self.fc2 = nn.Linear(800, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 1, canvas, canvas) to (n, 10)."""
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class SlicedBlurPool(nn.Module):
    """[1, 2, 1] / 4 along each axis, then every second pixel, as sums of slices."""

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) to (n, c, ceil(h / 2), ceil(w / 2))."""
        x = F.pad(x, (1, 1, 1, 1))
        x = x[..., :-2:2] + 2 * x[..., 1:-1:2] + x[..., 2::2]
        x = x[..., :-2:2, :] + 2 * x[..., 1:-1:2, :] + x[..., 2::2, :]
        return x / 16


class GroupedBlurPool(nn.Module):
    """The same as a grouped convolution, as in the code that Zhang (2019) published."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        line = torch.tensor([1.0, 2.0, 1.0])
        weights = torch.outer(line, line) / 16
        self.register_buffer("weights", weights.expand(channels, 1, 3, 3).contiguous(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) to (n, c, ceil(h / 2), ceil(w / 2))."""
        return F.conv2d(x, self.weights, stride=2, padding=1, groups=x.shape[1])


class Polyphase(nn.Module):
    """Of the four ways to keep every second pixel, the one with the largest norm (Chaman and Dokmanic 2021)."""

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) to (n, c, h / 2, w / 2)."""
        phases = torch.stack(
            [x[:, :, 0::2, 0::2], x[:, :, 0::2, 1::2], x[:, :, 1::2, 0::2], x[:, :, 1::2, 1::2]], dim=1
        )
        chosen = phases.flatten(2).norm(dim=2).argmax(dim=1)
        return phases[torch.arange(len(x)), chosen]


class Trunk(nn.Module):
    """Three convolutions with batch norm, of which two halve the maps; then a head."""

    def __init__(self, canvas: int, downsampling: str, head: str, padding: str = "zeros") -> None:
        super().__init__()
        first, second, third = CHANNELS
        stride = 2 if downsampling == "stride" else 1
        self.conv1 = nn.Conv2d(1, first, 5, stride, padding=2, padding_mode=padding, bias=False)
        self.bn1 = nn.BatchNorm2d(first)
        self.down1 = downsampler(downsampling, first)
        self.conv2 = nn.Conv2d(first, second, 3, stride, padding=1, padding_mode=padding, bias=False)
        self.bn2 = nn.BatchNorm2d(second)
        self.down2 = downsampler(downsampling, second)
        self.conv3 = nn.Conv2d(second, third, 3, padding=1, padding_mode=padding, bias=False)
        self.bn3 = nn.BatchNorm2d(third)
        if head == "gap":
            self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(third, CLASSES))
        else:
            features = third * (canvas // 4) ** 2
            self.head = nn.Sequential(nn.Flatten(), nn.Linear(features, 100), nn.ReLU(), nn.Linear(100, CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        """(n, 1, canvas, canvas) to (n, 10)."""
        x = self.down1(F.relu(self.bn1(self.conv1(x))))
        x = self.down2(F.relu(self.bn2(self.conv2(x))))
        x = F.relu(self.bn3(self.conv3(x)))
        return self.head(x)


def downsampler(kind: str, channels: int) -> nn.Module:
    """The layer that halves the maps of a convolution."""
    return {
        "stride": nn.Identity,
        "max_pool": lambda: nn.MaxPool2d(2),
        "avg_pool": lambda: nn.AvgPool2d(2),
        "blur_pool": SlicedBlurPool,
        "grouped_blur_pool": lambda: GroupedBlurPool(channels),
        "polyphase": Polyphase,
    }[kind]()


class STN(nn.Module):
    """A spatial transformer that translates by at most 7 pixels, in front of Simard's network."""

    def __init__(self, canvas: int) -> None:
        super().__init__()
        side = canvas // 8
        self.localisation = nn.Sequential(
            nn.AvgPool2d(2),
            nn.Conv2d(1, 8, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(side),
            nn.Flatten(),
            nn.Linear(16 * side * side, 32),
            nn.ReLU(),
            nn.Linear(32, 2),
        )
        nn.init.zeros_(self.localisation[-1].weight)
        nn.init.zeros_(self.localisation[-1].bias)
        self.bound = 2 * 7 / canvas
        self.classifier = SimardCNN(canvas)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 1, canvas, canvas) to (n, 10)."""
        shifts = self.bound * torch.tanh(self.localisation(x) / 4)
        theta = torch.eye(2).repeat(len(x), 1, 1)
        theta = torch.cat([theta, shifts.unsqueeze(2)], dim=2)
        grid = F.affine_grid(theta, x.shape, align_corners=False)
        return self.classifier(F.grid_sample(x, grid, align_corners=False))


NETWORKS = {
    "simard_cnn": SimardCNN,
    "mlp": MLP,
    "stride_fc": lambda canvas: Trunk(canvas, "stride", "fc"),
    "max_pool_fc": lambda canvas: Trunk(canvas, "max_pool", "fc"),
    "avg_pool_fc": lambda canvas: Trunk(canvas, "avg_pool", "fc"),
    "blur_pool_fc": lambda canvas: Trunk(canvas, "blur_pool", "fc"),
    "stride_gap": lambda canvas: Trunk(canvas, "stride", "gap"),
    "stride_gap_circular": lambda canvas: Trunk(canvas, "stride", "gap", "circular"),
    "polyphase_gap_circular": lambda canvas: Trunk(canvas, "polyphase", "gap", "circular"),
    "stn": STN,
}
# Other ways to write the same network, measured to know their cost.
VARIANTS = {
    "blur_pool_fc": ("plain PyTorch, grouped convolution", lambda canvas: Trunk(canvas, "grouped_blur_pool", "fc")),
}
