"""Webhooks: a clinic's system gets a message when there are changes for it, instead of asking again and again.

The messages, their signatures and headers are those of Standard Webhooks (standardwebhooks.com). A message says that there
are changes, not which: the receiver pulls. A webhook is level-triggered: it is due while its `delivered` number is below the
clinic's head, so several changes make one message, their order does not matter, and a crash loses none (decision 088).
"""
