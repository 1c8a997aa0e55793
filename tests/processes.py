"""Several processes of one program of JAX on this machine."""

import json
import os
import socket
import subprocess
import sys


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def run(count, what, folder, script, timeout=300):
    """Exit codes, what was printed and what was said, of all processes."""
    port = str(free_port())
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(rank), str(count), port, what, str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ,
        )
        for rank in range(count)
    ]
    try:
        ended = [process.communicate(timeout=timeout) for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [(process.returncode, out, err) for process, (out, err) in zip(processes, ended, strict=True)]


def told(ended):
    assert [code for code, _, _ in ended] == [0] * len(ended), ended[-1][2]
    return [json.loads(out.splitlines()[-1]) for _, out, _ in ended]
