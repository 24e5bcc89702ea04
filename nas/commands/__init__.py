"""The commands, a module each; what one needs is imported when it runs, not for ``--help``."""
