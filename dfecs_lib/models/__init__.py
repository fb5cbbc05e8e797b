"""What every set of units shares: tables in and codes out, names, files, learning batch by batch."""
