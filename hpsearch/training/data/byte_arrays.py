"""What images and labels are as arrays: without torch, so that a picture is read before it is loaded."""

import numpy as np
import numpy.typing as npt

ByteArray = npt.NDArray[np.uint8]
IntegerArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float32]
