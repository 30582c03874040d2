"""How does a client get onto the disk? By name and pinned version, into var/clients, once."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CLIENTS = Path(os.environ.get("CLIENTS_DIR") or ROOT / "var" / "clients")


def npm(name: str, *packages: str) -> Path:
    """A folder whose node_modules holds `packages` (name@version)."""
    folder = CLIENTS / name
    _once(folder, packages, ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), *packages])
    return folder


def pip(name: str, *packages: str) -> Path:
    """The Python of an environment that holds `packages` (name==version) and nothing of ours."""
    python = CLIENTS / name / "bin" / "python"
    if not python.exists():
        _run([sys.executable, "-m", "venv", str(CLIENTS / name)])
    _once(CLIENTS / name, packages, [str(python), "-m", "pip", "install", "--quiet", *packages])
    return python


def source(name: str, version: str) -> Path:
    """The unpacked source distribution of a Python package."""
    folder = CLIENTS / "sources"
    unpacked = folder / f"{name}-{version}"
    if not unpacked.exists():
        wanted = ["--no-deps", "--no-binary", name, "-d", str(folder), f"{name}=={version}"]
        _run([sys.executable, "-m", "pip", "download", "--quiet", *wanted])
        with tarfile.open(folder / f"{name}-{version}.tar.gz") as packed:
            packed.extractall(folder, filter="data")
    return unpacked


def _once(folder: Path, packages: tuple[str, ...], command: list[str]) -> None:
    """Run `command` unless it ran for the same packages."""
    stamp = folder / ".installed"
    if stamp.exists() and stamp.read_text() == "\n".join(packages):
        return
    folder.mkdir(parents=True, exist_ok=True)
    _run(command)
    stamp.write_text("\n".join(packages))


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=sys.stderr)
