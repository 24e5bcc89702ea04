"""A pretend CUDA device, so that what runs on a GPU is tested without one.

Tensors on cuda:0 live in main memory, and the CPU's kernels compute with them (``device.cpp``). It
shows tensors on the wrong device, memory at its peak and what happens when it runs out, copies and
reads that would wait for the GPU, and the control flow of all that runs on a GPU only, CUDA graphs
included (``graphs.py``). It cannot show speed, real kernels, or errors in the use of streams.

The device registers as torch loads, so each file of ``cases/`` runs in a pytest of its own, with
``device.py`` as a plugin (``tests/test_on_pretend_cuda.py``). By hand:

    python -m pytest -p tests.pretend_cuda.device tests/pretend_cuda/cases
"""
