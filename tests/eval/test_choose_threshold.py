"""The threshold of abstention: chosen by hand-made relevances, and by the questions of a corpus."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from dataset_builder.corpus.load import configs_with_test, corpus_revision, load_corpus_split
from dataset_builder.corpus.questions import Question, read_questions
from dataset_builder.errors import InputError
from dataset_builder.files import sha256_of_text
from dataset_builder.models.folders import find_encoder, find_model
from dataset_builder.prompt import INSTRUCTION
from eval import choose_threshold as module
from eval.__main__ import parser
from eval.asking.abstention import (
    ABSTENTION_FILE,
    Abstention,
    AskedShares,
    asked_shares,
    asked_table,
    find_relevances,
    find_threshold,
    foreign_questions,
    read_abstention,
    relevance_threshold,
)
from eval.choose_threshold import choose_threshold
from eval.metrics.embedding import Encoder
from tests.eval.questions import corpus_question


def test_threshold_asks_at_least_the_share() -> None:
    """Of 101 questions 98 must be asked for 97 %; equal relevances stay together."""
    assert relevance_threshold([number / 100 for number in range(100)], 0.97) == 0.03
    assert relevance_threshold([number / 100 for number in range(101)], 0.97) == 0.03
    assert relevance_threshold([0.0, *[0.5] * 40], 0.97) == 0.5
    assert relevance_threshold([0.3, 0.1], 0.5) == 0.3
    # 0.07 * 100 is slightly above 7 in floating point.
    assert relevance_threshold([number / 100 for number in range(100)], 0.07) == 0.93
    assert relevance_threshold([0.3, 0.1], 1) == 0.1
    assert asked_shares([0.2, 0.3, 0.5, 0.1], [0.3, 0.2], 0.3) == AskedShares(
        questions=4, asked=0.5, foreign_asked=0.5
    )


def test_foreign_questions_go_to_the_next_paper() -> None:
    """Every question is asked once of another paper, whose place in the order of the hashes follows."""
    papers = sorted("abc", key=sha256_of_text)
    asked = [
        corpus_question(f"What {paper}?", context=f"Text {paper}.", paper_id=paper) for paper in ("a", "b", "c", "a")
    ]
    found = foreign_questions(asked)
    assert [one.question for one in found] == [one.question for one in asked]
    following = {paper: papers[(number + 1) % 3] for number, paper in enumerate(papers)}
    assert [one.context for one in found] == [f"Text {following[one.paper_id]}." for one in asked]


def test_relevance_is_that_of_the_nearest_sentence(encoder: Path) -> None:
    """Wherever the sentence is, and with line breaks inside; each question is compared with its own abstract."""
    loaded = Encoder(find_encoder("--encoder", str(encoder)))
    near, far = "The cache is small.", "Branches are predicted."
    contexts = [near, far, f"{near} {far}", f"{far}\nThe  cache\nis small."]
    asked = [Question(INSTRUCTION, context, "Is the cache small?") for context in contexts]
    only, other, first, last, same = find_relevances([*asked, Question(INSTRUCTION, f"{far} {near}", near)], loaded)
    assert other < only == first == last < same == 1


def _command(models: list[Path], corpus: Path, encoder: Path, *more: str) -> None:
    words = ["choose-threshold", "--model", *models, "--dataset", corpus, "--encoder", encoder, *more]
    arguments = parser().parse_args([*map(str, words)])
    arguments.run_command(arguments)


def test_table_has_a_row_for_each_config() -> None:
    """One paper has no foreign questions."""
    found = Abstention(
        **{"encoder": "e", "dataset_revision": "r", "questions": 20, "papers": 1, "threshold": 0.5},
        **{"asked": 0.95, "foreign_asked": None},
        test={"plain": AskedShares(questions=8, asked=0.875, foreign_asked=0.125)},
    )
    assert asked_table(found)[1] == [
        ["validation", "20", "95.0%", ""],
        ["test by plain", "8", "87.5%", "12.5%"],
    ]


def test_threshold_is_kept_in_the_folders_of_the_models(
    tmp_path: Path, tiny_base: Path, corpus: Path, encoder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same in each folder, with the shares of the own and of the foreign questions that are asked."""
    models = [Path(shutil.copytree(tiny_base, tmp_path / name)) for name in "ab"]
    fingerprint = find_model("a", str(models[0])).fingerprint
    _command(models, corpus, encoder)
    found, other = map(read_abstention, models)
    assert found is not None and found == other
    assert found.dataset_revision == corpus_revision(str(corpus))
    questions = read_questions(load_corpus_split(str(corpus), None, "validation"))
    assert (found.questions, found.papers) == (len(questions), len({one.paper_id for one in questions}))
    loaded = Encoder(find_encoder("--encoder", str(encoder)))
    own = find_relevances(questions, loaded)
    assert found.threshold in own
    assert found.asked == sum(relevance >= found.threshold for relevance in own) / len(own) >= 0.97
    assert found.foreign_asked is not None and found.foreign_asked < found.asked
    for config, shares in found.test.items():
        asked = read_questions(load_corpus_split(str(corpus), config, "test"))
        assert shares == asked_shares(
            find_relevances(asked, loaded), find_relevances(foreign_questions(asked), loaded), found.threshold
        )
    assert list(found.test) == configs_with_test(str(corpus))
    printed = capsys.readouterr().out
    assert f"Threshold {found.threshold:.3f}, chosen on" in printed
    assert all(cell in printed for row in asked_table(found)[1] for cell in row)
    # The file does not change the model: its recorded answers remain valid.
    model = find_model("a", str(models[0]))
    assert model.fingerprint == fingerprint
    assert find_threshold(model, find_encoder("--encoder", str(encoder))) == found.threshold


def test_chosen_threshold_is_not_computed_again(
    tmp_path: Path, tiny_base: Path, corpus: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless a model has no file, a damaged one, that of another share, or that of other files of the encoder."""
    models = [Path(shutil.copytree(tiny_base, tmp_path / name)) for name in "ab"]
    _command(models, corpus, encoder)
    written = (models[1] / ABSTENTION_FILE).read_text()
    calls = []
    monkeypatch.setattr(module, "choose_threshold", lambda *given: calls.append(given) or choose_threshold(*given))
    _command(models, corpus, encoder)
    assert calls == []
    (models[1] / ABSTENTION_FILE).write_text("{}")
    _command(models, corpus, encoder)
    assert len(calls) == 1 and (models[1] / ABSTENTION_FILE).read_text() == written
    _command(models, corpus, encoder, "--asked", "1")
    assert len(calls) == 2
    for model in models:
        found = json.loads((model / ABSTENTION_FILE).read_text())
        (model / ABSTENTION_FILE).write_text(json.dumps(found | {"encoder_sha256": "0"}))
    _command(models, corpus, encoder, "--asked", "1")
    assert len(calls) == 3


def test_share_asked_can_be_chosen(tmp_path: Path, tiny_base: Path, corpus: Path, encoder: Path) -> None:
    """A smaller share has a higher threshold."""
    folder = Path(shutil.copytree(tiny_base, tmp_path / "model"))
    thresholds = []
    for share in ("1", "0.5"):
        _command([folder], corpus, encoder, "--asked", share)
        found = read_abstention(folder)
        assert found is not None and found.asked >= float(share)
        thresholds.append(found.threshold)
    assert thresholds[0] < thresholds[1]
    for share in ("0", "1.1", "nan"):
        with pytest.raises(InputError, match=f"--asked {share}.*: must be a share above 0, at most 1"):
            _command([folder], corpus, encoder, "--asked", share)


def test_threshold_of_another_encoder_is_refused(
    tmp_path: Path, tiny_base: Path, corpus: Path, encoder: Path, tiny_encoder: Path
) -> None:
    """The similarities of two encoders cannot be compared. A model without the file has no threshold."""
    folder = Path(shutil.copytree(tiny_base, tmp_path / "model"))
    other = find_encoder("--encoder", str(tiny_encoder))
    assert find_threshold(find_model("m", str(folder)), other) is None
    _command([folder], corpus, encoder)
    with pytest.raises(InputError, match=r"abstention\.json: its threshold was chosen by .* give --encoder "):
        find_threshold(find_model("m", str(folder)), other)
    (folder / ABSTENTION_FILE).write_text("{}")
    with pytest.raises(InputError, match=r"abstention\.json.* choose the threshold"):
        find_threshold(find_model("m", str(folder)), other)


def test_one_paper_has_no_foreign_questions(encoder: Path) -> None:
    """A small corpus has one validation paper: the threshold is chosen all the same."""
    asked = [corpus_question("Is it small?", context="It is small. It is fast.", paper_id="a")]
    found = choose_threshold(asked, {}, 0.97, find_encoder("--encoder", str(encoder)), "r")
    assert (found.papers, found.asked, found.foreign_asked) == (1, 1.0, None)


def test_what_cannot_be_measured_is_refused(tmp_path: Path, tiny_base: Path, corpus: Path, encoder: Path) -> None:
    """A model that is not a folder here, a folder that is not a model; nothing is written."""
    with pytest.raises(InputError, match="--model org/model: folder not found"):
        _command([tiny_base, Path("org/model")], corpus, encoder)
    with pytest.raises(InputError, match="not a model folder"):
        _command([tiny_base, tmp_path], corpus, encoder)
    assert not (tiny_base / ABSTENTION_FILE).exists()
