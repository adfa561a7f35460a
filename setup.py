"""Packaging of dbx_dl: version, extras and entry point; it never imports the package."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
INIT = (ROOT / "dbx_dl" / "__init__.py").read_text(encoding="utf-8")
VERSION = re.search(r'^__version__ = "(.+)"$', INIT, re.MULTILINE)
if VERSION is None:
    raise RuntimeError("dbx_dl/__init__.py has no __version__")

TABLES = ["pyarrow>=18", "numpy>=1.26", "deltalake>=1.6.3"]
ONNX = ["onnx>=1.18", "onnxruntime>=1.21"]
EXTRAS = {
    "spark": ["pyspark[connect]>=4.0,<4.2", "delta-spark>=4.0,<5", "pandas>=2.2,<4", "cloudpickle", "psutil", *TABLES],
    "score": [*ONNX, *TABLES, "pillow>=11"],
    # Recordings; soundfile's wheels hold libsndfile (LGPL 2.1).
    "audio": ["soundfile>=0.12", "scipy>=1.11"],
    "mlflow": ["mlflow>=3.7,<4", "scikit-learn>=1.5"],
    "keras": ["tensorflow>=2.19", "keras>=3.8", "tf2onnx>=1.17"],
    "torch": ["torch>=2.6", "onnxscript>=0.7", "safetensors>=0.5"],
    # What the Horovod wheel (conf/horovod/build_wheel.sh) needs to be built and to run.
    "horovod": ["cmake<4", "setuptools", "wheel", "packaging", "cloudpickle", "psutil", "cffi", "fsspec"],
    "databricks": ["databricks-sdk>=0.40"],
    "search": ["optuna>=5,<6"],
    "report": ["jinja2>=3.1", "matplotlib>=3.9"],
    # The site that `make docs` builds.
    "docs": ["sphinx>=8.2", "furo>=2025.9", "myst-parser>=4"],
    "dev": [
        "pytest>=8",
        "pytest-timeout>=2.3",
        "pytest-xdist>=3.6",
        "hypothesis>=6.100",
        # What explanations are compared with.
        "captum>=0.8,<1",
        "shap>=0.48,<1",
        # Statistics that are checked against another's.
        "statsmodels>=0.14",
        "import-linter>=2.1",
        "mypy>=1.15",
        "pandas-stubs",
        "types-PyYAML",
        "ruff>=0.11",
        # Drives the Chromium in which the page to label with is tested.
        "selenium>=4.25",
        # The typed models of Databricks' resources, by which the bundle's files are checked.
        "databricks-bundles>=1.22",
    ],
}
EXTRAS["all"] = sorted({need for name, needs in EXTRAS.items() if name not in ("dev", "docs") for need in needs})

setup(
    name="dbx_dl",
    version=VERSION.group(1),
    description="Deep learning where the data lives: Delta tables, Horovod on Spark, ONNX, MLflow",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8") if (ROOT / "README.md").exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE", "NOTICE"],
    python_requires=">=3.11",
    packages=find_packages(include=["dbx_dl", "dbx_dl.*"]),
    package_data={
        "dbx_dl": [
            "py.typed",
            "runtime/*.txt",
            "runtime/*.properties",
            "monitor/*/*.j2",
            "explain/*/*.j2",
            "register/*/*.j2",
            "label/page/static/*",
            "starter/files/*",
        ]
    },
    install_requires=["pydantic>=2.12", "PyYAML>=6", "typer>=0.28", "rich>=13.8"],
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["dbx-dl=dbx_dl.cli:main"]},
)
