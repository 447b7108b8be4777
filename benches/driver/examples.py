"""The examples of benches/examples, run as they are: what they print goes into the results as it is."""

import subprocess

from . import process, setup

LIMIT_S = 900
# Run with everything else; the others only where they are named.
USUAL = ("idle_users", "busy_generator")


def names():
    return sorted(path.stem for path in (setup.ROOT / "benches" / "examples").glob("*.rs"))


def run(name, programs):
    """What the example prints. It sees to its own processors."""
    program = programs / "examples" / name
    try:
        answer = subprocess.run([program], capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise process.Failed(f"{name} did not end within {LIMIT_S} s") from error
    if answer.returncode != 0:
        raise process.Failed(f"{name} ended with {answer.returncode}: {answer.stderr.strip()[-300:]}")
    return answer.stdout.strip()
