"""Webhooks: a clinic's system gets a message when there are changes for the clinic, so that it does not have to poll.

The messages, their signatures and headers follow Standard Webhooks (standardwebhooks.com). A message says only that
there are changes: the receiver pulls them. Webhooks are level-triggered: a webhook is due while its `delivered` number
is below the clinic's head. So several changes make one message, their order does not matter, and a crash loses no
message (decision 088).
"""
