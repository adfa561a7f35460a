"""Raw files and tables become training-ready Delta tables; what is unusable goes to a rejects table with a reason."""
