"""For all tests: one BLAS thread a process, set before NumPy is imported.

pytest-xdist runs a process on each core. Threads of several processes wait for one another there, and OpenBLAS waits
by spinning: on a busy machine the same tests take three times as many CPU seconds with two threads.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
