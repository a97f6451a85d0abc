"""The HTTP server: uvicorn's protocol with limits and timeouts, admission control, and graceful shutdown.

`LimitedProtocol` limits the bytes that a connection may send, and `ProtocolTimeouts` limits how long it may take.
`InFlightLimiter` decides how many requests a worker answers at the same time. After a refusal, `LingeringClose` keeps
the connection open until the client has read the response. `run` in `workers.py` starts one or several worker processes
on the sockets of `sockets.py`.

This file imports nothing, so that a process that only starts workers does not load the application.
"""
