"""Job: register each ONNX file of the run and promote the best model; `--config` names the run's YAML file."""

from dbx_dl.cli import main

if __name__ == "__main__":
    main("register")
