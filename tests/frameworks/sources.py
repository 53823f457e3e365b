"""Sources of frameworks from PyPI, which contain the frameworks' own tests."""

import os
import subprocess
import sys
import tarfile
from importlib import metadata
from pathlib import Path


def unpacked(folder, package):
    """The folder of the source of the installed release of a package, below `folder`."""
    requirement = f"{package}=={metadata.version(package)}"
    target = Path(folder) / requirement
    if not target.exists():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        subprocess.run([*command, "--dest", folder, requirement], check=True)
        name = requirement.replace("-", "_").replace("==", "-")
        with tarfile.open(next(Path(folder).glob(f"{name}*.tar.gz"))) as archive:
            archive.extractall(target, filter="data")
    return next(path for path in target.iterdir() if path.is_dir())


def run_pytest(source, plugin, folder, *files):
    """Run tests of a source with a plugin from `folder`; raise CalledProcessError if one fails."""
    tests = Path(__file__).parents[1]  # for `postgres_server`
    paths = os.pathsep.join([str(folder), str(tests), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", plugin, *map(str, files)]
    subprocess.run(command, cwd=source, env=os.environ | {"PYTHONPATH": paths}, check=True)
