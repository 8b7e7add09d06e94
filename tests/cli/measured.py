"""Runs a script, and writes the most memory that it held at a time, in bytes, to a file.

Its own rusage would not do: that begins with the memory of the process that started it.
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
