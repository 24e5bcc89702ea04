"""The functions of the library, which :mod:`nas` hands out and the command line uses."""
