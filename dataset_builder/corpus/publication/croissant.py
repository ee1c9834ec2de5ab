"""Write croissant.json: the corpus in the Croissant format, with its responsible-AI fields.

The format: https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html, and for the names that begin with "rai:"
https://docs.mlcommons.org/croissant/docs/croissant-rai-spec.html. `rai:hasSyntheticData` is not in that page; it and
the two names that begin with "prov:" are required by NeurIPS 2026:
https://neurips.cc/Conferences/2026/EvaluationsDatasetsHosting.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from dataset_builder.corpus.about import About
from dataset_builder.corpus.publication.card import (
    citation,
    corpus_about,
    corpus_tags,
    dataset_url,
    other_license,
    venue_names,
)
from dataset_builder.corpus.report import CorpusReport
from dataset_builder.corpus.rows import COLUMN_MEANINGS, iterate_rows
from dataset_builder.corpus.split_files import find_split_files
from dataset_builder.files import sha256_of

# The JSON-LD context that mlcroissant reads without a warning, with the namespace of provenance.
CONTEXT = Path(__file__).parents[1] / "templates/croissant_context.json"
CONFORMS_TO = ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
# The SPDX ids (https://spdx.org/licenses/) of licence ids of the Hub. Other ids are written as they are.
SPDX = {
    "apache-2.0": "Apache-2.0",
    "mit": "MIT",
    "cc0-1.0": "CC0-1.0",
    "cc-by-4.0": "CC-BY-4.0",
    "cc-by-sa-4.0": "CC-BY-SA-4.0",
    "cc-by-nc-4.0": "CC-BY-NC-4.0",
    "cc-by-nc-sa-4.0": "CC-BY-NC-SA-4.0",
}


def croissant_metadata(
    folder: Path, report: CorpusReport, dataset_id: str, license_id: str, files_url: str = ""
) -> str:
    """Return the text of croissant.json for the corpus whose Parquet files are in `folder`.

    The URL of a Parquet file is `files_url` followed by its path in the folder. With "" it is relative, so that
    mlcroissant reads the files of the folder, without a network.
    """
    default = report.test_teachers[0]
    files = find_split_files(folder, report.configs, report.train_teacher)
    with_contexts = next(iterate_rows(files[default, "train"])).context is not None
    about = corpus_about(report)
    creators = [{"@type": "sc:Organization", "name": name} for name in about.creators or ()]
    paths = dict.fromkeys(path for paths in files.values() for path in paths)
    metadata: dict[str, object] = {
        "@context": json.loads(CONTEXT.read_text(encoding="utf-8")),
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": report.name,
        "description": f"Question-answer pairs on paper abstracts of {venue_names(report)}. {about.motivation}",
        "url": dataset_url(dataset_id),
        "license": _license(report, dataset_id, license_id, with_contexts),
        **({"creator": creators} if creators else {}),
        "keywords": ["question answering", *corpus_tags(report)],
        "inLanguage": "en",
        "citeAs": citation(report, about, dataset_id),
        **({"version": about.version} if about.version else {}),
        **({"datePublished": about.date_published} if about.date_published else {}),
        **_responsible_ai(report, about),
        "distribution": [_file(path, files_url + path.relative_to(folder).as_posix()) for path in paths],
        "recordSet": [
            _record_set(config, split, report, path)
            for (config, split), of_split in files.items()
            for path in of_split
        ],
    }
    return f"{json.dumps(metadata, indent=2, ensure_ascii=False)}\n"


def _license(report: CorpusReport, dataset_id: str, license_id: str, with_contexts: bool) -> object:
    if license_id == "other":
        name, url = other_license(report, dataset_id, with_contexts)
        return {"@type": "sc:CreativeWork", "name": name, "url": url}
    return f"https://spdx.org/licenses/{SPDX[license_id]}.html" if license_id in SPDX else license_id


def _responsible_ai(report: CorpusReport, about: About) -> Mapping[str, object]:
    """Return the responsible-AI fields and the provenance."""
    teachers = {name: manifest.model for name, manifest in report.teachers.items() if manifest}
    unknown = [name for name, manifest in report.teachers.items() if not manifest]
    years = list(report.papers.by_year)
    papers = f"{report.papers.read} papers of {venue_names(report)}, {years[0]} to {years[-1]}"
    return {
        "rai:dataCollection": about.collection,
        "rai:dataCollectionMissingData": "Papers without an abstract, which are left out: "
        f"{report.papers.read - report.papers.with_abstract} of {report.papers.read}.",
        "rai:dataPreprocessingProtocol": [about.preprocessing],
        "rai:dataAnnotationProtocol": "A teacher wrote each question with its reference answer from the abstract.",
        "rai:annotationsPerItem": "One reference answer by one teacher for each question.",
        "rai:machineAnnotationTools": [
            *dict.fromkeys(teachers.values()),
            *(f"{name} (not recorded)" for name in unknown),
        ],
        "rai:dataUseCases": [about.uses],
        "rai:dataLimitations": about.limitations,
        "rai:dataBiases": about.biases,
        "rai:dataSocialImpact": about.social_impact,
        "rai:personalSensitiveInformation": [about.personal_information],
        "rai:dataReleaseMaintenancePlan": about.maintenance,
        **({} if about.synthetic is None else {"rai:hasSyntheticData": about.synthetic}),
        "prov:wasDerivedFrom": {"@type": "prov:Entity", "prov:label": papers},
        "prov:wasGeneratedBy": [
            {"@type": "prov:Activity", "prov:label": f"{name}: question-answer pairs written by {model}"}
            for name, model in [*teachers.items(), *((name, "a teacher that is not recorded") for name in unknown)]
        ],
    }


def _short_name(path: Path) -> str:
    """Return the split, and its part if it has several files: train, or train-00001-of-00002."""
    return path.stem.removesuffix("-00000-of-00001")


def _file(path: Path, url: str) -> Mapping[str, object]:
    name = f"{path.parent.name}/{_short_name(path)}.parquet"
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": url,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": "application/x-parquet",
        "sha256": sha256_of(path),
    }


def _record_set(config: str, split: str, report: CorpusReport, path: Path) -> Mapping[str, object]:
    """Return the record set of a split, or of a part of it if it has several files."""
    name = f"{config}/{_short_name(path)}"
    part = "" if _short_name(path) == split else ", of which this is a part"
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": f"The {split} split of the config {config}: {report.configs[config][split].pairs} pairs{part}.",
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{name}/{column}",
                "name": column,
                "description": meaning,
                "dataType": "sc:Integer" if column == "year" else "sc:Text",
                "source": {
                    "fileObject": {"@id": f"{path.parent.name}/{_short_name(path)}.parquet"},
                    "extract": {"column": column},
                },
            }
            for column, meaning in COLUMN_MEANINGS.items()
        ],
    }
