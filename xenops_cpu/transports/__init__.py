"""How calls arrive: the only rooms with sockets in them."""
