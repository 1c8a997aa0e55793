"""The image flows as their papers train them, on the first 4,000 images of CIFAR-10, for a stated number of epochs.

Run `python -m benchmarks.images.papers glow --epochs 2`; needs `PUSHFORWARD_DATA`. One file of this folder is one
paper: `flow` is the recipe, `options` are its arguments, `training` those of `fit`. Without an accelerator take a few
images and small batches (`--images 32 --batch-size 4`): a step of the full networks takes seconds on two cores.
"""
