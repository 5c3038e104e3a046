"""Files of arrays that a user gives: inputs, calibration, tokens."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

from rnncc.errors import InputError

if TYPE_CHECKING:
    import numpy as np


def read_arrays(path: str | PathLike[str]) -> dict[str, np.ndarray]:
    """The arrays of an ``.npz`` (never unpickled), by name.

    Raises:
        InputError: not an ``.npz`` of plain arrays.
        OSError: it cannot be read.
    """
    import zipfile
    import zlib

    import numpy as np

    try:
        archive = np.load(path, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise InputError(
                f"{path}: holds one array, not named ones", "save it with numpy.savez(path, x=...)"
            )
        with archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise InputError(f"{path}: not an .npz file of plain arrays ({error})") from None
