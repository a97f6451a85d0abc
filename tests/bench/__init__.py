"""The bench: this API beside what else could be picked, measured in one run. `README.md` here tells how."""
