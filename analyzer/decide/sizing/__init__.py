"""Right-sized task definitions from what the hosts were seen to do.

usage ──signals──> CPU and memory on a grid ─┐
jobs  ──matching─> runs of each job          ├─attribution─> estimates ──needs──> classes, sizes ──> costs
                                             ┘
"""

from analyzer.decide.sizing.entry import size_application
from analyzer.decide.sizing.result import JobSizing, Plot, PlotRun, Sizing

__all__ = ["JobSizing", "Plot", "PlotRun", "Sizing", "size_application"]
