"""Everything that only a GPU can settle, in one command: see ``__main__``."""
