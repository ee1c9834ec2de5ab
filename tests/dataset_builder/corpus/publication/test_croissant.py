"""Croissant metadata, read by MLCommons' own library."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import mlcroissant
import pytest
import yaml

from dataset_builder.corpus.about import About
from dataset_builder.corpus.build import build
from dataset_builder.corpus.publication.croissant import croissant_metadata
from dataset_builder.corpus.report import read_corpus_report
from dataset_builder.corpus.rows import iterate_rows
from dataset_builder.corpus.split_files import find_split_files
from dataset_builder.formats import write_format
from tests.corpus_slice import CORPUS_SLICE
from tests.dataset_builder.corpus.publication.test_teachers_card import manifest

ABOUT = About(
    motivation="To test a format.",
    limitations=["It is small."],
    synthetic=False,
    creators=["A. Lab", "B. Lab"],
    version="2.1.0",
    date_published="2026-11-25",
)


def _issues(folder: Path) -> tuple[set[str], set[str]]:
    issues = mlcroissant.Dataset(jsonld=str(folder / "croissant.json")).metadata.ctx.issues
    return set(issues.errors), set(issues.warnings)


def test_corpus_with_a_description_is_valid_without_a_warning(sources: Path) -> None:
    """Version, date, licence and creators are there, so nothing that Croissant recommends is missing."""
    build(sources / "papers", sources / "qa", "t", ["u"], sources / "corpus", "mit", about=ABOUT)
    assert _issues(sources / "corpus") == (set(), set())
    metadata = mlcroissant.Dataset(jsonld=str(sources / "corpus/croissant.json")).metadata
    assert metadata.ctx.is_v1_1()
    assert (metadata.name, metadata.version, metadata.license) == (
        "ISCA-QA",
        "2.1.0",
        ["https://spdx.org/licenses/MIT.html"],
    )
    assert [creator.name for creator in metadata.creators] == ["A. Lab", "B. Lab"]
    assert metadata.date_published.date().isoformat() == "2026-11-25"
    assert "author = {A. Lab} and {B. Lab}," in metadata.cite_as


def test_corpus_without_a_description_lacks_version_date_and_creators(corpus: Path) -> None:
    """Nothing in the files says when it was published and by whom; the library does not warn about creators."""
    errors, warnings = _issues(corpus)
    assert errors == set()
    assert "creator" not in _metadata(corpus)
    assert sorted(warning.split('"')[1].rpartition("/")[2] for warning in warnings) == ["datePublished", "version"]


@pytest.mark.parametrize("config", ["plain", "detailed"])
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_record_sets_give_the_rows_of_the_folder(corpus: Path, config: str, split: str) -> None:
    """The first record of each split, read from the Parquet file beside croissant.json."""
    records = mlcroissant.Dataset(jsonld=str(corpus / "croissant.json")).records(f"{config}/{split}")
    record = {
        key.rpartition("/")[2]: value.decode() if isinstance(value, bytes) else value
        for key, value in next(iter(records)).items()
    }
    files = find_split_files(corpus, [config], "detailed")
    assert record == asdict(next(iterate_rows(files[config, split])))


def test_changed_file_is_refused_by_its_hash(sources: Path) -> None:
    """So croissant.json belongs to the rows that were built."""
    build(sources / "papers", sources / "qa", "t", ["u"], sources / "corpus", "mit")
    path = sources / "corpus/u/test-00000-of-00001.parquet"
    path.write_bytes((sources / "corpus/t/train-00000-of-00001.parquet").read_bytes())
    records = mlcroissant.Dataset(jsonld=str(sources / "corpus/croissant.json")).records("u/test")
    with pytest.raises(Exception, match=r"during the operation Download\(u/test\.parquet\)") as error:
        next(iter(records))
    assert "is not identical with the reference" in str(error.value.__cause__)


def _metadata(folder: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((folder / "croissant.json").read_text())
    return loaded


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a corpus with a description, and a manifest of one of its two teachers."""
    folder = tmp_path_factory.mktemp("described")
    shutil.copytree(CORPUS_SLICE / "qa", folder / "qa")
    write_format(folder / "qa/detailed/generation.json", manifest())
    build(CORPUS_SLICE / "papers", folder / "qa", "detailed", ["plain"], folder / "corpus", "mit", about=ABOUT)
    return folder / "corpus"


def test_responsible_ai_fields_are_filled(described: Path) -> None:
    """Every field that NeurIPS 2026 requires, and those of the RAI specification that fit."""
    required = {
        *("rai:dataLimitations", "rai:dataBiases", "rai:personalSensitiveInformation", "rai:dataUseCases"),
        *("rai:dataSocialImpact", "rai:hasSyntheticData", "prov:wasDerivedFrom", "prov:wasGeneratedBy"),
    }
    fitting = {
        *("rai:dataCollection", "rai:dataCollectionMissingData", "rai:dataPreprocessingProtocol"),
        *("rai:dataAnnotationProtocol", "rai:annotationsPerItem", "rai:machineAnnotationTools"),
        "rai:dataReleaseMaintenancePlan",
    }
    metadata = _metadata(described)
    assert {key for key in metadata if key.startswith(("rai:", "prov:"))} == required | fitting
    assert [key for key in required | fitting if metadata[key] in (None, "", [])] == []
    assert metadata["prov:wasDerivedFrom"]["prov:label"] == "48 papers of ISCA, 2005 to 2024"
    assert metadata["rai:dataCollectionMissingData"].endswith("are left out: 0 of 48.")


def test_description_and_manifests_reach_the_fields(described: Path) -> None:
    """Of two teachers, one has a manifest, which names the model."""
    metadata = _metadata(described)
    assert metadata["rai:machineAnnotationTools"] == ["google/gemma-2-2b-it", "plain (not recorded)"]
    assert metadata["rai:dataLimitations"] == ["It is small."]
    assert metadata["rai:hasSyntheticData"] is False
    assert metadata["description"].endswith("of ISCA. To test a format.")


def test_only_a_manifest_says_that_a_model_wrote_pairs(corpus: Path) -> None:
    """Without a description and a manifest, people may have written all pairs, so the field is missing."""
    report = read_corpus_report(corpus)
    assert "rai:hasSyntheticData" not in _metadata(corpus)
    report = report.model_copy(update={"teachers": {"detailed": manifest(), "plain": None}})
    assert json.loads(croissant_metadata(corpus, report, "lab/qa", "mit"))["rai:hasSyntheticData"] is True


def test_pushed_copy_names_the_files_of_the_hub(corpus: Path) -> None:
    """So that the library loads the corpus by the URL of croissant.json alone; other ids and licences too."""
    url = "https://huggingface.co/datasets/lab/qa/resolve/main/"
    text = croissant_metadata(corpus, read_corpus_report(corpus), "lab/qa", "other", url)
    metadata = json.loads(text)
    assert {file["contentUrl"] for file in metadata["distribution"]} == {
        f"{url}{name}-00000-of-00001.parquet"
        for name in ("detailed/train", "detailed/validation", "detailed/test", "plain/test")
    }
    assert metadata["url"] == "https://huggingface.co/datasets/lab/qa"
    assert metadata["license"]["name"] == "publishers-abstracts"
    assert mlcroissant.Dataset(jsonld=metadata).metadata.ctx.issues.errors == set()


def test_licence_is_the_one_of_the_card(corpus: Path) -> None:
    """An id without a known SPDX id stays as it is."""
    card = (corpus / "README.md").read_text().split("---\n")[1]
    assert yaml.safe_load(card)["license"] == "apache-2.0"
    assert _metadata(corpus)["license"] == "https://spdx.org/licenses/Apache-2.0.html"
    report = read_corpus_report(corpus)
    assert json.loads(croissant_metadata(corpus, report, "lab/qa", "odc-by"))["license"] == "odc-by"
