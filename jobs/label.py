"""Job: a step of labelling, such as `resolve` or `queue`, as first argument; `--config` names the run's YAML file."""

from dbx_dl.cli import main

if __name__ == "__main__":
    main("label")
