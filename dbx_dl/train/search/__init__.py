"""The search for the best settings of a training: trials, one after the other or several at once."""
