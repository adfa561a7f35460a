"""The whole path, on small real data, through the command line, the jobs and the notebooks."""
