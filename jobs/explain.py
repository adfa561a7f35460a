"""Job: explain predictions of the run's model into a Delta table; `--config` names the run's YAML file."""

from dbx_dl.cli import main

if __name__ == "__main__":
    main("explain")
