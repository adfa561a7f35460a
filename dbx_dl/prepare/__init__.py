"""Raw files and tables become training-ready Delta tables; whatever is unusable goes to a rejects table with a reason."""
