"""Syncing: the door through which phones that are often offline keep a whole copy of their owner's records.

A device *pulls* what changed since its cursor, and *pushes* what it changed: the sum of its edits of each record, made
from a version that it knew. Edits of different fields merge; a collision is told, never resolved unseen.
"""
