"""Examples of every command, which its help shows, and what exit codes mean."""

from __future__ import annotations

EXIT_CODES = {
    0: "all went well",
    1: "it failed: the line `error: …` on stderr says why and what to do",
    2: "wrong usage: a command or option is unknown or missing",
    3: "`monitor --fail-on`: there is an alert, or training is called for",
    130: "stopped by Ctrl-C",
}

EXAMPLES: dict[str, tuple[str, ...]] = {
    "init": ("dbx-dl init flowers", "dbx-dl init work/flowers --name flowers --framework keras"),
    "demo": ("dbx-dl demo", "dbx-dl demo --quick --dir demo", "dbx-dl demo --data-only"),
    "run": ("dbx-dl run conf/runs/digits.yml", "dbx-dl run conf/runs/digits.yml --json"),
    "prepare": (
        "dbx-dl prepare --config conf/runs/digits.yml",
        "dbx-dl prepare --config conf/runs/digits.yml --set prepare.table=tables/digits",
        "dbx-dl prepare --config conf/runs/digits.yml --refit",
        "dbx-dl prepare --config conf/runs/digits.yml --stream checkpoints/digits --every 60",
    ),
    "train": ("dbx-dl train --config conf/runs/digits.yml", "dbx-dl train --config conf/runs/digits.yml --resume"),
    "search": ("dbx-dl search --config run.yml", "dbx-dl search --config run.yml --framework torch --json"),
    "log": ("dbx-dl log --config conf/runs/digits.yml",),
    "export": ("dbx-dl export --config conf/runs/digits.yml", "dbx-dl export --config conf/runs/digits.yml --json"),
    "compare": ("dbx-dl compare --config conf/runs/digits.yml", "dbx-dl compare --config run.yml --json"),
    "register": ("dbx-dl register --config conf/runs/digits.yml", "dbx-dl register --config run.yml --no-promote"),
    "promote": ("dbx-dl promote --config conf/runs/digits.yml", "dbx-dl promote --config run.yml --json"),
    "backtest": ("dbx-dl backtest --config conf/runs/sales_forecast.yml",),
    "clusters": ("dbx-dl clusters --config conf/runs/cell_groups.yml",),
    "rollback": (
        "dbx-dl rollback --config conf/runs/digits.yml",
        "dbx-dl rollback digits --tracking sqlite:///dbx_dl_demo/mlflow.db",
    ),
    "models": (
        "dbx-dl models --tracking sqlite:///dbx_dl_demo/mlflow.db",
        "dbx-dl models digits --config conf/runs/digits.yml --json",
    ),
    "copy": (
        "dbx-dl copy models:/digits@champion prod_digits --config conf/runs/digits.yml",
        "dbx-dl copy models:/dev.vision.digits/3 prod.vision.digits --config run.yml",
    ),
    "explain": (
        "dbx-dl explain --config conf/runs/digits.yml",
        "dbx-dl explain --config run.yml --method integrated_gradients --set explain.max_rows=100",
    ),
    "card": ("dbx-dl card --config conf/runs/digits.yml", "dbx-dl card --config run.yml --framework torch --json"),
    "score": (
        "dbx-dl score --config conf/runs/digits.yml",
        "dbx-dl score --config conf/runs/digits.yml --explain",
        "dbx-dl score --config run.yml --stream",
    ),
    "label import": (
        "dbx-dl label import labels.csv --config run.yml --annotator ann",
        "dbx-dl label import instances.json --config run.yml --annotator ann --batch first",
    ),
    "label export": (
        "dbx-dl label export labels.jsonl --config run.yml",
        "dbx-dl label export instances.json --config run.yml --sizes tables/shapes",
    ),
    "label ingest": ("dbx-dl label ingest --config run.yml", "dbx-dl label ingest --config run.yml --reread"),
    "label queue": (
        "dbx-dl label queue --config run.yml",
        "dbx-dl label queue --config run.yml --set label.queue.budget=200 --json",
    ),
    "label serve": (
        "dbx-dl label serve --config run.yml",
        "dbx-dl label serve --config run.yml --name ann --no-spark --set label.page.port=8651",
    ),
    "label agree": ("dbx-dl label agree --config run.yml",),
    "label resolve": ("dbx-dl label resolve --config run.yml", "dbx-dl label resolve --config run.yml --json"),
    "label pseudo": ("dbx-dl label pseudo --config run.yml --batch pseudo-1",),
    "label withdraw": (
        "dbx-dl label withdraw --config run.yml --annotator ann --batch pseudo-1",
        "dbx-dl label withdraw --config run.yml --annotator ann --id 7f0c5f0e-4b1c-4f6b-9f0e-3f1d2c4b5a69",
    ),
    "monitor": (
        "dbx-dl monitor --config conf/runs/digits.yml",
        "dbx-dl monitor --config run.yml --set monitor.windows.by=commits --json",
        "dbx-dl monitor --config run.yml --fail-on retrain",
    ),
    "report": ("dbx-dl report --config conf/runs/digits.yml",),
    "inspect": ("dbx-dl inspect model.onnx", "dbx-dl inspect model.onnx --json"),
    "networks": ("dbx-dl networks", "dbx-dl networks --json"),
    "tasks": ("dbx-dl tasks", "dbx-dl tasks --json"),
    "activations": ("dbx-dl activations", "dbx-dl activations --picture activations.png"),
    "doctor": ("dbx-dl doctor", "dbx-dl doctor --json"),
}


def show_examples(command: str) -> str:
    """The end of a command's help: its examples, a line each."""
    # \b keeps the lines that follow as they are.
    return "\n".join(("\b", "Examples:", *(f"  {example}" for example in EXAMPLES.get(command, ()))))


def show_exit_codes() -> str:
    """The end of the help of `dbx-dl` itself."""
    return "\n".join(("\b", "Exit codes:", *(f"  {code:<4} {meaning}" for code, meaning in EXIT_CODES.items())))
