"""Where does an installation keep what it writes? Read before the settings, and by processes that never load Django."""

from pathlib import Path

from neuroroute.environment import Environment, SettingError

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment()
env.read_file(BASE_DIR / env.text("ENV_FILE", ".env"))

VAR_DIR = BASE_DIR / env.text("VAR_DIR", "var")  # an absolute path stands for itself
SECRETS_FILE = VAR_DIR / "secrets.env"  # secrets made on the first start
FIRST_RUN_FILE = VAR_DIR / "first-run.env"  # how to sign in and to call
FIRST_RUN_SAID = "var/first-run.env" if VAR_DIR == BASE_DIR / "var" else "$VAR_DIR/first-run.env"  # as pages name it
RUN_DIR = VAR_DIR / "run"  # process ids, locks, wishes of `manage.py sandbox`
DRAINING_FILE = RUN_DIR / "draining"  # stands while this installation is being stopped: not ready for new requests
LOG_DIR = VAR_DIR / "log"
METRICS_DIR = VAR_DIR / "metrics"
try:
    for directory in (VAR_DIR, RUN_DIR, LOG_DIR, METRICS_DIR):
        directory.mkdir(parents=True, exist_ok=True)
    env.read_file(SECRETS_FILE)
except OSError as exc:
    raise SettingError("VAR_DIR", f"{VAR_DIR} cannot be used ({exc.strerror}).", "var") from exc
