"""Job: prepare the run's source into a Delta table; `--config` names the run's YAML file."""

from dbx_dl.cli import main

if __name__ == "__main__":
    main("prepare")
