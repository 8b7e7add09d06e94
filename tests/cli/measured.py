"""Runs a script and writes its peak memory, in bytes, to a file.

The process's own rusage would not do: it starts with the memory of the process that started it.
"""

import re
import runpy
import sys
from pathlib import Path

report, *sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    [peak] = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    Path(report).write_text(str(int(peak) * 1024))
