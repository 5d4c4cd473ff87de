"""Verification: walks everything that is stored, and tells what is not as the library wrote it."""
