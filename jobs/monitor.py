"""Job: look at the run's predictions and say whether to train anew; `--config` names the run's YAML file."""

from dbx_dl.cli import main

if __name__ == "__main__":
    main("monitor")
