"""Tests with real ranks: Horovod processes, and their launch on Spark."""
