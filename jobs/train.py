"""Job: train the run's network with each of its frameworks; `--config` names the run's YAML file."""

from dbx_dl.cli import main

if __name__ == "__main__":
    main("train")
