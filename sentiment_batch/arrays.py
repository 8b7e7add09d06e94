"""Types of arrays, by what they hold."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
IntegerArray = npt.NDArray[np.int64]
