"""The peers: one module each (the floor and the limit one for each database), behind one protocol."""
