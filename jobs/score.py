"""Job: score the run's input into a Delta table of predictions; `--config` names the run's YAML file."""

from dbx_dl.cli import main

if __name__ == "__main__":
    main("score")
