"""The HTTP server: uvicorn's protocol with limits and timeouts, admission control, and graceful shutdown."""
