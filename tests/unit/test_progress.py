"""The progress display: on a terminal only, after a second only."""

import os
import pty
import subprocess
import sys
import time

CODE = "import time; from rnncc.progress import stage\nwith stage('working') as p:\n    p(0.5); time.sleep({})"


def on_terminal(seconds: float) -> bytes:
    """What a terminal shows on standard error, read until the title appears or the work ends."""
    primary, secondary = pty.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    process = subprocess.Popen(
        [sys.executable, "-c", CODE.format(seconds)], stderr=secondary, env=environment
    )
    os.close(secondary)
    shown = b""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            part = os.read(primary, 4096)
        except OSError:  # the other side is closed
            break
        if not part:
            break
        shown += part
        if b"working" in shown:
            process.kill()
            break
    os.close(primary)
    process.wait()
    return shown


def test_long_work_is_shown():
    assert b"working" in on_terminal(25)


def test_short_work_is_silent():
    assert on_terminal(0.1) == b""


def test_nothing_goes_to_a_pipe():
    done = subprocess.run([sys.executable, "-c", CODE.format(1.3)], capture_output=True, check=True)
    assert done.stderr == b""
