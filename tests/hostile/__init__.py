"""Tables of bad requests, over a real socket."""
