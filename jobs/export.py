"""Job: export each trained model of the run to ONNX; `--config` names the run's YAML file."""

from dbx_dl.cli import main

if __name__ == "__main__":
    main("export")
