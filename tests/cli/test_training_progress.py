import pytest

from cartpath.cli import models
from cartpath.cli.models import training_progress


@pytest.mark.parametrize(("every", "expected"), [(0.0, 3), (3600.0, 1)])
def test_without_a_terminal_there_are_lines_on_standard_error(capsys, monkeypatch, every, expected):
    monkeypatch.setattr(models, "_EVERY", every)
    with training_progress("pretrain") as told:
        told("checkpoint-3: weights.pt is damaged, so it is ignored", 0.0)
        told("loss 3.000, 9,000 events/s, 12s left", 0.25)
        told("loss 2.000, 9,000 events/s, 1s left", 0.9)
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert len(lines) == expected
    assert "is ignored" in lines[0]
    assert expected == 1 or lines[1] == "pretrain: loss 3.000, 9,000 events/s, 12s left (25% done)"
