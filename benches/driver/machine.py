"""What this computer is, and how busy others keep it."""

import os
import pathlib
import platform
import resource
import subprocess


def facts():
    """What a figure means nothing without."""
    cpu = _field("/proc/cpuinfo", "model name")
    system = _field("/etc/os-release", "PRETTY_NAME", "=").strip('"')
    memory = int(_field("/proc/meminfo", "MemTotal").split()[0]) // 1024
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_mib": memory,
        "system": system,
        "kernel": platform.release(),
        "commit": _commit(),
    }


def raise_file_limit():
    """To the hard limit, for everything started from here; returns it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def busy_seconds():
    """CPU seconds of all cores since the system started, whoever used them."""
    fields = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields[:8])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _field(path, name, separator=":"):
    for line in pathlib.Path(path).read_text().splitlines():
        key, _, value = line.partition(separator)
        if key.strip() == name:
            return value.strip()
    return "?"


def _commit():
    command = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
    root = pathlib.Path(__file__).parent
    answer = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or "?"
