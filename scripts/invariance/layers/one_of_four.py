"""Keeping one pixel of each 2x2 block: what max pooling and polyphase sampling share."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from invariance.layers.images_last import ImagesLast, compiled


class OneOfFour(ImagesLast):
    """Keeps one pixel of each 2x2 block: `choose` maps (c, h, w, n) to uint8 (c, h // 2, w // 2, n), 0 to 3 by rows."""

    def __init__(self, mode: str = "zeros") -> None:
        """Args: mode, ignored: nothing is padded."""
        super().__init__()

    def compiled(self, maps: Tensor) -> Tensor:
        """(c, h, w, n) to (c, h // 2, w // 2, n)."""
        return ChooseOneOfFour.apply(maps, self.choose(maps.detach()))


class ChooseOneOfFour(torch.autograd.Function):
    """The chosen pixel of each 2x2 block; images last."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, choice: Tensor):
        """Maps (c, h, w, n) and choice (c, h // 2, w // 2, n), as of `OneOfFour`."""
        chosen = maps.new_empty(choice.shape)
        take_chosen(maps.numpy(), choice.numpy(), chosen.numpy())
        ctx.save_for_backward(choice)
        ctx.shape = maps.shape
        return chosen

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor):
        maps_gradient = gradient.new_zeros(ctx.shape)
        put_chosen(gradient.contiguous().numpy(), ctx.saved_tensors[0].numpy(), maps_gradient.numpy())
        return maps_gradient, None


@compiled
def take_chosen(maps, choice, taken):
    """Copy the chosen pixel of each 2x2 block of the maps into `taken`, of the shape of `choice`."""
    for channel in range(len(taken)):
        for y in range(taken.shape[1]):
            for x in range(taken.shape[2]):
                for image in range(taken.shape[3]):
                    chosen = choice[channel, y, x, image]
                    upper_left, upper_right = maps[channel, 2 * y, 2 * x, image], maps[channel, 2 * y, 2 * x + 1, image]
                    lower_left, lower_right = (
                        maps[channel, 2 * y + 1, 2 * x, image],
                        maps[channel, 2 * y + 1, 2 * x + 1, image],
                    )
                    upper = upper_left if chosen == 0 else upper_right
                    lower = lower_left if chosen == 2 else lower_right
                    taken[channel, y, x, image] = upper if chosen < 2 else lower


@compiled
def put_chosen(gradient, choice, maps_gradient):
    """The transpose of `take_chosen`: the gradient where a pixel was chosen, 0 for the other three."""
    for channel in range(len(gradient)):
        for y in range(gradient.shape[1]):
            for i in range(2):
                for x in range(gradient.shape[2]):
                    for j in range(2):
                        for image in range(gradient.shape[3]):
                            is_chosen = choice[channel, y, x, image] == 2 * i + j
                            value = gradient[channel, y, x, image] if is_chosen else gradient.dtype.type(0)
                            maps_gradient[channel, 2 * y + i, 2 * x + j, image] = value
