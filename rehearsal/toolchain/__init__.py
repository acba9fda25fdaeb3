"""The programs that the rehearsal runs, built from their Go modules and kept by version."""
