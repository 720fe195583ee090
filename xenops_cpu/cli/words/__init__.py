"""How answers are told: in words on the terminal, and as JSON where that is more than a record."""
