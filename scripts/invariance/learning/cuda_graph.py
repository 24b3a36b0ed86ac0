"""Training steps on a GPU as CUDA graphs: launching the kernels one by one takes longer than running them."""

from collections.abc import Callable

import torch
from torch import Tensor

from invariance.command_line import progress

FIRST = 3  # calls in which the libraries of the GPU set themselves up


class Graphed:
    """A function of tensors on a GPU. After its first calls it is recorded as a CUDA graph, which is then replayed.

    What the function reads and changes beside its arguments, such as weights, keeps its place in memory. Calls with
    other shapes than the first, such as the last batch of an epoch, are not replayed. Neither is a function that reads
    values from the GPU or draws random numbers on the CPU, which cannot be recorded. Any other branch in Python is
    taken once, at recording.
    """

    def __init__(self, function: Callable[..., Tensor]) -> None:
        self.function, self.calls, self.recordable = function, 0, True
        self.graph: torch.cuda.CUDAGraph | None = None
        self.arguments: list[Tensor] = []
        self.output = torch.empty(0)

    def __call__(self, *arguments: Tensor) -> Tensor:
        self.calls += 1
        if self.calls == 1:
            self.arguments = [torch.empty_like(argument) for argument in arguments]
        alike = [given.shape for given in arguments] == [own.shape for own in self.arguments]
        if self.calls <= FIRST or not alike or not self.recordable:
            return self.function(*arguments)
        for own, given in zip(self.arguments, arguments, strict=True):
            own.copy_(given)
        if self.graph is None and not self.record():
            return self.function(*arguments)
        self.graph.replay()
        return self.output.clone()

    def record(self) -> bool:
        """Record the function, which computes nothing meanwhile; False if that cannot be."""
        graph, drawn = torch.cuda.CUDAGraph(), torch.get_rng_state()
        try:
            with torch.cuda.graph(graph):
                self.output = self.function(*self.arguments)
            if not torch.equal(drawn, torch.get_rng_state()):
                raise RuntimeError("it draws random numbers on the CPU, which a replay would not draw anew")
        except RuntimeError as error:
            self.recordable = False
            reason = str(error.__context__ or error).splitlines()[0]  # the end of a failed recording fails as well
            progress(f"each step is started kernel by kernel, as it cannot be recorded ({reason})")
            return False
        self.graph = graph
        return True
