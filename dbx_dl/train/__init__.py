"""Train a network on a prepared table with Horovod ranks, launched from the driver; loop and tracking exist once."""
