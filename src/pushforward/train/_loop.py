"""The loop over epochs: run, check, keep the best, go on or stop."""

import math

import jax

from pushforward.train._callbacks import EpochInfo
from pushforward.train._checkpoint import Checkpoint
from pushforward.train._healing import bad_limit, divergence, exploded_above, go_back, heal, noise_of_start
from pushforward.train._interrupt import Interrupt
from pushforward.train._pace import Pace
from pushforward.train._progress import Progress, Report
from pushforward.train._result import CALLBACK, Epoch
from pushforward.train._run import Job, Run, restart_from_best
from pushforward.train._state import Sums, copied, zero_sums
from pushforward.train._step import evaluate, run_steps
from pushforward.train._team import all_said


class Loop:
    """Runs a fit to its end; `run` holds what it reached."""

    def __init__(self, job: Job, run: Run, checkpoint: Checkpoint, progress: Progress, interrupt: Interrupt):
        self._job = job
        self._run = run
        self._checkpoint = checkpoint
        self._progress = progress
        self._interrupt = interrupt
        self._pace = Pace()
        self._told = 0

    def to_the_end(self) -> None:
        """Train until something says stop; the reason is in `run.stopped`."""
        run = self._run
        while (reason := run.stopped or self._reason_to_stop()) is None:
            self._take_steps()
            self._finish_epoch()
        run.stopped = reason
        self._checkpoint.keep(run, now=True)

    def _reason_to_stop(self) -> str | None:
        job, run = self._job, self._run
        if len(run.history) >= job.max_epochs:
            return f"all {job.max_epochs} epochs are done"
        if job.patience is not None and run.stale >= job.patience and run.cool_from == math.inf:
            self._cool_down()
        if int(run.state.step) >= run.cool_from + job.cool_steps:
            return f"no better loss on the held-out rows for {job.patience} epochs"
        return None

    def _cool_down(self) -> None:
        """Go back to the best parameters, and let the learning rate fall to zero before training ends.

        Noise hides progress while the rate is high: on two moons this takes a spline flow from 0.354 to 0.309 nats.
        """
        run = self._run
        run.cool_from = float(run.state.step)
        if self._job.cool_steps:
            restart_from_best(self._job, run, float(run.state.rate_scale))

    def _take_steps(self) -> None:
        job, run = self._job, self._run
        # Counted from the start of the fit, so that a resumed one sees the same batches.
        end = (len(run.history) + 1) * job.source.steps_per_epoch
        while (step := int(run.state.step)) < end and run.stopped is None:
            feed = job.source.feed(job.key, step)
            if feed is None:
                run.stopped = "the data have ended"
                return
            skipped = int(run.state.sums.skipped)
            with self._pace:
                stop = min(end, feed.stop, step + int(all_said(self._pace.chunk)[0, 0]))
                knobs = job.knobs(exploded_above(job, run), run.cool_from)
                state = run.state if job.plan.devices is None else job.plan.devices.place_state(run.state)
                run.state = run_steps(job.plan, state, run.frozen, feed.arrays, knobs, feed.first, stop, bad_limit(run))
                self._pace.steps = int(run.state.step) - step
            heal(job, run, feed, skipped)
            self._between_chunks()

    def _between_chunks(self) -> None:
        self._report()
        self._checkpoint.keep(self._run)
        if all_said(self._interrupt.requested).any():
            self._checkpoint.keep(self._run, now=True)
            self._progress.close()
            raise KeyboardInterrupt(self._checkpoint.how_to_resume())

    def _finish_epoch(self) -> None:
        job, run = self._job, self._run
        sums = jax.device_get(run.state.sums)
        if run.stopped is not None and sums.weight == 0:
            return
        loss = float(evaluate(job.plan.objective, run.candidate, run.frozen, job.monitor, job.key, job.plan.devices)[0])
        epoch = self._described(sums, loss)
        run.history.append(epoch)
        if reason := divergence(job, run, loss, epoch.skipped):
            go_back(job, run, reason)
        elif self._is_kept(loss):
            run.best, run.best_loss, run.best_epoch = copied(run.candidate), loss, epoch.number
            run.stale = run.setbacks = 0
        else:
            run.stale += 1
        run.state = run.state._replace(sums=zero_sums(tuple(epoch.metrics)))
        run.forgiven = 0
        self._report()
        self._ask_callbacks()

    def _described(self, sums: Sums, loss: float) -> Epoch:
        run = self._run
        weight = float(sums.weight) or math.nan
        return Epoch(
            number=len(run.history) + 1,
            train=float(sums.loss) / weight,
            validation=loss if self._job.held_out else None,
            learning_rate=float(sums.rate),
            seconds=run.lap(),
            skipped=int(sums.skipped),
            metrics={name: float(total) / weight for name, total in sums.metrics.items()},
        )

    def _is_kept(self, loss: float) -> bool:
        if self._job.held_out:
            return loss < self._run.best_loss
        # Without held-out rows the last flow is kept, unless it is worse than the first.
        return loss <= self._run.start_loss + noise_of_start(self._job, self._run)

    def _ask_callbacks(self) -> None:
        run = self._run
        info = EpochInfo(len(run.history), tuple(run.history), run.best_epoch, run.current_flow, run.best_flow)
        answers = [callback(info) for callback in self._job.callbacks]
        if all_said(any(answers)).any():
            run.stopped = run.stopped or CALLBACK

    def _report(self) -> None:
        job, run = self._job, self._run
        for event in run.events[self._told :]:
            self._progress.say(event)
        self._told = len(run.events)
        sums = jax.device_get(run.state.sums)
        self._progress.update(
            Report(
                steps=int(run.state.step),
                steps_per_epoch=job.source.steps_per_epoch,
                max_epochs=job.max_epochs,
                history=run.history,
                train=float(sums.loss) / float(sums.weight) if sums.weight else None,
                rows_per_second=self._pace.steps_per_second * job.source.batch_size,
            )
        )
