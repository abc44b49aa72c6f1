"""The book and its tables in the words of schema.org, which search engines and catalogues read."""

from pathlib import Path
from typing import Any

import citation
import project
from sphinx.application import Sphinx


def article(work: citation.Work, site: str, said: dict[str, str], *, whole: bool) -> dict[str, Any]:
    """A page as an article within the book, or the book itself."""
    made = {
        "@context": "https://schema.org",
        "@type": "ScholarlyArticle",
        "@id": said["url"],
        "headline": said["title"],
        "name": said["title"],
        "description": said["description"],
        "abstract": work.abstract.strip(),
        "url": said["url"],
        "image": said["image"],
        **_published(work),
        "license": citation.LICENCES[citation.TEXT_LICENCE][1],
        "keywords": list(work.keywords),
    }
    if whole:
        return made | {"citation": [_reference(reference) for reference in work.references]}
    del made["abstract"]
    front = {"@type": "ScholarlyArticle", "@id": f"{site}book/index.html", "name": work.title, "url": site}
    return made | {"isPartOf": front}


def datasets(app: Sphinx, said: dict[str, str]) -> dict[str, Any]:
    """All tables as one data set, each table as a part of it."""
    root, site = Path(app.srcdir), project.site_url(app.config)
    package = project.package(root)
    parts = [_dataset(resource, package, app.energy_work, site, said["url"]) for resource in package["resources"]]
    return {
        "@type": "Dataset",
        "@id": f"{site}data/datapackage.json",
        "name": package["title"],
        "description": package["description"],
        "url": said["url"],
        **_published(app.energy_work),
        "license": [licence["path"] for licence in package["licenses"]],
        "keywords": list(app.energy_work.keywords),
        "distribution": [_download(f"{site}data/datapackage.json", "application/json")],
        "hasPart": parts,
    }


def _dataset(resource: Any, package: Any, work: citation.Work, site: str, page: str) -> dict[str, Any]:
    licences = project.licences(resource, package)
    columns = resource["schema"]["fields"]
    return {
        "@type": "Dataset",
        "@id": f"{page}#table-{resource['name']}",
        "name": resource["title"],
        "alternateName": resource["name"],
        "description": resource["description"].replace("`", ""),
        "url": f"{page}#table-{resource['name']}",
        **_published(work),
        "license": [licence["path"] for licence in licences],
        "isBasedOn": [source["path"] for source in resource.get("sources", []) if source.get("path")],
        "variableMeasured": [_variable(column) for column in columns if "unit" in column],
        "distribution": [_download(f"{site}data/{resource['path']}", "text/csv")],
    }


def _variable(column: Any) -> dict[str, str]:
    return {
        "@type": "PropertyValue",
        "name": column["name"],
        "description": column["description"].replace("`", ""),
        "unitText": column["unit"],
    }


def _download(address: str, kind: str) -> dict[str, str]:
    return {"@type": "DataDownload", "encodingFormat": kind, "contentUrl": address}


def _published(work: citation.Work) -> dict[str, Any]:
    makers = [{"@type": "Organization", "name": author} for author in work.authors]
    return {
        "author": makers,
        "creator": makers,
        "publisher": makers[0],
        "datePublished": work.released.isoformat(),
        "version": work.edition,
        "inLanguage": "en",
        "isAccessibleForFree": True,
    }


def _reference(reference: dict[str, Any]) -> dict[str, Any]:
    return {
        "@type": "ScholarlyArticle",
        "name": reference["title"],
        "author": [{"@type": "Person", "name": citation.person_name(author)} for author in reference["authors"]],
        "datePublished": str(reference["year"]),
        "isPartOf": {"@type": "Periodical", "name": reference["journal"]},
        "url": f"https://doi.org/{reference['doi']}",
    }
