"""Job: prepare the run's source into a Delta table."""

import argparse

from dbx_dl.config import load_run_config
from dbx_dl.pipeline import prepare_run
from dbx_dl.runtime.logs import show_progress
from dbx_dl.runtime.spark import open_session


def main() -> None:
    """Read --config and run the stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="the run's YAML file")
    config = load_run_config(parser.parse_args().config)
    show_progress(verbose=False)
    spark = open_session(config.spark, app_name=f"dbx_dl {config.name} prepare")
    prepare_run(spark, config)


if __name__ == "__main__":
    main()
