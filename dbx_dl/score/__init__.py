"""Apply ONNX models to Spark columns and tables; what a worker process imports is this package and what lies below."""
