"""What clusters are like: counted in Spark over all rows, shown by some rows, told as tables and pictures."""
