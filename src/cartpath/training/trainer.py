"""The Transformers ``Trainer`` as the loop of every network here: one batch at a time, from wherever it was stopped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from cartpath.training.average import Average
from cartpath.training.checkpoint import PARTIAL, publish
from cartpath.training.layer_rates import rate_groups
from cartpath.training.plan import Clock, Plan, State, schedule, steady_schedule
from cartpath.training.processes import processes
from cartpath.training.stream import Stream

Judge = Callable[[], dict[str, float]]
#: Told where a training is after each judgement; what it raises ends the training.
Judged = Callable[[State], None]
_WEIGHTS, _BEST, _AVERAGE = "weights.pt", "best.pt", "average.pt"
#: More steps than any training has: the stream says where it ends.
_MOST_STEPS = 2**40


class PathTrainer(Trainer):
    """Trains a network that returns ``{"loss": ...}`` on a stream of batches.

    The loss of a part of a batch must be scaled so that the mean over all parts is the loss of the batch; then
    accumulation and several processes change nothing but rounding.

    Parameters
    ----------
    network : nn.Module
    args : TrainingArguments
        As ``arguments`` makes them.
    stream : Stream
    plan : Plan
    key : str
        What the training depends on, for its checkpoints.
    judge : callable, optional
        Figures of the network on the validation slice after each epoch; the weights of the lowest ``loss`` are kept.
    progress : callable
        Told a message and the share done.
    judged : callable, optional
        Told where the training is after each judgement.
    """

    def __init__(
        self,
        network: nn.Module,
        args: TrainingArguments,
        stream: Stream,
        plan: Plan,
        key: str,
        judge: Judge | None,
        progress: Callable[[str, float], None],
        judged: Judged | None = None,
    ) -> None:
        self.stream, self.plan, self.key, self.judge, self.judged = stream, plan, key, judge, judged
        self.clock = Clock(stream.state.seconds)
        self.running = torch.tensor(0.0)
        self.best: dict[str, Tensor] | None = None
        self.network = network
        self.average = Average(network, plan.average) if plan.average else None
        super().__init__(model=network, args=args)
        self.remove_callback(PrinterCallback)
        self.add_callback(_Steps(self, progress))

    @property
    def where(self) -> State:
        """Where the training is."""
        return self.stream.state

    @property
    def done(self) -> float:
        """Share done, by epochs or by the clock, whichever is further."""
        if self.plan.minutes is None:
            return self.stream.done
        limit = 60 * self.plan.minutes
        # What came before may have taken all of it; half is for training in any case.
        over = max(self.where.before - limit / 2, 0.0)
        return max(self.stream.done, (self.clock.seconds - over) / limit)

    def get_train_dataloader(self) -> Any:
        """Return the stream itself: it cuts batches for each process, and draws nothing from the random state."""
        return self.stream

    def get_decay_parameter_names(self, model: nn.Module) -> list[str]:
        """Return the weights of linear maps: norms, biases and embeddings do not decay."""
        return [f"{name}.weight" for name, part in model.named_modules() if isinstance(part, nn.Linear)]

    def create_optimizer(self, model: nn.Module | None = None) -> Any:
        """Return AdamW; with a layer decay, its rate falls from the heads to the embeddings."""
        plan = self.plan
        if self.optimizer is None and plan.layer_decay < 1:
            groups = rate_groups(self.network, plan.rate, plan.layer_decay, plan.weight_decay)
            self.optimizer = torch.optim.AdamW(groups, lr=plan.rate, fused=True)
        return super().create_optimizer(model) if self.optimizer is None else self.optimizer

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Return the schedule by share done, not by step: how many steps there will be need not be known."""
        if self.lr_scheduler is None:
            scaled: Any = optimizer or self.optimizer
            self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(scaled, self._rate_at)
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def _rate_at(self, step: int) -> float:
        return steady_schedule(step) if self.plan.steady else schedule(min(self.done, 1.0), self.plan.warm_up)

    def training_step(self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Tensor:
        """Work on one part of a batch, and add its loss up."""
        loss = super().training_step(model, inputs, num_items_in_batch)
        self.running += loss.detach().to("cpu")
        return loss

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Judge the network; keep its weights if they are the best so far, and stop where they have long not been."""
        if self.judge is None:
            return {}
        self.network.eval()
        with self.average.in_place() if self.average else nullcontext():
            return self._judged(self.judge)

    def _judged(self, judge: Judge) -> dict[str, float]:
        state, begun = self.where, self.clock.seconds
        figures = judge()
        state.judging += self.clock.seconds - begun
        state.scores.append(figures)
        state.judged_at.append(round(self.clock.seconds, 2))
        losses = [found["loss"] for found in state.scores]
        if losses[-1] <= min(losses):
            state.best = len(losses)
            self.best = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
        if len(losses) - state.best >= self.plan.patience:
            state.over = self.control.should_training_stop = True
        if self.judged is not None:
            self.judged(state)
        named = {f"eval_{name}": value for name, value in figures.items()}
        self.log(dict(named))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, named)
        return named

    def mean_over_processes(self, value: Tensor) -> Tensor:
        """Return the mean of a number over all processes."""
        if self.args.world_size == 1:
            return value
        there = value.to(self.args.device)
        dist.all_reduce(there)
        mean: Tensor = (there / self.args.world_size).to(value.device)
        return mean

    def agreed(self, *flags: bool) -> list[bool]:
        """Return what the first process says: clocks differ, and all must do the same."""
        if self.args.world_size == 1:
            return list(flags)
        told = torch.tensor(flags, dtype=torch.int32, device=self.args.device)
        dist.broadcast(told, 0)
        return [bool(flag) for flag in told.tolist()]

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Write the weights of a checkpoint, the best so far beside them."""
        if not self.args.should_save or output_dir is None:
            return
        os.makedirs(output_dir, exist_ok=True)
        torch.save(self.network.state_dict(), os.path.join(output_dir, _WEIGHTS))
        if self.average is not None:
            torch.save(self.average.state_dict(), os.path.join(output_dir, _AVERAGE))
        if self.best is not None:
            torch.save(self.best, os.path.join(output_dir, _BEST))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        folder = Path(resume_from_checkpoint)
        self.network.load_state_dict(torch.load(folder / _WEIGHTS, map_location="cpu", weights_only=True))
        if self.average is not None:
            self.average.load_state_dict(torch.load(folder / _AVERAGE, map_location="cpu", weights_only=True))
        if (folder / _BEST).exists():
            self.best = torch.load(folder / _BEST, map_location="cpu", weights_only=True)

    def _get_output_dir(self, trial: Any) -> str:
        return os.path.join(str(self.args.output_dir), PARTIAL)

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        state, home = self.where, Path(str(self.args.output_dir))
        self.running = self.mean_over_processes(self.running)
        state.seconds, state.running[0] = self.clock.seconds, float(self.running)
        if self.args.should_save:
            shutil.rmtree(home / PARTIAL, ignore_errors=True)
        self.accelerator.wait_for_everyone()
        super()._save_checkpoint(model, trial)
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            publish(home / PARTIAL / f"checkpoint-{self.state.global_step}", home, self.key, state)
        self.accelerator.wait_for_everyone()


class _Steps(TrainerCallback):
    """After each step: say how it goes, end the epoch, save and stop when it is time."""

    def __init__(self, trainer: PathTrainer, progress: Callable[[str, float], None]) -> None:
        self.trainer, self.progress = trainer, progress
        self.saved = trainer.clock.seconds

    def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> Any:
        trainer, where = self.trainer, self.trainer.where
        if trainer.average is not None:
            trainer.average.add()
        where.running[1] += 1
        done = trainer.done
        ends_epoch = trainer.stream.ends_epoch
        out_of_time, due = trainer.agreed(done >= 1, trainer.clock.seconds - self.saved >= trainer.plan.save_every)
        if ends_epoch or out_of_time:
            self._end_epoch(control, out_of_time)
        if ends_epoch or out_of_time or due:
            control.should_save = True
            self.saved = trainer.clock.seconds
        self.progress(self._told(where), min(done, 1.0))
        return control

    def _end_epoch(self, control: Any, out_of_time: bool) -> None:
        trainer, where = self.trainer, self.trainer.where
        mean = trainer.mean_over_processes(trainer.running) / max(where.running[1], 1)
        where.losses.append(float(mean))
        where.trained += where.batch / trainer.stream.source.batches(where.epoch)
        where.epoch, where.batch, where.running = where.epoch + 1, 0, [0.0, 0.0]
        trainer.running = torch.tensor(0.0)
        where.over = out_of_time or where.epoch >= (trainer.plan.stop or trainer.plan.epochs)
        control.should_evaluate = trainer.judge is not None
        control.should_training_stop = where.over

    def _told(self, where: State) -> str:
        trainer = self.trainer
        where.seconds, done = trainer.clock.seconds, max(trainer.done, 1e-6)
        left = max(trainer.clock.seconds / done - trainer.clock.seconds, 0.0)
        loss = float(trainer.running) / where.running[1] if where.running[1] else (where.losses or [0.0])[-1]
        return f"loss {loss:.3f}, {where.events_per_second:,.0f} events/s, {shown_time(left)} left"


def shown_time(seconds: float) -> str:
    """Write a time to go.

    Examples
    --------
    >>> shown_time(42.3), shown_time(3725)
    ('42s', '1h 02m')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    return f"{whole // 60}m {whole % 60:02d}s" if whole < 3600 else f"{whole // 3600}h {whole % 3600 // 60:02d}m"


def arguments(plan: Plan, home: Path, report_to: list[str]) -> TrainingArguments:
    """Return a plan as the ``Trainer`` reads it.

    Parameters
    ----------
    plan : Plan
    home : Path
        Where checkpoints lie.
    report_to : list of str
        Trackers.
    """
    cpu = not torch.cuda.is_available()
    args = TrainingArguments(
        output_dir=str(home),
        max_steps=_MOST_STEPS,
        per_device_train_batch_size=1,
        gradient_accumulation_steps=plan.accumulate,
        learning_rate=plan.rate,
        weight_decay=plan.weight_decay,
        max_grad_norm=plan.clip,
        optim="adamw_torch_fused",
        seed=plan.seed,
        bf16=plan.bf16,
        use_cpu=cpu,
        ddp_backend="gloo" if cpu and processes() > 1 else None,
        ddp_find_unused_parameters=True,
        # Content and words of items: they never change.
        ddp_broadcast_buffers=False,
        # The stream goes on from its own place.
        ignore_data_skip=True,
        logging_strategy="steps" if report_to else "no",
        logging_steps=10,
        logging_first_step=bool(report_to),
        logging_nan_inf_filter=False,
        save_strategy="no",
        eval_strategy="no",
        report_to=report_to or "none",
        disable_tqdm=True,
        log_level="error",
        log_level_replica="error",
    )
    # Several devices are several processes (torchrun); one process never splits a batch over them.
    args._n_gpu = min(args.n_gpu, 1)
    return args
