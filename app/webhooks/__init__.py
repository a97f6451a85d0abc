"""Webhooks: a clinic's system gets a message when there are changes for the clinic, so that it does not have to poll.

The messages, their signatures and headers follow Standard Webhooks (standardwebhooks.com). A message says only that
there are changes: the receiver pulls them. The changes for a clinic are numbered, and a webhook stores the number up to
which changes were announced (`delivered`). Webhooks are level-triggered: a message is due while this number is below
the clinic's head, its latest number. So several changes make one message, their order does not matter, and a crash
loses no message (decision 088).
"""
