"""Measure how fast this machine multiplies 8-bit matrices, the limit of an int8 model.

Call through `process.in_subprocess`. The graph has a MatMulInteger node, u8 × s8, with its own weights for each
projection of the encoder; every core runs it in its own session, on one thread.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

# Tokens in a run of the model.
_ROWS = 384

Shape = tuple[int, int]


def gemm_rate(shapes: Sequence[Shape], threads: int, seconds: float) -> float:
    """Return operations per second of all threads together; a multiplication and an addition are two."""
    import numpy as np
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = 1
    model = _graph(shapes)
    sessions = [InferenceSession(model, options, providers=["CPUExecutionProvider"]) for _ in range(threads)]
    random = np.random.default_rng(0)
    widths = {width for width, _ in shapes}
    feed = {f"x{width}": random.integers(0, 256, (_ROWS, width), dtype=np.uint8) for width in widths}
    together = Barrier(threads)

    def repeat(session: InferenceSession) -> float:
        """Return runs per second."""
        session.run(None, feed)
        together.wait()
        begun, runs = time.perf_counter(), 0
        while time.perf_counter() - begun < seconds:
            session.run(None, feed)
            runs += 1
        return runs / (time.perf_counter() - begun)

    with ThreadPoolExecutor(threads) as pool:
        runs_per_second = sum(pool.map(repeat, sessions))
    return runs_per_second * 2 * _ROWS * sum(rows * columns for rows, columns in shapes)


def _graph(shapes: Sequence[Shape]) -> bytes:
    """Build the graph. It outputs one number of each product, so that nothing is copied."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(0)
    constants = [
        numpy_helper.from_array(np.array(128, np.uint8), "zero_point"),
        numpy_helper.from_array(np.array([0, 0]), "start"),
        numpy_helper.from_array(np.array([1, 1]), "end"),
    ]
    nodes = []
    for i, shape in enumerate(shapes):
        constants.append(numpy_helper.from_array(random.integers(-127, 128, shape, dtype=np.int8), f"weight{i}"))
        nodes += [
            helper.make_node("MatMulInteger", [f"x{shape[0]}", f"weight{i}", "zero_point"], [f"product{i}"]),
            helper.make_node("Slice", [f"product{i}", "start", "end"], [f"corner{i}"]),
        ]
    graph = helper.make_graph(
        nodes,
        "gemm",
        [
            helper.make_tensor_value_info(f"x{width}", TensorProto.UINT8, ["rows", width])
            for width in sorted({width for width, _ in shapes})
        ],
        [helper.make_tensor_value_info(f"corner{i}", TensorProto.INT32, [1, 1]) for i in range(len(shapes))],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())
