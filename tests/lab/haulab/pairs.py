"""Several pairs at once, each with a process of its own that finds its lab by its name: most of a rollout is waiting."""

import os
import subprocess
import sys

from . import hau
from .base import NAME


def beside(arguments):
    """Runs this program once for each list of arguments, all at the same time, each on another pair; gives the exit codes."""
    children, deb = [], hau.package()
    for number, one in enumerate(arguments):
        name = NAME if number == 0 else f"{NAME}-{number}"
        command = [sys.executable, sys.argv[0], *map(str, one)]
        children.append(subprocess.Popen(command, env={**os.environ, "HAULAB_NAME": name, hau.MADE: str(deb)}))
    return [child.wait() for child in children]
