"""The rules of the doctor, by subject: each takes the settings, the observations and the time, and yields findings."""
