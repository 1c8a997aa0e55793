"""`pushforward fit --distributed`: one of several processes of a cluster."""

import jax

from pushforward.cli.frame._failures import WrongUsage


def join() -> bool:
    """Find the other processes, as JAX does; whether this is the first, which alone reports and writes.

    Raises:
        WrongUsage: If there is nothing to find them by.
    """
    try:
        jax.distributed.initialize()
    except (ValueError, RuntimeError) as error:
        raise WrongUsage(
            f"--distributed: the other processes are not found ({str(error).strip().splitlines()[0]})",
            "start all of them by `srun`, `mpirun` or Kubernetes, or leave --distributed out",
        ) from None
    return jax.process_index() == 0
