"""Job: compare the run's registered models and make the best one champion; `--config` names the run's YAML file."""

from dbx_dl.cli import main

if __name__ == "__main__":
    main("promote")
