"""Score reviews in bulk: the worker and its command line."""

import os

# ONNX Runtime reports what it runs to its makers, unless it is told not to before it is first imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
