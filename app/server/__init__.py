"""The HTTP server: uvicorn's protocol with limits and timeouts, admission control, and graceful shutdown.

`LimitedProtocol` bounds the bytes of a connection, and `ProtocolTimeouts` how long it waits for them. `InFlightLimiter`
decides how many requests a worker answers at once. `LingeringClose` keeps a refused connection open until its client
has read the response. `run` in `workers.py` starts one or several worker processes on the sockets of `sockets.py`.

This file imports nothing: the process that only starts workers does not load the application.
"""
